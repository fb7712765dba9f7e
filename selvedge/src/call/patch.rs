//! A patch: a handler of one open function, for the blocks that it is run around.

use core::any::Any;
use core::fmt;
use core::panic::Location;
use core::ptr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::ambient::{Enter, verbs};
use crate::call::chain;
use crate::call::explain::Why;
use crate::call::hook::{Hook, Kind, Shape};
use crate::call::install::Installed;
use crate::call::site::Site;
use crate::primitive::{Arc, thread_number};
use crate::signal::Signal;

/// Another behaviour of one open function, for the blocks that it is run around.
///
/// Made by the function's `before`, `after`, `unwound` and `around`. It lives in the ambient: calls outside the
/// block, and on other threads, do not see it, unless the ambient is carried there. [`install`](Self::install)
/// puts it in force for the whole process instead.
///
/// A clone is the same patch: it counts the same hits.
///
/// # Examples
///
/// ```
/// use selvedge::open;
///
/// #[open]
/// pub fn now() -> u64 {
///     1_700_000_000
/// }
///
/// now::around(|_, _| 42).run(|| assert_eq!(now(), 42));
/// assert_ne!(now(), 42);
/// ```
#[derive(Clone)]
#[must_use = "a patch does nothing until it is run around a block, or installed"]
pub struct Patch(Arc<Inner>);

/// The handler is part of it, so that a patch is one allocation.
struct Inner<H: ?Sized = dyn Any + Send + Sync> {
    site: &'static Site,
    at: &'static Location<'static>,
    hits: Hits,
    limits: Limits,
    /// Whose handler it runs; none: its own.
    original: Option<Patch>,
    hook: Hook<H>,
}

/// How often a handler has run. The thread that made the patch, which most often runs it too, counts for itself,
/// which no other thread writes and needs no atomic addition.
struct Hits {
    /// The number of that thread. A later thread may have the same one: after it, so it goes on with what it finds.
    owner: usize,
    own: AtomicU64,
    others: AtomicU64,
}

/// Which calls a patch is for.
#[derive(Clone, Default)]
struct Limits {
    times: Option<u64>,
    when: Option<Signal>,
    /// The address of the receiver.
    on: Option<usize>,
    /// The type of receiver that the function has.
    receiver: Option<&'static str>,
    /// It is the patch of an expectation.
    expects: bool,
}

impl Patch {
    /// For expansions. `receiver` is the name of the type that a method is called on.
    #[doc(hidden)]
    #[track_caller]
    pub fn new<S: Shape>(
        site: &'static Site,
        kind: Kind,
        receiver: Option<&'static str>,
        handler: Box<S::Hook>,
    ) -> Self {
        let limits = Limits {
            receiver,
            ..Limits::default()
        };
        let hook = Hook::new::<S>(kind, handler);
        Self::with(site, Location::caller(), limits, None, hook)
    }

    #[inline]
    fn with<H: Send + Sync + 'static>(
        site: &'static Site,
        at: &'static Location<'static>,
        limits: Limits,
        original: Option<Self>,
        hook: Hook<H>,
    ) -> Self {
        site.arm();
        Self(Arc::new(Inner {
            site,
            at,
            hits: Hits::new(),
            limits,
            original,
            hook,
        }))
    }

    /// A patch with the same handler and other limits. Of one that has clones, they stay as they are.
    fn limited(mut self, limit: impl FnOnce(&mut Limits)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            limit(&mut inner.limits);
            return self;
        }
        let mut limits = self.0.limits.clone();
        limit(&mut limits);
        let (site, at) = (self.0.site, self.0.at);
        let original = self.0.original.clone().unwrap_or(self);
        let hook = Hook::stand_in(&original.0.hook);
        Self::with(site, at, limits, Some(original), hook)
    }

    /// For the first `n` calls that it would apply to, all blocks and threads together; later ones pass by.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::open;
    ///
    /// #[open]
    /// fn connect() -> Result<u32, &'static str> { Ok(1) }
    ///
    /// let flaky = connect::before(|call| call.ret(Err("refused"))).times(2);
    /// flaky.run(|| {
    ///     assert_eq!([connect(), connect(), connect()], [Err("refused"), Err("refused"), Ok(1)]);
    /// });
    /// assert_eq!(flaky.hits(), 2);
    /// ```
    pub fn times(self, n: u64) -> Self {
        self.limited(|limits| limits.times = Some(n))
    }

    /// Only for calls that are made after `signal` was set.
    ///
    /// For "until it is set" let the handler ask, or leave the block.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, open};
    ///
    /// #[open]
    /// fn is_up() -> bool { true }
    ///
    /// let down = Signal::named("down");
    /// is_up::before(|call| call.ret(false)).when(&down).run(|| {
    ///     assert!(is_up());
    ///     down.set();
    ///     assert!(!is_up());
    /// });
    /// ```
    pub fn when(self, signal: &Signal) -> Self {
        let signal = signal.clone();
        self.limited(|limits| limits.when = Some(signal))
    }

    /// Only for calls of a method on this very object, which is known by its address.
    ///
    /// So it must stay where it is while the patch is in force, and must not be of size 0. Calls that take
    /// `self` by value are on no object.
    ///
    /// # Panics
    ///
    /// If the function is not a method of `T` that takes `&self` or `&mut self`.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::open;
    ///
    /// struct Door { open: bool }
    ///
    /// #[open]
    /// impl Door {
    ///     fn is_open(&self) -> bool { self.open }
    /// }
    ///
    /// fn main() {
    ///     let (front, back) = (Door { open: false }, Door { open: false });
    ///     door::is_open::before(|call| call.ret(true)).on(&front).run(|| {
    ///         assert!(front.is_open() && !back.is_open());
    ///     });
    /// }
    /// ```
    #[track_caller]
    pub fn on<T: ?Sized>(self, object: &T) -> Self {
        let (path, given) = (self.0.site.function().path(), core::any::type_name::<T>());
        match self.0.limits.receiver {
            None => panic!(
                "`{path}` is not called on an object: `on` is for methods that borrow `self`"
            ),
            // A `dyn Trait` may be it.
            Some(name) => assert!(
                name == given || size_of::<&T>() != size_of::<&()>(),
                "`{path}` is called on a `{name}`: no call is on this `{given}`"
            ),
        }
        let address = ptr::from_ref(object).addr();
        self.limited(|limits| limits.on = Some(address))
    }

    /// How often the handler has run.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.0.hits.all()
    }

    /// Runs `f` with the patch in force: for `f` and all that it calls on this thread.
    ///
    /// Patches nest; the innermost is the outermost in a call.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    #[inline]
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.enter(Location::caller(), f)
    }

    /// Puts the patch in force for the whole process, until the guard is dropped.
    ///
    /// In a call it stands behind the patches of the calling blocks, and before the bindings; of several the
    /// newest is the first.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::open;
    ///
    /// #[open]
    /// fn temperature() -> i32 { 20 }
    ///
    /// let winter = temperature::after(|returned| *returned.result -= 30).install();
    /// assert_eq!(std::thread::spawn(temperature).join().unwrap(), -10);
    /// drop(winter);
    /// assert_eq!(temperature(), 20);
    /// ```
    #[doc(alias = "GlobalPatches")]
    pub fn install(&self) -> Installed {
        Installed::new(self.0.site, self.clone(), None)
    }

    pub(super) fn site(&self) -> &'static Site {
        self.0.site
    }

    #[inline]
    pub(super) fn hook(&self) -> &Hook {
        match &self.0.original {
            None => &self.0.hook,
            Some(original) => &original.0.hook,
        }
    }

    /// Where it was made.
    pub(super) fn at(&self) -> &'static Location<'static> {
        self.0.at
    }

    /// The patch of an expectation.
    pub(super) fn expecting(self) -> Self {
        self.limited(|limits| limits.expects = true)
    }

    pub(super) fn is_expecting(&self) -> bool {
        self.0.limits.expects
    }

    /// Why a call would pass it by, or might, now.
    pub(super) fn why_not(&self) -> Option<Why> {
        let Limits {
            times, when, on, ..
        } = &self.0.limits;
        match when {
            Some(signal) if !signal.is_set() => Some(Why::NotYet(signal.to_string())),
            _ if times.is_some_and(|times| self.hits() >= times) => Some(Why::UsedUp),
            _ => on.map(|_| Why::OneObject),
        }
    }

    /// Is it for calls on this object?
    pub(super) fn is_on(&self, receiver: *const ()) -> bool {
        let on = self.0.limits.on;
        on.is_none_or(|address| address == receiver.addr())
    }

    /// Is it for a call on this object, now? If so, the call counts.
    #[inline]
    pub(super) fn takes(&self, receiver: *const ()) -> bool {
        let Limits {
            times, when, on, ..
        } = &self.0.limits;
        if on.is_some_and(|address| address != receiver.addr())
            || when.as_ref().is_some_and(|signal| !signal.is_set())
        {
            return false;
        }
        match times {
            None => {
                self.0.hits.add();
                true
            }
            Some(times) => self.0.hits.add_below(*times),
        }
    }
}

impl Hits {
    fn new() -> Self {
        Self {
            owner: thread_number(),
            own: AtomicU64::new(0),
            others: AtomicU64::new(0),
        }
    }

    fn all(&self) -> u64 {
        self.own.load(Relaxed) + self.others.load(Relaxed)
    }

    #[inline]
    fn add(&self) {
        if thread_number() == self.owner {
            self.own.store(self.own.load(Relaxed) + 1, Relaxed);
        } else {
            self.others.fetch_add(1, Relaxed);
        }
    }

    /// One more, unless there are as many. Of a patch with that limit nobody counts by `add`.
    fn add_below(&self, most: u64) -> bool {
        let most = most.saturating_sub(self.own.load(Relaxed));
        let more = |hits| (hits < most).then(|| hits + 1);
        self.others.fetch_update(Relaxed, Relaxed, more).is_ok()
    }
}

verbs!(joining [] Patch);

impl Enter for Patch {
    const PLAIN: bool = true;

    #[inline]
    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        chain::with_patch(&self.0.site.key, self, block, f)
    }
}

impl<H: ?Sized> Drop for Inner<H> {
    fn drop(&mut self) {
        self.site.disarm();
    }
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patch")
            .field("function", &self.0.site.function().path())
            .field("kind", &self.hook().kind)
            .field("hits", &self.hits())
            .finish()
    }
}
