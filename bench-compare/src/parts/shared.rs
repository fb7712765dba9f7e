//! Singletons and flyweights beside what std offers for the same.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, LazyLock, Mutex, RwLock, Weak};

use selvedge::{flyweight, shared, singleton};

use crate::measure::{Report, Row};

type Map = HashMap<u64, u64>;

fn thousand() -> Map {
    (0..1_000).map(|i| (i, i)).collect()
}

singleton! {
    static NUMBER: u64 = 7;
    static MAP: Map = thousand();
}
static LOCKED: LazyLock<RwLock<Arc<u64>>> = LazyLock::new(|| RwLock::new(Arc::new(7)));
static MUTEX: LazyLock<Mutex<u64>> = LazyLock::new(|| Mutex::new(7));

flyweight! { static VALUES: u64 => u64 = |key| *key; }
static WEAK: LazyLock<Mutex<HashMap<u64, Weak<u64>>>> = LazyLock::new(Mutex::default);

fn repeat(n: u64, f: impl Fn() -> u64) {
    for _ in 0..n {
        black_box(f());
    }
}

fn read_locked() -> u64 {
    let value = Arc::clone(&LOCKED.read().expect("sound"));
    *black_box(value)
}

fn read_mutex() -> u64 {
    *MUTEX.lock().expect("sound")
}

fn from_weak(key: u64) -> Arc<u64> {
    let mut values = WEAK.lock().expect("sound");
    if let Some(value) = values.get(&key).and_then(Weak::upgrade) {
        return value;
    }
    let value = Arc::new(key);
    values.insert(key, Arc::downgrade(&value));
    value
}

pub fn rows(report: &mut Report) {
    report.row(Row {
        name: "read a singleton",
        ours: Box::new(|n| repeat(n, || NUMBER.read(|n| *black_box(n)))),
        peers: vec![
            (
                "static RwLock<Arc<T>>, clone",
                Box::new(|n| repeat(n, read_locked)),
            ),
            (
                "static LazyLock<Mutex<T>>",
                Box::new(|n| repeat(n, read_mutex)),
            ),
        ],
    });
    report.row(Row {
        name: "read a singleton, isolated",
        ours: Box::new(|n| {
            let read = || repeat(n, || NUMBER.read(|n| *black_box(n)));
            shared::isolated(read).1.discard();
        }),
        peers: vec![(
            "static RwLock<Arc<T>>, clone",
            Box::new(|n| repeat(n, read_locked)),
        )],
    });
    report.row(Row {
        name: "a block that reads a singleton once",
        ours: Box::new(|n| {
            repeat(n, || {
                let (value, changes) = shared::isolated(|| NUMBER.read(|n| *black_box(n)));
                changes.discard();
                value
            })
        }),
        peers: vec![(
            "static RwLock<Arc<T>>, clone",
            Box::new(|n| repeat(n, read_locked)),
        )],
    });
    let map = thousand();
    report.row(Row {
        name: "first isolated write of a map of 1,000",
        ours: Box::new(|n| {
            repeat(n, || {
                let write = |map: &mut Map| map.insert(1, 2).unwrap_or(0);
                let (value, changes) = shared::isolated(|| MAP.update(write));
                changes.discard();
                value
            })
        }),
        peers: vec![(
            "HashMap::clone",
            Box::new(|n| {
                repeat(n, || {
                    let mut copy = black_box(&map).clone();
                    copy.insert(1, 2).unwrap_or(0)
                })
            }),
        )],
    });
    let held: Vec<_> = (0..100)
        .map(|key| (VALUES.get(&key), from_weak(key)))
        .collect();
    report.row(Row {
        name: "flyweight, a value that is held",
        ours: Box::new(|n| repeat(n, || *VALUES.get(black_box(&50)))),
        peers: vec![(
            "static Mutex<HashMap<K, Weak<V>>>",
            Box::new(|n| repeat(n, || *from_weak(black_box(50)))),
        )],
    });
    report.row(Row {
        name: "flyweight, a value that is not",
        ours: Box::new(|n| repeat(n, || *VALUES.get(black_box(&5_000)))),
        peers: vec![(
            "static Mutex<HashMap<K, Weak<V>>>",
            Box::new(|n| repeat(n, || *from_weak(black_box(5_000)))),
        )],
    });
    drop(held);
}
