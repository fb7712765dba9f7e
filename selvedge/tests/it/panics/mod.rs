//! A panic in every place where the user's code runs: somebody hears of it, the others go on, nothing hangs.
//!
//! Each place is tried with each of [`WAYS`]. What is tried where a process is needed is in
//! `tests/alone_panics.rs`.

mod errors;
mod groups;
mod signals;
mod sync;
mod threads;

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Signal, Till, thread};

/// A way to panic.
pub(crate) type Way = fn();

/// With a text; with something else; with something that panics again when it is dropped, for ever.
pub(crate) const WAYS: [Way; 3] = [
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

/// Panics in this way when it is dropped; not while another panic is under way, which would abort as with
/// every value in Rust.
#[derive(Debug)]
pub(crate) struct Bomb(pub(crate) Way);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            (self.0)();
        }
    }
}

/// An error whose parts panic.
#[derive(Debug, Default)]
pub(crate) struct Rude {
    pub(crate) text: Option<Way>,
    /// Its `Display` says that it cannot.
    pub(crate) is_mute: bool,
    pub(crate) source: Option<Way>,
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(crate) bomb: Option<Bomb>,
}

impl fmt::Display for Rude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half a text ")?;
        if let Some(way) = self.text {
            way();
        }
        if self.is_mute {
            return Err(fmt::Error);
        }
        f.write_str("and the rest")
    }
}

impl Error for Rude {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Some(way) = self.source {
            way();
        }
        None
    }
}

/// Makes such an error, of which one part panics.
pub(crate) type Make = fn(Way) -> Rude;

/// Every such error, and what its text becomes.
pub(crate) fn rude_errors() -> Vec<(Make, Way, &'static str)> {
    const KINDS: [(Make, &str); 4] = [
        (
            |way| Rude {
                text: Some(way),
                ..Rude::default()
            },
            "half a text (its `Display` panicked)",
        ),
        (
            |_| Rude {
                is_mute: true,
                ..Rude::default()
            },
            "half a text (its `Display` failed)",
        ),
        (
            |way| Rude {
                source: Some(way),
                ..Rude::default()
            },
            "half a text and the rest",
        ),
        (
            |way| Rude {
                bomb: Some(Bomb(way)),
                ..Rude::default()
            },
            "half a text and the rest",
        ),
    ];
    let each = |(make, text)| WAYS.map(|way| (make, way, text));
    KINDS.into_iter().flat_map(each).collect()
}

/// A bound for what should take no time at all.
pub(crate) fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// `f` must panic; its payload, whatever it is, goes no further.
#[track_caller]
pub(crate) fn panics<R>(f: impl FnOnce() -> R) {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it has not panicked"),
        Err(payload) => std::mem::forget(payload),
    }
}

/// `f` must not panic.
#[track_caller]
pub(crate) fn quietly<R>(f: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
        std::mem::forget(payload);
        panic!("it has panicked")
    })
}

/// Runs `f` in a world, beside a thread that goes on until its end; what `f` gave, and the world's events.
#[track_caller]
pub(crate) fn beside<R>(f: impl FnOnce() -> R) -> (R, Vec<String>) {
    let world = World::new();
    let result = world.run(|| {
        let sibling = thread::spawn("sibling", |_| Ok(Signal::new().wait()?));
        let result = f();
        assert!(!sibling.stopped().is_set(), "it went on");
        let later = thread::spawn("later", |_| Ok(1));
        assert_eq!(later.join_until(&soon()).unwrap(), 1);
        assert!(thread::tree().len() <= 3, "{}", thread::tree()); // nobody was left behind
        result
    });
    let events = world.events();
    assert_eq!(count(&events, "sibling ended: stopped"), 1, "{events:#?}");
    (result, events)
}

pub(crate) fn count(events: &[String], line: &str) -> usize {
    events.iter().filter(|event| *event == line).count()
}
