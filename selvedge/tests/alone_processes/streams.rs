//! What goes wrong with input and output.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use selvedge::process::{Command, Stdin, Unread};
use selvedge::sync::TryPopError;
use selvedge::thread::Outcome;

use crate::child::Case;
use crate::proc;

pub(crate) fn sh(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

/// Runs it as the program, which must end well.
#[track_caller]
pub(crate) fn run(body: fn() -> Outcome<()>) {
    let has_ended = AtomicBool::new(false);
    let status = selvedge::run("test", |_stop| {
        body()?;
        has_ended.store(true, SeqCst);
        Ok(())
    });
    assert!(has_ended.load(SeqCst), "the body failed, see above");
    assert_eq!(status, ExitCode::SUCCESS);
}

pub(crate) const CASES: &[Case] = &[
    // catalogue 286
    (
        "a_gigabyte_that_nobody_reads_neither_blocks_nor_piles_up",
        || {
            run(|| {
                const ALL: u64 = 1 << 30;
                let before = proc::status("VmHWM");
                let flood = sh(&format!("head -c {ALL} /dev/zero")).spawn()?;
                let exit = flood.join()?;
                assert_eq!(exit.unread(), ALL);
                assert!(exit.lost() <= ALL);
                let more = proc::status("VmHWM") - before;
                assert!(more < 64 << 10, "{more} KiB for what nobody reads");
                Ok(())
            });
        },
    ),
    ("a_gigabyte_that_is_spilled_comes_back_whole", || {
        run(|| {
            const LINES: usize = 1 << 16; // a disk's share of a gigabyte
            let before = proc::status("VmHWM");
            let line = "x".repeat(1023);
            let flood = sh(&format!("yes {line} | head -n {LINES}"));
            let spilled = Unread::Spill { memory: 1 << 16 };
            let flood = flood.unread(spilled).spawn()?;
            flood.stopped().wait()?; // nobody reads until then
            let mut lines = 0;
            for read in flood.stdout() {
                assert_eq!(*read, *line.as_bytes());
                lines += 1;
            }
            assert_eq!(lines, LINES);
            flood.join()?;
            let more = proc::status("VmHWM") - before;
            assert!(more < 64 << 10, "{more} KiB");
            Ok(())
        });
    }),
    (
        "input_that_is_not_taken_is_counted_and_kills_nobody",
        || {
            run(|| {
                const ALL: usize = 10 << 20;
                let deaf = Command::new("true").stdin(Stdin::Bytes(vec![b'x'; ALL]));
                let exit = deaf.spawn()?.join()?;
                // A pipe takes 64 KiB without a reader.
                assert!(
                    exit.unwritten() >= (ALL - (64 << 10)) as u64,
                    "{}",
                    exit.unwritten()
                );
                let gone = Command::new("true").stdin(Stdin::Pipe).spawn()?;
                gone.join()?;
                assert_eq!(gone.stdin().push(vec![1]).unwrap_err().into_inner(), [1]);
                Ok(())
            });
        },
    ),
    ("who_closes_its_output_lives_on", || {
        run(|| {
            let silent = sh("exec >&- 2>&-; while read line; do :; done").stdin(Stdin::Pipe);
            let silent = silent.spawn()?;
            assert!(silent.stdout().iter().next().is_none());
            assert!(silent.stderr().iter().next().is_none());
            assert!(silent.try_wait().is_none(), "it reads");
            silent.stdin().push(b"one\n".to_vec())?;
            silent.stdin().close();
            silent.join()?;
            Ok(())
        });
    }),
    ("odd_bytes_arrive_as_they_are", || {
        run(|| {
            let odd = sh(r"printf 'a\0b\n\377\376\n\n \r\nlast'").spawn()?;
            let lines: Vec<_> = odd.stdout().iter().map(|line| line.to_vec()).collect();
            let expected: [&[u8]; 5] = [b"a\0b", b"\xff\xfe", b"", b" \r", b"last"];
            assert_eq!(lines, expected);
            assert_eq!(odd.stdout().try_pop().unwrap_err(), TryPopError::Closed);
            odd.join()?;
            Ok(())
        });
    }),
];
