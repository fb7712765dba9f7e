//! The thread record: what a thread of the tree is, for the layers from here upwards.
//!
//! `thread` makes one for each of its threads and enters it for the thread's life; it never travels.

use core::any::Any;
use core::fmt;
use core::panic::Location;

use crate::ambient::{self, Group, Identity};
use crate::primitive::atomic::{AtomicU32, Ordering::Relaxed};
use crate::primitive::{Arc, Mutex};
use crate::probe::{self, What};
use crate::signal::signal::Signal;
use crate::signal::timer::Timer;

/// One thread of the tree, as seen by itself.
pub(crate) struct Record {
    path: Arc<str>,
    stop: Signal,
    timer: Timer,
    /// How many shields the thread is inside of. Written by the thread itself: `Relaxed`.
    shields: AtomicU32,
    waiting: Mutex<Option<WaitSite>>,
    node: Arc<dyn Any + Send + Sync>,
    group: Option<Group>,
}

/// What a thread waits for, and where in the program.
#[derive(Clone, Debug)]
pub(crate) struct WaitSite {
    kind: &'static str,
    name: Option<Arc<str>>,
    at: &'static Location<'static>,
}

impl WaitSite {
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
        Self { kind, name, at }
    }
}

impl fmt::Display for WaitSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} `{name}` at {}", self.kind, self.at),
            None => write!(f, "a {} at {}", self.kind, self.at),
        }
    }
}

impl Record {
    pub(crate) fn new(
        path: Arc<str>,
        stop: Signal,
        timer: Timer,
        node: Arc<dyn Any + Send + Sync>,
        group: Option<Group>,
    ) -> Self {
        let (shields, waiting) = (AtomicU32::new(0), Mutex::new(None));
        Self {
            path,
            stop,
            timer,
            shields,
            waiting,
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
    pub(crate) fn waits_for(&self) -> Option<WaitSite> {
        self.waiting.lock().clone()
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
pub(super) fn waiting<R>(site: WaitSite, sleep: impl FnOnce() -> R) -> R {
    let _measured = probe::span(What::Wait(site.kind, &site));
    Record::with(|record| {
        let Some(record) = record else { return sleep() };
        *record.waiting.lock() = Some(site);
        let result = sleep();
        *record.waiting.lock() = None;
        result
    })
}
