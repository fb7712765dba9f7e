//! The real clock.

use selvedge::testing::World;
use selvedge::{Signal, Till, signal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use super::{HOUR, millis, pass, soon};

// catalogue 185, 186
#[test]
fn a_till_is_never_early_and_its_resolution_is_milliseconds() {
    for n in 1..=20 {
        let mut least = Duration::MAX;
        for _ in 0..3 {
            let before = Instant::now();
            let till = Till::after(millis(n));
            till.wait().unwrap();
            let took = before.elapsed();
            assert!(took >= millis(n), "{n} ms took {took:?}");
            assert!(till.reason().unwrap().is_elapsed());
            assert!(till.reason().unwrap().when().unwrap() >= before + millis(n));
            least = least.min(took);
        }
        // The originals took a tenth of a second for whatever was short.
        assert!(least < millis(n + 50), "{n} ms took {least:?} at best");
    }
}

#[test]
fn many_threads_with_many_tills_see_none_early() {
    thread::scope(|scope| {
        for i in 0..8 {
            scope.spawn(move || {
                for n in 0..10 {
                    let length = Duration::from_micros(500 + 700 * ((i * 7 + n * 3) % 11));
                    let before = Instant::now();
                    Till::after(length).wait().unwrap();
                    assert!(before.elapsed() >= length);
                }
            });
        }
    });
}

#[test]
fn a_shorter_till_made_later_is_first() {
    let (long, before) = (Till::after(HOUR), Instant::now());
    let short = Till::after(millis(2));
    short.wait_until(&long).unwrap();
    assert!(before.elapsed() < HOUR && !long.is_set());
}

// A DelayQueue slept on for what had been removed, or for what was the first before.
#[test]
fn a_till_that_is_the_first_after_another_was_made_or_removed_is_not_missed() {
    let (tell, told) = std::sync::mpsc::channel();
    let send = |till: &Signal, n| {
        let tell = tell.clone();
        till.on_set(move || tell.send(n).unwrap()).forever();
    };
    let far = Till::after(HOUR);
    for n in 0..20 {
        // A shorter one made later, once the timer sleeps for the other.
        let later = Till::after(millis(20));
        pass(Duration::from_micros(100 * (n % 4)));
        let shorter = Till::after(millis(2));
        send(&shorter, 1);
        assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(1));
        // The first one is removed: before, or while, the timer sleeps for it.
        let first = Till::after(millis(3));
        send(&later, 2);
        pass(Duration::from_micros(100 * (n % 5)));
        drop(first);
        assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(2));
    }
    assert!(!far.is_set());
}

// catalogue 187, 188; the type has 189 and 190 (`after`, `at` and `at_system` say which time is meant, and
// take one each), and what 191 says of NaN (a `Duration` is never that, nor negative)
#[test]
fn a_till_of_nothing_or_in_the_past_is_born_set() {
    let now = Instant::now();
    assert!(Till::after(Duration::ZERO).is_set());
    assert!(Till::at(now).is_set());
    if let Some(past) = now.checked_sub(millis(5)) {
        assert!(Till::at(past).is_set());
    }
    let ran = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ran);
    Till::at(now)
        .on_set(move || flag.store(true, SeqCst))
        .forever();
    assert!(ran.load(SeqCst), "its action runs here and now");
    assert!(Till::at(now).reason().unwrap().is_elapsed());
}

// catalogue 191
#[test]
fn a_till_that_no_clock_reaches_never_fires_and_harms_no_other() {
    let never = Till::after(Duration::MAX);
    let far = Till::after(Duration::from_secs(u64::from(u32::MAX)));
    Till::after(millis(1)).wait().unwrap();
    assert!(!never.is_set() && !far.is_set());
    assert!(never.set(), "but it can be set");
}

// catalogue 194
#[test]
fn a_till_may_be_set_early_and_is_then_not_set_again() {
    let till = Till::after(millis(1));
    let other = Till::after(HOUR);
    let ran = Arc::new(AtomicUsize::new(0));
    for till in [&till, &other] {
        let count = Arc::clone(&ran);
        till.on_set(move || _ = count.fetch_add(1, SeqCst))
            .forever();
    }
    assert!(other.set_because("early"));
    assert_eq!(other.reason().unwrap().text(), Some("early"));
    till.wait().unwrap();
    Till::after(millis(2)).wait().unwrap();
    assert!(!other.reason().unwrap().is_elapsed());
}

// catalogue 193
#[test]
fn an_action_of_a_till_that_nobody_holds_runs() {
    let (ran, after_all) = (Signal::new(), Signal::new());
    let (seen, also) = (ran.clone(), after_all.clone());
    Till::after(millis(1))
        .on_set(move || _ = seen.set())
        .forever();
    (Till::after(millis(1)) & Till::after(millis(2)))
        .on_set(move || _ = also.set())
        .forever();
    ran.wait_until(&soon()).unwrap();
    after_all.wait_until(&soon()).unwrap();
}

// catalogue 198
#[test]
fn a_dropped_till_takes_its_action_with_it() {
    let alive = Arc::new(());
    for _ in 0..1000 {
        let till = Till::after(HOUR);
        let captured = Arc::clone(&alive);
        let hook = till.on_set(move || drop(captured));
        drop(till);
        assert_eq!(Arc::strong_count(&alive), 2, "a hooked one lives");
        drop(hook);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

// catalogue 197
#[test]
fn sixty_thousand_tills_live_at_once_and_go() {
    let main = Signal::new();
    let mut tills: Vec<_> = (0..60_000)
        .map(|i| Till::after(HOUR + millis(i % 977)))
        .collect();
    let any = signal::any(tills.iter().chain([&main]));
    let ran = Signal::new();
    let seen = ran.clone();
    any.on_set(move || _ = seen.set()).forever();
    Till::after(millis(1)).wait().unwrap();
    assert!(!any.is_set());
    let last = tills.pop().unwrap();
    drop(tills);
    assert!(last.set());
    assert!(any.is_set() && ran.is_set());
    assert_eq!((main.links(), last.links()), (0, 0));
}

#[test]
fn dropping_and_combining_tills_while_they_elapse_is_safe() {
    thread::scope(|scope| {
        for i in 0..4u64 {
            scope.spawn(move || {
                let stop = Signal::new();
                for n in 0..400 {
                    let till = Till::after(Duration::from_micros((i * 131 + n * 17) % 400));
                    let either = &till | &stop;
                    match n % 4 {
                        0 => drop((till, either)),
                        1 => drop(either.on_set(|| ())),
                        2 => drop(till.on_set(|| ())),
                        _ => either.wait().unwrap(),
                    }
                }
                // The timer wakes a waiter first, and takes the combination off its other operands then.
                let end = soon();
                while stop.links() > 0 {
                    assert!(!end.is_set(), "{} links are left", stop.links());
                    thread::yield_now();
                }
            });
        }
    });
}

#[test]
fn a_till_may_be_dropped_by_its_own_action_and_by_another_s() {
    let world = World::with_mock_clock();
    world.run(|| {
        let done = Signal::new();
        let (first, second) = (Till::after(millis(1)), Till::after(HOUR));
        let (own, other, seen) = (first.clone(), second.clone(), done.clone());
        second.on_set(|| ()).forever();
        first
            .on_set(move || {
                drop((own, other));
                seen.set();
            })
            .forever();
        drop((first, second));
        world.advance(millis(1));
        done.wait_until(&soon()).unwrap();
    });
}
