//! One groutine: its future, what it waits for, and one poll of it.
//!
//! A poll is all that happens when a call wakes a groutine: the waits inside look for the call themselves, through
//! the ambient. So nothing is registered anywhere but in the set's list of interests, of which each poll writes its own
//! anew, and a wait that is dropped leaves nothing behind.
//!
//! # Invariants
//!
//! 1. The future is out of its place while it is polled: a running groutine hears nothing, and re-entrance
//!    cannot alias it.
//! 2. A call that is being heard is lent to one look at a time.

use core::cell::Cell;
use core::future::Future;
use core::num::NonZeroUsize;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::any::{Any, TypeId};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::call::groutine::alarm::Flag;
use crate::call::groutine::flow;
use crate::call::groutine::set::{Called, Set, Tick};
use crate::call::groutine::wait::Armed;
use crate::call::site::Site;
use crate::call::steps::{Phase, Running};
use crate::primitive::{Arc, drop_caught, message_of};
use crate::probe::{self, Event};

/// What a groutine is, after it has been called.
pub(super) type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Which part of a call.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a call has no other parts")]
pub enum When {
    Called,
    Returned,
    Panicked,
    Dropped,
}

/// What happens: a part of a call.
pub(super) struct Happening<'e> {
    pub(super) called: &'e Called<'e>,
    pub(super) phase: &'e Phase<'e>,
    /// What `phase` says.
    pub(super) when: When,
    /// By what the call is known from its beginning to its end.
    pub(super) call: Tick,
    /// Who waits since later does not hear it.
    pub(super) at: Tick,
    /// Nobody else is to hear it.
    pub(super) is_consumed: Cell<bool>,
}

/// What a wait waits for.
pub(super) struct Interest {
    /// The groutine's place in the set.
    pub(super) number: usize,
    /// Since when.
    pub(super) since: Tick,
    pub(super) site: &'static Site,
    pub(super) of: &'static TypeId,
    pub(super) when: When,
    /// The address of the receiver.
    pub(super) on: Option<NonZeroUsize>,
    pub(super) same: Option<Tick>,
}

/// One groutine of a set.
pub(super) struct Task {
    pub(super) name: Arc<str>,
    /// None while it is polled (invariant 1), and when it has ended.
    body: Cell<Option<Body>>,
    /// How many interests it has in the set.
    pub(super) interests: Cell<usize>,
    flag: Arc<Flag>,
    waker: Waker,
}

/// A poll that is going on.
pub(super) struct Polling<'p> {
    pub(super) set: &'p Set,
    /// Its place in the set.
    pub(super) number: usize,
    pub(super) heard: Option<&'p Heard<'p>>,
    /// Something else than a waker may resume it.
    pub(super) is_in_reach: Cell<bool>,
    /// What a wait that is ready has left, for the next one.
    pub(super) armed: Cell<Option<Armed>>,
}

/// A call that is there to be looked at.
pub(super) struct Heard<'p> {
    pub(super) happening: &'p Happening<'p>,
    /// None while somebody looks (invariant 2).
    pub(super) call: Cell<Option<&'p mut (dyn Running + 'p)>>,
}

impl When {
    pub(super) fn of(phase: &Phase<'_>) -> Self {
        match phase {
            Phase::Unwound(_) => Self::Panicked,
            Phase::After => Self::Returned,
            Phase::Dropped => Self::Dropped,
            Phase::Before | Phase::Around(_) | Phase::Ask(_) => Self::Called,
        }
    }
}

impl Interest {
    /// What most often says no comes first.
    #[inline]
    pub(super) fn fits(&self, happening: &Happening<'_>) -> bool {
        let called = happening.called;
        self.since < happening.at
            && self.when == happening.when
            && core::ptr::eq(self.site, called.site)
            && *self.of == *called.of
            && self.on.is_none_or(|on| on.get() == called.receiver.addr())
            && self.same.is_none_or(|same| same == happening.call)
    }
}

impl Task {
    pub(super) fn new(name: Arc<str>) -> Self {
        let flag = Arc::new(Flag::new());
        Self {
            name,
            body: Cell::new(None),
            interests: Cell::new(0),
            waker: Waker::from(Arc::clone(&flag)),
            flag,
        }
    }

    pub(super) fn start(&self, body: Body) {
        self.body.set(Some(body));
    }

    fn is_waiting(&self) -> bool {
        let body = self.body.take();
        let is_waiting = body.is_some();
        self.body.set(body);
        is_waiting
    }

    /// Was it woken by something else than a call? Asked once a wake.
    pub(super) fn take_wake(&self) -> bool {
        self.is_waiting() && self.flag.take()
    }

    pub(super) fn is_woken(&self) -> bool {
        self.flag.is_woken()
    }

    /// Polls it once, if it is waiting. A panic of it ends it, and goes on here.
    pub(super) fn poll<'p>(
        &self,
        set: &'p Set,
        number: usize,
        heard: Option<&'p Heard<'p>>,
        block: &'static Location<'static>,
    ) {
        let Some(mut body) = self.body.take() else {
            return;
        };
        self.flag.take();
        set.forget(number);
        let polling = Polling {
            set,
            number,
            heard,
            is_in_reach: Cell::new(false),
            armed: Cell::new(None),
        };
        let future = body.as_mut();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::from_waker(&self.waker);
            flow::with_polling(&polling, block, || future.poll(&mut context))
        }));
        match polled {
            Ok(Poll::Pending) if self.can_go_on(&polling) => {
                self.body.set(Some(body));
            }
            Ok(Poll::Pending) => {
                self.flag.end();
                tell(block, catch_drop(body));
                panic!(
                    "the groutine `{}` awaits something that nothing can wake: it can wait for calls, for signals, \
                     for what keeps its waker, and for its parent",
                    self.name
                );
            }
            Ok(Poll::Ready(())) => {
                self.end(set, number);
                drop(body);
            }
            Err(panic) => {
                self.end(set, number);
                tell(block, catch_drop(body));
                resume_unwind(panic);
            }
        }
    }

    /// Is there anything that may resume it?
    fn can_go_on(&self, polling: &Polling<'_>) -> bool {
        /// The counts of `flag` and of `waker`.
        const OWN: usize = 2;
        polling.is_in_reach.get() || Arc::strong_count(&self.flag) > OWN || self.flag.is_woken()
    }

    fn end(&self, set: &Set, number: usize) {
        self.flag.end();
        set.forget(number);
    }

    /// Ends it where it stands: runs its destructors. Does not unwind.
    pub(super) fn kill(&self, set: &Set, number: usize) -> Result<(), Box<dyn Any + Send>> {
        let body = self.body.take();
        self.end(set, number);
        catch_drop(body)
    }
}

fn catch_drop<T>(value: T) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| drop(value)))
}

/// Reports a panic that cannot go on, because another one does.
pub(super) fn tell(block: &Location<'_>, ended: Result<(), Box<dyn Any + Send>>) {
    if let Err(panic) = ended {
        let message = message_of(&*panic);
        probe::emit(&Event::ExitPanicked { block, message });
        drop_caught(panic);
    }
}

impl core::fmt::Debug for Task {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Task").field("name", &self.name).finish()
    }
}
