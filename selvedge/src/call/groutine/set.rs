//! Groutines that live together.
//!
//! # Invariants
//!
//! 1. A call is heard by those who waited for it before it happened, in the order in which they began to; each of
//!    them once. Who begins to wait meanwhile does not hear it.
//! 2. `interests` is in the order in which the waits began. A groutine that is being polled has those in it that it has
//!    begun, or put back, in this poll; one that is not, those of its last one.

use core::any::{Any, TypeId};
use core::cell::{Cell, RefCell};
use core::num::NonZeroU64;
use core::panic::Location;

use crate::call::groutine::flow;
use crate::call::groutine::poll::{Body, Happening, Heard, Interest, Task, When, tell};
use crate::call::hook::next_id;
use crate::call::met;
use crate::call::site::Site;
use crate::call::steps::{Phase, Running};
use crate::primitive::Arc;

/// Groutines that live together, in one block.
pub(in crate::call) struct Set {
    id: u64,
    now: Cell<Tick>,
    pub(super) tasks: Vec<Task>,
    /// See invariant 2.
    interests: RefCell<Vec<Interest>>,
    pub(super) is_started: Cell<bool>,
    /// Where it was run.
    pub(super) block: Cell<&'static Location<'static>>,
}

/// A moment in the life of a set that no other moment of this process equals. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::call) struct Tick(NonZeroU64);

/// What came of telling a set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::call) enum Told {
    NotAnswered,
    Answered,
    /// Answered, and nobody else is to hear of it.
    Consumed,
}

/// By what a call is known to a set from its beginning to its end.
#[derive(Clone, Copy)]
pub(in crate::call) struct CallId {
    set: u64,
    call: Tick,
}

/// What does not change in a call.
pub(in crate::call) struct Called<'c> {
    pub(in crate::call) site: &'static Site,
    pub(in crate::call) of: &'c TypeId,
    pub(in crate::call) receiver: *const (),
}

/// Who waits for a part of any call of a function.
pub(in crate::call) struct Listener {
    pub(in crate::call) name: Arc<str>,
    pub(in crate::call) of: TypeId,
    /// Only if the call is on one object.
    pub(in crate::call) is_on_one: bool,
}

impl Set {
    #[track_caller]
    pub(super) fn new(tasks: Vec<Task>) -> Self {
        let id = next_id();
        Self {
            id,
            now: Cell::new(Tick::first_of(id)),
            tasks,
            interests: RefCell::default(),
            is_started: Cell::new(false),
            block: Cell::new(Location::caller()),
        }
    }

    /// By what it is known.
    pub(in crate::call) fn id(&self) -> u64 {
        self.id
    }

    /// A moment that no other one equals.
    pub(super) fn tick(&self) -> Tick {
        self.now.update(Tick::next);
        self.now.get()
    }

    /// A number for a call that begins.
    pub(in crate::call) fn begin(&self) -> CallId {
        CallId {
            set: self.id,
            call: self.tick(),
        }
    }

    /// Does anybody in the set wait for any part of a call of this function?
    pub(in crate::call) fn waits_for(&self, site: &'static Site) -> bool {
        self.has_interest(|interest| core::ptr::eq(interest.site, site))
    }

    /// Does anybody in the set wait for the return of a call of this function? If not, nobody needs to be told.
    pub(in crate::call) fn waits_for_return(&self, site: &'static Site) -> bool {
        self.has_interest(|interest| {
            interest.when == When::Returned && core::ptr::eq(interest.site, site)
        })
    }

    /// Those who would hear of a call of this function: not of the end of one that has begun.
    pub(in crate::call) fn listeners(&self, site: &'static Site) -> Vec<Listener> {
        let interests = self.interests.borrow();
        let of_calls = |it: &&Interest| core::ptr::eq(it.site, site) && it.same.is_none();
        let listeners = interests.iter().filter(of_calls).map(|it| Listener {
            name: Arc::clone(&self.tasks[it.number].name),
            of: *it.of,
            is_on_one: it.on.is_some(),
        });
        listeners.collect()
    }

    #[inline]
    fn has_interest(&self, is_it: impl Fn(&Interest) -> bool) -> bool {
        self.interests.borrow().iter().any(is_it)
    }

    /// One more interest of a groutine that is being polled.
    #[inline]
    pub(super) fn listen(&self, interest: Interest) {
        self.tasks[interest.number].interests.update(|n| n + 1);
        let since = interest.since;
        let mut interests = self.interests.borrow_mut();
        let is_early = interests.last().is_some_and(|last| since < last.since);
        interests.push(interest); // written where it stays, field by field
        if is_early {
            put_back(&mut interests);
        }
    }

    /// Takes the interests of a groutine away.
    #[inline]
    pub(super) fn forget(&self, number: usize) {
        let mut left = self.tasks[number].interests.take();
        if left == 0 {
            return;
        }
        let mut interests = self.interests.borrow_mut();
        while left > 0 && interests.pop_if(|last| last.number == number).is_some() {
            left -= 1;
        }
        if left > 0 {
            interests.retain(|interest| interest.number != number);
        }
    }

    /// Tells those who wait for it of a part of a call.
    ///
    /// # Panics
    ///
    /// If one of them does; the others do not hear of it then.
    pub(in crate::call) fn tell(
        &self,
        called: &Called<'_>,
        id: CallId,
        phase: &Phase<'_>,
        call: &mut dyn Running,
    ) -> Told {
        let happening = Happening {
            called,
            when: When::of(phase),
            phase,
            call: id.call,
            at: self.tick(),
            is_consumed: Cell::new(false),
        };
        let mut after = Tick::BEFORE_ALL;
        while let Some((since, number)) = self.next_listener(&happening, after) {
            after = since;
            let heard = Heard {
                happening: &happening,
                call: Cell::new(Some(&mut *call)),
            };
            self.tasks[number].poll(self, number, Some(&heard), self.block.get());
            if happening.is_consumed.get() {
                return Told::Consumed;
            }
        }
        if happening.when != When::Returned && call.is_answered() {
            Told::Answered
        } else {
            Told::NotAnswered
        }
    }

    /// Of those who began to wait after that moment, the first (invariant 1).
    fn next_listener(&self, happening: &Happening<'_>, after: Tick) -> Option<(Tick, usize)> {
        let interests = self.interests.borrow();
        let in_time = interests.iter().take_while(|it| it.since < happening.at);
        let mut others = in_time.filter(|it| it.since > after);
        let next = others.find(|it| it.fits(happening))?;
        Some((next.since, next.number))
    }

    /// Runs one to its first wait.
    pub(super) fn start(&self, number: usize, body: Body) {
        let task = &self.tasks[number];
        task.start(body);
        task.poll(self, number, None, self.block.get());
    }

    /// Lets one go on that waits for its parent.
    pub(super) fn resume(&self, number: usize) {
        self.tasks[number].poll(self, number, None, self.block.get());
    }

    /// Polls those that were woken by something else than a call.
    pub(super) fn attend(&self) {
        for (number, task) in self.tasks.iter().enumerate() {
            if task.take_wake() {
                task.poll(self, number, None, self.block.get());
            }
        }
    }

    /// Ends all that are alive, the last one first. Does not unwind; the first panic comes back.
    pub(super) fn kill(&self) -> Result<(), Box<dyn Any + Send>> {
        let mut ended = Ok(());
        for (number, task) in self.tasks.iter().enumerate().rev() {
            let killed = task.kill(self, number);
            if ended.is_ok() {
                ended = killed;
            } else {
                tell(self.block.get(), killed);
            }
        }
        ended
    }
}

impl Tick {
    /// No moment of any set is that early.
    const BEFORE_ALL: Self = Self(NonZeroU64::MIN);
    /// How many moments there are for one number.
    const ROUND: u64 = 1 << 8;

    /// The first moment that this number, of which there is no other, gives.
    fn first_of(id: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(id * Self::ROUND))
    }

    #[inline]
    fn next(self) -> Self {
        let next = self.0.saturating_add(1);
        if next.get().is_multiple_of(Self::ROUND) {
            return Self::first_of(next_id());
        }
        Self(next)
    }
}

/// Puts the last one, which began earlier than others, in its place.
#[cold]
fn put_back(interests: &mut [Interest]) {
    if let Some((last, others)) = interests.split_last() {
        let at = others.partition_point(|other| other.since <= last.since);
        interests[at..].rotate_right(1);
    }
}

/// Tells the set that knows a call by `id` of a part of it, if it is around the calling code.
pub(in crate::call) fn tell_of(
    id: CallId,
    called: &Called<'_>,
    phase: &Phase<'_>,
    call: &mut dyn Running,
) -> Told {
    flow::with_set_of(id.set, |set| set.tell(called, id, phase, call)).unwrap_or(Told::NotAnswered)
}

/// Is there a set around the calling code that a call of this function concerns?
#[inline]
pub(in crate::call) fn is_concerned(site: &'static Site) -> bool {
    site.is_heard() && is_waited_for(site) || met::is_any_woken() && is_woken()
}

#[inline(never)]
fn is_waited_for(site: &'static Site) -> bool {
    flow::sets(|sets| sets.iter().any(|set| set.waits_for(site)))
}

#[cold]
fn is_woken() -> bool {
    flow::sets(|sets| {
        let mut tasks = sets.iter().flat_map(|set| &set.tasks);
        tasks.any(Task::is_woken)
    })
}

/// Lets those go on, around the calling code, that were woken by something else than a call.
#[inline]
pub(in crate::call) fn attend() {
    if met::is_any_woken() {
        attend_woken();
    }
}

#[cold]
fn attend_woken() {
    flow::sets(|sets| sets.iter().for_each(Set::attend));
}
