//! SIGINT and SIGTERM: the first asks, the second ends, and the parent process sees a death by signal.

use std::process::ExitCode;
use std::time::Duration;

use selvedge::program::Builder;
use selvedge::sync::Queue;
use selvedge::thread::{self, Outcome, Thread};
use selvedge::{Signal, Till, signal};

mod child;
use child::{Case, Child, Scenario, hear, say};

const INT: i32 = 2;
const TERM: i32 = 15;

/// Ends the handle without releasing the thread: its result is left to the parent.
fn leave<T>(thread: Thread<T>) {
    std::mem::forget(thread);
}

fn short() -> Builder {
    Builder::new("prog").grace(Duration::from_millis(30))
}

const SCENARIOS: &[Scenario] = &[
    ("waiting", || {
        selvedge::run("prog", |stop| {
            let (begun, ready) = (Signal::new(), Signal::new());
            let go = begun.clone();
            let waiter = thread::spawn("waiter", move |stop| -> Outcome<()> {
                go.set();
                let stopped = Signal::new().wait().unwrap_err();
                say(&format!(
                    "waiter: {}",
                    stopped.reason().text().unwrap_or("?")
                ));
                assert!(stop.is_set());
                Err(stopped.into())
            });
            let go = ready.clone();
            let consumer = thread::spawn("consumer", move |_| {
                let queue: Queue<u8> = Queue::new();
                go.set();
                assert_eq!(queue.iter().count(), 0);
                say("consumer: the iteration has ended");
                Ok(())
            });
            begun.wait()?;
            ready.wait()?;
            say("ready");
            // A bare wait of the main thread ends too.
            let stopped = Signal::new().wait().unwrap_err();
            say(&format!("main: {}", stopped.reason().text().unwrap_or("?")));
            assert!(stop.is_set());
            let _ = signal::shield(|| (waiter.join(), consumer.join()));
            print!("no line end"); // the last that is said
            Ok(ExitCode::from(5))
        })
    }),
    ("failing", || {
        selvedge::run("prog", |stop| -> Outcome<()> {
            say("ready");
            stop.wait_until(&Signal::never()).ok();
            Err("could not save".into())
        })
    }),
    ("stuck", || {
        selvedge::run("prog", |_| {
            let quick = thread::spawn("quick", |_| Ok(Signal::new().wait()?));
            leave(thread::spawn("stuck", move |_| {
                say("ready");
                // When it is joined, the report has been rendered: by its end.
                let joined = signal::shield(|| quick.join());
                assert!(joined.is_err());
                say("asked");
                signal::shield(|| Signal::named("what never comes").wait())?;
                Ok(())
            }));
            Ok(Signal::new().wait()?)
        })
    }),
    ("stuck-until-grace", || {
        short().run(|_| {
            leave(thread::spawn("stuck", |_| {
                print!("ready\nno line end");
                signal::shield(|| Signal::named("what never comes").wait())?;
                Ok(())
            }));
            Ok(Signal::new().wait()?)
        })
    }),
    ("stuck-body", || {
        short().run(|_| {
            print!("ready\nno line end");
            signal::shield(|| Signal::named("what never comes").wait())?;
            Ok(())
        })
    }),
    ("ignoring", || {
        selvedge::run("prog", |stop| {
            say("ready");
            let line = hear();
            say(&format!("heard {line}, asked to stop: {}", stop.is_set()));
            if line == "wait" {
                say("waiting");
                Signal::new().wait()?;
            }
            Ok(ExitCode::from(8))
        })
    }),
    ("between-runs", || {
        assert_eq!(selvedge::run("prog", |_| Ok(())), ExitCode::SUCCESS);
        say("ready");
        hear();
        ExitCode::from(9)
    }),
    ("second-run", || {
        assert_eq!(selvedge::run("first", |_| Ok(())), ExitCode::SUCCESS);
        selvedge::run("second", |stop| {
            say("ready");
            stop.wait_until(&Signal::never()).ok();
            say(stop.reason().unwrap().text().unwrap_or("?"));
            Ok(())
        })
    }),
    ("ending", || {
        selvedge::run("prog", |stop| {
            let begun = Signal::new();
            let ready = begun.clone();
            leave(thread::spawn("cleaner", move |own| {
                ready.set();
                own.wait_until(&Signal::never()).ok();
                // The body has ended, and the tree is being joined.
                say("ready");
                signal::shield(|| stop.wait_until(&Till::after(Duration::from_secs(10)))).unwrap();
                say(stop.reason().unwrap().text().unwrap_or("?"));
                Ok(())
            }));
            begun.wait()?;
            Ok(())
        })
    }),
];

const CASES: &[Case] = &[
    // catalogue 275
    (
        "one_signal_stops_everybody_gracefully_and_is_raised_again",
        || {
            for (name, number) in [("INT", INT), ("TERM", TERM)] {
                let mut child = Child::start("waiting");
                child.wait_for("ready");
                child.signal(name);
                let end = child.end();
                end.assert_signal(number);
                end.assert_says(&format!("waiter: SIG{name}\n"));
                end.assert_says("consumer: the iteration has ended\n");
                end.assert_says(&format!("main: SIG{name}\n"));
                assert!(
                    end.output.ends_with("no line end"),
                    "flushed before the death: {end:#?}"
                );
                end.assert_quiet();
            }
        },
    ),
    (
        "a_body_that_fails_after_the_signal_is_told_and_dies_by_it",
        || {
            let mut child = Child::start("failing");
            child.wait_for("ready");
            child.signal("INT");
            let end = child.end();
            end.assert_signal(INT);
            assert_eq!(end.errors, "prog: error: could not save\n");
        },
    ),
    (
        "a_second_signal_ends_a_stuck_program_at_once_and_names_who_is_stuck",
        || {
            for (name, number) in [("INT", INT), ("TERM", TERM)] {
                let mut child = Child::start("stuck");
                child.wait_for("ready");
                child.signal(name);
                child.wait_for("asked");
                child.signal(name);
                let end = child.end();
                end.assert_signal(number);
                end.assert_errs("prog: still running at the second signal: ");
                end.assert_errs("`prog/stuck`");
                assert!(!end.errors.contains("prog/quick"), "{end:#?}");
            }
        },
    ),
    (
        "at_the_end_of_the_grace_the_program_dies_by_the_signal",
        || {
            let mut child = Child::start("stuck-until-grace");
            child.wait_for("ready");
            child.signal("TERM");
            let end = child.end();
            end.assert_signal(TERM);
            end.assert_says("no line end");
            end.assert_errs("prog: still running after 30ms: 1 thread\n");
            end.assert_errs("`prog/stuck` waits for signal `what never comes`");
            end.assert_errs("SIGTERM");
        },
    ),
    ("a_stuck_body_is_named_and_ended_too", || {
        let mut child = Child::start("stuck-body");
        child.wait_for("ready");
        child.signal("INT");
        let end = child.end();
        end.assert_signal(INT);
        end.assert_says("no line end");
        end.assert_errs("`prog` waits for signal `what never comes`");
    }),
    (
        "a_signal_that_was_ignored_at_the_start_stays_ignored",
        || {
            let mut child = Child::start_with_interrupts_ignored("ignoring");
            child.wait_for("ready");
            for _ in 0..3 {
                child.signal("INT");
            }
            child.tell("go");
            let end = child.end();
            end.assert_code(8);
            end.assert_says("heard go, asked to stop: false\n");
            // The other one is not.
            let mut child = Child::start_with_interrupts_ignored("ignoring");
            child.wait_for("ready");
            child.signal("INT");
            child.tell("wait");
            child.wait_for("waiting");
            child.signal("TERM");
            child.end().assert_signal(TERM);
        },
    ),
    (
        "between_two_runs_a_signal_does_what_the_system_does",
        || {
            let mut child = Child::start("between-runs");
            child.wait_for("ready");
            child.signal("INT");
            child.end().assert_signal(INT);
            let mut child = Child::start("between-runs");
            child.wait_for("ready");
            child.tell("go");
            child.end().assert_code(9);
        },
    ),
    ("both_signals_may_be_ignored_or_one_of_them", || {
        let mut child = Child::start_ignoring("ignoring", "INT,TERM");
        child.wait_for("ready");
        for name in ["INT", "TERM", "TERM", "INT"] {
            child.signal(name);
        }
        child.tell("go");
        let end = child.end();
        end.assert_code(8);
        end.assert_says("heard go, asked to stop: false\n");
        for (ignored, other, number) in [("INT", "TERM", TERM), ("TERM", "INT", INT)] {
            let mut child = Child::start_ignoring("ignoring", ignored);
            child.wait_for("ready");
            child.signal(ignored);
            child.tell("wait");
            child.wait_for("waiting");
            child.signal(ignored);
            child.signal(other);
            child.end().assert_signal(number);
        }
    }),
    ("a_second_run_is_stopped_by_a_signal_too", || {
        let mut child = Child::start("second-run");
        child.wait_for("ready");
        child.signal("INT");
        let end = child.end();
        end.assert_signal(INT);
        end.assert_says("SIGINT\n");
    }),
    ("a_signal_during_the_last_joins_is_not_lost", || {
        let mut child = Child::start("ending");
        child.wait_for("ready");
        child.signal("INT");
        let end = child.end();
        end.assert_signal(INT);
        end.assert_says("SIGINT\n");
    }),
];

fn main() -> ExitCode {
    child::main(SCENARIOS, CASES)
}
