//! Locals: one typed value each, bound for a block.
//!
//! # Invariants
//!
//! 1. The slot of a local's key holds null or a pointer to a `T`: only `bind_arc`, `bind_lent` and `bind_copy`
//!    of the same local, which know its type, bind that key.
//! 2. The value outlives the block that bound it, because the block owns or borrows a count of it, or holds it
//!    on its stack; and a reader runs inside that block.
#![allow(
    unsafe_code,
    reason = "the table is untyped; the key's only writers know the type"
)]

use core::any::Any;
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;
use std::error::Error;

use crate::ambient::baggage::checked_key;
use crate::ambient::capture::{Ambient, Chain};
use crate::ambient::current;
use crate::ambient::frame::{self, Payload};
use crate::ambient::key::Key;
use crate::ambient::to::To;
use crate::primitive::{Arc, Once};

/// A value that is bound for a block and everything that the block calls, on the same thread.
///
/// Declared with [`local!`](crate::local). There is no setter: a callee can bind the local anew for its own
/// block, and never change what its caller sees. (That is xlocal's rule.)
///
/// # Examples
///
/// ```
/// selvedge::local! {
///     /// How much to say.
///     pub static LEVEL: u8 = 3;
/// }
///
/// assert_eq!(LEVEL.copied()?, 3);
/// LEVEL.bind(5, || {
///     assert_eq!(LEVEL.copied(), Ok(5));
///     LEVEL.bind(6, || assert_eq!(LEVEL.copied(), Ok(6)));
///     assert_eq!(LEVEL.copied(), Ok(5));
/// });
/// # Ok::<(), selvedge::Unbound>(())
/// ```
#[doc(alias = "xlocal")]
#[doc(alias = "thread_local")]
pub struct Local<T: 'static> {
    key: Key,
    name: &'static str,
    default: Option<fn() -> T>,
    baggage: Option<&'static str>,
    value: Once<Arc<T>>,
    invariant: PhantomData<fn(T) -> T>,
}

impl<T: Send + Sync + 'static> Local<T> {
    /// For [`local!`](crate::local), which knows the path.
    #[doc(hidden)]
    pub const fn new(name: &'static str, default: Option<fn() -> T>) -> Self {
        Self::with_key(name, default, None)
    }

    /// The same, with the key under which it can be sent.
    #[doc(hidden)]
    pub const fn keyed(name: &'static str, default: Option<fn() -> T>, key: &'static str) -> Self {
        Self::with_key(name, default, Some(checked_key(key)))
    }

    const fn with_key(
        name: &'static str,
        default: Option<fn() -> T>,
        baggage: Option<&'static str>,
    ) -> Self {
        Self {
            key: Key::new(),
            name,
            default,
            baggage,
            value: Once::new(),
            invariant: PhantomData,
        }
    }

    /// Runs `f` with this local bound to `value`.
    ///
    /// Outside the block, and on other threads, nothing changes; after a panic of `f` neither. The value
    /// is dropped when the block, and everything that captured it, is gone.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    #[inline]
    pub fn bind<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        self.bind_arc(Arc::new(value), f)
    }

    /// Runs `f` with this local bound to a value that is shared already.
    ///
    /// ```
    /// use std::sync::Arc;
    /// selvedge::local! { static NAME: String; }
    /// let name = Arc::new("Ada".to_owned());
    /// let same = NAME.bind_arc(Arc::clone(&name), || NAME.get())?;
    /// assert!(Arc::ptr_eq(&name, &same));
    /// # Ok::<(), selvedge::Unbound>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    #[inline]
    pub fn bind_arc<R>(&'static self, value: Arc<T>, f: impl FnOnce() -> R) -> R {
        // Dropped when the block has been left, so with the outer one current.
        self.bind_lent(&value, Location::caller(), f)
    }

    /// Runs `f` with this local bound to a small value, without asking the allocator.
    ///
    /// ```
    /// selvedge::local! { static DEPTH: u32; }
    /// assert_eq!(DEPTH.bind_copy(2, || DEPTH.copied()), Ok(2));
    /// ```
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    #[inline]
    pub fn bind_copy<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R
    where
        T: Copy,
    {
        let pointer = core::ptr::from_ref(&value).cast();
        frame::enter(
            &self.key,
            Payload::Inline {
                value: pointer,
                source: pointer,
                count: count::<T>,
            },
            Location::caller(),
            f,
        )
    }

    /// A block that binds this local to `value`, to be combined with others, entered more than once, or wrapped
    /// around a closure or a future.
    ///
    /// ```
    /// selvedge::local! { static A: u8; static B: u8; }
    /// let sum = A.to(1).and(B.to(2)).run(|| Ok(A.copied()? + B.copied()?));
    /// assert_eq!(sum, Ok::<u8, selvedge::Unbound>(3));
    /// ```
    pub fn to(&'static self, value: T) -> To<T> {
        self.to_arc(Arc::new(value))
    }

    /// As [`to`](Self::to), with a value that is shared already.
    ///
    /// ```
    /// use std::sync::Arc;
    /// selvedge::local! { static NAME: String; }
    /// let name = Arc::new("Ada".to_owned());
    /// let same = NAME.to_arc(Arc::clone(&name)).run(|| NAME.get())?;
    /// assert!(Arc::ptr_eq(&name, &same));
    /// # Ok::<(), selvedge::Unbound>(())
    /// ```
    pub fn to_arc(&'static self, value: Arc<T>) -> To<T> {
        To::new(self, value)
    }

    /// Runs `f` with this local bound to a value whose count somebody else holds until then.
    #[inline(always)]
    pub(super) fn bind_lent<R>(
        &'static self,
        value: &Arc<T>,
        block: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> R {
        let payload = Payload::Inline {
            value: Arc::as_ptr(value).cast(),
            source: core::ptr::from_ref(value).cast(),
            count: count_lent::<T>,
        };
        frame::enter(&self.key, payload, block, f)
    }

    /// Runs `f` with the value that is bound here, or with the default.
    ///
    /// The value cannot change while `f` runs, and `f` may bind this local anew.
    ///
    /// # Errors
    ///
    /// [`Unbound`] if nothing is bound here and the local has no default.
    ///
    /// # Panics
    ///
    /// If `f` or the default's expression does, and if that expression reads this local.
    #[inline]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, Unbound> {
        let value = frame::fast_value(&self.key).cast::<T>();
        // SAFETY: null or a `T` (invariant 1), alive while we run inside the block that bound it
        // (invariant 2).
        match unsafe { value.as_ref() } {
            Some(value) => Ok(f(value)),
            None => self.find_slow().map(f),
        }
    }

    /// Bound to one of many keys, or not at all: the default, or the error.
    #[cold]
    #[inline(never)]
    fn find_slow<'b>(&'static self) -> Result<&'b T, Unbound> {
        let value = frame::value(&self.key).cast::<T>();
        // SAFETY: as in `with`, which uses the reference before it returns.
        match unsafe { value.as_ref() } {
            Some(value) => Ok(value),
            None => Ok(&**self.default_value()?),
        }
    }

    /// The bound value itself, counted, so that it can be kept.
    ///
    /// It is this very value: it does not follow later bindings. A value bound with
    /// [`bind_copy`](Self::bind_copy) is copied.
    ///
    /// # Errors
    ///
    /// [`Unbound`] if nothing is bound here and the local has no default.
    pub fn get(&'static self) -> Result<Arc<T>, Unbound> {
        frame::innermost(&self.key, |binding| {
            match binding.map(|binding| &binding.payload) {
                None => self.default_value().cloned(),
                Some(payload) => match payload.counted() {
                    Payload::Shared(owner, _) => {
                        Ok(owner.downcast().expect("a local binds its own type"))
                    }
                    _ => unreachable!("a local binds values"),
                },
            }
        })
    }

    /// A copy of the bound value.
    ///
    /// # Errors
    ///
    /// [`Unbound`] if nothing is bound here and the local has no default.
    #[inline]
    pub fn copied(&'static self) -> Result<T, Unbound>
    where
        T: Copy,
    {
        self.with(|value| *value)
    }

    /// Is a value bound here? The default does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// selvedge::local! { static USER: &'static str; }
    /// assert!(!USER.is_bound());
    /// USER.bind("Ada", || assert!(USER.is_bound()));
    /// ```
    #[inline]
    #[must_use]
    pub fn is_bound(&'static self) -> bool {
        !frame::value(&self.key).is_null()
    }

    /// The path of the static, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The key under which it can be sent, if it opted in.
    pub(super) fn baggage_key(&self) -> Option<&'static str> {
        self.baggage
    }

    /// The default, evaluated once for the whole process.
    #[cold]
    fn default_value(&'static self) -> Result<&'static Arc<T>, Unbound> {
        match self.default {
            // It outlives every block: what its first reader has bound must not leak into it.
            Some(default) => Ok(self
                .value
                .get_or_make(self.name, || Arc::new(Ambient::empty().run(default)))),
            None => Err(self.unbound()),
        }
    }

    fn unbound(&self) -> Unbound {
        let (thread, chain) = (current::thread_path(), Chain::here());
        Unbound(Box::new(Missing {
            what: "local",
            name: self.name,
            thread,
            chain,
        }))
    }
}

/// A counted copy of the value that `value` points to, for a capture.
fn count<T: Copy + Send + Sync + 'static>(
    value: *const (),
) -> (Arc<dyn Any + Send + Sync>, *const ()) {
    // SAFETY: only `bind_copy` pairs this function with a pointer, to a `T` (invariant 1) on the stack
    // of the running block (invariant 2).
    let copy = Arc::new(unsafe { *value.cast::<T>() });
    let pointer = Arc::as_ptr(&copy).cast();
    (copy, pointer)
}

/// Another count of the value whose `Arc` is at `source`, for a capture.
fn count_lent<T: Send + Sync + 'static>(
    source: *const (),
) -> (Arc<dyn Any + Send + Sync>, *const ()) {
    // SAFETY: only `bind_lent` pairs this function with a pointer, to an `Arc<T>` that is borrowed until the
    // block has been left (invariant 2).
    let value = Arc::clone(unsafe { &*source.cast::<Arc<T>>() });
    let pointer = Arc::as_ptr(&value).cast();
    (value, pointer)
}

impl<T> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The error of reading a local, or a resource of a context, that is not bound here.
///
/// Bind it around the call, or carry the ambient to this thread with
/// [`Ambient::capture`](crate::Ambient::capture): a thread starts with nothing bound.
#[derive(Clone, PartialEq, Eq)]
pub struct Unbound(Box<Missing>);

/// Boxed, so that a read that succeeds returns in registers.
#[derive(Clone, PartialEq, Eq)]
struct Missing {
    what: &'static str,
    name: &'static str,
    thread: Arc<str>,
    chain: Chain,
}

impl Unbound {
    /// Of a resource; `entered` is the name of its context if that is entered here, without it.
    pub(super) fn of_resource(name: &'static str, entered: Option<&'static str>) -> Self {
        Self(Box::new(Missing {
            what: "resource",
            name,
            thread: current::thread_path(),
            chain: entered.map_or_else(Chain::here, Chain::Without),
        }))
    }

    /// The path of the local that was read, or the name of the resource.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The path of the thread that read it.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.0.thread
    }
}

impl fmt::Debug for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unbound({self})")
    }
}

impl fmt::Display for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Missing {
            what,
            name,
            thread,
            chain,
        } = &*self.0;
        write!(
            f,
            "{what} `{name}` is not bound in thread `{thread}` ({chain})"
        )
    }
}

impl Error for Unbound {}
