//! Panics where a process is needed: of the main thread, at the very end of a thread, and with
//! `panic = "abort"`.

use std::error::Error;
use std::fmt;
use std::panic::panic_any;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Termination};

use selvedge::program::Builder;
use selvedge::thread::{self, Outcome};

mod child;
use child::{Case, Child, Scenario, end_of, say};

const ABRT: i32 = 6;

type Way = fn();

/// With a text; with something else; with something that panics again when it is dropped, for ever.
const WAYS: [Way; 3] = [
    || panic!("on purpose"),
    || panic_any(42),
    || panic_any(Grenade),
];

struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

/// Panics when it is dropped, or when it is made a status.
struct Bomb(Way);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            (self.0)();
        }
    }
}

impl Termination for Bomb {
    fn report(self) -> ExitCode {
        ExitCode::from(5)
    }
}

/// An error that cannot be told.
#[derive(Debug)]
struct Rude {
    text: Way,
    source: Way,
    dropped: Way,
}

impl Rude {
    const fn none() -> Self {
        Self {
            text: || (),
            source: || (),
            dropped: || (),
        }
    }

    fn each(way: Way) -> [Self; 3] {
        let mut each = [const { Self::none() }; 3];
        each[0].text = way;
        each[1].source = way;
        each[2].dropped = way;
        each
    }
}

impl fmt::Display for Rude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half a text ")?;
        (self.text)();
        f.write_str("and the rest")
    }
}

impl Error for Rude {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        (self.source)();
        None
    }
}

impl Drop for Rude {
    fn drop(&mut self) {
        (self.dropped)();
    }
}

/// A program runs as ever: what went before has left nothing behind.
fn works() {
    let status = selvedge::run("works", |_| {
        let worker = thread::spawn("worker", |_| Ok(6));
        Ok(ExitCode::from(worker.join()?))
    });
    assert_eq!(status, ExitCode::from(6));
}

const SCENARIOS: &[Scenario] = &[
    ("main", || {
        for way in WAYS {
            let status = selvedge::run("prog", |_| {
                way();
                Ok(())
            });
            assert_eq!(status, ExitCode::from(101));
            works();
            let bomb = Bomb(way);
            let captures = selvedge::run("prog", move |_| {
                let _kept = &bomb;
                Ok(())
            });
            assert_eq!(captures, ExitCode::from(101));
            works();
            let value = selvedge::run("prog", move |_| Ok(Bomb(way)));
            assert_eq!(value, ExitCode::from(101));
            works();
            let report = Builder::new("prog").on_report(move |_| way());
            assert_eq!(report.run(|_| Ok(())), ExitCode::SUCCESS);
            works();
        }
        ExitCode::from(3)
    }),
    ("main-with-rude-errors", || {
        for way in WAYS {
            for rude in Rude::each(way) {
                let status = selvedge::run("prog", move |_| -> Outcome<()> { Err(rude.into()) });
                assert_eq!(status, ExitCode::FAILURE);
                works();
            }
        }
        ExitCode::from(3)
    }),
    ("released-rude-errors", || {
        for way in WAYS {
            for rude in Rude::each(way) {
                let status = selvedge::run("prog", move |_| {
                    thread::spawn("rude", move |_| -> Outcome<()> { Err(rude.into()) }).release();
                    Ok(())
                });
                assert_eq!(status, ExitCode::FAILURE);
                works();
            }
        }
        ExitCode::from(3)
    }),
    ("nobody-to-tell", || {
        let status = selvedge::run("prog", |_| -> Outcome<()> { Err("no luck".into()) });
        assert_eq!(status, ExitCode::FAILURE);
        works();
        status
    }),
    ("thread-local", || {
        std::thread_local! {
            static LAST: std::cell::RefCell<Option<Bomb>> = const { std::cell::RefCell::new(None) };
        }
        selvedge::run("prog", |_| {
            let worker = thread::spawn("worker", |_| {
                LAST.set(Some(Bomb(|| panic!("a thread-local panics"))));
                say("before");
                Ok(())
            });
            worker.join()?;
            say("never said");
            Ok(())
        })
    }),
];

const CASES: &[Case] = &[
    ("of_the_main_thread_are_its_status", || {
        let end = end_of("main");
        end.assert_code(3);
        end.assert_errs("on purpose");
    }),
    (
        "of_the_main_thread_s_error_do_not_keep_it_from_being_told",
        || {
            let end = end_of("main-with-rude-errors");
            end.assert_code(3);
            let told = |text: &str| end.errors.matches(text).count();
            assert_eq!(
                told("prog: error: half a text (its `Display` panicked)\n"),
                3
            );
            assert_eq!(told("prog: error: half a text and the rest\n"), 6);
        },
    ),
    (
        "of_an_error_that_nobody_receives_do_not_keep_it_from_being_told",
        || {
            let end = end_of("released-rude-errors");
            end.assert_code(3);
            let told = |text: &str| end.errors.matches(text).count();
            let line = "selvedge: thread `prog/rude` failed and nobody joins it: half";
            assert_eq!(told(line), 9, "{end:#?}");
            assert_eq!(told("half a text (its `Display` panicked)\n"), 3);
        },
    ),
    // It panicked out of `run`, and the next one was refused.
    (
        "an_error_that_cannot_be_printed_is_the_status_all_the_same",
        || {
            let end = Child::start_redirected("nobody-to-tell", "2>/dev/full").end();
            end.assert_code(1);
        },
    ),
    // Rust's own rule, for every thread: it is documented, and nothing of ours makes it worse.
    ("of_a_destructor_of_a_thread_local_end_the_process", || {
        let end = end_of("thread-local");
        end.assert_signal(ABRT);
        assert_eq!(end.output, "before\n");
        end.assert_errs("a thread-local panics");
    }),
    ("with_panic_abort_the_first_one_ends_the_process", || {
        let program = build_with_abort();
        let output = Command::new(&program).output().unwrap();
        let end = child::End::of(output);
        end.assert_signal(ABRT);
        assert_eq!(end.output, "joined 7, stopped: enough\n");
        end.assert_errs("the worker panics");
        assert!(!end.errors.contains("never"), "{end:#?}");
        // Without a panic all is as ever.
        let output = Command::new(&program).arg("well").output().unwrap();
        let end = child::End::of(output);
        end.assert_code(4);
        end.assert_quiet();
    }),
];

/// The library, and a program of it, built with `panic = "abort"`, in a folder of their own. Nothing is fetched.
fn build_with_abort() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abort");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut library = Command::new(cargo);
    library
        .args(["build", "--lib", "--offline", "--quiet"])
        .args(["--no-default-features", "--features=os,run"])
        .args(["--config", "profile.dev.panic='abort'"])
        .args(["--config", "profile.dev.debug=false"])
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    let built = library.output().unwrap();
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{errors}");
    let program = target.join("program");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc
        .args(["--edition=2024", "-Cpanic=abort", "--crate-name=program"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/child/abort.rs"))
        .arg(format!(
            "--extern=selvedge={}/debug/libselvedge.rlib",
            target.display()
        ))
        .arg(format!(
            "-Ldependency={}",
            target.join("debug/deps").display()
        ))
        .arg("-o")
        .arg(&program);
    let built = rustc.output().unwrap();
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{errors}");
    program
}

fn main() -> ExitCode {
    child::main(SCENARIOS, CASES)
}
