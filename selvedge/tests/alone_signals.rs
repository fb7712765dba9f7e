//! A signal at an awkward moment: inside an action, while threads are started, to a program with very many.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use selvedge::program::Builder;
use selvedge::thread::{self, Outcome, SpawnError, Thread};
use selvedge::{Signal, Till};

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

/// An action in whose middle the test does something.
fn action() {
    say("in the action");
    say(&format!("heard {}", hear()));
}

/// A program with a thread more, which says at its very end that all have ended.
fn told(body: impl FnOnce(Signal) -> Outcome<()>) -> ExitCode {
    let program = Builder::new("prog").on_report(|report| {
        let threads = report.threads();
        assert!(threads.iter().any(|thread| thread.path() == "prog/worker"));
        assert!(threads.iter().all(|thread| thread.ended().is_some()));
        say("all have ended");
    });
    program.run(|stop| {
        thread::spawn("worker", |_| Ok(Signal::new().wait()?)).release();
        body(stop)
    })
}

const SCENARIOS: &[Scenario] = &[
    ("inside-an-action-of-the-stop", || {
        told(|stop| {
            stop.on_set(action).forever();
            stop.set();
            assert!(Signal::new().wait().is_err());
            Ok(())
        })
    }),
    ("inside-an-action-by-the-signal", || {
        told(|stop| {
            stop.on_set(action).forever();
            say("ready");
            Ok(Signal::new().wait()?)
        })
    }),
    ("inside-an-action-of-a-till", || {
        told(|_| {
            Till::after(Duration::from_millis(1))
                .on_set(action)
                .forever();
            let stopped = Signal::new().wait();
            say("asked");
            Ok(stopped?)
        })
    }),
    ("inside-an-action-of-the-end-of-a-thread", || {
        told(|_| {
            let go = Signal::new();
            let wait = go.clone();
            let child = thread::spawn("child", move |_| Ok(wait.wait()?));
            child.stopped().on_set(action).forever();
            go.set();
            let stopped = Signal::new().wait();
            say("asked");
            Ok(stopped?)
        })
    }),
    ("actions-that-panic", || {
        told(|stop| {
            let child = thread::spawn("child", |stop| {
                stop.on_set(|| panic!("the child's action panics"))
                    .forever();
                say("ready");
                Ok(Signal::new().wait()?)
            });
            stop.on_set(|| std::panic::panic_any(42)).forever();
            Ok(child.join()?)
        })
    }),
    ("stuck-action-of-the-stop", || {
        short().run(|stop| {
            thread::spawn("worker", |_| Ok(Signal::new().wait()?)).release();
            stop.on_set(|| _ = Signal::new().wait()).forever();
            say("ready");
            stop.wait_until(&Signal::never()).ok();
            Ok(())
        })
    }),
    ("stuck-action-of-a-child-s-stop", || {
        short().run(|_| {
            leave(thread::spawn("child", |stop| {
                stop.on_set(|| _ = Signal::new().wait()).forever();
                say("ready");
                Ok(Signal::new().wait()?)
            }));
            Ok(Signal::named("for ever").wait()?)
        })
    }),
    ("storm-of-spawns", || {
        let counts = Arc::new([const { AtomicUsize::new(0) }; 3]);
        let told = Arc::clone(&counts);
        let program = Builder::new("prog").on_report(move |report| {
            let [spawned, began, ended] = told.each_ref().map(|count| count.load(SeqCst));
            assert_eq!((began, ended), (spawned, spawned));
            let all_ended = report
                .threads()
                .iter()
                .all(|thread| thread.ended().is_some());
            assert!(all_ended, "{report}");
            say(&format!("all have ended: {}", spawned >= 100));
        });
        program.run(|_| {
            for i in 0..4 {
                let counts = Arc::clone(&counts);
                thread::spawn(&format!("spawner-{i}"), move |stop| storm(&stop, &counts)).release();
            }
            Ok(Signal::new().wait()?)
        })
    }),
    ("a-thousand-threads", || {
        let program = Builder::new("prog").on_report(|report| {
            let workers = report.threads().iter();
            let workers = workers.filter(|thread| thread.path().starts_with("prog/worker-"));
            let ended = workers.filter(|thread| {
                thread.ended().is_some()
                    && thread
                        .asked()
                        .is_some_and(|why| why.text() == Some("SIGTERM"))
            });
            say(&format!("{} were asked and have ended", ended.count()));
        });
        program.run(|_| {
            for round in 0..1000 {
                let builder = thread::Builder::new(&format!("quick-{round}"));
                builder.stack_size(128 << 10).spawn(|_| Ok(()))?.join()?;
            }
            for i in 0..1000 {
                let builder = thread::Builder::new(&format!("worker-{i}"));
                let worker = builder
                    .stack_size(128 << 10)
                    .spawn(|_| Ok(Signal::new().wait()?));
                leave(worker?);
            }
            say("ready");
            Ok(Signal::new().wait()?)
        })
    }),
];

/// Starts threads until it is asked to stop, and some more then: who spawns gets a thread or is told why not.
fn storm(stop: &Signal, counts: &Arc<[AtomicUsize; 3]>) -> Outcome<()> {
    let mut late = 0;
    for i in 0.. {
        let counted = Arc::clone(counts);
        let body = move |_| {
            counted[1].fetch_add(1, SeqCst);
            let waited = if i % 16 == 0 {
                Signal::new().wait()
            } else {
                Ok(())
            };
            counted[2].fetch_add(1, SeqCst);
            Ok(waited?)
        };
        match thread::Builder::new("drop")
            .stack_size(128 << 10)
            .spawn(body)
        {
            Ok(_released) if counts[0].fetch_add(1, SeqCst) == 100 => say("storm"),
            Ok(_released) => {}
            Err(SpawnError::Os { .. }) => std::thread::yield_now(), // too many at once
            Err(error) => return Err(error.into()),
        }
        late += usize::from(stop.is_set());
        if late == 10 {
            break;
        }
    }
    Ok(())
}

const CASES: &[Case] = &[
    (
        "a_signal_inside_an_action_ends_the_program_in_order",
        || {
            for place in ["of-the-stop", "of-a-till", "of-the-end-of-a-thread"] {
                let mut child = Child::start(&format!("inside-an-action-{place}"));
                child.wait_for("in the action");
                child.signal("TERM");
                if place != "of-the-stop" {
                    child.wait_for("asked"); // while the action runs
                }
                child.tell("on");
                let end = child.end();
                end.assert_signal(TERM);
                end.assert_says("heard on\n");
                end.assert_says("all have ended\n");
                end.assert_quiet();
            }
        },
    ),
    (
        "an_action_that_the_signal_runs_ends_first_or_a_second_signal_ends_it",
        || {
            for second in [false, true] {
                let mut child = Child::start("inside-an-action-by-the-signal");
                child.wait_for("ready");
                child.signal("INT");
                child.wait_for("in the action");
                if second {
                    child.signal("TERM");
                    let end = child.end_with_input_open();
                    end.assert_signal(TERM);
                    end.assert_errs("prog: still running at the second signal: ");
                    end.assert_errs("an action of a stop signal has not returned\n");
                } else {
                    child.tell("on");
                    let end = child.end();
                    end.assert_signal(INT);
                    end.assert_says("heard on\n");
                    end.assert_quiet();
                }
            }
        },
    ),
    (
        "actions_that_panic_at_a_signal_are_told_and_stop_nothing",
        || {
            let mut child = Child::start("actions-that-panic");
            child.wait_for("ready");
            child.signal("TERM");
            let end = child.end();
            end.assert_signal(TERM);
            end.assert_says("all have ended\n");
            end.assert_errs("panicked: the child's action panics\n");
            end.assert_errs("panicked: (a payload that is not text)\n");
        },
    ),
    // They kept the program from ending, and from asking anybody else; no grace had begun.
    (
        "a_stuck_action_of_a_stop_signal_is_ended_by_the_grace",
        || {
            let mut child = Child::start("stuck-action-of-the-stop");
            child.wait_for("ready");
            child.signal("TERM");
            let end = child.end();
            end.assert_signal(TERM);
            assert!(!end.errors.contains("prog/worker"), "{end:#?}");
            end.assert_errs("prog: still running after 30ms: ");
            end.assert_errs("an action of a stop signal has not returned\n");
            let mut child = Child::start("stuck-action-of-a-child-s-stop");
            child.wait_for("ready");
            child.signal("TERM");
            let end = child.end();
            end.assert_signal(TERM);
            end.assert_errs("an action of a stop signal has not returned\n");
            end.assert_errs("`prog` waits for signal `for ever`");
        },
    ),
    ("a_signal_during_a_storm_of_spawns_loses_no_thread", || {
        for _ in 0..3 {
            let mut child = Child::start("storm-of-spawns");
            child.wait_for("storm");
            child.signal("TERM");
            let end = child.end();
            end.assert_signal(TERM);
            end.assert_says("all have ended: true\n");
            end.assert_quiet();
        }
    }),
    (
        "a_thousand_threads_are_stopped_by_a_signal_and_reported",
        || {
            let mut child = Child::start("a-thousand-threads");
            child.wait_for("ready");
            child.signal("TERM");
            let end = child.end();
            end.assert_signal(TERM);
            end.assert_says("1000 were asked and have ended\n");
            end.assert_quiet();
        },
    ),
];

fn main() -> ExitCode {
    child::main(SCENARIOS, CASES)
}
