//! One value a key: made once, held weakly, isolated.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::shared::{self, Isolate};
use selvedge::testing::World;
use selvedge::{Ambient, Signal, Till, context, flyweight, local, singleton, thread};

use super::Discards;
use crate::ambient::{elsewhere, panic_of};

context! { static PLUGIN_WORK = "plugin-work" isolates; }

type Counter = Arc<Mutex<u32>>;

#[test]
fn one_value_a_key_while_somebody_holds_it() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    flyweight! { static WORDS: String => usize = |key| { MADE.fetch_add(1, SeqCst); key.len() }; }
    let held = WORDS.get("four");
    assert!(Arc::ptr_eq(&held, &WORDS.get(&"four".to_owned())));
    assert_eq!((*held, *WORDS.get("seventh"), MADE.load(SeqCst)), (4, 7, 2));
    assert_eq!((WORDS.len(), WORDS.is_empty()), (1, false));
    drop(held);
    assert_eq!((WORDS.len(), WORDS.is_empty()), (0, true));
    assert_eq!((*WORDS.get("four"), MADE.load(SeqCst)), (4, 3));
    assert!(format!("{:?}", &WORDS).contains("flyweight::WORDS"));
    assert!(WORDS.name().ends_with("flyweight::WORDS"));
}

#[test]
fn threads_that_race_for_a_key_make_one_value() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static RACERS: Mutex<Option<(Signal, Signal)>> = Mutex::new(None);
    flyweight! {
        static RACED: u32 => u32 = |key| {
            MADE.fetch_add(1, SeqCst);
            let (making, go) = RACERS.lock().unwrap().clone().unwrap();
            making.set();
            go.wait().unwrap();
            *key
        };
    }
    World::new().run(|| {
        let (making, go, late) = (
            Signal::new(),
            Signal::new(),
            Till::after(Duration::from_secs(10)),
        );
        *RACERS.lock().unwrap() = Some((making.clone(), go.clone()));
        let ask = |name: &str| thread::spawn(name, |_| Ok(RACED.get(&7)));
        let first = ask("first");
        making.wait_until(&late).unwrap();
        let others: Vec<_> = (0..3).map(|i| ask(&format!("t{i}"))).collect();
        // They wait for the maker, under the flyweight's name.
        let waits = || {
            thread::tree()
                .to_string()
                .matches("flyweight::RACED")
                .count()
        };
        while waits() < 3 {
            assert!(!late.is_set(), "{}", thread::tree());
            std::thread::yield_now();
        }
        go.set();
        let value = first.join_until(&late).unwrap();
        for other in others {
            assert!(Arc::ptr_eq(&value, &other.join_until(&late).unwrap()));
        }
    });
    assert_eq!(MADE.load(SeqCst), 1);
}

#[test]
fn different_keys_are_made_at_the_same_time() {
    static MEETING: Mutex<Option<[Signal; 2]>> = Mutex::new(None);
    flyweight! {
        static MET: usize => usize = |key| {
            let meeting = MEETING.lock().unwrap().clone().unwrap();
            meeting[*key].set();
            meeting[1 - *key].wait().unwrap(); // needs the other constructor to run
            *key
        };
    }
    World::new().run(|| {
        *MEETING.lock().unwrap() = Some([Signal::new(), Signal::new()]);
        let late = Till::after(Duration::from_secs(10));
        let other = thread::spawn("other", |_| Ok(*MET.get(&1)));
        assert_eq!((*MET.get(&0), other.join_until(&late).unwrap()), (0, 1));
    });
}

#[test]
fn a_constructor_that_panics_lets_the_next_try() {
    static FAILS: AtomicUsize = AtomicUsize::new(1);
    flyweight! {
        static SHAKY: u32 => u32 = |key| {
            assert!(FAILS.fetch_sub(1, SeqCst) != 1, "not yet");
            *key
        };
    }
    assert_eq!(panic_of(|| SHAKY.get(&5)), "not yet");
    assert_eq!(SHAKY.len(), 0);
    assert_eq!(*SHAKY.get(&5), 5);
}

#[test]
fn who_waits_for_a_constructor_that_panics_tries_next() {
    static GO: Mutex<Option<(Signal, Signal)>> = Mutex::new(None);
    flyweight! {
        static HANDED_ON: u32 => u32 = |key| {
            let hold = GO.lock().unwrap().take();
            if let Some((making, go)) = hold {
                making.set();
                go.wait().unwrap();
                panic!("the first");
            }
            *key
        };
    }
    World::new().run(|| {
        let (making, go, late) = (
            Signal::new(),
            Signal::new(),
            Till::after(Duration::from_secs(10)),
        );
        *GO.lock().unwrap() = Some((making.clone(), go.clone()));
        let first = thread::spawn("first", |_| Ok(panic_of(|| HANDED_ON.get(&1))));
        making.wait_until(&late).unwrap();
        let second = thread::spawn("second", |_| Ok(*HANDED_ON.get(&1)));
        while !thread::tree().to_string().contains("flyweight::HANDED_ON") {
            assert!(!late.is_set());
            std::thread::yield_now();
        }
        go.set();
        assert_eq!(first.join_until(&late).unwrap(), "the first");
        assert_eq!(second.join_until(&late).unwrap(), 1);
    });
}

#[test]
fn a_constructor_that_needs_its_own_key_is_named() {
    flyweight! {
        static MIRROR: String => usize = |key| *MIRROR.get(key) + 1;
        static RING: u32 => u32 = |key| *RING.get(&((key + 1) % 3)) + 1;
        static STEPS: u32 => u32 = |key| if *key == 0 { 0 } else { *STEPS.get(&(key - 1)) + 1 };
    }
    let text = panic_of(|| MIRROR.get("me"));
    assert!(
        text.ends_with("flyweight::MIRROR`: the value of \"me\" needs itself to be made"),
        "{text}"
    );
    let text = panic_of(|| RING.get(&0));
    assert!(
        text.contains("RING`: the value of 0 needs itself"),
        "{text}"
    );
    assert_eq!((MIRROR.len(), RING.len()), (0, 0));
    assert_eq!(*STEPS.get(&9), 9);
}

/// They would wait for each other for ever.
#[test]
fn two_threads_whose_keys_need_each_other_are_told() {
    static MEETING: Mutex<Option<[Signal; 2]>> = Mutex::new(None);
    flyweight! {
        static CROSSED: usize => usize = |key| {
            let meeting = MEETING.lock().unwrap().clone().unwrap();
            meeting[*key].set();
            meeting[1 - *key].wait().unwrap();
            *CROSSED.get(&(1 - *key))
        };
    }
    World::new().run(|| {
        *MEETING.lock().unwrap() = Some([Signal::new(), Signal::new()]);
        let late = Till::after(Duration::from_secs(10));
        let ask = |key: usize| move |_: Signal| Ok(panic_of(|| CROSSED.get(&key)));
        let (a, b) = (thread::spawn("a", ask(0)), thread::spawn("b", ask(1)));
        let texts = [a.join_until(&late).unwrap(), b.join_until(&late).unwrap()];
        // One is told; the other's then fails as the first's, or tries it and is told too.
        for text in &texts {
            assert!(text.contains("CROSSED`: the value of"), "{texts:?}");
        }
    });
}

#[test]
fn a_million_distinct_keys_leave_no_more_than_were_alive() {
    struct Key(u32, Arc<AtomicUsize>);
    // A key knows how many there are.
    impl Clone for Key {
        fn clone(&self) -> Self {
            self.1.fetch_add(1, SeqCst);
            Self(self.0, Arc::clone(&self.1))
        }
    }
    impl Drop for Key {
        fn drop(&mut self) {
            self.1.fetch_sub(1, SeqCst);
        }
    }
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Key {}
    impl std::hash::Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    impl std::fmt::Debug for Key {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }
    flyweight! { static MANY: Key => u32 = |key| key.0; }
    let count = Arc::new(AtomicUsize::new(0));
    let get = |i| {
        count.fetch_add(1, SeqCst);
        MANY.get(&Key(i, Arc::clone(&count)))
    };
    let held: Vec<_> = (0..100).map(get).collect();
    let mut most = 0;
    for i in 100..1_000_000 {
        assert_eq!(*get(i), i);
        most = most.max(count.load(SeqCst));
    }
    assert!(most <= 2 * 101 + 1, "{most} keys at once");
    assert_eq!(MANY.len(), 100);
    assert!(
        held.iter()
            .enumerate()
            .all(|(i, it)| Arc::ptr_eq(it, &get(i as u32)))
    );
}

/// Destructors of values and keys may come back.
#[test]
fn nothing_of_the_user_s_but_the_key_s_comparison_runs_under_the_lock() {
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Key(u32);
    impl Drop for Key {
        fn drop(&mut self) {
            let _ = NOSY.len();
        }
    }
    struct Value(u32);
    impl Drop for Value {
        fn drop(&mut self) {
            assert!(NOSY.len() <= 300);
        }
    }
    impl Isolate for Value {
        fn isolate(&self) -> Self {
            let _ = NOSY.len();
            Self(self.0)
        }
        fn is_same(&self, other: &Self) -> bool {
            let _ = NOSY.len();
            self.0 == other.0
        }
    }
    flyweight! {
        static NOSY: Key => Value = |key| {
            let _ = NOSY.len();
            Value(key.0)
        };
    }
    for round in 0..3 {
        for i in 0..300 {
            assert_eq!(NOSY.get(&Key(i + round)).0, i + round);
        }
        let held = NOSY.get(&Key(0));
        let ((), changes) = shared::isolated(|| {
            for i in 0..100 {
                let _ = NOSY.get(&Key(i));
            }
        });
        drop(held);
        changes.commit().unwrap();
    }
}

#[test]
fn a_constructor_sees_nothing_of_the_block_of_its_first_user() {
    local! { static LOCAL: u32 = 1; }
    singleton! { static COUNT: u32 = 0; }
    flyweight! {
        static BARE: u32 => u32 = |key| {
            COUNT.update(|count| *count += 1);
            key * LOCAL.copied().unwrap()
        };
    }
    let held = LOCAL.bind(9, || BARE.get(&2));
    assert_eq!((*held, *COUNT.get()), (2, 1));
    // In an isolating block its writes stay in the block, at any depth.
    PLUGIN_WORK.run(|| {
        let ((), changes) = LOCAL.bind(9, || shared::isolated(|| assert_eq!(*BARE.get(&3), 3)));
        assert_eq!(*COUNT.get(), 1);
        assert!(changes.names()[0].ends_with("COUNT"));
        changes.commit().unwrap();
        assert_eq!(*COUNT.get(), 2);
    });
    assert_eq!(*COUNT.get(), 1);
}

#[test]
fn a_block_shares_what_cannot_change_and_keeps_what_it_made() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    flyweight! {
        static PLAIN_ICONS: u32 => Cow<'static, str> = |key| {
            MADE.fetch_add(1, SeqCst);
            key.to_string().into()
        };
    }
    let outside = PLAIN_ICONS.get(&1);
    let (inside, changes) = shared::isolated(|| {
        assert!(Arc::ptr_eq(&outside, &PLAIN_ICONS.get(&1)));
        let inside = PLAIN_ICONS.get(&2);
        assert!(Arc::ptr_eq(&inside, &PLAIN_ICONS.get(&2)));
        assert_eq!(elsewhere(|| PLAIN_ICONS.len()), 1);
        let ambient = Ambient::capture();
        let theirs = elsewhere(move || ambient.run(|| PLAIN_ICONS.get(&2)));
        assert!(Arc::ptr_eq(&inside, &theirs));
        inside
    });
    assert_eq!((MADE.load(SeqCst), PLAIN_ICONS.len()), (2, 1));
    assert!(changes.is_empty(), "nothing was written");
    changes.commit().unwrap();
    assert!(Arc::ptr_eq(&inside, &PLAIN_ICONS.get(&2)));
    // Thrown away: another one is made outside.
    let (inside, changes) = shared::isolated(|| PLAIN_ICONS.get(&3));
    changes.discard();
    assert!(!Arc::ptr_eq(&inside, &PLAIN_ICONS.get(&3)));
    // Both made one, and nobody wrote: theirs stays.
    let (inside, changes) = shared::isolated(|| PLAIN_ICONS.get(&4));
    let outside = PLAIN_ICONS.get(&4);
    changes.commit().unwrap();
    assert!(Arc::ptr_eq(&outside, &PLAIN_ICONS.get(&4)) && !Arc::ptr_eq(&inside, &outside));
}

flyweight! { static COUNTERS: &'static str => Counter = |_| Arc::default(); }

fn add(key: &'static str) -> u32 {
    add_to(&COUNTERS.get(&key))
}

fn add_to(counter: &Counter) -> u32 {
    let mut counter = counter.lock().unwrap();
    *counter += 1;
    *counter
}

#[test]
fn a_block_has_a_copy_of_what_can_change_through_a_reference() {
    flyweight! { static COPIED: u32 => Counter = |_| Arc::default(); }
    let add = || add_to(&COPIED.get(&1));
    let outside = COPIED.get(&1);
    add();
    let heard = Discards::of("COPIED");
    PLUGIN_WORK.run(|| {
        assert_eq!(add(), 2);
        assert_eq!(add(), 3, "the copy lives as long as the original");
        *outside.lock().unwrap() += 10; // a handle taken before
        assert_eq!(add(), 4);
    });
    assert_eq!(*outside.lock().unwrap(), 11);
    assert_eq!(heard.take(), ["COPIED in plugin-work"]);
}

#[test]
fn a_commit_puts_the_copy_in_the_place_of_the_original() {
    let before = COUNTERS.get(&"commit");
    let ((), changes) = shared::isolated(|| assert_eq!(add("commit"), 1));
    assert!(changes.names()[0].ends_with("COUNTERS"));
    changes.commit().unwrap();
    // It lives as long as somebody holds what it replaced, though nobody holds itself.
    assert_eq!((add("commit"), *before.lock().unwrap()), (2, 0));
    drop(before);
    let ((), nothing) = shared::isolated(|| drop(COUNTERS.get(&"commit")));
    assert_eq!(nothing.commit(), Ok(()));
}

#[test]
fn a_commit_refuses_what_was_changed_outside_meanwhile_through_a_reference() {
    let outside = COUNTERS.get(&"conflict");
    let ((), changes) = shared::isolated(|| assert_eq!(add("conflict"), 1));
    *outside.lock().unwrap() = 7;
    let conflict = changes.commit().unwrap_err();
    assert!(conflict.singleton().ends_with("COUNTERS"));
    assert_eq!(add("conflict"), 8);
    // Both made one, and the block wrote to its own.
    let (made, changes) = shared::isolated(|| {
        add("made");
        let made = COUNTERS.get(&"made"); // the first was held by nobody
        assert_eq!(add("made"), 1);
        made
    });
    let theirs = COUNTERS.get(&"made");
    assert!(changes.commit().is_err());
    assert_eq!((*made.lock().unwrap(), *theirs.lock().unwrap()), (1, 0));
}

#[test]
fn nested_commits_of_flyweights_merge_outwards() {
    let outside = COUNTERS.get(&"nested");
    let ((), outer) = shared::isolated(|| {
        assert_eq!(add("nested"), 1);
        let ((), inner) = shared::isolated(|| assert_eq!(add("nested"), 2));
        assert_eq!(*COUNTERS.get(&"nested").lock().unwrap(), 1);
        inner.commit().unwrap();
        assert_eq!(add("nested"), 3);
    });
    assert_eq!(*outside.lock().unwrap(), 0);
    outer.commit().unwrap();
    assert_eq!(add("nested"), 4);
    // Touched by the inner block alone.
    let untouched = COUNTERS.get(&"inner");
    let ((), outer) = shared::isolated(|| {
        let ((), inner) = shared::isolated(|| assert_eq!(add("inner"), 1));
        inner.commit().unwrap();
        assert_eq!(add("inner"), 2);
    });
    assert_eq!(*untouched.lock().unwrap(), 0);
    outer.commit().unwrap();
    assert_eq!(add("inner"), 3);
}

#[test]
fn a_carried_isolation_begins_anew_after_its_commit() {
    flyweight! { static ANEW: u32 => Counter = |_| Arc::default(); }
    let add = || add_to(&ANEW.get(&1));
    let outside = ANEW.get(&1);
    let (carried, changes) = shared::isolated(|| {
        assert_eq!(add(), 1);
        Ambient::capture()
    });
    changes.commit().unwrap();
    assert_eq!(add(), 2);
    let heard = Discards::of("ANEW");
    carried.run(|| assert_eq!(add(), 3));
    assert_eq!(add(), 3);
    drop(carried);
    assert_eq!(heard.take(), ["ANEW in isolated"]);
    assert_eq!(*outside.lock().unwrap(), 0);
}
