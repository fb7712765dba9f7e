//! Threads that borrow: a scope joins all of its threads before it returns.
//!
//! # Invariants
//!
//! 1. Whoever starts a thread of the scope, or takes one's OS thread out of the scope's node to join it, is
//!    the scope's closure, something that the closure waits for, or a thread of the scope before it has
//!    `stopped`: nothing else can hold a `&'scope Scope` or a `ScopedThread<'scope, _>`, and a thread of the
//!    scope runs nothing later that could, its value's destructor included. (What it carries for `tracing`
//!    lives for `'static`.)
//! 2. A thread of the scope is among the children of the scope's node from before its OS thread starts until
//!    its body has ended and its value is left or dropped.
//! 3. Its OS thread is in its node, or in the `finished` of the scope's node, or with who starts or joins it,
//!    and goes from one to the other under the lock of the scope's node. So if the closure has ended and there
//!    are no children, it is in `finished` (by 1 and 2 there is nobody else).
//! 4. [`join_everything`] returns when there are no children and what was in `finished` has been joined, and
//!    [`scope`] neither returns nor unwinds from the end of its closure until then.
//! 5. The closure of an OS thread, with all that it holds, is gone when the OS thread has been joined.
#![allow(
    unsafe_code,
    reason = "a thread's closure is told to live for ever, and does not"
)]

use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;
use core::sync::atomic::Ordering::Relaxed;
use std::borrow::Cow;
use std::panic::{self, AssertUnwindSafe};

use crate::primitive::{self, Arc, JoinHandle, drop_caught, sys};
use crate::probe::{self, Carried, Event};
use crate::signal::{self, Reason, Signal, Why};
use crate::sync::{Permit, Semaphore};
use crate::thread::end::{ask_children, next_to_join};
use crate::thread::error::{Failures, Outcome, SpawnError};
use crate::thread::scope_builder::ScopedBuilder;
use crate::thread::scope_handle::{ScopedThread, Slot};
use crate::thread::scope_shared::{Shared, live};
use crate::thread::spawn::{Builder, Unstarted, reap};
use crate::thread::tree::{Child, Node, Role, State};

/// Runs `f`, which may start threads that borrow from the caller, and waits for all of them.
///
/// Whatever way `f` ends, every thread of the scope has ended when `scope` returns or unwinds: the OS threads
/// as well, so that the destructors of their thread-locals have run.
///
/// The first failure, an error or a panic, of a thread or of `f`, asks the others to stop, `f` included:
/// what blocks in it returns [`Stopped`](crate::Stopped). [`isolate`](Scope::isolate) leaves them alone. When
/// `f` returns `Ok`, its threads are waited for and not asked to stop, but for
/// [services](super::ScopedBuilder::service).
///
/// In the tree the scope is a place below the calling thread: a thread `a` of a scope `fetch` in `main` is
/// `main/fetch/a`. On a thread outside every tree the scope is a root of its own. Nothing of the caller's
/// ambient is in its threads, unless it is asked for by [`inherit`](Scope::inherit).
///
/// # Stopping
///
/// What asks the caller to stop asks the threads of the scope: the thread's own stop and the deadlines of the
/// blocks that the call is in. Inside a [`shield`](crate::signal::shield) neither is seen. The wait at the
/// end cannot be interrupted: it lasts as long as the threads do.
///
/// # Errors
///
/// The errors of `f` and of the threads that were not received by a [`join`](ScopedThread::join), in the order
/// in which they happened, and always as a group, even of one. If `f` ended because it was asked to stop and
/// nothing failed, the group is that [`JoinError::Stopped`](super::JoinError::Stopped); passed on with `?` it ends a
/// thread as stopped.
///
/// # Panics
///
/// If `f` does: with its payload, when all threads have ended.
///
/// # Examples
///
/// ```
/// use selvedge::thread;
///
/// let words = ["warp".to_owned(), "weft".to_owned()];
/// let total = thread::scope("count", |s| {
///     let lengths = words.each_ref().map(|word| s.spawn(word, |_stop| Ok(word.len())));
///     Ok(lengths[0].join()? + lengths[1].join()?)
/// })?;
/// assert_eq!(total, 8);
///
/// let failed = thread::scope("fetch", |s| {
///     s.spawn("a", |_stop| Err::<(), _>("no route".into()));
///     s.spawn("b", |stop| Ok(stop.wait()?)); // is asked to stop, because a sibling failed
///     Ok(())
/// });
/// let failures = failures_of(failed);
/// assert_eq!(failures, ["thread `fetch/a` failed: no route"]);
/// # fn failures_of(r: Result<(), thread::Failures>) -> Vec<String> {
/// #     r.unwrap_err().all().iter().map(ToString::to_string).collect()
/// # }
/// # Ok::<(), thread::Failures>(())
/// ```
#[track_caller]
#[doc(alias = "nursery")]
#[doc(alias = "TaskGroup")]
pub fn scope<'env, T, F>(name: &str, f: F) -> Result<T, Failures>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Outcome<T>,
{
    let shared = Shared::enter(name, Location::caller());
    let scope = Scope {
        shared: Arc::clone(&shared),
        scope: PhantomData,
        env: PhantomData,
    };
    let on_stop = shared.follow_outer();
    let done = panic::catch_unwind(AssertUnwindSafe(|| {
        signal::obeying(&shared.node.stop, shared.at, || f(&scope))
    }));
    let borrowed = AbortOnUnwind;
    let was_asked = shared.outer.is_set() || shared.node.stop.is_set();
    shared.node.state.lock().phase = State::Ending;
    if !matches!(done, Ok(Ok(_))) {
        shared.ask("the closure of the scope has failed");
    }
    join_everything(&shared.node);
    core::mem::forget(borrowed); // invariant 4: from here on anything may unwind
    drop(on_stop);
    shared.leave();
    shared.judge(done, was_asked)
}

/// Starts threads that borrow; [`scope`] hands it to its closure.
///
/// `'scope` is the time until all threads have been joined, `'env` that of what they borrow. Threads of the
/// scope may use it as well, to start others.
pub struct Scope<'scope, 'env: 'scope> {
    pub(super) shared: Arc<Shared>,
    // As std's: invariant, so that neither can be shortened.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Between the end of the closure and the last join nothing may unwind (invariant 4).
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort()
    }
}

/// Waits until no thread of the scope is left (invariants 3 and 4). Nothing of the user's can unwind here.
fn join_everything(node: &Arc<Node>) {
    loop {
        let (newest, finished, sealed) = {
            let mut state = node.state.lock();
            let newest = next_to_join(&state.children).map(|child| Arc::clone(&child.node));
            let finished = core::mem::take(&mut state.finished);
            state.sealed = newest.is_none() && finished.is_empty();
            (newest, finished, state.sealed)
        };
        finished.into_iter().for_each(join_os);
        let Some(child) = newest else {
            if sealed {
                return;
            }
            continue;
        };
        if child.role == Role::Service && !child.stop.is_set() {
            ask_children(node, true); // nobody else is left
        }
        child.stopped.wait_through();
        if let Some(thread) = node.remove(&child) {
            join_os(thread);
        }
        drop_caught(child); // actions that hang on its signals go with it
    }
}

/// Joins an OS thread, whose closure is gone then (invariant 5).
pub(super) fn join_os(thread: JoinHandle<()>) {
    drop_caught(thread.join());
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// A thread of the scope to be, with more choices than [`spawn`](Self::spawn) has.
    pub fn builder(&'scope self, name: &str) -> ScopedBuilder<'scope, 'env> {
        ScopedBuilder::new(self, name)
    }

    /// Starts a thread of the scope.
    ///
    /// Dropping the handle only gives up the value: the thread is waited for all the same, and its error
    /// comes back from [`scope`]. [`builder`](Self::builder) has more choices.
    ///
    /// # Stopping
    ///
    /// Only with a [`limit`](Self::limit), while there is no place: if the calling thread is asked to stop
    /// first, the thread never runs, and its join gives
    /// [`JoinError::Stopped`](super::JoinError::Stopped). A thread whose stop is set already is started: it
    /// decides.
    ///
    /// # Panics
    ///
    /// If the system has no thread to give.
    #[track_caller]
    pub fn spawn<T, F>(&'scope self, name: &str, body: F) -> ScopedThread<'scope, T>
    where
        T: Send + 'scope,
        F: FnOnce(Signal) -> Outcome<T> + Send + 'scope,
    {
        match self.builder(name).spawn(body) {
            Ok(thread) => thread,
            Err(SpawnError::Stopped { stopped, .. }) => {
                ScopedThread::never_ran(&self.shared, name, stopped)
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The same, but never waits for a place.
    ///
    /// # Errors
    ///
    /// - [`SpawnError::Full`] – as many threads as the [`limit`](Self::limit) allows have not ended.
    /// - [`SpawnError::Os`] – the system refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread::{self, SpawnError};
    ///
    /// thread::scope("one", |s| {
    ///     s.limit(1);
    ///     let first = s.try_spawn("first", |stop| Ok(stop.wait()?))?;
    ///     let second = s.try_spawn("second", |_stop| Ok(()));
    ///     assert!(matches!(second, Err(SpawnError::Full { .. })));
    ///     Ok(first.stop())
    /// })?;
    /// # Ok::<(), thread::Failures>(())
    /// ```
    pub fn try_spawn<T, F>(
        &'scope self,
        name: &str,
        body: F,
    ) -> Result<ScopedThread<'scope, T>, SpawnError>
    where
        T: Send + 'scope,
        F: FnOnce(Signal) -> Outcome<T> + Send + 'scope,
    {
        self.builder(name).try_spawn(body)
    }

    /// The same, but waits for a place only until `signal` is set.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while it waits, the thread is not started.
    ///
    /// # Errors
    ///
    /// - [`SpawnError::Expired`] – `signal` was set first.
    /// - [`SpawnError::Stopped`] – the calling thread was asked to stop.
    /// - [`SpawnError::Os`] – the system refused.
    #[track_caller]
    pub fn spawn_until<T, F>(
        &'scope self,
        name: &str,
        signal: &Signal,
        body: F,
    ) -> Result<ScopedThread<'scope, T>, SpawnError>
    where
        T: Send + 'scope,
        F: FnOnce(Signal) -> Outcome<T> + Send + 'scope,
    {
        self.builder(name).spawn_until(signal, body)
    }

    /// Failures no longer ask anybody to stop: for work whose parts do not need each other.
    ///
    /// They come back from [`scope`] as before. An error or a panic of the scope's own closure still asks all
    /// of its threads to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread;
    ///
    /// let failures = thread::scope("shards", |s| {
    ///     s.isolate();
    ///     for i in 0..3 {
    ///         s.spawn(&format!("shard-{i}"), move |_stop| Err::<(), _>(format!("no disk {i}").into()));
    ///     }
    ///     Ok(())
    /// });
    /// assert_eq!(failures.unwrap_err().all().len(), 3);
    /// ```
    pub fn isolate(&self) {
        self.shared.is_isolated.store(true, Relaxed);
    }

    /// Threads that are started from now on run in the ambient of where `spawn` is called, as it is then: the blocks
    /// may have been left before the thread begins. A body that is not to have it is [`detached`](crate::Carry::detached).
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{local, thread};
    ///
    /// local! { static USER: &'static str; }
    /// let seen = USER.bind("Ada", || {
    ///     thread::scope("work", |s| {
    ///         s.inherit();
    ///         Ok(s.spawn("part", |_stop| Ok(*USER.get()?)).join()?)
    ///     })
    /// });
    /// assert_eq!(seen?, "Ada");
    /// # Ok::<(), thread::Failures>(())
    /// ```
    pub fn inherit(&self) {
        self.shared.inherits.store(true, Relaxed);
    }

    /// At most `n` threads of the scope that are started from now on run at once: the next `spawn` waits for
    /// a place.
    ///
    /// A thread that starts another of the same scope keeps its own place meanwhile.
    ///
    /// # Panics
    ///
    /// If `n` is 0, or a limit was set before.
    #[track_caller]
    #[doc(alias = "SetLimit")]
    pub fn limit(&self, n: usize) {
        assert!(n > 0, "a scope with a limit of 0 could start no thread");
        let places = Semaphore::named(&format!("places of {}", self.shared.node.path), n);
        let is_first = self.shared.places.set(places).is_ok();
        let path = &self.shared.node.path;
        assert!(is_first, "the limit of scope `{path}` is set already");
    }

    /// Asks the threads of the scope, and its closure, to stop. Does not wait. Services are asked when the others
    /// have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread;
    ///
    /// let answer = thread::scope("ask", |s| {
    ///     s.spawn("ticker", |stop| Ok(stop.wait()?));
    ///     s.stop(); // the work is done, helpers may go
    ///     Ok(42)
    /// });
    /// assert_eq!(answer?, 42);
    /// # Ok::<(), thread::Failures>(())
    /// ```
    #[track_caller]
    #[doc(alias = "cancel")]
    pub fn stop(&self) {
        self.stop_because("its scope was asked");
    }

    /// The same, and says why.
    #[track_caller]
    pub fn stop_because(&self, why: impl Into<Cow<'static, str>>) {
        let reason = Reason::new(Why::Said(why.into()), Location::caller());
        self.shared.node.ask(&reason.now());
    }

    /// The scope's place in the tree, for example `main/fetch`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.shared.node.path
    }

    /// Starts a thread whose result goes to `slot`.
    pub(super) fn launch<T, F>(
        &'scope self,
        builder: Builder,
        place: Option<Permit>,
        slot: Arc<Slot<T>>,
        body: F,
    ) -> Result<ScopedThread<'scope, T>, SpawnError>
    where
        T: Send + 'scope,
        F: FnOnce(Signal) -> Outcome<T> + Send + 'scope,
    {
        let shared = &self.shared;
        reap(&shared.node);
        let (node, mut setting) = builder.into_child_of(&shared.node);
        if shared.inherits.load(Relaxed) {
            setting.inherit();
        }
        let (stack_size, carried) = (setting.stack_size(), Carried::take());
        let child = Child {
            node: Arc::clone(&node),
            packet: Arc::clone(&shared.nothing),
        };
        assert!(
            shared.node.add(child),
            "a scope is sealed after its closure"
        );
        let unstarted = Unstarted::new(&shared.node, &node);
        probe::emit(&Event::Started { thread: &node.path });
        let life: Box<dyn FnOnce() + Send + 'scope> = Box::new({
            let (shared, node, slot) = (Arc::clone(shared), Arc::clone(&node), Arc::clone(&slot));
            move || {
                sys::name_thread(&node.name);
                carried.run(|| live(&shared, &node, &slot, setting, body));
                drop(place);
            }
        });
        // SAFETY: only the lifetime changes. The thread that gets the box is known to the scope (invariant
        // 2; it is in `started` before whoever calls this ends, invariant 1) and `scope` does not end before
        // it has been joined (3, 4), when the box and all that it holds are gone (5); if it is not started,
        // the box is dropped in this call. `'scope` does not end before `scope` does.
        let life: Box<dyn FnOnce() + Send + 'static> = unsafe { core::mem::transmute(life) };
        match primitive::spawn(&node.name, stack_size, life) {
            Ok(thread) => {
                core::mem::forget(unstarted);
                shared.node.started(&node, thread);
                Ok(ScopedThread::new(shared, node, slot))
            }
            Err(source) => Err(SpawnError::Os {
                name: node.name.clone(),
                source,
            }),
        }
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("path", &self.shared.node.path)
            .finish_non_exhaustive()
    }
}
