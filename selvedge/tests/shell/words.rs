//! Words arrive as they are.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use selvedge::process::{JoinError, QuoteError, Shell, ShellError};

use crate::run;

/// What a shell could take for something else.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "'",
    "\"",
    "\\",
    "\n",
    "\r",
    "\t",
    "$",
    "$HOME",
    "${x}",
    "$(id)",
    "`id`",
    "!",
    "!!",
    "#",
    "# x",
    "~",
    "~root",
    "*",
    "?",
    "[a]",
    "{a,b}",
    "&",
    "&&",
    ";",
    "|",
    "<",
    ">",
    "(",
    ")",
    "=",
    "a=b",
    "-",
    "--",
    "-n",
    "%s",
    "\\n",
    "\\0",
    "^",
    "^a^b",
    "'\"'\"'",
    "'; exit 1; '",
    "\u{1b}[31m",
    "é",
    "日本",
    "\u{7f}",
    "\u{1}",
    "if",
    "then",
    "fi",
    "time",
    "{",
    "}",
    "[[",
    "]]",
    "eval",
    "=0",
    "+1",
    "\n=0\n",
];

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(1..=255_u8, 0..20),
        prop::sample::select(HOSTILE).prop_map(|word| word.as_bytes().to_vec()),
        (prop::sample::select(HOSTILE), prop::sample::select(HOSTILE)).prop_map(|(a, b)| [
            a.as_bytes(),
            b.as_bytes()
        ]
        .concat()),
    ]
}

/// What a program gets as arguments, as it prints them.
fn arrived(shell: &Shell, program: &[&str], words: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let program = program.iter().map(|word| OsString::from(*word));
    let words = words.iter().map(|word| OsString::from_vec(word.clone()));
    // A word behind it, because of no word `printf` makes an empty one.
    let all = program.chain(words).chain(["end".into()]);
    let output = shell.run(all).unwrap().output().unwrap();
    assert_eq!(output.stderr, b"");
    let mut words: Vec<_> = output
        .stdout
        .split(|byte| *byte == 0)
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(words.pop().as_deref(), Some(&b""[..]));
    assert_eq!(words.pop().as_deref(), Some(&b"end"[..]));
    words
}

/// The bytes that a child prints of its arguments are the bytes given: by a program and by a command of the
/// shell's own, in two locales.
#[test]
fn every_byte_of_every_word_arrives() {
    run(|| {
        let all = Shell::new();
        let shells = ["C", "C.UTF-8"].map(|locale| all.clone().env("LC_ALL", locale));
        let programs: [&[&str]; 2] = [&["env", "printf", "%s\\0"], &["printf", "%s\\0"]];
        proptest!(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() },
            |(words in prop::collection::vec(word(), 0..6))| {
                for (shell, program) in shells.iter().flat_map(|shell| programs.map(|program| (shell, program))) {
                    prop_assert_eq!(&arrived(shell, program, &words), &words);
                }
            }
        );
        assert_eq!(all.kept(), 2, "no word has cost a shell");
    });
}

#[test]
fn all_255_bytes_arrive_alone_and_together() {
    run(|| {
        let shell = Shell::new();
        let mut words: Vec<_> = (1..=255).map(|byte| vec![byte]).collect();
        words.push((1..=255).collect());
        words.push((1..=255).rev().collect());
        words.extend(HOSTILE.iter().map(|word| word.as_bytes().to_vec()));
        assert_eq!(arrived(&shell, &["env", "printf", "%s\\0"], &words), words);
        assert_eq!(arrived(&shell, &["printf", "%s\\0"], &words), words);
    });
}

/// More than a pipe holds, and as much as the system allows for one word; and more than that, which only a command
/// of the shell's own can be given.
#[test]
fn long_words_arrive() {
    run(|| {
        let words = [vec![b'\''; 100_000], vec![b'$'; 100_000]];
        let shell = Shell::new();
        assert_eq!(arrived(&shell, &["env", "printf", "%s\\0"], &words), words);
        let all_bytes = (1..=255).cycle().take(1_000_000).collect();
        let words = [all_bytes, vec![b'\n'; 200_000], b"last".to_vec()];
        assert_eq!(arrived(&shell, &["printf", "%s\\0"], &words), words);
        assert_eq!(shell.kept(), 1);
    });
}

/// Every length around the one from which on a text is given in a file: nothing is cut, and it means the same.
#[test]
fn no_length_of_a_text_makes_a_difference() {
    run(|| {
        let shell = Shell::new().unchecked();
        for length in (1..4000).step_by(97).chain(1700..1900) {
            let word = vec![b'x'; length];
            let all = shell.run([
                "printf".into(),
                "%s".into(),
                OsString::from_vec(word.clone()),
            ]);
            assert_eq!(all.unwrap().output().unwrap().stdout, word, "{length}");
        }
        for filler in [0, 10_000] {
            let filler = "#".repeat(filler);
            for (script, said, code) in [
                ("return 5; echo on", "on\n", 0),
                ("set -e; false; echo on", "", 1),
                ("echo $#; exit 3", "0\n", 3),
                ("read -r; echo $?", "1\n", 0),
                ("printf '<%s>' \"${BASH_SOURCE[*]}\"", "<>", 0),
                ("if", "", 2),
                (")", "", 2),
            ] {
                let command = shell.run_script(format!("{script}\n{filler}\n\n")).unwrap();
                let output = command.output().unwrap();
                assert_eq!(String::from_utf8(output.stdout).unwrap(), said, "{script}");
                assert_eq!(output.exit.code(), code, "{script}");
            }
        }
        assert_eq!(shell.kept(), 1);
    });
}

/// What the system does not allow is an error of the command, which names the program.
#[test]
fn a_word_that_is_too_long_for_a_program_is_an_error_of_the_command() {
    run(|| {
        let shell = Shell::new();
        let long = "x".repeat(128 << 10);
        let command = shell.run(["/bin/echo", &long]).unwrap();
        let Err(JoinError::Failed(failed)) = command.join() else {
            panic!("no program can be given it");
        };
        assert_eq!(failed.exit().code(), 126);
        assert!(
            failed
                .to_string()
                .contains("/bin/echo: Argument list too long"),
            "{failed}"
        );
        let words: Vec<_> = (0..40).map(|_| &long[..100_000]).collect();
        let all = shell
            .run(std::iter::once("/bin/echo").chain(words))
            .unwrap();
        assert_eq!(
            all.wait().unwrap().code(),
            126,
            "4 MB in all are too much as well"
        );
        assert_eq!(
            shell
                .run(["echo", &long])
                .unwrap()
                .output()
                .unwrap()
                .stdout
                .len(),
            long.len() + 1
        );
        assert_eq!(shell.kept(), 1);
    });
}

#[test]
fn a_word_with_a_nul_is_refused_by_its_place() {
    run(|| {
        let shell = Shell::new();
        let at = |words: &[&str]| match shell.run(words).unwrap_err() {
            ShellError::Quote(error) => error,
            error => panic!("{error:?}"),
        };
        let error = at(&["echo", "fine", "so\0bad"]);
        assert!(matches!(error, QuoteError::Nul { index: Some(2), .. }));
        assert!(
            error
                .to_string()
                .contains("argument 2 has a NUL after \"so\""),
            "{error}"
        );
        assert!(at(&["\0"]).to_string().contains("the program's name"));
        assert_eq!(at(&[]), QuoteError::Empty);
        let error = shell.run_script("echo \0").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the script has a NUL after \"echo \""),
            "{error}"
        );
        assert_eq!(shell.kept(), 0, "no shell was started for it");
    });
}

/// The first word is the name of a program, whatever it means to a shell.
#[test]
fn a_program_may_be_called_as_a_word_of_the_language() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "if", "time", "a=b", "{", "!", "x y", "it's", "$x", "#", "~", "[[", "\u{1}",
    ];
    for name in names {
        let program = folder.path().join(name);
        fs::write(&program, "#!/bin/sh\nprintf '%s:%s' \"${0##*/}\" \"$1\"\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    run(|| {
        let path = [
            folder.path().as_os_str(),
            OsStr::new("/usr/bin"),
            OsStr::new("/bin"),
        ]
        .join(OsStr::new(":"));
        let shell = Shell::new().env("PATH", path);
        for name in names {
            let output = shell.run([name, "$a"]).unwrap().output().unwrap();
            assert_eq!(
                OsStr::from_bytes(&output.stdout),
                OsStr::new(&format!("{name}:$a"))
            );
        }
    });
}
