//! The output is that of running the lines in order, whatever the number of workers.

use proptest::prelude::*;

use crate::child::TempFile;
use crate::formulas;
use crate::oracle::{self, Expected};

/// What the program says about `input`, in the words of the oracle.
fn said(workers: &str, input: &str) -> Expected {
    let ended = formulas(&["--workers", workers], input);
    let line_of = |complaint: &str| complaint.split(':').nth(1).and_then(|n| n.parse().ok());
    let failed: Vec<_> = ended.stderr.lines().filter_map(line_of).collect();
    assert_eq!(
        failed.len(),
        ended.stderr.lines().count(),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.status.code(), Some(i32::from(!failed.is_empty())));
    Expected {
        stdout: ended.stdout,
        failed,
    }
}

/// An expression of a few names, so that lines depend on one another.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => "[a-d]",
        2 => "[0-9]{1,3}",
        1 => "[0-9]{1,2}\\.[0-9]{1,2}",
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            4 => (inner.clone(), "[-+*/%]", inner.clone()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
            1 => (inner.clone(), "-?[0-3]").prop_map(|(a, n)| format!("({a}) ^ {n}")),
            1 => inner.clone().prop_map(|a| format!("-({a})")),
            1 => ("max|min|sum|avg", inner.clone(), inner.clone()).prop_map(|(f, a, b)| format!("{f}({a},{b})")),
            1 => inner.prop_map(|a| format!("round(({a}) % 1000, 2)")),
        ]
    })
}

/// A line: mostly a binding, now and then broken.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => ("[a-d]", expression()).prop_map(|(name, expression)| format!("{name} = {expression}")),
        3 => expression(),
        1 => ("[a-d]", expression()).prop_map(|(name, expression)| format!("{name} = ({expression}")),
        1 => Just("# nothing".to_owned()),
        1 => Just(String::new()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_workers_says_what_the_oracle_says(lines in prop::collection::vec(line(), 0..200)) {
        let input = lines.join("\n");
        let expected = oracle::run(&input);
        for workers in ["1", "2", "8"] {
            prop_assert_eq!(&said(workers, &input), &expected, "{} workers", workers);
        }
    }
}

#[test]
fn a_later_binding_does_not_disturb_an_earlier_line() {
    // Every line depends on the one before it, and the names are bound again at once.
    let input: String = (0..2000)
        .map(|i| format!("x = {i}\ny = x\nx = y + 1\n"))
        .collect();
    let expected = oracle::run(&input);
    assert!(expected.stdout.contains("x = 1999\ny = 1999\nx = 2000\n"));
    for workers in ["1", "8"] {
        assert_eq!(said(workers, &input), expected);
    }
}

#[test]
fn a_generated_file_says_the_same_with_1_and_with_8_workers_and_to_the_oracle() {
    let input = formulas(
        &[
            "generate", "--lines", "20000", "--names", "300", "--seed", "11",
        ],
        "",
    )
    .quiet()
    .code(0)
    .stdout;
    assert_eq!(input.lines().count(), 20_000);
    let file = TempFile::new("generated.txt", &input);
    let expected = oracle::run(&input);
    assert_eq!(expected.failed, [0; 0]);
    for workers in ["1", "8"] {
        let ended = formulas(&["--workers", workers, file.name()], "")
            .quiet()
            .code(0);
        assert!(ended.stdout == expected.stdout, "{workers} workers");
    }
}

#[test]
fn errors_and_results_stand_in_the_order_of_the_input() {
    // Both streams into one file, as with `2>&1`.
    let input: String = (0..500).map(|i| format!("{i}\n)\n")).collect();
    let both = TempFile::new("both.txt", "");
    let file = || {
        std::fs::OpenOptions::new()
            .append(true)
            .open(both.path())
            .unwrap()
    };
    let source = TempFile::new("in.txt", &input);
    let status = std::process::Command::new(crate::FORMULAS)
        .args(["--workers", "4", source.name()])
        .stdout(file())
        .stderr(file())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
    let text = std::fs::read_to_string(both.path()).unwrap();
    let mut lines = text.lines();
    for i in 0..500 {
        assert_eq!(lines.next(), Some(&*i.to_string()));
        let complaint = lines.next().unwrap_or_default();
        assert!(
            complaint.starts_with(&format!("{}:{}:1: ", source.name(), 2 * i + 2)),
            "{complaint}"
        );
    }
    assert_eq!(lines.next(), None);
}
