//! The program with choices: aliens, `install`, what is told at its end, input that ends it.

use std::process::ExitCode;
use std::time::Duration;

use selvedge::program::{self, AlreadyRunning};
use selvedge::thread::{self, Outcome, RegisterError, SpawnError, Thread};
use selvedge::{Signal, Till, signal};

mod child;
use child::{Case, Child, Scenario, end_of, say};

/// Ends the handle without releasing the thread: its result is left to the parent.
fn leave<T>(thread: Thread<T>) {
    std::mem::forget(thread);
}

fn until_stopped(_stop: Signal) -> Outcome<()> {
    Ok(Signal::new().wait()?)
}

/// A thread of nobody.
fn alien<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> std::thread::JoinHandle<T> {
    std::thread::Builder::new().spawn(f).unwrap()
}

const SCENARIOS: &[Scenario] = &[
    ("alien", || {
        let before = alien(|| thread::register("early", |_| Ok(())))
            .join()
            .unwrap();
        assert!(matches!(
            before,
            Err(RegisterError::Refused(SpawnError::NoTree { .. }))
        ));
        let begun = Signal::new();
        let begin = begun.clone();
        let status = selvedge::run("prog", |_| {
            alien(move || {
                thread::register("camera", |_| {
                    begin.set();
                    let stopped = Signal::new().wait();
                    signal::shield(|| Till::after(Duration::from_millis(20)).wait())?;
                    say(&format!("{} has cleaned up", thread::current()));
                    Ok(stopped?)
                })
            });
            begun.wait()?;
            Ok(())
        });
        say("run has returned");
        let late = alien(|| thread::register("late", |_| Ok(())))
            .join()
            .unwrap();
        assert!(matches!(late, Err(RegisterError::Refused(_))));
        status
    }),
    ("installed", || {
        let program = selvedge::install("prog").unwrap();
        assert_eq!(thread::current().path(), "prog");
        let second: Result<_, AlreadyRunning> = selvedge::install("second");
        assert!(second.is_err());
        assert_eq!(selvedge::run("third", |_| Ok(())), ExitCode::FAILURE);
        let worker = thread::spawn("worker", |stop| {
            stop.wait_until(&Signal::never()).ok();
            say("worker has cleaned up");
            Ok(())
        });
        worker.release();
        let till = Till::after(Duration::from_secs(3600));
        assert!(!till.is_set());
        say("main has ended");
        let status = program.finish();
        assert!(till.reason().unwrap().is_shutdown());
        assert!(!thread::current().is_member() && !signal::stop().is_set());
        child::others_are_gone();
        say("all has ended");
        status
    }),
    ("installed-and-dropped", || {
        for _ in 0..3 {
            let _program = selvedge::install("prog").unwrap();
            leave(thread::spawn("worker", |stop| {
                stop.wait_until(&Signal::never()).ok();
                say("worker has cleaned up");
                Ok(())
            }));
        }
        selvedge::run("prog", |_| Ok(ExitCode::from(6)))
    }),
    ("installed-failure", || {
        let program = selvedge::install("prog").unwrap();
        leave(thread::spawn("broken", |_| -> Outcome<()> {
            Err("too bad".into())
        }));
        program.finish()
    }),
    ("installed-stop", || {
        let program = selvedge::install("prog").unwrap();
        let worker = thread::spawn("worker", until_stopped);
        let seen = program.stop_signal();
        program.stop();
        program.stop();
        assert!(
            seen.is_set()
                && signal::shield(|| worker.join())
                    .unwrap_err()
                    .stop_reason()
                    .is_some()
        );
        program.finish()
    }),
    ("installed-panic", || {
        let _program = selvedge::install("prog").unwrap();
        leave(thread::spawn("worker", |stop| {
            stop.wait_until(&Signal::never()).ok();
            say("worker has cleaned up");
            Ok(())
        }));
        panic!("main panics")
    }),
    ("installed-stuck", || {
        let program = program::Builder::new("prog").grace(Duration::from_millis(30));
        let program = program.install().unwrap();
        leave(thread::spawn("stuck", |_| {
            Ok(signal::shield(|| Signal::named("what never comes").wait())?)
        }));
        program.finish()
    }),
    ("installed-interrupted", || {
        let program = selvedge::install("prog").unwrap();
        leave(thread::spawn("worker", |stop| {
            stop.wait_until(&Signal::never()).ok();
            say("worker has cleaned up");
            Ok(())
        }));
        say("ready");
        // 275: a bare wait on main ends.
        let stopped = Signal::new().wait().unwrap_err();
        say(&stopped.to_string());
        program.finish()
    }),
    ("installed-inside-a-block", || {
        // Dropped where the thread still reads who it is.
        let program = selvedge::install("prog").unwrap();
        signal::shield(|| drop(program));
        assert!(!thread::current().is_member());
        let program = selvedge::install("prog").unwrap();
        selvedge::testing::World::new().run(|| {
            drop(program);
            thread::spawn("inner", |_| Ok(())).join().unwrap();
        });
        ExitCode::SUCCESS
    }),
    ("report", || {
        program::Builder::new("prog")
            .on_report(|report| {
                let paths: Vec<_> = report.threads().iter().map(|t| t.path()).collect();
                assert_eq!(
                    paths,
                    [
                        "prog/old/child",
                        "prog/new",
                        "prog/old",
                        "prog",
                        "prog/old/late"
                    ]
                );
                for thread in report.threads() {
                    assert!(thread.ended().is_some() && thread.waits_for().is_none());
                    let asked = thread.asked().expect("all were asked");
                    assert!(asked.when().expect("a stop has a time") <= thread.ended().unwrap());
                    assert_eq!((asked.text(), asked.thread()), (Some("enough"), "prog"));
                }
                say(&report.to_string());
            })
            .run(|stop| {
                thread::spawn("gone", |_| Ok(())).join()?; // before the end began
                let ready = Signal::new();
                let begin = ready.clone();
                leave(thread::spawn("old", move |stop| {
                    leave(thread::spawn("child", until_stopped));
                    begin.set();
                    stop.wait_until(&Signal::never()).ok();
                    leave(thread::spawn("late", until_stopped));
                    Ok(())
                }));
                ready.wait()?;
                leave(thread::spawn("new", until_stopped));
                stop.set_because("enough");
                Ok(())
            })
    }),
    ("report-of-a-stuck-thread", || {
        let _heard = selvedge::probe::subscribe(|event| {
            if let selvedge::probe::Event::Overdue { .. } = event {
                say(&format!("event: {event}"));
            }
        });
        program::Builder::new("prog")
            .grace(Duration::from_millis(30))
            .on_report(|report| {
                let stuck = &report.threads()[0];
                assert!(stuck.ended().is_none() && stuck.ending().is_none());
                say(&report.to_string());
                std::thread::park(); // the program does not wait for it
            })
            .run(|_| {
                leave(thread::spawn("stuck", |_| {
                    let queue = selvedge::sync::Queue::<u8>::named("empty", 1);
                    Ok(signal::shield(|| queue.pop()).map(drop)?)
                }));
                Ok(())
            })
    }),
    ("report-of-a-scope", || {
        program::Builder::new("prog")
            .on_report(|report| {
                let paths: Vec<_> = report.threads().iter().map(|t| t.path()).collect();
                assert_eq!(paths, ["prog/scope/inside", "prog"]); // a scope is no thread
                assert!(report.threads().iter().all(|t| t.ended().is_some()));
                say(&report.to_string());
            })
            .run(|stop| {
                thread::scope("scope", |s| {
                    s.spawn("inside", until_stopped);
                    stop.set_because("enough");
                    Ok(())
                })?;
                Ok(())
            })
    }),
    ("report-that-panics", || {
        program::Builder::new("prog")
            .on_report(|_| panic!("the report panics"))
            .run(|_| Ok(()))
    }),
    ("exit-on-stdin", || {
        let status = program::Builder::new("prog").exit_on_stdin().run(|stop| {
            say("ready");
            stop.wait_until(&Signal::never()).ok();
            say(&stop.reason().unwrap().to_string());
            Ok(())
        });
        child::others_are_gone();
        status
    }),
    ("end-with-stdin-open", || {
        let status = program::Builder::new("prog")
            .exit_on_stdin()
            .run(|_| Ok(()));
        child::others_are_gone();
        say("ended");
        status
    }),
    ("exit-on-a-closed-stdin", || {
        program::Builder::new("prog").exit_on_stdin().run(|stop| {
            say("ready");
            let soon = Till::after(Duration::from_millis(20));
            assert!(stop.wait_until(&soon).is_err(), "its end is no request");
            say("not asked");
            Ok(())
        })
    }),
    ("input-asked-for", || {
        let status = program::Builder::new("prog").exit_on_stdin().run(with_work);
        child::others_are_gone();
        status
    }),
    ("input-not-asked-for", || {
        let status = selvedge::run("prog", with_work);
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        say(&format!("first line: {line}")); // all of it is there
        status
    }),
    ("interrupted-tree", || {
        // Children end before the parent has been asked: their stop, handed on, is not a failure.
        selvedge::run("prog", |_| {
            let parents: Vec<_> = (0..20)
                .map(|i| {
                    thread::spawn(&format!("p{i}"), |_| {
                        let child = thread::spawn("child", |_| {
                            Ok(thread::spawn("grandchild", until_stopped).join()?)
                        });
                        Ok(child.join()?)
                    })
                })
                .collect();
            say("ready");
            Ok(thread::join_all(&parents).map(drop)?)
        })
    }),
];

/// Starts threads, waits for them and for a till, and is not asked to stop.
fn with_work(stop: Signal) -> Outcome<ExitCode> {
    for _ in 0..10 {
        let worker = thread::spawn("worker", |_| {
            Ok(Till::after(Duration::from_millis(1)).wait()?)
        });
        worker.join()?;
    }
    assert!(!stop.is_set());
    Ok(ExitCode::from(7))
}

const CASES: &[Case] = &[
    // catalogue 268, 270
    ("the_program_waits_for_registered_alien_threads", || {
        let end = end_of("alien");
        end.assert_code(0);
        assert_eq!(end.output, "prog/camera has cleaned up\nrun has returned\n");
        end.assert_quiet();
    }),
    // catalogue 274
    ("an_installed_program_ends_in_order", || {
        let end = end_of("installed");
        end.assert_code(0);
        assert_eq!(
            end.output,
            "main has ended\nworker has cleaned up\nall has ended\n"
        );
        let errors = "third: error: another `selvedge::run` is running in this process\n";
        assert_eq!(end.errors, errors);
    }),
    (
        "the_drop_of_the_guard_ends_the_program_and_it_can_be_installed_again",
        || {
            let end = end_of("installed-and-dropped");
            end.assert_code(6);
            assert_eq!(end.output, "worker has cleaned up\n".repeat(3));
            end.assert_quiet();
        },
    ),
    // catalogue 273
    ("a_failed_thread_of_an_installed_program_is_1", || {
        let end = end_of("installed-failure");
        end.assert_code(1);
        end.assert_errs("prog: error: 1 child of thread `prog` failed");
        end.assert_errs("too bad");
    }),
    // catalogue 272
    (
        "an_installed_program_is_stopped_by_its_guard_once_or_twice",
        || {
            let end = end_of("installed-stop");
            end.assert_code(0);
            end.assert_quiet();
        },
    ),
    (
        "a_panic_of_main_ends_the_threads_of_an_installed_program",
        || {
            let end = end_of("installed-panic");
            end.assert_code(101);
            end.assert_says("worker has cleaned up\n");
            end.assert_errs("main panics");
        },
    ),
    ("an_installed_program_has_a_grace", || {
        let end = end_of("installed-stuck");
        end.assert_code(0);
        end.assert_errs("`prog/stuck` waits for signal `what never comes` at ");
    }),
    // catalogue 275
    (
        "a_signal_stops_an_installed_program_and_is_raised_again",
        || {
            let mut child = Child::start("installed-interrupted");
            child.wait_for("ready");
            child.signal("INT");
            let end = child.end();
            end.assert_signal(2);
            end.assert_says("asked to stop: SIGINT\n");
            end.assert_says("worker has cleaned up\n");
        },
    ),
    ("a_guard_may_be_dropped_inside_a_block", || {
        let end = end_of("installed-inside-a-block");
        end.assert_code(0);
        end.assert_quiet();
    }),
    ("the_report_tells_who_was_asked_and_ended", || {
        let end = end_of("report");
        end.assert_code(0);
        end.assert_quiet();
        end.assert_says("`prog/new` ended: stopped; asked to stop: enough (by `prog` at ");
        end.assert_says("`prog` ended: finished; asked to stop: enough");
    }),
    (
        "the_report_names_who_does_not_end_and_its_last_wait",
        || {
            let end = end_of("report-of-a-stuck-thread");
            end.assert_code(0);
            let site = "waits for queue `empty` at selvedge/tests/alone_program.rs:";
            end.assert_says(&format!("`prog/stuck` has not ended, {site}"));
            end.assert_says("event: thread `prog/stuck` has not ended ");
            end.assert_says(&format!("it {site}"));
            end.assert_errs(&format!("`prog/stuck` {site}"));
        },
    ),
    ("the_report_is_about_threads_and_not_about_scopes", || {
        let end = end_of("report-of-a-scope");
        end.assert_code(0);
        end.assert_quiet();
        end.assert_says("`prog/scope/inside` ended: stopped");
    }),
    ("a_report_that_panics_harms_nobody", || {
        let end = end_of("report-that-panics");
        end.assert_code(0);
        end.assert_errs("the report panics");
    }),
    // catalogue 275; T8: a reader in the middle of a read saw no stop.
    ("exit_on_standard_input_asks_the_program_to_stop", || {
        let mut child = Child::start("exit-on-stdin");
        child.wait_for("ready");
        for line in ["", "exi", "exit now", &"long".repeat(1000), " exit "] {
            child.tell(line);
        }
        let end = child.end();
        end.assert_code(0);
        end.assert_says("`exit` on standard input (by `selvedge-stdin` at ");
    }),
    (
        "a_program_that_reads_standard_input_ends_by_itself_while_it_is_open",
        || {
            let mut child = Child::start("end-with-stdin-open");
            child.wait_for("ended");
            child.end().assert_code(0);
        },
    ),
    ("the_end_of_standard_input_is_no_request", || {
        let end = end_of("exit-on-a-closed-stdin");
        end.assert_code(0);
        end.assert_says("not asked\n");
    }),
    (
        "whatever_standard_input_is_the_program_runs_and_ends",
        || {
            for (redirection, line) in [
                ("<&-", ""),
                ("</dev/null", ""),
                ("<Cargo.toml", "[package]"),
            ] {
                let end = Child::start_redirected("input-asked-for", redirection).end();
                end.assert_code(7);
                end.assert_quiet();
                let end = Child::start_redirected("input-not-asked-for", redirection).end();
                end.assert_code(7);
                end.assert_says(&format!("first line: {line}"));
            }
            // It never ends: of lines, of one line, and of nothing.
            for script in ["yes exit-not", r"tr '\0' x </dev/zero"] {
                let end = Child::start_reading("input-asked-for", script).end();
                end.assert_code(7);
                end.assert_quiet();
            }
            let silent = Child::start("input-asked-for");
            silent.end_with_input_open().assert_code(7);
            let end = Child::start_reading("input-not-asked-for", "yes exit-not").end();
            end.assert_code(7);
            end.assert_says("first line: exit-not");
        },
    ),
    ("the_request_is_found_in_input_that_never_ends", || {
        let flood = "yes exit-not | head -n 20000; echo exit; yes exit-not";
        let end = Child::start_reading("exit-on-stdin", flood).end();
        end.assert_code(0);
        end.assert_says("`exit` on standard input (by `selvedge-stdin` at ");
    }),
    ("a_signal_that_every_thread_hands_on_is_no_failure", || {
        for _ in 0..10 {
            let mut child = Child::start("interrupted-tree");
            child.wait_for("ready");
            child.signal("TERM");
            let end = child.end();
            end.assert_signal(15);
            end.assert_quiet();
        }
    }),
];

fn main() -> ExitCode {
    child::main(SCENARIOS, CASES)
}
