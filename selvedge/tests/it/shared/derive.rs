//! `#[derive(Isolate)]` and the implementations that come with the library.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU8, NonZeroUsize, Wrapping};
use std::ops::{Bound, Range, RangeInclusive, RangeTo};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;

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
        for touch in [
            || MIXED.update(|mixed| mixed.value = 2),
            || MIXED.read(|_| ()),
        ] {
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

#[derive(Isolate, Clone)]
#[isolate(share)]
struct Handle<T>(Arc<Mutex<T>>);

#[derive(Isolate)]
#[isolate(deny)]
struct Connection {
    _of: Foreign,
}

#[derive(Isolate)]
enum Uses {
    Handle(Handle<u8>, u8),
    Connection { connection: Connection },
}

#[test]
fn a_mark_on_the_type_holds_for_all_of_it() {
    let handle = Handle(Arc::new(Mutex::new(1)));
    assert!(Arc::ptr_eq(&handle.0, &handle.isolate().0));
    assert_eq!(
        [interior!(Handle<u8>), interior!(Connection)],
        [false, true]
    );
    let uses = Uses::Handle(handle, 3);
    let Uses::Handle(copy, 3) = uses.isolate() else {
        panic!("another variant")
    };
    *copy.0.lock().unwrap() = 7;
    let Uses::Handle(handle, 3) = &uses else {
        panic!("another variant")
    };
    assert_eq!(*handle.0.lock().unwrap(), 7, "it is shared");
    let of = Foreign(1);
    let denied = Uses::Connection {
        connection: Connection { _of: of },
    };
    let text = panic_of(|| denied.isolate());
    assert_eq!(
        text,
        "`Connection` must not be copied for an isolating block"
    );
    let Uses::Connection { connection } = &denied else {
        panic!("another variant")
    };
    assert_eq!(connection._of.0, 1);
}

/// Each value equals its copy; each change makes it another.
#[test]
fn a_copy_is_the_same_until_one_of_the_two_is_changed() {
    fn check<T: Isolate>(value: &T, change: impl FnOnce(&T)) {
        let copy = value.isolate();
        assert!(value.is_same(&copy) && copy.is_same(value));
        change(value);
        assert!(!value.is_same(&copy) && !copy.is_same(value));
        assert!(value.is_same(&value.isolate()));
    }
    check(&Mutex::new(1), |it| *it.lock().unwrap() = 2);
    check(&RwLock::new(f64::NAN), |it| *it.write().unwrap() = 0.0);
    check(&AtomicU64::new(1), |it| it.store(2, SeqCst));
    check(&OnceLock::new(), |it| it.set(1_u8).unwrap());
    check(&Cell::new(1), |it| it.set(2));
    check(&RefCell::new(vec![1]), |it| it.borrow_mut().push(2));
    check(&Arc::new(Mutex::new(1)), |it| *it.lock().unwrap() = 2);
    check(&vec![Mutex::new(1), Mutex::new(2)], |it| {
        *it[1].lock().unwrap() = 1
    });
    check(&Mutex::new(VecDeque::from([1])), |it| {
        it.lock().unwrap().push_back(1)
    });
    check(&Mutex::new(LinkedList::from([1])), |it| {
        it.lock().unwrap().push_back(1)
    });
    check(&Mutex::new(BinaryHeap::from([3, 1, 2])), |it| {
        it.lock().unwrap().push(0)
    });
    check(&Mutex::new(BTreeSet::from([1])), |it| {
        assert!(it.lock().unwrap().pop_first().is_some())
    });
    check(&Mutex::new(HashSet::from([1])), |it| {
        *it.lock().unwrap() = HashSet::from([2])
    });
    check(&Mutex::new(HashMap::from([(1, 1)])), |it| {
        assert!(it.lock().unwrap().insert(1, 2).is_some())
    });
    check(&BTreeMap::from([(1, Mutex::new(1))]), |it| {
        *it[&1].lock().unwrap() = 2
    });
    check(&HashMap::from([(1, Mutex::new(1))]), |it| {
        *it[&1].lock().unwrap() = 2
    });
    check(&Mutex::new(Some(1)), |it| *it.lock().unwrap() = None);
    check(&Mutex::new(Ok::<u8, u8>(1)), |it| {
        *it.lock().unwrap() = Err(1)
    });
    check(&Mutex::new(1..5), |it| {
        assert!(it.lock().unwrap().next().is_some())
    });
    check(&Mutex::new(1..=5), |it| *it.lock().unwrap() = 1..=4);
    check(&Mutex::new(Bound::Included(1)), |it| {
        *it.lock().unwrap() = Bound::Excluded(1)
    });
    check(&Mutex::new(Cow::Borrowed("a")), |it| {
        it.lock().unwrap().to_mut().push('b')
    });
    check(&Mutex::new([Wrapping(1), Wrapping(2)]), |it| {
        it.lock().unwrap()[1] += 1
    });
    check(&Mutex::new((1, 2, 3, 4, 5, 6, 7, Reverse(8))), |it| {
        it.lock().unwrap().7.0 = 9
    });
    check(&Mutex::new(u8::swap_bytes as fn(u8) -> u8), |it| {
        *it.lock().unwrap() = u8::reverse_bits;
    });
    check(&[Box::new(Mutex::new(1))], |it| *it[0].lock().unwrap() = 2);
    let boxed: Box<[Mutex<u8>]> = [1].map(Mutex::new).into();
    let counted: Arc<[Mutex<u8>]> = [1].map(Mutex::new).into();
    check(&boxed, |it| *it[0].lock().unwrap() = 2);
    check(&counted, |it| *it[0].lock().unwrap() = 2);
    check(
        &Deep {
            hits: Arc::default(),
            total: AtomicU64::new(0),
            by_name: HashMap::new(),
        },
        |it| it.hits.lock().unwrap().push(1),
    );
    check(&Mutex::new(Shape::Empty), |it| {
        *it.lock().unwrap() = Shape::Pair(1, String::new())
    });
    check(
        &Shape::Named {
            cell: Arc::default(),
            r#type: 1,
        },
        |it| match it {
            Shape::Named { cell, .. } => *cell.lock().unwrap() = 1,
            _ => panic!("another variant"),
        },
    );
}

/// What users have in their fields without thinking of it.
#[test]
fn what_std_has_and_cannot_change_is_shared_or_cloned() {
    #[derive(Isolate)]
    struct All {
        text: (Arc<str>, Box<str>, Cow<'static, str>, &'static str),
        os: (OsString, PathBuf, CString),
        number: (NonZeroU8, NonZeroUsize, i128, char, f32),
        range: (Range<usize>, RangeInclusive<u8>, RangeTo<u8>),
        address: (IpAddr, Ipv4Addr, SocketAddr),
        time: (Duration, Option<std::time::Instant>),
        function: Option<fn(u8, u8) -> u16>,
        #[isolate(share)]
        borrows: fn(&str) -> usize,
        none: PhantomData<*const u8>,
        thread: std::thread::ThreadId,
    }
    let all = All {
        text: ("a".into(), "b".into(), "c".into(), "d"),
        os: ("e".into(), "f".into(), c"g".to_owned()),
        number: (NonZeroU8::MIN, NonZeroUsize::MAX, -1, 'h', 0.5),
        range: (1..2, 1..=2, ..3),
        address: (
            Ipv4Addr::LOCALHOST.into(),
            Ipv4Addr::BROADCAST,
            ([1, 2, 3, 4], 5).into(),
        ),
        time: (Duration::MAX, None),
        function: None,
        borrows: str::len,
        none: PhantomData,
        thread: std::thread::current().id(),
    };
    let copy = all.isolate();
    assert_eq!((&copy.os, copy.number), (&all.os, all.number));
    assert!(copy.is_same(&all) && !interior!(All));
    assert_eq!((copy.borrows)("four"), 4);
    let later = All {
        time: (Duration::ZERO, None),
        ..copy.isolate()
    };
    assert!(!later.is_same(&all));
    assert!(Arc::ptr_eq(&copy.text.0, &all.text.0));
}
