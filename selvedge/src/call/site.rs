//! The static of an open function: quiet or armed, and the order of one call.
//!
//! # Invariants
//!
//! 1. `armed` is `NEW` until the first call or binding has looked for discovered bindings; beside that it
//!    counts the live patches and bindings, and one more once a strict context was entered. It is 0 exactly when a call may go straight to the body.
//! 2. A handler is stored as `Arc<dyn Any>` and taken out by its exact type: an instantiation of a
//!    generic function with other types finds nothing and goes on.
//! 3. `proceed` consumes its `Next`, which borrows from the running call: it runs at most once, and never
//!    after the call.

use core::any::Any;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::panic::Location;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::ambient::{self, Context, Key, Payload, Refuses};
use crate::call::binding::{self, Binding};
use crate::call::patch::Patch;
use crate::primitive::{Arc, RwLock};

/// The first call takes the slow path once, to find the bindings that were registered before `main`.
const NEW: u32 = 1 << 31;

/// A handler without its type.
pub(super) type Handler = Arc<dyn Any + Send + Sync>;

/// What an open function is called, for messages.
#[derive(Debug)]
pub struct Function {
    path: &'static str,
    location: &'static Location<'static>,
}

impl Function {
    /// Module path and name.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Where it is defined.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

/// The static of an open function. Expansions make it; nobody else needs it.
#[doc(hidden)]
pub struct Site {
    armed: AtomicU32,
    function: Function,
    /// Patches and masks of the calling block are bound to it.
    pub(super) key: Key,
    pub(super) bindings: RwLock<Vec<Arc<Binding>>>,
    /// How many there are, so that a call without any takes no lock. Written under the lock.
    pub(super) n_bindings: AtomicU32,
}

/// What a block has bound to a site.
pub(super) enum InBlock {
    /// This handler is in force. The patch keeps the function armed where a capture carries it.
    Patch {
        handler: Handler,
        #[expect(dead_code, reason = "held")]
        armed: Patch,
    },
    /// We are inside this handler: its own calls skip it. Held, so that no later handler can come to
    /// have its number while a capture remembers it.
    Mask(Handler),
    /// We are in what the handler proceeded to: it is in force again.
    Unmask(Handler),
}

impl Site {
    #[track_caller]
    pub const fn new(path: &'static str) -> Self {
        Self {
            armed: AtomicU32::new(NEW),
            function: Function {
                path,
                location: Location::caller(),
            },
            key: Key::new(),
            bindings: RwLock::new(Vec::new()),
            n_bindings: AtomicU32::new(0),
        }
    }

    /// May a call go straight to the body? One relaxed load: whoever arms a function for a thread does
    /// it on that thread, or hands the work over by something that synchronises.
    #[inline(always)]
    pub fn is_quiet(&self) -> bool {
        self.armed.load(Relaxed) == 0
    }

    pub(super) fn function(&self) -> &Function {
        &self.function
    }

    pub(super) fn arm(&self) {
        self.armed.fetch_add(1, Relaxed);
    }

    pub(super) fn disarm(&self) {
        self.armed.fetch_sub(1, Relaxed);
    }

    /// Finds the bindings that were registered before `main`, once for all functions.
    fn begin(&'static self) {
        if self.armed.load(Relaxed) & NEW == 0 {
            return;
        }
        binding::discover();
        // `Relaxed`: who sees that it is not new sees that it was armed, which is the same atomic.
        let is_new = || self.armed.load(Relaxed) & NEW != 0;
        ambient::watch_strict(self, is_new, || {
            self.armed.fetch_and(!NEW, Relaxed);
        });
    }

    /// The handlers of a call here and now, outermost first; and the strict context that refuses what comes after
    /// the patches.
    fn handlers(&'static self) -> (Vec<Handler>, Option<&'static Context>) {
        let mut found = Vec::new();
        let masked = self.masked(&mut found);
        let refused_by = binding::unanswered(self);
        if refused_by.is_some() {
            return (found, refused_by);
        }
        // `Relaxed`, as for `armed`.
        if self.n_bindings.load(Relaxed) != 0 {
            binding::matching(self, &masked, &mut found);
        }
        (found, None)
    }

    #[cold]
    fn refuse(&self, context: &Context) -> ! {
        let (function, context) = (self.function.path, context.name());
        panic!(
            "`{function}` has no implementation for the strict context `{context}`: bind one to it, or call it \
             outside"
        )
    }

    /// Patches of the calling block into `found`; the handlers that we are inside of come back.
    fn masked(&'static self, found: &mut Vec<Handler>) -> Vec<usize> {
        // The innermost mask or unmask of a handler decides.
        let mut seen: Vec<(usize, bool)> = Vec::new();
        ambient::innermost(&self.key, |binding| {
            let mut at = binding;
            while let Some(binding) = at {
                if let Payload::Shared(owner, _) = &binding.payload {
                    match owner.downcast_ref().expect("only this part binds a site") {
                        InBlock::Mask(handler) => note(&mut seen, number(handler), true),
                        InBlock::Unmask(handler) => note(&mut seen, number(handler), false),
                        InBlock::Patch { handler, .. } if !is_masked(&seen, number(handler)) => {
                            found.push(Arc::clone(handler));
                        }
                        InBlock::Patch { .. } => {}
                    }
                }
                at = binding.outer();
            }
        });
        seen.into_iter()
            .filter_map(|(id, masked)| masked.then_some(id))
            .collect()
    }

    /// Binds `what` for the duration of `f`.
    pub(super) fn within<R>(
        &'static self,
        what: InBlock,
        block: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> R {
        let what = Arc::new(what);
        let pointer = Arc::as_ptr(&what).cast();
        ambient::enter(&self.key, Payload::Shared(what, pointer), block, f)
    }
}

impl Refuses for Site {
    fn arm(&self) {
        Self::arm(self);
    }
}

fn note(seen: &mut Vec<(usize, bool)>, id: usize, masked: bool) {
    if !seen.iter().any(|(other, _)| *other == id) {
        seen.push((id, masked));
    }
}

fn is_masked(seen: &[(usize, bool)], id: usize) -> bool {
    seen.contains(&(id, true))
}

/// By what a handler is known to masks: its address, which it keeps while it is alive.
pub(super) fn number(handler: &Handler) -> usize {
    Arc::as_ptr(handler).addr()
}

/// A call of an armed function. `invoke` runs a handler if it has the right type; `body` is the function's.
#[cold]
#[inline(never)]
pub fn call<A, R>(
    site: &'static Site,
    args: &mut A,
    invoke: Invoke<'_, A, R>,
    body: &mut dyn FnMut(&mut A) -> R,
) -> R {
    site.begin();
    if site.is_quiet() {
        return body(args);
    }
    let (handlers, refused_by) = site.handlers();
    match refused_by {
        None => step(site, &handlers, args, invoke, body),
        Some(context) => step(site, &handlers, args, invoke, &mut |_| site.refuse(context)),
    }
}

/// Runs a handler of the right type, or says that it is of another.
pub(super) type Invoke<'i, A, R> =
    &'i dyn Fn(&(dyn Any + Send + Sync), &mut A, Next<'_, A, R>) -> Option<R>;

/// Runs the first of `handlers`, which may proceed to the others, or the body.
fn step<A, R>(
    site: &'static Site,
    handlers: &[Handler],
    args: &mut A,
    invoke: Invoke<'_, A, R>,
    body: &mut dyn FnMut(&mut A) -> R,
) -> R {
    let Some((handler, rest)) = handlers.split_first() else {
        return body(args);
    };
    let block = site.function.location;
    let ran = site.within(InBlock::Mask(Arc::clone(handler)), block, || {
        let mut proceed = |args: &mut A| {
            site.within(InBlock::Unmask(Arc::clone(handler)), block, || {
                step(site, rest, args, invoke, body)
            })
        };
        invoke(
            &**handler,
            args,
            Next {
                run: &mut proceed,
                function: &site.function,
            },
        )
    });
    match ran {
        Some(result) => result,
        // Another instantiation's (invariant 2): nothing ran.
        None => step(site, rest, args, invoke, body),
    }
}

/// What a handler stands in front of: the next handler, or the body.
///
/// It borrows from the running call and can be used once.
///
/// ```compile_fail,E0382
/// # use selvedge::open;
/// #[open] fn one() -> u32 { 1 }
/// let twice = one::around(|args, next| next.proceed(args) + next.proceed(args));
/// ```
///
/// ```
/// # use selvedge::open;
/// #[open] fn one() -> u32 { 1 }
/// let twice = one::around(|args, next| next.proceed(args) * 2);
/// assert_eq!(twice.run(one), 2);
/// ```
#[must_use = "without `proceed` the function itself does not run"]
pub struct Next<'c, A, R> {
    run: &'c mut dyn FnMut(&mut A) -> R,
    function: &'c Function,
}

impl<'c, A, R> Next<'c, A, R> {
    /// Goes on with `args` and gives the result.
    ///
    /// # Panics
    ///
    /// If an argument that the function takes by value was taken out and not put back, and if what is
    /// called panics.
    pub fn proceed(self, mut args: impl core::borrow::BorrowMut<A>) -> R {
        (self.run)(args.borrow_mut())
    }

    /// The function that is being called.
    #[must_use]
    pub fn function(&self) -> &'c Function {
        self.function
    }
}

/// What a function given to [`#[bind]`](crate::bind) stands in front of: there, `next: Next` is this.
///
/// # Examples
///
/// ```
/// use selvedge::{bind, context, open};
///
/// context! { static LOUD = "loud"; }
///
/// #[open]
/// fn greet(name: &str) -> String {
///     format!("hello {name}")
/// }
///
/// #[bind(greet, thread = LOUD)]
/// fn shout(name: &str, next: Next) -> String {
///     next.proceed((name,)).to_uppercase()
/// }
///
/// assert_eq!(LOUD.run(|| greet("Ada")), "HELLO ADA");
/// ```
#[must_use = "without `proceed` the function itself does not run"]
pub struct NextOf<'c, A, R> {
    run: &'c mut dyn FnMut(A) -> R,
}

impl<'c, A, R> NextOf<'c, A, R> {
    #[doc(hidden)]
    pub fn new(run: &'c mut dyn FnMut(A) -> R) -> Self {
        Self { run }
    }

    /// Goes on with the arguments, as a tuple, and gives the result.
    ///
    /// # Panics
    ///
    /// If what is called does.
    pub fn proceed(self, args: A) -> R {
        (self.run)(args)
    }
}

impl<A, R> fmt::Debug for NextOf<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextOf").finish_non_exhaustive()
    }
}

/// An argument that the function takes by value: look at it, change it, or take it.
///
/// Taken and not put back, it is missing when the function runs, which panics and says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Own<T> {
    value: Option<T>,
}

const TAKEN: &str = "this argument was taken by a handler and not put back";

impl<T> Own<T> {
    #[doc(hidden)]
    pub fn new(value: T) -> Self {
        Self { value: Some(value) }
    }

    /// Takes the value out.
    ///
    /// # Panics
    ///
    /// If it was taken already.
    pub fn take(&mut self) -> T {
        self.value.take().expect(TAKEN)
    }

    /// Puts a value in, whether or not the old one was taken.
    pub fn put(&mut self, value: T) {
        self.value = Some(value);
    }

    /// Was it taken?
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.value.is_none()
    }
}

impl<T> Deref for Own<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value.as_ref().expect(TAKEN)
    }
}

impl<T> DerefMut for Own<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(TAKEN)
    }
}

impl<T: fmt::Debug> fmt::Debug for Own<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => value.fmt(f),
            None => f.write_str("<taken>"),
        }
    }
}

impl<A, R> fmt::Debug for Next<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("function", &self.function.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("path", &self.function.path)
            .finish_non_exhaustive()
    }
}
