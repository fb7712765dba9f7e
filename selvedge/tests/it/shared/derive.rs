//! `#[derive(Isolate)]` and the implementations that come with the library.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, RwLock};

use selvedge::shared::{self, Isolate};
use selvedge::singleton;

use crate::ambient::panic_of;

const fn interior<T: Isolate>(_: &PhantomData<T>) -> bool {
    T::INTERIOR
}

macro_rules! interior {
    ($type:ty) => {
        interior::<$type>(&PhantomData)
    };
}

#[derive(Isolate)]
struct Plain {
    name: String,
    scores: Vec<(u8, Option<f64>)>,
}

#[derive(Isolate)]
struct Deep {
    hits: Arc<Mutex<Vec<u32>>>,
    total: AtomicU64,
    by_name: HashMap<String, Arc<RwLock<u8>>>,
}

#[derive(Isolate)]
struct Tuple(u8, Box<Deep>);

#[derive(Isolate, Debug, PartialEq)]
struct Unit;

#[derive(Isolate)]
enum Shape {
    Empty,
    Pair(u8, String),
    Named { cell: Arc<Mutex<u8>>, r#type: u8 },
}

#[derive(Isolate)]
enum Never {}

#[derive(Isolate)]
struct Generic<T, const N: usize>
where
    T: Send,
{
    items: [T; N],
    #[isolate(share)]
    of: PhantomData<T>,
}

/// A type that nobody can copy, and one that can only be shared.
struct Foreign(u8);

#[derive(Isolate)]
struct Mixed {
    #[isolate(share)]
    log: Arc<Mutex<Vec<u8>>>,
    #[isolate(deny)]
    socket: Foreign,
    value: u8,
}

#[derive(Isolate)]
struct Shares {
    #[isolate(share)]
    log: Arc<Foreign>,
    value: u8,
}

#[test]
fn a_struct_is_copied_field_by_field() {
    let plain = Plain {
        name: "a".into(),
        scores: vec![(1, Some(2.5)), (2, None)],
    };
    let copy = plain.isolate();
    assert_eq!((&copy.name, &copy.scores), (&plain.name, &plain.scores));
    assert_eq!(Unit.isolate(), Unit);
}

#[test]
fn what_is_behind_counts_and_locks_is_copied_too() {
    let inner = Arc::new(RwLock::new(1));
    let deep = Deep {
        hits: Arc::new(Mutex::new(vec![1])),
        total: AtomicU64::new(1),
        by_name: HashMap::from([("a".to_owned(), Arc::clone(&inner))]),
    };
    let tuple = Tuple(4, Box::new(deep));
    let copy = tuple.isolate();
    copy.1.hits.lock().unwrap().push(2);
    copy.1.total.store(9, SeqCst);
    *copy.1.by_name["a"].write().unwrap() = 9;
    assert_eq!((copy.0, &*tuple.1.hits.lock().unwrap()), (4, &vec![1]));
    assert_eq!((tuple.1.total.load(SeqCst), *inner.read().unwrap()), (1, 1));
}

#[test]
fn an_enum_is_copied_as_the_variant_that_it_is() {
    assert!(matches!(Shape::Empty.isolate(), Shape::Empty));
    let Shape::Pair(1, text) = Shape::Pair(1, "b".into()).isolate() else {
        panic!("another variant")
    };
    assert_eq!(text, "b");
    let cell = Arc::new(Mutex::new(1));
    let Shape::Named {
        cell: copy,
        r#type: 7,
    } = (Shape::Named {
        cell: Arc::clone(&cell),
        r#type: 7,
    })
    .isolate()
    else {
        panic!("another variant")
    };
    *copy.lock().unwrap() = 2;
    assert_eq!(*cell.lock().unwrap(), 1);
}

#[test]
fn a_generic_type_copies_its_parameters() {
    let generic = Generic {
        items: [Arc::new(Mutex::new(1)), Arc::new(Mutex::new(2))],
        of: PhantomData,
    };
    let copy = generic.isolate();
    *copy.items[0].lock().unwrap() = 5;
    assert_eq!(*generic.items[0].lock().unwrap(), 1);
    let _: PhantomData<Arc<Mutex<i32>>> = copy.of;
}

#[test]
fn a_shared_field_is_the_same_one_and_a_denied_one_panics_with_its_name() {
    let shares = Shares {
        log: Arc::new(Foreign(3)),
        value: 1,
    };
    let copy = shares.isolate();
    assert!(Arc::ptr_eq(&shares.log, &copy.log));
    assert_eq!((copy.log.0, copy.value), (3, 1));
    singleton! {
        static MIXED: Mixed = Mixed { log: Arc::default(), socket: Foreign(1), value: 1 };
    }
    // Nobody knows what `&Foreign` can do to the shared one, so a block may not even look.
    let ((), changes) = shared::isolated(|| {
        for touch in [|| MIXED.update(|mixed| mixed.value = 2), || MIXED.read(|_| ())] {
            assert_eq!(
                panic_of(touch),
                "`Mixed.socket` must not be copied for an isolating block"
            );
        }
    });
    assert!(changes.is_empty());
    MIXED.update(|mixed| {
        mixed.log.lock().unwrap().push(mixed.socket.0);
        mixed.value = 3;
    });
    assert_eq!(MIXED.read(|mixed| mixed.value), 3);
}

#[test]
fn interior_is_known_from_the_fields_that_are_copied() {
    const PLAIN: [bool; 7] = [
        interior!(Plain),
        interior!(Unit),
        interior!(Never),
        interior!(Generic<u8, 3>),
        interior!(Shares),
        interior!(BTreeMap<u8, VecDeque<HashSet<String>>>),
        interior!(Result<(), &'static str>),
    ];
    const INNER: [bool; 8] = [
        interior!(Mixed),
        interior!(Deep),
        interior!(Tuple),
        interior!(Shape),
        interior!(Generic<AtomicU64, 1>),
        interior!(Option<Mutex<u8>>),
        interior!((u8, u8, u8, Arc<RwLock<()>>)),
        interior!(HashMap<u8, AtomicU64>),
    ];
    assert_eq!(PLAIN, [false; 7]);
    assert_eq!(INNER, [true; 8]);
}

#[test]
fn a_poisoned_lock_is_copied_with_what_it_holds() {
    let lock = Arc::new(Mutex::new(5));
    panic_of(|| {
        let _held = lock.lock().unwrap();
        panic!("poisons it")
    });
    assert_eq!(*lock.isolate().lock().unwrap(), 5);
}
