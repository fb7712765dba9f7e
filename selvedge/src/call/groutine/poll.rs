//! One groutine: its future, what it waits for, and one poll of it.
//!
//! A poll is all that happens when a call wakes a groutine: the waits inside look for the call themselves, through
//! the ambient. So nothing is registered anywhere but in the list of interests that each poll writes anew, and a
//! wait that is dropped leaves nothing behind.
//!
//! # Invariants
//!
//! 1. The future is out of its place while it is polled: a running groutine hears nothing, and re-entrance
//!    cannot alias it.
//! 2. A call that is being heard is lent to one look at a time.

use core::cell::{Cell, RefCell};
use core::future::Future;
use core::num::NonZeroU64;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::any::{Any, TypeId};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::call::groutine::alarm::Flag;
use crate::call::groutine::flow;
use crate::call::groutine::set::Set;
use crate::call::groutine::wait::Armed;
use crate::call::site::Site;
use crate::call::steps::{Phase, Running};
use crate::primitive::{Arc, drop_caught, message_of};
use crate::probe::{self, Event};

/// What a groutine is, after it has been called.
pub(super) type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A moment in the life of a set that no other moment of this process equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) set: u64,
    pub(super) at: NonZeroU64,
}

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
    pub(super) site: &'static Site,
    pub(super) of: TypeId,
    pub(super) receiver: *const (),
    pub(super) phase: Phase<'e>,
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
#[derive(Clone, Copy)]
pub(super) struct Interest {
    pub(super) site: &'static Site,
    pub(super) of: &'static TypeId,
    pub(super) when: When,
    /// The address of the receiver.
    pub(super) on: Option<usize>,
    pub(super) same: Option<Tick>,
    /// Since when.
    pub(super) since: Tick,
}

/// One groutine of a set.
pub(super) struct Task {
    pub(super) name: Arc<str>,
    /// None while it is polled (invariant 1), and when it has ended.
    body: RefCell<Option<Body>>,
    pub(super) interests: RefCell<Vec<Interest>>,
    flag: Arc<Flag>,
    waker: Waker,
}

/// A poll that is going on.
pub(super) struct Polling<'p> {
    pub(super) set: &'p Set,
    pub(super) task: &'p Task,
    /// Its place in the set.
    pub(super) number: usize,
    pub(super) heard: Option<&'p Heard<'p>>,
    /// Something else than a call, or a waker, may resume it.
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
        self.since.at < happening.at.at
            && self.when == happening.when
            && core::ptr::eq(self.site, happening.site)
            && self.since.set == happening.at.set
            && *self.of == happening.of
            && self.on.is_none_or(|on| on == happening.receiver.addr())
            && self.same.is_none_or(|same| same == happening.call)
    }
}

impl Task {
    pub(super) fn new(name: Arc<str>) -> Self {
        let flag = Arc::new(Flag::new());
        Self {
            name,
            body: RefCell::new(None),
            interests: RefCell::default(),
            waker: Waker::from(Arc::clone(&flag)),
            flag,
        }
    }

    pub(super) fn start(&self, body: Body) {
        *self.body.borrow_mut() = Some(body);
    }

    /// Was it woken by something else than a call? Asked once a wake.
    pub(super) fn take_wake(&self) -> bool {
        self.body.borrow().is_some() && self.flag.take()
    }

    pub(super) fn is_woken(&self) -> bool {
        self.flag.is_woken()
    }

    /// Polls it once, if it is waiting. A panic of it ends it, and goes on here.
    pub(super) fn poll<'p>(
        &'p self,
        set: &'p Set,
        number: usize,
        heard: Option<&'p Heard<'p>>,
        block: &'static Location<'static>,
    ) {
        let Some(mut body) = self.body.borrow_mut().take() else {
            return;
        };
        self.flag.take();
        self.interests.borrow_mut().clear();
        let polling = Polling {
            set,
            task: self,
            number,
            heard,
            is_in_reach: Cell::new(false),
            armed: Cell::new(None),
        };
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::from_waker(&self.waker);
            flow::with_polling(&polling, block, || body.as_mut().poll(&mut context))
        }));
        match polled {
            Ok(Poll::Pending) if self.can_go_on(&polling) => {
                *self.body.borrow_mut() = Some(body);
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
                self.end();
                drop(body);
            }
            Err(panic) => {
                self.end();
                tell(block, catch_drop(body));
                resume_unwind(panic);
            }
        }
    }

    /// Is there anything that may resume it?
    fn can_go_on(&self, polling: &Polling<'_>) -> bool {
        /// The counts of `flag` and of `waker`.
        const OWN: usize = 2;
        polling.is_in_reach.get()
            || !self.interests.borrow().is_empty()
            || Arc::strong_count(&self.flag) > OWN
            || self.flag.is_woken()
    }

    fn end(&self) {
        self.flag.end();
        self.interests.borrow_mut().clear();
    }

    /// Ends it where it stands: runs its destructors. Does not unwind.
    pub(super) fn kill(&self) -> Result<(), Box<dyn Any + Send>> {
        let body = self.body.borrow_mut().take();
        self.end();
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
