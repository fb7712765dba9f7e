//! Why a signal was set: by whom, where, and for stops and deadlines also when.

use core::fmt;
use core::panic::Location;
use std::borrow::Cow;
use std::time::Instant;

use crate::ambient;
use crate::primitive::{Arc, Thread, current};

/// Who set a signal, why and where. The first writer wins; combinations hand on their operand's.
#[derive(Clone, Debug)]
pub struct Reason(Repr);

/// A plain `set` is noted in place; whatever says more is counted.
#[derive(Clone, Debug)]
enum Repr {
    Plain(Who, &'static Location<'static>),
    /// By the timer, of which there may be very many.
    Elapsed(&'static Location<'static>, Instant),
    Full(Arc<Full>),
}

#[derive(Clone, Debug)]
struct Full {
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
    /// The timer thread.
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
    /// The deadline of a block was set.
    Deadline,
}

impl Reason {
    /// Notes the calling thread; reads no clock.
    pub(crate) fn new(why: Why, at: &'static Location<'static>) -> Self {
        let who = ambient::identity(|identity| match identity {
            Some(identity) => Who::Member(Arc::clone(identity.path())),
            None => Who::Alien(current()),
        });
        Self(match why {
            Why::Set => Repr::Plain(who, at),
            why => Repr::Full(Arc::new(Full {
                who,
                why,
                at,
                when: None,
            })),
        })
    }

    /// By the thread with this path, which need not be the calling one's any more.
    pub(crate) fn by(thread: Arc<str>, why: Why, at: &'static Location<'static>) -> Self {
        let full = Full {
            who: Who::Member(thread),
            why,
            at,
            when: None,
        };
        Self(Repr::Full(Arc::new(full)))
    }

    pub(crate) fn now(self) -> Self {
        let mut full = self.full();
        full.when = Some(crate::primitive::clock::now());
        Self(Repr::Full(Arc::new(full)))
    }

    /// The same, told as something else that happened elsewhere.
    pub(super) fn because(self, why: Why, at: &'static Location<'static>) -> Self {
        let full = self.full();
        Self(Repr::Full(Arc::new(Full { why, at, ..full })))
    }

    fn full(self) -> Full {
        match self.0 {
            Repr::Plain(who, at) => Full {
                who,
                why: Why::Set,
                at,
                when: None,
            },
            Repr::Elapsed(at, when) => Full {
                who: Who::Timer,
                why: Why::Elapsed,
                at,
                when: Some(when),
            },
            Repr::Full(full) => Arc::unwrap_or_clone(full),
        }
    }

    fn why(&self) -> &Why {
        match &self.0 {
            Repr::Plain(..) => &Why::Set,
            Repr::Elapsed(..) => &Why::Elapsed,
            Repr::Full(full) => &full.why,
        }
    }

    /// That the till made at `at` was found due at `when`, by the timer thread.
    pub(super) fn elapsed(at: &'static Location<'static>, when: Instant) -> Self {
        Self(Repr::Elapsed(at, when))
    }

    /// The path of the thread that set the signal; an alien thread's name, if it has one.
    #[must_use]
    pub fn thread(&self) -> &str {
        let who = match &self.0 {
            Repr::Plain(who, _) => who,
            Repr::Elapsed(..) => &Who::Timer,
            Repr::Full(full) => &full.who,
        };
        match who {
            Who::Member(path) => path,
            Who::Alien(thread) => thread.name().unwrap_or("an unnamed thread"),
            Who::Timer => "selvedge-timer",
        }
    }

    /// What was said by [`set_because`](crate::Signal::set_because) or a stop, if anything was.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.why() {
            Why::Said(text) => Some(text),
            Why::OsSignal(name) => Some(name),
            _ => None,
        }
    }

    /// Where the signal was set; of a deadline, where its block was entered.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        match &self.0 {
            Repr::Plain(_, at) | Repr::Elapsed(at, _) => at,
            Repr::Full(full) => full.at,
        }
    }

    /// When it was set; only stops, tills and [`set_because`](crate::Signal::set_because) read the clock.
    #[must_use]
    pub fn when(&self) -> Option<Instant> {
        match &self.0 {
            Repr::Plain(..) => None,
            Repr::Elapsed(_, when) => Some(*when),
            Repr::Full(full) => full.when,
        }
    }

    /// Was it set because the program's tree of threads has ended?
    #[must_use]
    pub fn is_shutdown(&self) -> bool {
        matches!(self.why(), Why::Shutdown)
    }

    /// Was it set because a till's time came?
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self.why(), Why::Elapsed)
    }

    /// Does it say that the [`deadline`](super::deadline()) of a block has passed?
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        matches!(self.why(), Why::Deadline)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.location();
        match self.why() {
            Why::Set => f.write_str("set")?,
            Why::Said(text) => f.write_str(text)?,
            Why::Elapsed => return write!(f, "the till made at {at} has elapsed"),
            Why::Deadline => return write!(f, "the deadline made at {at} has passed"),
            Why::OsSignal(name) => return f.write_str(name),
            Why::ParentEnded => return f.write_str("its parent has ended"),
            Why::Shutdown => return f.write_str("the program's threads have ended"),
        }
        write!(f, " (by `{}` at {at})", self.thread())
    }
}
