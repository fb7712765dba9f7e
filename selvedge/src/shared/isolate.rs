//! How deep a copy is, and the copies of what std has.

use core::cell::{Cell, RefCell};
use core::cmp::Reverse;
use core::marker::PhantomData;
use core::num::{self, Wrapping};
use core::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};
use core::ptr;
use core::sync::atomic;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};
use std::thread::ThreadId;
use std::time::{Duration, Instant, SystemTime};

use crate::primitive::Arc;

/// A *deep* copy, for a block that must not change the original.
///
/// Not `Clone`: an `Arc<Mutex<T>>` is `Clone`, but its clones share their contents. Derive it; a field
/// whose type cannot be copied is marked
/// - `#[isolate(share)]`: the copy shares it, by `Clone`. What is shared is not isolated: changes of it reach
///   the original, and are not known as writes.
/// - `#[isolate(deny)]`: an isolating block may not have it. The block's first touch panics and names
///   the field. On the type, the same for all of it.
///
/// # Examples
///
/// ```
/// use selvedge::shared::Isolate;
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Isolate)]
/// struct Settings {
///     names: Vec<String>,
///     hits: Arc<Mutex<u32>>,
/// }
///
/// let original = Settings { names: vec!["a".into()], hits: Arc::new(Mutex::new(1)) };
/// let copy = original.isolate();
/// *copy.hits.lock().unwrap() = 9;
/// assert_eq!(*original.hits.lock().unwrap(), 1);
/// assert_eq!(copy.names, original.names);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `Isolate`: it is not known how to copy it for an isolating block",
    label = "cannot be copied deeply",
    note = "derive it with `#[derive(Isolate)]`; a field of a foreign type is marked `#[isolate(share)]`, \
            so that copies share it, or `#[isolate(deny)]`, so that copying panics"
)]
pub trait Isolate: Sized {
    /// Can `&self` change it (a `Mutex`, an atomic)? Then a snapshot does not protect the original, and
    /// the copy is made at the first touch instead of the first write. The safe answer is yes.
    const INTERIOR: bool = true;

    /// Makes the copy.
    fn isolate(&self) -> Self;

    /// Do the two hold the same, deeply? This is how a write through `&self` is noticed: a block's copy
    /// is compared with what it was, and so is the original before a commit.
    ///
    /// "No" is the safe answer. Then every touch of a type with interior mutability counts as a write,
    /// and a commit of it is refused, because nobody can say whether it overwrites somebody's change.
    #[must_use]
    fn is_same(&self, _other: &Self) -> bool {
        false
    }
}

macro_rules! by_clone {
    ($($type:ty),* $(,)?) => { $(
        impl Isolate for $type {
            const INTERIOR: bool = false;
            fn isolate(&self) -> Self {
                self.clone()
            }
            fn is_same(&self, other: &Self) -> bool {
                self == other
            }
        }
    )* };
}
by_clone!((), bool, char, u8, u16, u32, u64, u128, usize);
by_clone!(i8, i16, i32, i64, i128, isize);
by_clone!(
    num::NonZeroU8,
    num::NonZeroU16,
    num::NonZeroU32,
    num::NonZeroU64,
    num::NonZeroU128
);
by_clone!(
    num::NonZeroI8,
    num::NonZeroI16,
    num::NonZeroI32,
    num::NonZeroI64,
    num::NonZeroI128
);
by_clone!(num::NonZeroUsize, num::NonZeroIsize);
by_clone!(String, Box<str>, Arc<str>, &'static str, Cow<'static, str>);
by_clone!(OsString, CString, PathBuf);
by_clone!(Duration, Instant, SystemTime, ThreadId, core::cmp::Ordering);
by_clone!(
    IpAddr,
    Ipv4Addr,
    Ipv6Addr,
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6
);

macro_rules! floats {
    ($($type:ty)*) => { $(
        impl Isolate for $type {
            const INTERIOR: bool = false;
            fn isolate(&self) -> Self {
                *self
            }
            fn is_same(&self, other: &Self) -> bool {
                self.to_bits() == other.to_bits() // not a number is what it was, too
            }
        }
    )* };
}
floats! { f32 f64 }

impl<T: ?Sized> Isolate for PhantomData<T> {
    const INTERIOR: bool = false;
    fn isolate(&self) -> Self {
        Self
    }
    fn is_same(&self, _: &Self) -> bool {
        true
    }
}

// In order; a heap's order is that of its places, which a copy keeps.
macro_rules! sequences {
    ($($type:ident<T> where $($bound:path),*;)*) => { $(
        impl<T: Isolate $(+ $bound)*> Isolate for $type<T> {
            const INTERIOR: bool = T::INTERIOR;
            fn isolate(&self) -> Self {
                self.iter().map(T::isolate).collect()
            }
            fn is_same(&self, other: &Self) -> bool {
                self.len() == other.len() && self.iter().zip(other).all(|(a, b)| a.is_same(b))
            }
        }
    )* };
}
sequences! {
    Vec<T> where Sized;
    VecDeque<T> where Sized;
    LinkedList<T> where Sized;
    BinaryHeap<T> where Ord;
    BTreeSet<T> where Ord;
}

impl<K: Isolate + Ord, V: Isolate> Isolate for BTreeMap<K, V> {
    const INTERIOR: bool = K::INTERIOR || V::INTERIOR;
    fn isolate(&self) -> Self {
        self.iter()
            .map(|(k, v)| (k.isolate(), v.isolate()))
            .collect()
    }
    fn is_same(&self, other: &Self) -> bool {
        let pairs = || self.iter().zip(other);
        self.len() == other.len() && pairs().all(|(a, b)| a.0.is_same(b.0) && a.1.is_same(b.1))
    }
}

impl<T, S> Isolate for HashSet<T, S>
where
    T: Isolate + Eq + Hash,
    S: BuildHasher + Default,
{
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        self.iter().map(T::isolate).collect()
    }
    fn is_same(&self, other: &Self) -> bool {
        let has = |item: &T| other.get(item).is_some_and(|it| it.is_same(item));
        self.len() == other.len() && self.iter().all(has)
    }
}

impl<K, V, S> Isolate for HashMap<K, V, S>
where
    K: Isolate + Eq + Hash,
    V: Isolate,
    S: BuildHasher + Default,
{
    const INTERIOR: bool = K::INTERIOR || V::INTERIOR;
    fn isolate(&self) -> Self {
        self.iter()
            .map(|(k, v)| (k.isolate(), v.isolate()))
            .collect()
    }
    fn is_same(&self, other: &Self) -> bool {
        let has = |(key, value): (&K, &V)| {
            let theirs = other.get_key_value(key);
            theirs.is_some_and(|(k, v)| k.is_same(key) && v.is_same(value))
        };
        self.len() == other.len() && self.iter().all(has)
    }
}

/// `Box<[T]>` and `Arc<[T]>`.
macro_rules! slices {
    ($($type:ident)*) => { $(
        impl<T: Isolate> Isolate for $type<[T]> {
            const INTERIOR: bool = T::INTERIOR;
            fn isolate(&self) -> Self {
                self.iter().map(T::isolate).collect()
            }
            fn is_same(&self, other: &Self) -> bool {
                self.len() == other.len() && self.iter().zip(&**other).all(|(a, b)| a.is_same(b))
            }
        }
    )* };
}
slices! { Box Arc }

/// What holds one value. What is shared inside the original is a copy of its own inside the copy.
macro_rules! holders {
    ($($type:ident($get:ident, $make:expr);)*) => { $(
        impl<T: Isolate> Isolate for $type<T> {
            const INTERIOR: bool = T::INTERIOR;
            fn isolate(&self) -> Self {
                $make(T::isolate(holders!(@ $get self)))
            }
            fn is_same(&self, other: &Self) -> bool {
                holders!(@ $get self).is_same(holders!(@ $get other))
            }
        }
    )* };
    (@ deref $it:ident) => { &**$it };
    (@ first $it:ident) => { &$it.0 };
    (@ start $it:ident) => { &$it.start };
    (@ end $it:ident) => { &$it.end };
}
holders! {
    Box(deref, Self::new);
    Arc(deref, Self::new);
    Wrapping(first, Self);
    Reverse(first, Self);
    RangeFrom(start, |start| Self { start });
    RangeTo(end, |end| Self { end });
}

impl<T: Isolate> Isolate for Range<T> {
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        self.start.isolate()..self.end.isolate()
    }
    fn is_same(&self, other: &Self) -> bool {
        self.start.is_same(&other.start) && self.end.is_same(&other.end)
    }
}

/// A range that was iterated to its end is copied as one that was not.
impl<T: Isolate> Isolate for RangeInclusive<T> {
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        self.start().isolate()..=self.end().isolate()
    }
    fn is_same(&self, other: &Self) -> bool {
        self.start().is_same(other.start()) && self.end().is_same(other.end())
    }
}

impl<T: Isolate> Isolate for Option<T> {
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        self.as_ref().map(T::isolate)
    }
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(a), Some(b)) => a.is_same(b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

impl<T: Isolate, E: Isolate> Isolate for Result<T, E> {
    const INTERIOR: bool = T::INTERIOR || E::INTERIOR;
    fn isolate(&self) -> Self {
        self.as_ref().map(T::isolate).map_err(E::isolate)
    }
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Ok(a), Ok(b)) => a.is_same(b),
            (Err(a), Err(b)) => a.is_same(b),
            _ => false,
        }
    }
}

impl<T: Isolate> Isolate for Bound<T> {
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        self.as_ref().map(T::isolate)
    }
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Included(a), Self::Included(b)) | (Self::Excluded(a), Self::Excluded(b)) => {
                a.is_same(b)
            }
            (Self::Unbounded, Self::Unbounded) => true,
            _ => false,
        }
    }
}

impl<T: Isolate, const N: usize> Isolate for [T; N] {
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        core::array::from_fn(|i| self[i].isolate())
    }
    fn is_same(&self, other: &Self) -> bool {
        self.iter().zip(other).all(|(a, b)| a.is_same(b))
    }
}

/// Locks of std are copied with what they hold, unlocked and not poisoned; copying waits for the lock.
macro_rules! locks {
    ($($type:ident $lock:ident)*) => { $(
        impl<T: Isolate> Isolate for $type<T> {
            fn isolate(&self) -> Self {
                Self::new(self.$lock().unwrap_or_else(PoisonError::into_inner).isolate())
            }
            fn is_same(&self, other: &Self) -> bool {
                let ours = self.$lock().unwrap_or_else(PoisonError::into_inner);
                // It would wait for itself.
                ptr::eq(self, other)
                    || ours.is_same(&other.$lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    )* };
}
locks! { Mutex lock RwLock read }

impl<T: Isolate> Isolate for OnceLock<T> {
    fn isolate(&self) -> Self {
        self.get()
            .map_or_else(Self::new, |value| Self::from(value.isolate()))
    }
    fn is_same(&self, other: &Self) -> bool {
        match (self.get(), other.get()) {
            (Some(a), Some(b)) => a.is_same(b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

/// Behind a lock, usually: it is not `Sync`.
impl<T: Isolate + Copy> Isolate for Cell<T> {
    fn isolate(&self) -> Self {
        Self::new(self.get().isolate())
    }
    fn is_same(&self, other: &Self) -> bool {
        self.get().is_same(&other.get())
    }
}

/// Behind a lock, usually: it is not `Sync`. Copying panics while it is borrowed mutably.
impl<T: Isolate> Isolate for RefCell<T> {
    fn isolate(&self) -> Self {
        Self::new(self.borrow().isolate())
    }
    fn is_same(&self, other: &Self) -> bool {
        self.borrow().is_same(&other.borrow())
    }
}

macro_rules! atomics {
    ($($type:ident)*) => { $(
        impl Isolate for atomic::$type {
            fn isolate(&self) -> Self {
                Self::new(self.load(atomic::Ordering::SeqCst))
            }
            fn is_same(&self, other: &Self) -> bool {
                self.load(atomic::Ordering::SeqCst) == other.load(atomic::Ordering::SeqCst)
            }
        }
    )* };
}
atomics! { AtomicBool AtomicU8 AtomicU16 AtomicU32 AtomicUsize AtomicI8 AtomicI16 AtomicI32 AtomicIsize }
#[cfg(target_has_atomic = "64")]
atomics! { AtomicU64 AtomicI64 }

macro_rules! tuples {
    ($(($($item:ident $i:tt),+))*) => { $(
        impl<$($item: Isolate),+> Isolate for ($($item,)+) {
            const INTERIOR: bool = $($item::INTERIOR ||)+ false;
            fn isolate(&self) -> Self {
                ($(self.$i.isolate(),)+)
            }
            fn is_same(&self, other: &Self) -> bool {
                $(self.$i.is_same(&other.$i) &&)+ true
            }
        }
    )* };
}
tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

// Not those that borrow their arguments: such types are no instances of one another.
macro_rules! functions {
    ($(($($argument:ident),*))*) => { $(
        impl<Output, $($argument),*> Isolate for fn($($argument),*) -> Output {
            const INTERIOR: bool = false;
            fn isolate(&self) -> Self {
                *self
            }
            fn is_same(&self, other: &Self) -> bool {
                ptr::fn_addr_eq(*self, *other)
            }
        }
    )* };
}
functions! { () (A) (A, B) (A, B, C) (A, B, C, D) }
