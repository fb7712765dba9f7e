//! Groutines that live together.
//!
//! # Invariants
//!
//! 1. A call is heard by those who waited for it before it happened, in the order in which they began to; each of
//!    them once. Who begins to wait meanwhile does not hear it.

use core::any::{Any, TypeId};
use core::cell::Cell;
use core::num::NonZeroU64;
use core::panic::Location;

use crate::call::groutine::flow;
use crate::call::groutine::poll::{Body, Happening, Heard, Interest, Task, Tick, When, tell};
use crate::call::hook::next_id;
use crate::call::met;
use crate::call::site::Site;
use crate::call::steps::{Phase, Running};
use crate::primitive::Arc;

/// Groutines that live together, in one block.
pub(in crate::call) struct Set {
    id: u64,
    now: Cell<NonZeroU64>,
    pub(super) tasks: Vec<Task>,
    pub(super) is_started: Cell<bool>,
    /// Where it was run.
    pub(super) block: Cell<&'static Location<'static>>,
}

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
pub(in crate::call) struct CallId(Tick);

/// What does not change in a call.
#[derive(Clone, Copy)]
pub(in crate::call) struct Called {
    pub(in crate::call) site: &'static Site,
    pub(in crate::call) of: TypeId,
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
        Self {
            id: next_id(),
            now: Cell::new(NonZeroU64::MIN),
            tasks,
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
        self.now.update(|now| now.saturating_add(1));
        Tick {
            set: self.id,
            at: self.now.get(),
        }
    }

    /// A number for a call that begins.
    pub(in crate::call) fn begin(&self) -> CallId {
        CallId(self.tick())
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
        let mut listeners = Vec::new();
        for task in &self.tasks {
            let interests = task.interests.borrow();
            let of_calls = |it: &&Interest| core::ptr::eq(it.site, site) && it.same.is_none();
            listeners.extend(interests.iter().filter(of_calls).map(|it| Listener {
                name: Arc::clone(&task.name),
                of: *it.of,
                is_on_one: it.on.is_some(),
            }));
        }
        listeners
    }

    #[inline]
    fn has_interest(&self, is_it: impl Fn(&Interest) -> bool) -> bool {
        self.tasks
            .iter()
            .any(|task| task.interests.borrow().iter().any(&is_it))
    }

    /// Tells those who wait for it of a part of a call.
    ///
    /// # Panics
    ///
    /// If one of them does; the others do not hear of it then.
    pub(in crate::call) fn tell(
        &self,
        called: Called,
        id: CallId,
        phase: Phase<'_>,
        call: &mut dyn Running,
    ) -> Told {
        let happening = Happening {
            site: called.site,
            of: called.of,
            receiver: called.receiver,
            when: When::of(&phase),
            phase,
            call: id.0,
            at: self.tick(),
            is_consumed: Cell::new(false),
        };
        let mut after = 0;
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
    fn next_listener(&self, happening: &Happening<'_>, after: u64) -> Option<(u64, usize)> {
        let mut next: Option<(u64, usize)> = None;
        for (number, task) in self.tasks.iter().enumerate() {
            for interest in &*task.interests.borrow() {
                let since = interest.since.at.get();
                if since > after
                    && next.is_none_or(|(first, _)| since < first)
                    && interest.fits(happening)
                {
                    next = Some((since, number));
                }
            }
        }
        next
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
        for task in self.tasks.iter().rev() {
            let killed = task.kill();
            if ended.is_ok() {
                ended = killed;
            } else {
                tell(self.block.get(), killed);
            }
        }
        ended
    }
}

/// Tells the set that knows a call by `id` of a part of it, if it is around the calling code.
pub(in crate::call) fn tell_of(
    id: CallId,
    called: Called,
    phase: Phase<'_>,
    call: &mut dyn Running,
) -> Told {
    flow::with_set_of(id.0.set, |set| set.tell(called, id, phase, call))
        .unwrap_or(Told::NotAnswered)
}

/// Is there a set around the calling code that a call of this function concerns?
#[inline]
pub(in crate::call) fn is_concerned(site: &'static Site) -> bool {
    let (is_heard, is_pending) = (site.is_heard(), met::is_any_woken());
    (is_heard || is_pending)
        && flow::sets(|sets| {
            let concerns = |set: &Set| {
                is_heard && set.waits_for(site)
                    || is_pending && set.tasks.iter().any(Task::is_woken)
            };
            sets.iter().any(concerns)
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
