//! The log of a process: its lines, who writes them, and that none is lost, however the program ends.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use selvedge::observe::logging::{self, Full, InstallError, Level};
use selvedge::program;
use selvedge::thread::{self, Outcome};
use selvedge::{Signal, Till, local, signal};

mod child;
#[path = "alone_log/ends.rs"]
mod ends;
#[path = "child/writers.rs"]
mod writers;
use child::{Case, End, Scenario, end_of};
use writers::{Broken, Gate, Memory, Talkative};

local! {
    static USER: String;
    static UNBOUND: u8 = 7;
    static TALKATIVE: Talkative;
    static BROKEN: Broken;
}

fn run(body: impl FnOnce(Signal) -> Outcome<()>) -> ExitCode {
    selvedge::run("prog", body)
}

const SCENARIOS: &[Scenario] = &[
    ("form", || {
        let memory = Memory::default();
        let log = logging::to(memory.clone())
            .local("user", &USER)
            .local("unbound", &UNBOUND);
        let log = log.local("broken", &BROKEN).level(Level::Info);
        let status = run(|_| {
            let log = log.install()?;
            log.say(Level::Info, "plain");
            log.say(Level::Debug, "not wanted");
            USER.bind("Ada \"A\"\n".to_owned(), || {
                log.say(Level::Warn, "two\nlines\u{1b}[31m\u{202e}\u{2028}")
            });
            let worker = thread::Builder::new("worker").inherit();
            let said = log.clone();
            worker
                .spawn(move |_| {
                    BROKEN.bind(Broken, || said.say(Level::Error, "still said"));
                    Ok(())
                })?
                .join()?;
            assert!(log.flush());
            Ok(())
        });
        let time = memory.lines()[0].split(' ').next().unwrap().to_owned();
        let shape: String = time
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
        let expected = [
            "INFO  prog: plain",
            r#"WARN  prog: two\nlines\u{1b}[31m\u{202e}\u{2028} user="Ada \"A\"\n""#,
            r#"ERROR prog/worker: still said broken="#,
        ];
        let said = memory.said();
        assert_eq!(said[..2], expected[..2]);
        assert!(said[2].starts_with(expected[2]), "{said:?}");
        assert_eq!(said.len(), 3);
        status
    }),
    ("dates", || {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_800, "2000-03-01T00:00:00"),
            (1_767_225_599, "2025-12-31T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            let memory = Memory::default();
            let world = selvedge::testing::World::with_mock_clock();
            world.set_system_clock(std::time::UNIX_EPOCH + Duration::from_secs(seconds));
            world.run(|| {
                let log = logging::to(memory.clone()).install().unwrap();
                log.say(Level::Info, "now");
                log.close();
            });
            assert!(memory.lines()[0].starts_with(text), "{:?}", memory.lines());
        }
        ExitCode::SUCCESS
    }),
    ("crowd", || {
        let memory = Memory::default();
        let status = run(|_| {
            let log = logging::to(memory.clone()).bound(16).install()?;
            for name in ["a", "b", "c", "d"] {
                let log = log.clone();
                let talk = move |_| {
                    (0..1000).for_each(|n| log.say(Level::Info, format_args!("{name}-{n}")));
                    Ok(())
                };
                thread::spawn(name, talk).release();
            }
            Ok(())
        });
        let said = memory.said();
        assert_eq!(said.len(), 4000); // nothing lost, nothing torn
        for name in ["a", "b", "c", "d"] {
            let start = format!("INFO  prog/{name}: {name}-");
            let of: Vec<_> = said
                .iter()
                .filter_map(|line| line.strip_prefix(&start))
                .collect();
            let order: Vec<_> = (0..1000).map(|n| n.to_string()).collect();
            assert_eq!(of, order);
        }
        status
    }),
    ("late", || {
        run(|_| {
            let log = logging::stderr().install()?;
            let said = log.clone();
            thread::spawn("cleaner", move |stop| -> Outcome<()> {
                stop.wait_until(&Signal::never()).ok();
                said.say(Level::Info, "cleaned up");
                Err("broken at the end".into())
            })
            .release();
            log.say(Level::Info, "main ends");
            Ok(())
        });
        ExitCode::SUCCESS
    }),
    ("panic", || {
        run(|_| {
            let log = logging::stderr().install()?;
            log.say(Level::Info, "before");
            panic!("main panics")
        })
    }),
    ("forced", || {
        let program = program::Builder::new("prog").grace(Duration::from_millis(30));
        program.run(|_| {
            let log = logging::stderr()
                .period(Duration::from_millis(5))
                .install()?;
            let said = log.clone();
            thread::spawn("stuck", move |stop| {
                stop.wait_until(&Signal::never()).ok();
                said.say(Level::Info, "last words");
                Ok(signal::shield(|| Signal::named("what never comes").wait())?)
            })
            .release();
            Ok(())
        })
    }),
    ("exit", || {
        run(|_| {
            // Who flushes does not wait for the period.
            let hour = Duration::from_secs(3600);
            let log = logging::stderr().period(hour).install()?;
            log.say(Level::Info, "flushed");
            assert!(log.flush());
            std::process::exit(5)
        })
    }),
    ("no-tree", || {
        let memory = Memory::default();
        let log = logging::to(memory.clone()).install().unwrap();
        log.say(Level::Info, "at once");
        assert!(memory.said()[0].ends_with(": at once"));
        assert!(log.flush());
        let again = logging::stderr().install();
        assert!(matches!(again, Err(InstallError::AlreadyInstalled)));
        let status = run(|_| {
            thread::spawn("bad", |_| -> Outcome<()> { Err("told".into()) }).release();
            Ok(())
        });
        assert_ne!(status, ExitCode::SUCCESS);
        assert!(
            memory
                .said()
                .iter()
                .any(|line| line.starts_with("ERROR prog/bad selvedge: "))
        );
        log.close();
        logging::to(memory.clone()).install().unwrap().close();
        ExitCode::SUCCESS
    }),
    ("dropping", || {
        let (memory, open) = (Memory::default(), Signal::new());
        let gate = Gate(memory.clone(), open.clone());
        run(|_| {
            let log = logging::to(gate)
                .bound(4)
                .period(Duration::ZERO)
                .when_full(Full::Drop);
            let log = log.install()?;
            (0..100).for_each(|n| log.say(Level::Info, n));
            let dropped = log.dropped();
            assert!((88..=96).contains(&dropped), "{dropped}"); // 4 wait, and up to 8 are with the writer
            open.set();
            assert!(log.flush());
            log.say(Level::Info, "last");
            assert!(log.flush());
            let said = memory.said();
            let told = said.iter().filter_map(|line| {
                let rest = line.strip_prefix("WARN  prog/log selvedge: ")?;
                rest.strip_suffix(" records were dropped: there was no room for them")?
                    .parse::<u64>()
                    .ok()
            });
            assert_eq!(told.clone().sum::<u64>(), dropped, "{said:?}");
            assert_eq!(
                said.len(),
                100 - usize::try_from(dropped)? + told.count() + 1,
                "{said:?}"
            );
            Ok(())
        })
    }),
    ("failing", || {
        let memory = Memory::default();
        let mut expected = Vec::new();
        let status = run(|_| {
            let log = logging::to(memory.clone())
                .period(Duration::from_millis(1))
                .install()?;
            // Each error comes after so many bytes, in the middle of a line.
            *memory.fails.lock().unwrap() = vec![30, 200, 0, 61, 0, 0];
            for n in 0..20 {
                expected.push(format!("INFO  prog: line {n}"));
                log.say(Level::Info, format_args!("line {n}"));
            }
            let fails = memory.fails.clone();
            while !fails.lock().unwrap().is_empty() {
                std::thread::yield_now();
            }
            Ok(())
        });
        let mut said = memory.said();
        let failures = said
            .iter()
            .filter(|line| line.contains("the sink of batch queue `log` failed"))
            .count();
        assert!((1..=6).contains(&failures), "{said:#?}");
        said.retain(|line| line.starts_with("INFO "));
        assert_eq!(said, expected);
        status
    }),
    ("full-disk", || {
        let memory = Memory::default();
        *memory.fails.lock().unwrap() = vec![0; 1000];
        run(|_| {
            let log = logging::to(memory)
                .period(Duration::from_millis(1))
                .install()?;
            log.say(Level::Info, "never written");
            Ok(())
        })
    }),
    ("itself", || {
        let memory = Memory::default();
        run(|_| {
            let log = logging::to(memory.clone())
                .bound(1)
                .local("talkative", &TALKATIVE);
            let log = log.install()?;
            TALKATIVE.bind(Talkative(log.clone()), || {
                (0..50).for_each(|_| log.say(Level::Info, "said"));
            });
            assert!(log.flush());
            let said = memory.said();
            let outer = said
                .iter()
                .filter(|line| line.contains(": said talkative=\"outer\""))
                .count();
            let inner = said.iter().filter(|line| line.contains(": inner")).count() as u64;
            assert_eq!((outer, inner + log.dropped()), (50, 50), "{said:#?}");
            Ok(())
        })
    }),
    ("stopped", || {
        let (memory, open) = (Memory::default(), Signal::new());
        let gate = Gate(memory.clone(), open.clone());
        let status = run(|_| {
            let log = logging::to(gate)
                .bound(1)
                .period(Duration::ZERO)
                .install()?;
            let talker = thread::spawn("talker", move |_| {
                (0..20).for_each(|n| log.say(Level::Info, n));
                Ok(())
            });
            while !thread::tree().to_string().contains("`log`") {
                std::thread::yield_now(); // the talker waits for room
            }
            talker.stop();
            assert!(
                talker
                    .stopped()
                    .wait_until(&Till::after(Duration::from_millis(10)))
                    .is_err()
            );
            open.set();
            talker.join()?;
            Ok(())
        });
        assert_eq!(
            memory
                .said()
                .iter()
                .filter(|line| line.contains("talker"))
                .count(),
            20
        );
        status
    }),
    ("writer", || {
        let memory = Memory::default();
        let status = run(|_| {
            let log = logging::to(memory.clone()).install()?;
            let mut writer = log.writer();
            write!(writer, "one ")?;
            let mut other = writer.clone();
            writeln!(other, "two")?;
            write!(writer, "three\nfour\nfi")?;
            drop(writer);
            let subscriber = tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(move || other.clone());
            tracing::subscriber::with_default(subscriber.finish(), || {
                tracing::info!(n = 1, "traced")
            });
            Ok(())
        });
        let lines = memory.lines();
        assert_eq!(lines[..4], ["two", "one three", "four", "fi"]);
        assert!(
            lines[4].ends_with("INFO alone_log: traced n=1"),
            "{lines:?}"
        );
        status
    }),
    #[cfg(feature = "log")]
    ("outside", || {
        for _ in 0..1000 {
            let memory = Memory::default();
            let other = std::thread::spawn(|| {
                while !log::log_enabled!(log::Level::Info) {
                    core::hint::spin_loop();
                }
                (0..20).for_each(|n| log::info!("line {n}"));
            });
            let log = logging::to(memory.clone()).without_events();
            let log = log.install().unwrap();
            other.join().unwrap();
            log.close();
            let said = memory.said();
            let numbers = said.iter().filter_map(|line| line.rsplit(' ').next());
            assert!(
                numbers.eq((0..20).map(|n| n.to_string()).collect::<Vec<_>>()),
                "{said:?}"
            );
        }
        ExitCode::SUCCESS
    }),
    #[cfg(feature = "log")]
    ("records", || {
        let memory = Memory::default();
        let status = run(|_| {
            let log = logging::to(memory.clone()).level(Level::Debug).install()?;
            log::info!(target: "app::net", answer = 42, who = "x"; "asked {}", 1);
            log::trace!("not wanted");
            thread::spawn("bad", |_| -> Outcome<()> { Err("told once".into()) })
                .join()
                .unwrap_err();
            assert!(log.flush());
            Ok(())
        });
        let said = memory.said();
        assert_eq!(
            said[0],
            "DEBUG prog/log selvedge: thread `prog/log` started"
        );
        assert!(
            said.contains(&"INFO  prog app::net: asked 1 answer=42 who=\"x\"".to_owned()),
            "{said:#?}"
        );
        let told = said
            .iter()
            .filter(|line| line.starts_with("ERROR") && line.contains("told once"));
        assert_eq!(told.count(), 1, "{said:#?}");
        status
    }),
];

#[track_caller]
fn good(name: &str) -> End {
    let end = end_of(name);
    assert!(end.status.success(), "{end:?}");
    end
}

/// How many lines of standard error have this in them.
fn count(end: &End, text: &str) -> usize {
    end.errors
        .lines()
        .filter(|line| line.contains(text))
        .count()
}

const CASES: &[Case] = &[
    ("a_line_has_its_form", || _ = good("form")),
    ("dates_are_those_of_the_calendar", || _ = good("dates")),
    ("lines_of_many_threads_are_whole_and_in_order", || {
        _ = good("crowd")
    }),
    ("what_is_logged_and_fails_at_the_end_is_written", || {
        let end = good("late");
        for line in [
            "INFO  prog: main ends",
            "INFO  prog/cleaner: cleaned up",
            "ERROR prog/cleaner selvedge: thread `prog/cleaner` failed and nobody joins it: ",
        ] {
            assert_eq!(count(&end, line), 1, "{end:?}");
        }
    }),
    ("a_panic_of_the_main_body_loses_no_line", || {
        let end = end_of("panic");
        assert_eq!(end.status.code(), Some(101));
        assert_eq!(count(&end, "INFO  prog: before"), 1, "{end:?}");
        assert_eq!(
            count(&end, "ERROR prog selvedge: thread `prog` failed: "),
            1,
            "{end:?}"
        );
    }),
    ("an_end_by_force_writes_what_is_left", || {
        let end = end_of("forced");
        assert_eq!(count(&end, "INFO  prog/stuck: last words"), 1, "{end:?}");
        assert_eq!(
            count(
                &end,
                "WARN  prog/stuck selvedge: thread `prog/stuck` has not ended"
            ),
            1,
            "{end:?}"
        );
    }),
    ("an_exit_after_a_flush_loses_no_line", || {
        let end = end_of("exit");
        assert_eq!(end.status.code(), Some(5));
        assert_eq!(count(&end, "INFO  prog: flushed"), 1, "{end:?}");
    }),
    ("outside_of_a_tree_lines_are_written_at_once", || {
        _ = good("no-tree")
    }),
    ("lines_without_room_are_counted_and_told", || {
        _ = good("dropping")
    }),
    ("a_writer_that_fails_gets_every_line_once", || {
        _ = good("failing")
    }),
    ("a_writer_that_never_writes_fails_the_program", || {
        let end = end_of("full-disk");
        assert_eq!(end.status.code(), Some(1), "{end:?}");
        assert!(count(&end, "disk full") > 0, "{end:?}");
    }),
    (
        "what_logs_while_it_is_logged_does_not_wait_for_itself",
        || _ = good("itself"),
    ),
    ("a_thread_that_is_asked_to_stop_still_logs", || {
        _ = good("stopped")
    }),
    ("a_writer_adds_whole_lines", || _ = good("writer")),
    #[cfg(feature = "log")]
    ("records_of_the_crate_log_are_lines", || _ = good("records")),
    #[cfg(feature = "log")]
    (
        "outside_of_a_tree_a_record_in_the_middle_of_the_installation_is_written",
        || _ = good("outside"),
    ),
];

fn main() -> ExitCode {
    child::main(
        &[SCENARIOS, ends::SCENARIOS].concat(),
        &[CASES, ends::CASES].concat(),
    )
}
