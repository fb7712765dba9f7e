//! Why a signal was set: by whom, where, and for stops and deadlines also when.

use core::fmt;
use core::panic::Location;
use std::borrow::Cow;
use std::time::Instant;

use crate::ambient;
use crate::primitive::{Arc, Thread, current};

/// Who set a signal, why and where. The first writer wins; combinations hand on their operand's.
#[derive(Clone, Debug)]
pub struct Reason {
    who: Who,
    why: Why,
    at: &'static Location<'static>,
    when: Option<Instant>,
}

/// Kept as handles: the text is made when somebody asks.
#[derive(Clone, Debug)]
enum Who {
    Member(Arc<str>),
    Alien(Thread),
    /// The timer thread: nothing to count for each of many tills.
    Timer,
}

/// What a signal was set for.
#[derive(Clone, Debug)]
pub(crate) enum Why {
    /// A plain `set`.
    Set,
    /// Somebody said.
    Said(Cow<'static, str>),
    /// This signal of the operating system came.
    #[cfg_attr(
        not(feature = "run"),
        expect(dead_code, reason = "nothing listens to OS signals")
    )]
    OsSignal(&'static str),
    /// The thread that it stops outlived its parent's body.
    ParentEnded,
    /// A till's time came.
    Elapsed,
    /// The tree has been joined: pending tills are set, so that nobody outside it hangs.
    Shutdown,
}

impl Reason {
    /// Notes the calling thread; reads no clock.
    pub(crate) fn new(why: Why, at: &'static Location<'static>) -> Self {
        let who = ambient::identity(|identity| match identity {
            Some(identity) => Who::Member(Arc::clone(identity.path())),
            None => Who::Alien(current()),
        });
        Self {
            who,
            why,
            at,
            when: None,
        }
    }

    pub(crate) fn now(mut self) -> Self {
        self.when = Some(crate::primitive::clock::now());
        self
    }

    /// That the till made at `at` was found due at `when`, by the timer thread.
    pub(super) fn elapsed(at: &'static Location<'static>, when: Instant) -> Self {
        Self {
            who: Who::Timer,
            why: Why::Elapsed,
            at,
            when: Some(when),
        }
    }

    /// The path of the thread that set the signal; an alien thread's name, if it has one.
    #[must_use]
    pub fn thread(&self) -> &str {
        match &self.who {
            Who::Member(path) => path,
            Who::Alien(thread) => thread.name().unwrap_or("an unnamed thread"),
            Who::Timer => "selvedge-timer",
        }
    }

    /// What was said by [`set_because`](crate::Signal::set_because) or a stop, if anything was.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.why {
            Why::Said(text) => Some(text),
            Why::OsSignal(name) => Some(name),
            _ => None,
        }
    }

    /// Where the signal was set.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.at
    }

    /// When it was set; only stops, tills and [`set_because`](crate::Signal::set_because) read the clock.
    #[must_use]
    pub fn when(&self) -> Option<Instant> {
        self.when
    }

    /// Was it set because the program's tree of threads has ended?
    #[must_use]
    pub fn is_shutdown(&self) -> bool {
        matches!(self.why, Why::Shutdown)
    }

    /// Was it set because a till's time came?
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self.why, Why::Elapsed)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Set => f.write_str("set")?,
            Why::Said(text) => f.write_str(text)?,
            Why::Elapsed => return write!(f, "the till made at {} has elapsed", self.at),
            Why::OsSignal(name) => return f.write_str(name),
            Why::ParentEnded => return f.write_str("its parent has ended"),
            Why::Shutdown => return f.write_str("the program's threads have ended"),
        }
        write!(f, " (by `{}` at {})", self.thread(), self.at)
    }
}
