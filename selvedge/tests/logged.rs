//! Events in the crates `log` and `tracing`, without a call of the user's, and what a thread inherits.

use std::io::Write;
use std::sync::{Arc, Mutex};

use selvedge::testing::World;
use selvedge::thread::{self, Outcome};
use selvedge::{Signal, context};
use tracing_subscriber::layer::SubscriberExt;

/// Lines of the program's one logger.
struct Logger(Mutex<Vec<String>>);

static LOGGER: Logger = Logger(Mutex::new(Vec::new()));

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "selvedge" || metadata.target() == "selvedge::context::logged-context"
    }

    fn log(&self, record: &log::Record<'_>) {
        let thread = record.key_values().get("thread".into());
        let thread = thread.map_or("-".to_owned(), |thread| thread.to_string());
        let line = format!("{} {thread} {}", record.level(), record.args());
        self.0.lock().unwrap().push(line);
        assert!(!line_panics(record), "the logger panics");
    }

    fn flush(&self) {}
}

fn line_panics(record: &log::Record<'_>) -> bool {
    record.args().to_string().contains("logged-panic")
}

/// What was logged about threads called `name`, which no other test uses.
fn logged(name: &str, f: impl FnOnce()) -> Vec<String> {
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(log::LevelFilter::Debug);
    f();
    let lines = LOGGER.0.lock().unwrap();
    lines
        .iter()
        .filter(|line| line.contains(name))
        .cloned()
        .collect()
}

/// 108: a context has a target of its own.
#[test]
fn entering_and_leaving_a_context_is_logged_under_its_name() {
    context! {
        static LOGGED = "logged-context" { x: u8 }
        static FILTERED = "logged-context-of-another-name";
    }
    let lines = logged("logged-context", || {
        World::new().run(|| {
            LOGGED.enter().x(1).run(|| FILTERED.run(|| ()));
        });
    });
    let [entered, left] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(
        entered.starts_with("DEBUG world-")
            && entered.contains(" `logged-context` entered in `world-")
    );
    assert!(left.contains(" `logged-context` left in `world-"), "{left}");
}

#[test]
fn a_life_is_logged_with_levels_and_the_path() {
    let lines = logged("logged-life", || {
        World::new().run(|| {
            let root = thread::current().path().to_owned();
            let good = thread::spawn("logged-life", |_| Ok(Signal::new().wait()?));
            assert_eq!(good.path(), format!("{root}/logged-life"));
            good.stop_because("enough");
            assert!(good.join().is_err());
            let bad = thread::spawn("logged-life", |_| -> Outcome<()> { Err("broken".into()) });
            assert!(bad.join().is_err());
        });
    });
    let expected = [
        ("DEBUG", "` started"),
        ("DEBUG", "` was asked to stop: enough"),
        ("DEBUG", "` ended: stopped"),
        ("DEBUG", "` started"),
        ("ERROR", "` failed: broken"),
        ("DEBUG", "` ended: failed"),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, (level, text)) in lines.iter().zip(expected) {
        assert!(
            line.starts_with(level) && line.contains(text),
            "{line} is not {level} {text}"
        );
        let path = line.split(' ').nth(1).unwrap();
        assert!(
            path.starts_with("world-") && path.ends_with("/logged-life"),
            "{line}"
        );
    }
}

#[test]
fn a_logger_that_panics_loses_its_line_and_nobody_else() {
    let lines = logged("logged-panic", || {
        World::new().run(|| {
            assert_eq!(thread::spawn("logged-panic", |_| Ok(3)).join().unwrap(), 3);
        });
    });
    assert_eq!(lines.len(), 2, "{lines:#?}");
}

/// Where a subscriber writes.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the subscriber of this thread is told while `f` runs.
fn traced(f: impl FnOnce()) -> Vec<String> {
    let written = Written::default();
    let to = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .without_time()
        .with_writer(move || to.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, f);
    let bytes = written.0.lock().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    text.lines()
        .map(|line| line.trim_start().to_owned())
        .collect()
}

#[test]
fn a_thread_inherits_the_subscriber_and_the_span_and_its_life_is_traced() {
    let lines = traced(|| {
        World::new().run(|| {
            let request = tracing::info_span!("request", number = 7);
            let thread = request.in_scope(|| {
                thread::spawn("traced", |_| {
                    tracing::info!("from the body");
                    let inner = thread::spawn("inner", |_| -> Outcome<()> { Err("broken".into()) });
                    assert!(inner.join().is_err());
                    Ok(())
                })
            });
            thread.join().unwrap();
        });
    });
    let expected = [
        ("DEBUG", "/traced` started"),
        ("INFO", "from the body"),
        ("DEBUG", "/traced/inner` started"),
        ("ERROR", "/traced/inner` failed: broken"),
        ("DEBUG", "/traced/inner` ended: failed"),
        ("DEBUG", "/traced` ended: finished"),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, (level, text)) in lines.iter().zip(expected) {
        assert!(
            line.starts_with(level) && line.contains(text),
            "{line} is not {level} {text}"
        );
        assert!(line.contains(" request{number=7}: "), "{line}");
        if level != "INFO" {
            assert!(
                line.contains(": selvedge: thread `world-"),
                "the target: {line}"
            );
            assert!(line.contains("thread=\"world-"), "the field: {line}");
        }
    }
}

/// Panics in OS threads whose name ends with `enter` or `exit`, when a span is entered or left.
struct Rude;

fn panic_in(end: &str) {
    let thread = std::thread::current();
    let is_it = thread.name().is_some_and(|name| name.ends_with(end));
    assert!(!is_it, "the subscriber panics");
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Rude {
    fn on_enter(&self, _: &tracing::span::Id, _: tracing_subscriber::layer::Context<'_, S>) {
        panic_in("enter");
    }

    fn on_exit(&self, _: &tracing::span::Id, _: tracing_subscriber::layer::Context<'_, S>) {
        panic_in("exit");
    }
}

/// A thread whose subscriber panicked never ended.
#[test]
fn a_subscriber_that_panics_is_left_and_the_thread_lives_as_ever() {
    let subscriber = tracing_subscriber::registry().with(Rude);
    tracing::subscriber::with_default(subscriber, || {
        World::new().run(|| {
            let request = tracing::info_span!("request");
            for name in ["on-enter", "on-exit"] {
                let rude = request.in_scope(|| thread::spawn(name, |_| Ok(7)));
                let soon = selvedge::Till::after(std::time::Duration::from_secs(10));
                assert_eq!(rude.join_until(&soon).unwrap(), 7);
            }
        });
    });
}

#[test]
fn a_thread_of_a_scope_inherits_the_subscriber_and_the_span() {
    let lines = traced(|| {
        tracing::info_span!("request", number = 7).in_scope(|| {
            let done = thread::scope("scope", |s| {
                s.spawn("traced", |_| {
                    tracing::info!("from the body");
                    Ok(())
                });
                Ok(())
            });
            done.unwrap();
        });
    });
    let expected = [
        "scope/traced` started",
        "from the body",
        "scope/traced` ended: finished",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, text) in lines.iter().zip(expected) {
        assert!(line.contains(text), "{line} is not {text}");
        assert!(line.contains(" request{number=7}: "), "{line}");
    }
}
