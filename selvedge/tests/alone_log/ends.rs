//! What is in the log when a program ends in a hurry, and how long a flush may take.

use std::time::Duration;

use selvedge::observe::logging::{self, Full, Level};
use selvedge::thread::{self, Outcome};
use selvedge::{Signal, Till};

use super::child::{Case, Child, Scenario, end_of, say};
use super::writers::{Gate, Memory};
use super::{USER, count, good, run};

pub(crate) const SCENARIOS: &[Scenario] = &[
    // A failure is told when the body, and all blocks in it, are left.
    ("for-whom", || {
        let memory = Memory::default();
        let status = run(|_| {
            let log = logging::to(memory.clone()).local("user", &USER).install()?;
            USER.bind("Ada".to_owned(), || {
                let fails = |_: Signal| -> Outcome<()> { Err("broken".into()) };
                let panics = |_: Signal| -> Outcome<()> { panic!("broken") };
                let inherits = |name| thread::Builder::new(name).inherit();
                inherits("fails").spawn(fails)?.join().unwrap_err();
                inherits("panics").spawn(panics)?.join().unwrap_err();
                thread::scope("scope", |s| {
                    s.builder("fails").inherit().spawn(fails)?;
                    Ok(())
                })
                .unwrap_err();
                Outcome::Ok(())
            })?;
            let unbound = thread::spawn("nobody", |_| -> Outcome<()> { Err("broken".into()) });
            unbound.join().unwrap_err();
            assert!(log.flush());
            Ok(())
        });
        let said = memory.said();
        let told = |thread: &str| {
            let start = format!("ERROR prog/{thread} selvedge: ");
            let lines = said.iter().filter(|line| line.starts_with(&start));
            lines
                .map(|line| line.ends_with(" user=\"Ada\""))
                .collect::<Vec<_>>()
        };
        for thread in ["fails", "panics", "scope/fails"] {
            assert_eq!(told(thread), [true], "{thread}: {said:#?}");
        }
        assert_eq!(told("nobody"), [false], "{said:#?}");
        status
    }),
    // What observing.md says for programs that abort on panic.
    ("abort", || {
        run(|_| {
            let log = logging::stderr().install()?;
            let (last, hook) = (log.clone(), std::panic::take_hook());
            std::panic::set_hook(Box::new(move |panic| {
                hook(panic);
                last.flush();
                std::process::abort(); // as `panic = "abort"` does when the hook has run
            }));
            log.say(Level::Info, "before the panic");
            thread::spawn("worker", move |_| -> Outcome<()> {
                log.say(Level::Info, "just before");
                panic!("worker panics")
            })
            .join()?;
            Ok(())
        })
    }),
    ("asked", || {
        run(|stop| {
            let log = logging::stderr().install()?;
            say("ready");
            stop.wait_until(&Signal::never()).ok();
            log.say(Level::Info, "cleaned up");
            Ok(())
        })
    }),
    ("blocked", || {
        let open = Signal::new();
        let gate = Gate(Memory::default(), open.clone());
        run(|_| {
            let log = logging::to(gate)
                .bound(1)
                .period(Duration::ZERO)
                .when_full(Full::Drop);
            let log = log.install()?;
            while log.dropped() == 0 {
                log.say(Level::Info, "no room soon");
            }
            assert!(
                !log.flush_until(&Signal::always()),
                "there is no room for it even to wait"
            );
            assert!(!log.flush_until(&Till::after(Duration::from_millis(5))));
            open.set();
            assert!(log.flush());
            Ok(())
        })
    }),
];

pub(crate) const CASES: &[Case] = &[
    (
        "a_failure_shows_the_locals_that_its_thread_was_given",
        || _ = good("for-whom"),
    ),
    (
        "a_panic_that_aborts_loses_no_line_if_its_hook_flushes",
        || {
            let end = end_of("abort");
            end.assert_signal(6);
            for line in [
                "INFO  prog: before the panic",
                "INFO  prog/worker: just before",
            ] {
                assert_eq!(count(&end, line), 1, "{end:?}");
            }
        },
    ),
    ("a_stop_by_a_signal_loses_no_line", || {
        for (signal, number) in [("INT", 2), ("TERM", 15)] {
            let mut child = Child::start("asked");
            child.wait_for("ready");
            child.signal(signal);
            let end = child.end();
            end.assert_signal(number);
            assert_eq!(count(&end, "INFO  prog: cleaned up"), 1, "{end:?}");
        }
    }),
    ("a_flush_waits_no_longer_than_it_is_told", || {
        _ = good("blocked")
    }),
];
