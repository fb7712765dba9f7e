//! How deep a copy is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use crate::primitive::Arc;

/// A *deep* copy, for a block that must not change the original.
///
/// Not `Clone`: an `Arc<Mutex<T>>` is `Clone`, but its clones share their contents. Derive it; a field
/// whose type cannot be copied is marked `#[isolate(share)]` (the copy shares it, by `Clone`) or
/// `#[isolate(deny)]` (copying panics and names the field).
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
}

macro_rules! by_clone {
    ($($type:ty),*) => { $(
        impl Isolate for $type {
            const INTERIOR: bool = false;
            fn isolate(&self) -> Self {
                self.clone()
            }
        }
    )* };
}
by_clone!(
    (),
    bool,
    char,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64
);
by_clone!(String, &'static str, PathBuf, Duration, Instant, SystemTime);

macro_rules! by_items {
    ($($type:ident<$($item:ident),+ $(; $hasher:ident)?> where $key:ident: $($bound:path),*;)*) => { $(
        impl<$($item: Isolate,)+ $($hasher: BuildHasher + Default)?> Isolate for $type<$($item,)+ $($hasher)?>
        where
            $key: $($bound +)*
        {
            const INTERIOR: bool = $($item::INTERIOR ||)+ false;
            fn isolate(&self) -> Self {
                self.iter().map(by_items!(@copy $($item)+)).collect()
            }
        }
    )* };
    (@copy $item:ident) => { |item| item.isolate() };
    (@copy $key:ident $item:ident) => { |(key, item)| (key.isolate(), item.isolate()) };
}
by_items! {
    Vec<T> where T: Sized;
    VecDeque<T> where T: Sized;
    BTreeSet<T> where T: Ord;
    BTreeMap<K, V> where K: Ord;
    HashSet<T; S> where T: Eq, Hash;
    HashMap<K, V; S> where K: Eq, Hash;
}

impl<T: Isolate> Isolate for Option<T> {
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        self.as_ref().map(T::isolate)
    }
}

impl<T: Isolate, E: Isolate> Isolate for Result<T, E> {
    const INTERIOR: bool = T::INTERIOR || E::INTERIOR;
    fn isolate(&self) -> Self {
        self.as_ref().map(T::isolate).map_err(E::isolate)
    }
}

impl<T: Isolate> Isolate for Box<T> {
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        Self::new(T::isolate(self))
    }
}

/// What is shared inside the original is a copy of its own inside the copy.
impl<T: Isolate> Isolate for Arc<T> {
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        Self::new(T::isolate(self))
    }
}

impl<T: Isolate, const N: usize> Isolate for [T; N] {
    const INTERIOR: bool = T::INTERIOR;
    fn isolate(&self) -> Self {
        core::array::from_fn(|i| self[i].isolate())
    }
}

impl<T: Isolate> Isolate for std::sync::Mutex<T> {
    fn isolate(&self) -> Self {
        Self::new(
            self.lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .isolate(),
        )
    }
}

impl<T: Isolate> Isolate for std::sync::RwLock<T> {
    fn isolate(&self) -> Self {
        Self::new(
            self.read()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .isolate(),
        )
    }
}

macro_rules! tuples {
    ($(($($item:ident $i:tt),+))*) => { $(
        impl<$($item: Isolate),+> Isolate for ($($item,)+) {
            const INTERIOR: bool = $($item::INTERIOR ||)+ false;
            fn isolate(&self) -> Self {
                ($(self.$i.isolate(),)+)
            }
        }
    )* };
}
tuples! { (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) }

macro_rules! atomics {
    ($($type:ident)*) => { $(
        impl Isolate for core::sync::atomic::$type {
            fn isolate(&self) -> Self {
                Self::new(self.load(core::sync::atomic::Ordering::SeqCst))
            }
        }
    )* };
}
atomics! { AtomicBool AtomicU32 AtomicU64 AtomicUsize AtomicI32 AtomicI64 AtomicIsize }
