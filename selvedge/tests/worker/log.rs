//! What a worker logs, and how much of it is sent.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::process::{ExitCode, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use selvedge::Outcome;
use selvedge::observe::logging;
use selvedge::process::worker::{Builder, LogLevel, Server, Worker};

use crate::cancel::Server as RawServer;
use crate::child::{Case, Scenario};
use crate::server::{command, serve};
use crate::{Heard, program, python};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("logs", || serve(server())),
    ("logs in a pool", || serve(server().threads(3))),
    ("logs by itself", logs_by_itself),
    ("logs to a log", logs_to_a_log),
];

pub(crate) const CASES: &[Case] = &[
    (
        "records_of_a_rust_worker_arrive_before_the_answer",
        records_of_a_rust_worker_arrive_before_the_answer,
    ),
    (
        "what_a_record_logs_while_it_is_made_is_sent_first",
        what_a_record_logs_while_it_is_made_is_sent_first,
    ),
    (
        "events_of_a_rust_worker_are_its_log",
        events_of_a_rust_worker_are_its_log,
    ),
    (
        "the_level_says_what_a_rust_worker_sends",
        the_level_says_what_a_rust_worker_sends,
    ),
    (
        "a_logger_of_the_program_is_kept",
        a_logger_of_the_program_is_kept,
    ),
    (
        "a_log_that_is_installed_meanwhile_gets_the_records",
        a_log_that_is_installed_meanwhile_gets_the_records,
    ),
    (
        "no_record_is_lost_when_serving_ends",
        no_record_is_lost_when_serving_ends,
    ),
    (
        "an_event_does_not_wait_for_who_reads_nothing",
        an_event_does_not_wait_for_who_reads_nothing,
    ),
    (
        "a_long_record_fits_into_a_line",
        a_long_record_fits_into_a_line,
    ),
];

pub(crate) const PYTHON_CASES: &[Case] = &[
    (
        "the_level_says_what_a_python_worker_sends",
        the_level_says_what_a_python_worker_sends,
    ),
    (
        "a_long_record_of_python_fits_into_a_line",
        a_long_record_of_python_fits_into_a_line,
    ),
];

/// Are the records of the crate `log` taken?
const LOGS: bool = cfg!(feature = "log");

/// Its text logs.
struct Talkative;

impl std::fmt::Display for Talkative {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        log::info!(target: "a.b", "inner");
        f.write_str("outer")
    }
}

fn server() -> Server {
    Server::new()
        .function("log", |(text,): (String,)| {
            log::trace!(target: "a.b", "trace {text}");
            log::debug!(target: "a.b", "debug {text}");
            log::info!(target: "a.b", "info {text}");
            log::warn!(target: "a.b", n = 1; "warning {text}");
            log::error!(target: "a.b", "error {text}");
            tracing::debug!(target: "c", "event debug {text}");
            tracing::warn!(target: "c", n = 2, "event {text}");
            Ok(())
        })
        .function("nested", |()| {
            log::info!(target: "a.b", "{Talkative}");
            Ok(())
        })
        .function("storm", |(n,): (u32,)| {
            (0..n).for_each(|i| log::info!(target: "a.b", "record {i}."));
            Ok(())
        })
        .function("long", |()| {
            let controls = "\u{1}".repeat(100_000); // six letters each as JSON
            log::info!(target: "a.b", "{controls}");
            Ok(())
        })
        .function("big", |()| Ok("x".repeat(60_000)))
        .function("break", |()| {
            let broken = selvedge::thread::scope("parts", |scope| {
                scope.spawn("part", |_stop| -> Outcome<()> { Err("disk full".into()) });
                Ok(())
            });
            Ok(broken.is_err())
        })
        .function("install", |(text,): (String,)| {
            let log = logging::stderr().without_events().install()?;
            log::info!(target: "a.b", "{text}");
            log.close();
            log::info!(target: "a.b", "closed");
            Ok(())
        })
}

/// With a logger of its own.
fn logs_by_itself() -> ExitCode {
    struct Own;
    impl log::Log for Own {
        fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            eprintln!("own: {}", record.args());
        }
        fn flush(&self) {}
    }
    log::set_logger(&Own).expect("there is no other");
    log::set_max_level(log::LevelFilter::Info);
    serve(server())
}

/// With a log of its own.
fn logs_to_a_log() -> ExitCode {
    selvedge::run("worker", |_stop| {
        logging::stderr().install()?;
        server().serve()?;
        Ok(())
    })
}

fn rust(scenario: &str) -> Builder {
    Builder::new("rust", command(scenario))
}

/// What is heard of a worker while `body` calls it. A line that comes before an answer is heard before it.
fn heard_while(
    builder: Builder,
    body: impl FnOnce(&Worker) -> Outcome<()>,
) -> Outcome<Vec<String>> {
    let worker = builder.start()?;
    let heard = Heard::until("nothing is waited for");
    body(&worker)?;
    Ok(heard.texts())
}

fn has(texts: &[String], text: &str) -> bool {
    texts.iter().any(|said| said.contains(text))
}

/// 305: as those of one in Python.
fn records_of_a_rust_worker_arrive_before_the_answer() {
    program(|_| {
        for scenario in ["logs", "logs in a pool"] {
            let texts = heard_while(rust(scenario), |worker| {
                Ok(worker.call::<()>("log", ("é\n\"x\"",))?)
            })?;
            for (line, is_there) in [
                ("worker `test/rust`: INFO a.b: info é\n\"x\"", LOGS),
                (
                    "worker `test/rust`: WARNING a.b: warning é\n\"x\" n=1",
                    LOGS,
                ),
                ("worker `test/rust`: ERROR a.b: error é\n\"x\"", LOGS),
                (
                    "worker `test/rust`: WARNING c: event é\n\"x\" n=2",
                    cfg!(feature = "tracing"),
                ),
                ("debug", false),
                ("trace", false),
            ] {
                let times = texts.iter().filter(|said| said.contains(line)).count();
                assert_eq!(times, usize::from(is_there), "{line}: {texts:?}");
            }
        }
        Ok(())
    });
}

fn what_a_record_logs_while_it_is_made_is_sent_first() {
    program(|_| {
        let texts = heard_while(rust("logs"), |worker| Ok(worker.call::<()>("nested", ())?))?;
        let logged: Vec<_> = texts
            .iter()
            .filter_map(|text| text.strip_prefix("worker `test/rust`: INFO a.b: "))
            .collect();
        let expected: &[&str] = if LOGS { &["inner", "outer"] } else { &[] };
        assert_eq!(logged, expected);
        Ok(())
    });
}

/// Once, whatever logs; and not as a line that is printed.
fn events_of_a_rust_worker_are_its_log() {
    program(|_| {
        for scenario in ["logs", "logs in a pool", "logs by itself"] {
            let texts = heard_while(rust(scenario), |worker| {
                assert!(worker.call::<bool>("break", ())?);
                Ok(())
            })?;
            let failed = |text: &&String| text.contains("/parts/part` failed: disk full");
            let failed: Vec<_> = texts.iter().filter(failed).collect();
            let logged = "worker `test/rust`: ERROR selvedge: thread `worker/";
            let is_sent = |text: &&&String| text.starts_with(logged);
            assert_eq!(failed.iter().filter(is_sent).count(), 1, "{texts:?}");
        }
        Ok(())
    });
}

/// The events of the library alone would tell, too: that a thread starts is a detail.
fn the_level_says_what_a_rust_worker_sends() {
    program(|_| {
        for (level, names) in [
            (LogLevel::Error, &["error"][..]),
            (LogLevel::Warning, &["error", "warning"]),
            (LogLevel::Info, &["error", "warning", "info"]),
            (LogLevel::Debug, &["error", "warning", "info", "debug"]),
            (
                LogLevel::Trace,
                &["error", "warning", "info", "debug", "trace"],
            ),
        ] {
            let texts = heard_while(rust("logs").log_level(level), |worker| {
                worker.call::<()>("log", ("here",))?;
                worker.call::<bool>("break", ())?;
                Ok(())
            })?;
            for name in ["error", "warning", "info", "debug", "trace"] {
                let is_there = LOGS && names.contains(&name);
                let line = format!("a.b: {name} here");
                assert_eq!(has(&texts, &line), is_there, "{level:?} {name}: {texts:?}");
            }
            let starts = texts.iter().any(|text| {
                text.starts_with("worker `test/rust`: DEBUG selvedge: ")
                    && text.contains("/parts/part` start")
            });
            assert_eq!(starts, level >= LogLevel::Debug, "{level:?}: {texts:?}");
            assert!(has(&texts, "ERROR selvedge: "), "{level:?}: {texts:?}");
        }
        Ok(())
    });
}

fn the_level_says_what_a_python_worker_sends() {
    program(|_| {
        for (level, names) in [
            (LogLevel::Error, &["ERROR"][..]),
            (LogLevel::Warning, &["ERROR", "WARNING"]),
            (LogLevel::Info, &["ERROR", "WARNING", "INFO"]),
            (LogLevel::Debug, &["ERROR", "WARNING", "INFO", "DEBUG"]),
            (
                LogLevel::Trace,
                &["ERROR", "WARNING", "INFO", "DEBUG", "TRACE"],
            ),
        ] {
            let texts = heard_while(python().log_level(level), |worker| {
                worker.exec(
                    "import logging\nfor level in (5, 10, 20, 30, 40): logging.log(level, 'here')",
                )?;
                Ok(())
            })?;
            for name in ["ERROR", "WARNING", "INFO", "DEBUG", "TRACE"] {
                let line = format!("worker `test/py`: {name} root: here");
                let is_there = names.contains(&name);
                assert_eq!(has(&texts, &line), is_there, "{level:?} {name}: {texts:?}");
            }
        }
        Ok(())
    });
}

fn a_logger_of_the_program_is_kept() {
    program(|_| {
        let by_itself = ("logs by itself", "prints: own: error here");
        let to_a_log = LOGS.then_some(("logs to a log", "a.b: error here"));
        for (scenario, line) in [Some(by_itself), to_a_log].into_iter().flatten() {
            let worker = rust(scenario).start()?;
            let heard = Heard::until(line);
            worker.call::<()>("log", ("here",))?;
            heard.heard.wait()?;
            let texts = heard.texts();
            assert!(!has(&texts, "`test/rust`: ERROR a.b"), "{texts:?}");
        }
        Ok(())
    });
}

/// And when that is closed, they are sent again.
fn a_log_that_is_installed_meanwhile_gets_the_records() {
    if !LOGS {
        return; // nobody takes them
    }
    program(|_| {
        let worker = rust("logs").start()?;
        let heard = Heard::until("a.b: of its own");
        worker.call::<()>("install", ("of its own",))?;
        heard.heard.wait()?;
        let texts = heard.texts();
        assert!(
            !has(&texts, "worker `test/rust`: INFO a.b: of its own"),
            "{texts:?}"
        );
        assert!(
            has(&texts, "worker `test/rust`: INFO a.b: closed"),
            "{texts:?}"
        );
        Ok(())
    });
}

/// More than a pipe holds, and it is stopped while they are logged.
fn no_record_is_lost_when_serving_ends() {
    program(|_| {
        for scenario in ["logs", "logs in a pool"] {
            let worker = rust(scenario).start()?;
            let heard = Heard::until(if LOGS { "record 0." } else { "" });
            let call = worker.begin::<()>("storm", (5000,))?;
            if LOGS {
                heard.heard.wait()?;
            }
            worker.stop();
            let answer = call.wait();
            worker.join()?;
            let texts = heard.texts();
            let logged = texts.iter().filter(|text| text.contains("a.b: record "));
            assert_eq!(logged.count(), if LOGS { 5000 } else { 0 }, "{answer:?}");
        }
        Ok(())
    });
}

/// It is printed; what waits is all there when somebody reads.
fn an_event_does_not_wait_for_who_reads_nothing() {
    let mut server = RawServer::rust_with("logs in a pool", 3, Stdio::piped());
    let errors = BufReader::new(server.process.stderr.take().unwrap());
    server.call(1, "big", &[]);
    server.call(2, "big", &[]); // more than a pipe holds
    wait_until_full(server.answers());
    server.call(3, "break", &[]);
    let mut printed = errors.lines().map(Result::unwrap);
    let failed = "/parts/part` failed: disk full";
    assert!(printed.any(|line| line.starts_with("selvedge: ") && line.ends_with(failed)));
    let answers = [(); 3].map(|()| server.answer());
    let mut ids = answers.map(|answer| answer["id"].as_u64());
    ids.sort();
    assert_eq!(ids, [1, 2, 3].map(Some));
    server.say(&serde_json::json!({"stop": true}));
    assert!(server.end().success());
}

/// Until nobody can write to this pipe without waiting.
fn wait_until_full(pipe: BorrowedFd<'_>) {
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let writer = File::options().write(true).open(path).unwrap();
    let at_once = Timespec::default();
    loop {
        let mut fds = [PollFd::new(&writer, PollFlags::OUT)];
        if poll(&mut fds, Some(&at_once)).unwrap() == 0 {
            return;
        }
        std::thread::yield_now();
    }
}

/// It is the message that is cut.
fn a_long_record_fits_into_a_line() {
    program(|_| {
        for longest in [2048, 64 << 20] {
            let texts = heard_while(rust("logs").longest_line(longest), |worker| {
                Ok(worker.call::<()>("long", ())?)
            })?;
            let sent = texts.iter().find(|text| text.contains("a.b: \u{1}"));
            let letters = sent.map(|text| text.matches('\u{1}').count());
            let expected = LOGS.then_some((longest / 10).min(1 << 16));
            assert_eq!(letters, expected, "{texts:?}");
            assert!(!has(&texts, "cannot be understood"), "{texts:?}");
        }
        Ok(())
    });
}

fn a_long_record_of_python_fits_into_a_line() {
    program(|_| {
        for longest in [2048, 64 << 20] {
            let texts = heard_while(python().longest_line(longest), |worker| {
                worker.exec(
                    "import logging\nlogging.getLogger('\\2' * 100000).warning('\\1' * 100000)",
                )?;
                Ok(())
            })?;
            let letters = |letter| {
                let sent = texts
                    .iter()
                    .find(|text| text.contains("`test/py`: WARNING"));
                sent.map(|text| text.matches(letter).count())
            };
            let expected = (longest / 10).min(1 << 16);
            assert_eq!(letters('\u{1}'), Some(expected), "{texts:?}");
            assert_eq!(letters('\u{2}'), Some(expected / 4), "{texts:?}");
            assert!(!has(&texts, "cannot be understood"), "{texts:?}");
        }
        Ok(())
    });
}
