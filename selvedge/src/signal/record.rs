//! The thread record: what a thread of the tree is, for the layers from here upwards.
//!
//! `thread` makes one for each of its threads and enters it for the thread's life; it never travels.
//!
//! # Invariants
//!
//! 1. What a [`WaitSite`] borrows lives while the thread sleeps. It is noted, for whoever looks, after it was borrowed
//!    and until the sleep is over, also by a panic; and it is looked at only under the lock of `waiting`, under
//!    which the note is taken back.
//! 2. Looking at it takes no lock and runs no code of the user.

use core::any::Any;
use core::fmt;
use core::panic::Location;
use std::time::Instant;

use crate::ambient::{self, Group, Identity};
use crate::primitive::atomic::{AtomicU32, Ordering::Relaxed};
use crate::primitive::{Arc, Mutex, clock, thread_number};
use crate::probe::{self, What as Measured};
use crate::signal::signal::Signal;
use crate::signal::timer::Timer;

/// One thread of the tree, as seen by itself.
pub(crate) struct Record {
    path: Arc<str>,
    stop: Signal,
    timer: Timer,
    /// How many shields the thread is inside of. Written by the thread itself: `Relaxed`.
    shields: AtomicU32,
    waiting: Mutex<Option<Noted>>,
    /// The number by which locks know the thread.
    number: usize,
    node: Arc<dyn Any + Send + Sync>,
    group: Option<Group>,
}

/// What a thread waits for, and where in the program.
#[derive(Clone)]
pub(crate) struct WaitSite<'a> {
    what: What,
    /// When it began, if the sleep is not the first of its wait.
    since: Option<Instant>,
    held: Option<&'a dyn HasHolder>,
}

/// What somebody may hold, so that others wait.
pub(crate) trait HasHolder: Sync {
    /// Who holds it now.
    fn holder(&self) -> Option<Holder>;
}

/// Who holds what others wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    /// The thread, by its [`thread_number`].
    pub(crate) thread: usize,
    /// Where it began to, unless another has begun just now.
    #[cfg_attr(not(feature = "inspect"), expect(dead_code, reason = "for inspectors"))]
    pub(crate) entered: Option<&'static Location<'static>>,
}

/// The part of a site that outlives the wait.
#[derive(Clone, Debug)]
pub(crate) struct What {
    pub(crate) kind: &'static str,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) at: &'static Location<'static>,
    pub(crate) on: Option<On>,
    /// Of what has room: how much is in it while somebody waits so, and how much may be.
    pub(crate) fill: Option<(usize, usize)>,
    /// Of what has room: is it that?
    pub(crate) for_room: bool,
}

/// Which of its kind it is.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "inspect"), expect(dead_code, reason = "for inspectors"))]
pub(crate) struct On {
    /// Its address: no other has it meanwhile.
    pub(crate) id: usize,
    pub(crate) made: &'static Location<'static>,
}

/// What others see of a wait.
struct Noted {
    what: What,
    since: Instant,
    /// Not static at all: invariant 1.
    held: Option<&'static dyn HasHolder>,
}

/// What a thread waits for at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) what: What,
    pub(crate) since: Instant,
    pub(crate) holder: Option<Holder>,
}

impl<'a> WaitSite<'a> {
    pub(crate) fn new(
        kind: &'static str,
        name: Option<&str>,
        at: &'static Location<'static>,
    ) -> Self {
        Self::shared(kind, name.map(Arc::from), at)
    }

    pub(crate) fn shared(
        kind: &'static str,
        name: Option<Arc<str>>,
        at: &'static Location<'static>,
    ) -> Self {
        let what = What {
            kind,
            name,
            at,
            on: None,
            fill: None,
            for_room: false,
        };
        Self {
            what,
            since: None,
            held: None,
        }
    }

    /// Which of its kind it is, for whoever looks.
    pub(crate) fn on<T>(mut self, it: *const T, made: &'static Location<'static>) -> Self {
        let id = it.addr();
        self.what.on = Some(On { id, made });
        self
    }

    /// It has room for `bound`, and the thread waits for some, or for an element: so it is full, or empty.
    pub(crate) fn filled(mut self, for_room: bool, bound: usize) -> Self {
        let len = if for_room { bound } else { 0 };
        self.what.fill = Some((len, bound));
        self.what.for_room = for_room;
        self
    }

    /// Somebody holds it.
    pub(crate) fn held(mut self, held: &'a dyn HasHolder) -> Self {
        self.held = Some(held);
        self
    }

    /// The wait began earlier: the thread has slept before.
    pub(crate) fn since(mut self, since: Instant) -> Self {
        self.since = Some(since);
        self
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} `{name}` at {}", self.kind, self.at),
            None => write!(f, "a {} at {}", self.kind, self.at),
        }
    }
}

impl Record {
    /// For the calling thread.
    pub(crate) fn new(
        path: Arc<str>,
        stop: Signal,
        timer: Timer,
        node: Arc<dyn Any + Send + Sync>,
        group: Option<Group>,
    ) -> Self {
        let (shields, waiting) = (AtomicU32::new(0), Mutex::new(None));
        let number = thread_number();
        Self {
            path,
            stop,
            timer,
            shields,
            waiting,
            number,
            node,
            group,
        }
    }

    /// What the layer that made the record put in.
    pub(crate) fn node(&self) -> &Arc<dyn Any + Send + Sync> {
        &self.node
    }

    pub(crate) fn timer(&self) -> &Timer {
        &self.timer
    }

    /// What the thread sleeps on right now.
    pub(crate) fn waits_for(&self) -> Option<Waiting> {
        let noted = self.waiting.lock();
        let noted = noted.as_ref()?;
        Some(Waiting {
            what: noted.what.clone(),
            since: noted.since,
            holder: noted.held.and_then(|held| held.holder()), // under the lock: invariant 1
        })
    }

    /// The number by which locks know the thread.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The stop signal, unless hidden.
    pub(super) fn visible_stop(&self) -> Option<Signal> {
        (self.shields.load(Relaxed) == 0).then(|| self.stop.clone())
    }

    pub(super) fn shields(&self) -> &AtomicU32 {
        &self.shields
    }

    /// Runs `f` with the record of the calling thread.
    pub(crate) fn with<R>(f: impl FnOnce(Option<&Self>) -> R) -> R {
        ambient::identity(|identity| f(identity.and_then(|it| it.as_any().downcast_ref())))
    }
}

impl Identity for Record {
    fn path(&self) -> &Arc<str> {
        &self.path
    }

    fn group(&self) -> Option<&Group> {
        self.group.as_ref()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Notes `site` as what the thread waits for while `sleep` runs.
pub(super) fn waiting<R>(site: WaitSite<'_>, sleep: impl FnOnce() -> R) -> R {
    let _measured = probe::span(Measured::Wait(site.what.kind, &site.what));
    Record::with(|record| {
        let Some(record) = record else { return sleep() };
        let _noted = record.note(site);
        sleep()
    })
}

/// Takes the note back when it is dropped.
struct TakeBack<'r>(&'r Record);

impl Record {
    fn note<'s>(&'s self, site: WaitSite<'s>) -> TakeBack<'s> {
        // SAFETY: the reference is used until `TakeBack` is dropped, which the borrow of `site` outlives, and only
        // under the lock under which that happens; nobody forgets one (invariant 1).
        #[allow(unsafe_code, reason = "see the invariants")]
        let held = unsafe {
            core::mem::transmute::<Option<&'s dyn HasHolder>, Option<&'static dyn HasHolder>>(
                site.held,
            )
        };
        *self.waiting.lock() = Some(Noted {
            what: site.what,
            since: site.since.unwrap_or_else(clock::now),
            held,
        });
        TakeBack(self)
    }
}

impl Drop for TakeBack<'_> {
    fn drop(&mut self) {
        *self.0.waiting.lock() = None;
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.fmt(f)
    }
}
