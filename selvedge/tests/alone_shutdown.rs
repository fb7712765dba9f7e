//! The end of a program by itself: status, order, grace, and what is left afterwards.

use std::process::ExitCode;
use std::time::Duration;

use selvedge::program::Builder;
use selvedge::thread::{self, Outcome, Thread};
use selvedge::{Signal, Till, signal};

mod child;
use child::{Case, Child, Scenario, end_of, hear, say};

const HOUR: Duration = Duration::from_secs(3600);

/// Ends the handle without releasing the thread: its result is left to the parent.
fn leave<T>(thread: Thread<T>) {
    std::mem::forget(thread);
}

fn until_stopped(_stop: Signal) -> Outcome<()> {
    Ok(Signal::new().wait()?)
}

/// Ignores its stop, for ever.
fn stuck(_stop: Signal) -> Outcome<()> {
    signal::shield(|| Signal::named("what never comes").wait())?;
    Ok(())
}

/// A program with a short grace.
fn short() -> Builder {
    Builder::new("prog").grace(Duration::from_millis(30))
}

fn number_of_os_threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

const SCENARIOS: &[Scenario] = &[
    ("normal", || {
        selvedge::run("prog", |_| {
            say("body");
            Ok(())
        })
    }),
    ("error", || {
        selvedge::run("prog", |_| -> Outcome<()> {
            let error: Result<u8, _> = "x".parse();
            Err(std::io::Error::other(error.unwrap_err()).into())
        })
    }),
    ("panic", || {
        selvedge::run("prog", |_| -> Outcome<()> { panic!("the body panics") })
    }),
    ("code", || selvedge::run("prog", |_| Ok(ExitCode::from(3)))),
    ("stuck-action", || {
        short().run(|_| {
            let begun = Signal::new();
            let begin = begun.clone();
            let action = move || {
                begin.set();
                let _ = Signal::new().wait();
            };
            Till::after(Duration::from_millis(1))
                .on_set(action)
                .forever();
            begun.wait()?;
            Ok(ExitCode::from(5))
        })
    }),
    ("stopped", || {
        selvedge::run("prog", |stop| {
            stop.set();
            Ok(Signal::new().wait()?)
        })
    }),
    ("released-failure", || {
        selvedge::run("prog", |_| {
            let failing = thread::spawn("failing", |_| -> Outcome<()> { Err("broken".into()) });
            let ended = failing.stopped().clone();
            failing.release();
            Ok(ended.wait()?)
        })
    }),
    ("released-failure-and-code", || {
        selvedge::run("prog", |_| {
            thread::spawn("failing", |_| -> Outcome<()> { panic!("on purpose") }).release();
            Ok(ExitCode::from(9))
        })
    }),
    ("unjoined-failures", || {
        selvedge::run("prog", |_| {
            for i in 0..3 {
                let failing = move |_| -> Outcome<()> { Err(format!("error {i}").into()) };
                leave(thread::spawn(&format!("failing-{i}"), failing));
            }
            leave(thread::spawn("fine", |stop| {
                stop.wait_until(&Signal::never()).ok();
                say("fine has ended");
                Ok(())
            }));
            Till::after(HOUR)
                .on_set(|| say("the timers have ended"))
                .forever();
            Ok(())
        })
    }),
    ("stopped-children", || {
        selvedge::run("prog", |_| {
            leave(thread::spawn("left", until_stopped));
            thread::spawn("released", until_stopped).release();
            Ok(())
        })
    }),
    ("orderly", || {
        let status = selvedge::run("prog", |_| {
            let begun = Signal::new();
            let ready = begun.clone();
            leave(thread::spawn("worker", move |stop| {
                ready.set();
                stop.wait_until(&Signal::never()).ok();
                signal::shield(|| Till::after(Duration::from_millis(5)).wait())?;
                say("worker has cleaned up");
                Ok(())
            }));
            begun.wait()?;
            say("body has ended");
            Ok(())
        });
        say("run has returned");
        status
    }),
    ("stuck-thread", || {
        short().run(|_| {
            leave(thread::spawn("stuck", stuck));
            leave(thread::spawn("good", until_stopped));
            print!("no line end");
            Ok(ExitCode::from(4))
        })
    }),
    ("stuck-thread-after-an-error", || {
        short().run(|_| -> Outcome<()> {
            leave(thread::spawn("stuck", stuck));
            Err("too bad".into())
        })
    }),
    ("stuck-body", || {
        short().run(|stop| {
            thread::spawn("stopper", move |_| {
                stop.set_because("time to go");
                Ok(())
            })
            .release();
            print!("no line end");
            signal::shield(|| Signal::named("what never comes").wait())?;
            Ok(())
        })
    }),
    ("stuck-with-stdout", || {
        short().run(|_| {
            let begun = Signal::new();
            let ready = begun.clone();
            leave(thread::spawn("holder", move |stop| {
                let _held = std::io::stdout().lock();
                ready.set();
                stuck(stop)
            }));
            begun.wait()?;
            Ok(())
        })
    }),
    ("long-body", || {
        // The grace is for what runs after a stop or after the body: not for the body.
        Builder::new("prog").grace(Duration::ZERO).run(|_| {
            let child = thread::spawn("child", |_| {
                Ok(Till::after(Duration::from_millis(20)).wait()?)
            });
            child.join()?;
            Ok(())
        })
    }),
    ("twice", || {
        for round in 0..3 {
            let status = selvedge::run("prog", |_| {
                let till = Till::after(Duration::from_millis(2));
                assert!(!till.is_set(), "tills work again");
                till.wait()?;
                assert!(till.reason().unwrap().is_elapsed());
                let ran = Signal::new();
                let seen = ran.clone();
                Till::after(Duration::from_millis(1))
                    .on_set(move || _ = seen.set())
                    .forever();
                ran.wait_until(&Till::after(Duration::from_secs(10)))
                    .unwrap();
                leave(thread::spawn("worker", until_stopped));
                Ok(())
            });
            assert_eq!(status, ExitCode::SUCCESS, "round {round}");
            let late = Till::after(HOUR);
            assert!(late.is_set() && late.reason().unwrap().is_shutdown());
            child::others_are_gone();
        }
        say("three rounds");
        ExitCode::SUCCESS
    }),
    ("after-a-panic", || {
        let first = selvedge::run("first", |_| -> Outcome<()> { panic!("on purpose") });
        assert_eq!(first, ExitCode::from(101));
        selvedge::run("second", |_| Ok(ExitCode::from(6)))
    }),
    ("nested", || {
        selvedge::run("outer", |_| {
            let inner = || {
                selvedge::run("inner", |_| {
                    say("the inner body runs");
                    Ok(())
                })
            };
            assert_eq!(inner(), ExitCode::FAILURE);
            let member = thread::spawn("member", move |_| Ok(inner() == ExitCode::FAILURE));
            assert!(member.join()?);
            let alien = std::thread::Builder::new().spawn(move || inner() == ExitCode::FAILURE)?;
            assert!(alien.join().unwrap());
            assert!(!signal::stop().is_set(), "the outer one goes on");
            Ok(ExitCode::from(7))
        })
    }),
    ("tills-and-aliens", || {
        let before = Till::after(HOUR);
        assert!(!before.is_set(), "tills work before the first run");
        let (alien, status) = std::thread::scope(|scope| {
            let alien = scope.spawn(|| {
                before.wait().unwrap();
                before.reason().unwrap().is_shutdown()
            });
            while before.links() == 0 {
                std::thread::yield_now();
            }
            let status = selvedge::run("prog", |stop| {
                let cleaned = thread::spawn("cleaner", {
                    let till = before.clone();
                    move |stop| {
                        stop.wait_until(&Signal::never()).ok();
                        Ok(till.is_set())
                    }
                });
                stop.set();
                let early = signal::shield(|| cleaned.join())?;
                assert!(!early, "a stop sets no till: clean-up keeps its time");
                Ok(())
            });
            (alien.join().unwrap(), status)
        });
        assert!(alien, "the alien thread does not hang");
        status
    }),
    ("os-threads", || {
        let status = selvedge::run("prog", |_| {
            for i in 0..100 {
                leave(thread::spawn(&format!("t{i}"), until_stopped));
                thread::spawn(&format!("r{i}"), until_stopped).release();
                thread::spawn(&format!("j{i}"), |_| Ok(())).join()?;
            }
            Till::after(HOUR).on_set(|| ()).forever();
            Till::after(Duration::from_millis(1))
                .on_set(|| ())
                .forever();
            assert!(number_of_os_threads() > 200);
            Ok(())
        });
        child::others_are_gone();
        status
    }),
    ("stdin", || {
        selvedge::run("prog", |_| {
            assert_eq!(hear(), "");
            say("end of input");
            Ok(())
        })
    }),
    ("full-after-the-end", || {
        let status = selvedge::run("prog", |_| Ok(()));
        // Tills are born set now: a push that waits neither reports nor spins because of it.
        let queue = selvedge::sync::Queue::bounded(1);
        queue.push(0).unwrap();
        let enough = Signal::new();
        std::thread::scope(|s| {
            s.spawn(|| {
                let pushed = queue.push_until(1, &enough);
                assert_eq!(pushed.unwrap_err().into_inner(), 1);
            });
            while enough.links() == 0 {
                std::thread::yield_now(); // until it sleeps
            }
            for _ in 0..1000 {
                std::thread::yield_now();
            }
            enough.set();
        });
        status
    }),
    ("silent-loss", || {
        // Nobody subscribes: a failure that nobody receives is printed all the same.
        let signal = Signal::named("loud");
        signal.on_set(|| panic!("a callback panics")).forever();
        signal.set();
        ExitCode::SUCCESS
    }),
];

const CASES: &[Case] = &[
    ("a_push_that_waits_after_the_end_reports_nothing", || {
        let end = end_of("full-after-the-end");
        end.assert_code(0);
        end.assert_quiet();
    }),
    ("a_normal_end_is_0", || {
        let end = end_of("normal");
        end.assert_code(0);
        end.assert_says("body\n");
        end.assert_quiet();
    }),
    ("an_error_of_the_body_is_1_and_its_text_is_told", || {
        let end = end_of("error");
        end.assert_code(1);
        assert_eq!(end.errors, "prog: error: invalid digit found in string\n");
    }),
    ("a_panic_of_the_body_is_101", || {
        let end = end_of("panic");
        end.assert_code(101);
        end.assert_errs("the body panics");
    }),
    ("an_exit_code_is_passed_through", || {
        end_of("code").assert_code(3)
    }),
    ("a_body_that_obeys_a_stop_is_0", || {
        let end = end_of("stopped");
        end.assert_code(0);
        end.assert_quiet();
    }),
    // catalogue 255
    ("a_released_failure_is_1_and_is_told_once", || {
        let end = end_of("released-failure");
        end.assert_code(1);
        end.assert_errs("thread `prog/failing` failed and nobody joins it");
        assert_eq!(end.errors.matches("broken").count(), 1, "{end:#?}");
        let end = end_of("released-failure-and-code");
        end.assert_code(1);
        end.assert_errs("on purpose");
    }),
    // catalogue 256, 273; T6: a child's error left timers and logging running.
    ("unjoined_failures_are_1_and_the_shutdown_completes", || {
        let end = end_of("unjoined-failures");
        end.assert_code(1);
        end.assert_errs("prog: error: 3 children of thread `prog` failed");
        for part in ["error 0", "error 1", "error 2"] {
            end.assert_errs(part);
        }
        end.assert_says("fine has ended\nthe timers have ended\n");
    }),
    ("stopped_children_are_no_failure", || {
        let end = end_of("stopped-children");
        end.assert_code(0);
        end.assert_quiet();
    }),
    // catalogue 272, 274
    ("a_normal_end_is_orderly_too", || {
        let end = end_of("orderly");
        end.assert_code(0);
        assert_eq!(
            end.output,
            "body has ended\nworker has cleaned up\nrun has returned\n"
        );
    }),
    (
        "at_the_end_of_the_grace_who_still_runs_is_named_and_the_status_stays",
        || {
            let end = end_of("stuck-thread");
            end.assert_code(4);
            end.assert_says("no line end");
            end.assert_errs("prog: still running after 30ms: 1 thread\n");
            end.assert_errs("`prog/stuck` waits for signal `what never comes` at ");
            end.assert_errs("asked to stop: its parent has ended");
            assert!(!end.errors.contains("prog/good"), "{end:#?}");
            let end = end_of("stuck-thread-after-an-error");
            end.assert_code(1);
            end.assert_errs("`prog/stuck`");
        },
    ),
    ("the_grace_ends_a_stuck_action_of_a_till_as_well", || {
        let end = end_of("stuck-action");
        end.assert_code(5);
        end.assert_errs("an action of the till made at ");
    }),
    ("the_grace_ends_a_stuck_body_as_well", || {
        let end = end_of("stuck-body");
        end.assert_code(1);
        end.assert_says("no line end");
        end.assert_errs("`prog` waits for signal `what never comes`");
        end.assert_errs("time to go");
    }),
    (
        "a_stuck_thread_that_holds_stdout_does_not_keep_the_program",
        || {
            let end = end_of("stuck-with-stdout");
            end.assert_code(0);
            end.assert_errs("`prog/holder`");
        },
    ),
    ("the_grace_is_not_for_the_body", || {
        let end = end_of("long-body");
        end.assert_code(0);
        end.assert_quiet();
    }),
    // catalogue 195, 196
    ("a_program_can_run_again_with_working_tills", || {
        let end = end_of("twice");
        end.assert_code(0);
        end.assert_says("three rounds");
        end.assert_quiet();
    }),
    ("a_program_can_run_again_after_a_panic", || {
        end_of("after-a-panic").assert_code(6)
    }),
    ("a_run_inside_a_run_is_refused", || {
        let end = end_of("nested");
        end.assert_code(7);
        assert_eq!(end.output, "");
        let line = "inner: error: another `selvedge::run` is running in this process\n";
        assert_eq!(end.errors, line.repeat(3));
    }),
    // catalogue 195
    (
        "tills_are_set_when_the_tree_has_been_joined_and_not_before",
        || {
            let end = end_of("tills-and-aliens");
            end.assert_code(0);
            end.assert_quiet();
        },
    ),
    ("no_os_thread_is_left_when_run_returns", || {
        let end = end_of("os-threads");
        end.assert_code(0);
        end.assert_quiet();
    }),
    ("a_program_without_input_runs", || {
        let end = end_of("stdin");
        end.assert_code(0);
        end.assert_says("end of input");
    }),
    ("a_failure_that_nobody_hears_is_printed", || {
        let end = end_of("silent-loss");
        end.assert_code(0);
        end.assert_errs("selvedge: a callback of signal `loud` panicked: a callback panics\n");
    }),
    ("a_child_that_says_nothing_expected_is_told_apart", || {
        // The helper itself must be able to fail.
        let mut child = Child::start("normal");
        let missed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            child.wait_for("never said");
        }));
        assert!(missed.is_err());
    }),
];

fn main() -> ExitCode {
    child::main(SCENARIOS, CASES)
}
