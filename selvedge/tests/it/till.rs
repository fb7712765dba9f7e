//! Tills: time as a signal, never early, forgotten when dropped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use selvedge::testing::World;
use selvedge::thread as tree;
use selvedge::{Signal, Till, signal};

const HOUR: Duration = Duration::from_secs(3600);

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A bound by the real clock, also in a world whose clock stands still: a till made outside of it.
fn soon() -> Signal {
    thread::scope(|scope| {
        scope
            .spawn(|| Till::after(Duration::from_secs(10)))
            .join()
            .unwrap()
    })
}

// ---- the real clock

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

// ---- a clock that moves when told

// catalogue 192
#[test]
fn time_of_a_mock_clock_moves_only_when_told() {
    let world = World::with_mock_clock();
    world.run(|| {
        let minute = Till::after(Duration::from_secs(60));
        world.advance(Duration::from_secs(59));
        Till::after(Duration::ZERO).wait().unwrap();
        assert!(!minute.is_set());
        world.advance(Duration::from_secs(1));
        minute.wait_until(&soon()).unwrap();
        assert!(minute.reason().unwrap().is_elapsed());
        assert!(!Till::after(HOUR).is_set());
    });
}

#[test]
fn an_advance_sets_every_till_whose_time_has_come_and_no_other() {
    let world = World::with_mock_clock();
    world.run(|| {
        let tills: Vec<_> = (1..=100)
            .map(|n| Till::after(Duration::from_secs(n)))
            .collect();
        world.advance(Duration::from_secs(50));
        signal::all(&tills[..50]).wait_until(&soon()).unwrap();
        assert!(tills[50..].iter().all(|till| !till.is_set()));
    });
}

#[test]
fn worlds_do_not_share_their_clocks() {
    let (one, other) = (World::with_mock_clock(), World::with_mock_clock());
    let till = one.run(|| {
        let till = Till::after(millis(5));
        other.run_beside(&till);
        world_advance_reaches(&one, &till);
        till
    });
    assert!(till.reason().unwrap().is_elapsed());
}

fn world_advance_reaches(world: &World, till: &Signal) {
    world.advance(millis(5));
    till.wait_until(&soon()).unwrap();
}

trait Beside {
    fn run_beside(&self, till: &Signal);
}

impl Beside for World {
    /// Moves this world's clock, on a thread of its own, which `till` does not notice.
    fn run_beside(&self, till: &Signal) {
        thread::scope(|scope| {
            scope.spawn(|| {
                self.run(|| {
                    let own = Till::after(HOUR);
                    self.advance(HOUR);
                    own.wait_until(&soon()).unwrap();
                });
            });
        });
        assert!(!till.is_set());
    }
}

#[test]
fn actions_of_tills_run_one_after_the_other_in_order_of_time() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (order, done) = (Arc::new(Mutex::new(Vec::new())), Signal::new());
        for n in [5, 3, 9, 1, 7, 3] {
            let (till, order) = (Till::after(millis(n)), Arc::clone(&order));
            till.on_set(move || order.lock().unwrap().push((n, thread::current().id())))
                .forever();
        }
        let seen = done.clone();
        Till::after(millis(10))
            .on_set(move || _ = seen.set())
            .forever();
        world.advance(millis(10));
        done.wait_until(&soon()).unwrap();
        let order = order.lock().unwrap();
        let times: Vec<_> = order.iter().map(|call| call.0).collect();
        assert_eq!(times, [1, 3, 3, 5, 7, 9]);
        assert!(
            order.iter().all(|call| call.1 == order[0].1),
            "one dispatcher"
        );
        assert_ne!(order[0].1, thread::current().id());
    });
}

#[test]
fn a_slow_action_delays_neither_tills_nor_waiters_only_other_actions() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (started, release) = (Signal::new(), Signal::new());
        let (begun, go_on) = (started.clone(), release.clone());
        Till::after(millis(1))
            .on_set(move || {
                begun.set();
                go_on.wait_until(&soon()).unwrap();
            })
            .forever();
        let (later, behind) = (Till::after(millis(2)), Signal::new());
        let seen = behind.clone();
        later.on_set(move || _ = seen.set()).forever();
        world.advance(millis(1));
        started.wait_until(&soon()).unwrap();
        world.advance(millis(1));
        later.wait_until(&soon()).unwrap();
        assert!(!behind.is_set(), "the dispatcher is busy");
        release.set();
        behind.wait_until(&soon()).unwrap();
    });
}

#[test]
fn an_action_of_a_till_may_panic_and_make_tills() {
    let world = World::with_mock_clock();
    world.run(|| {
        let done = Signal::new();
        let seen = done.clone();
        Till::after(millis(1))
            .on_set(|| panic!("a till's action panics, on purpose"))
            .forever();
        Till::after(millis(1))
            .on_set(move || {
                Till::after(Duration::ZERO)
                    .on_set(move || _ = seen.set())
                    .forever();
            })
            .forever();
        world.advance(millis(1));
        done.wait_until(&soon()).unwrap();
    });
}

// ---- the end of the tree

// catalogue 195: a stop ends every wait of a tree thread, so tills need not be set early for it
#[test]
fn a_stop_ends_the_wait_for_a_till_which_is_set_when_the_tree_has_been_joined() {
    let world = World::with_mock_clock();
    let till = world.run(|| {
        let till = Till::after(HOUR);
        let (cleaned, asked) = (Signal::new(), till.clone());
        let (clean, early) = (cleaned.clone(), till.clone());
        let sleeper = tree::spawn("sleeper", move |_| {
            let stopped = asked.wait();
            // Clean-up keeps its time.
            assert!(!early.is_set(), "the tree still runs");
            clean.set();
            Ok(stopped?)
        });
        sleeper.stop();
        cleaned.wait_until(&soon()).unwrap();
        assert!(!till.is_set());
        assert!(matches!(
            sleeper.join(),
            Err(tree::JoinError::Stopped { .. })
        ));
        till
    });
    assert!(till.is_set());
    let reason = till.reason().unwrap();
    assert!(reason.is_shutdown() && !reason.is_elapsed(), "{reason}");
}

#[test]
fn an_alien_thread_that_waits_for_a_till_of_a_tree_does_not_outlive_it() {
    let world = World::with_mock_clock();
    let (given, take) = std::sync::mpsc::channel::<Signal>();
    thread::scope(|scope| {
        let alien = scope.spawn(move || {
            let till = take.recv().unwrap();
            till.wait_until(&Till::after(Duration::from_secs(10)))
                .unwrap();
            till.reason().unwrap().is_shutdown()
        });
        world.run(|| {
            let till = Till::after(HOUR);
            given.send(till.clone()).unwrap();
            while till.links() == 0 {
                thread::yield_now();
            }
        });
        assert!(alien.join().unwrap());
    });
}

#[test]
fn actions_of_pending_tills_run_before_the_world_s_run_returns() {
    let world = World::with_mock_clock();
    let ran = Arc::new(AtomicUsize::new(0));
    world.run(|| {
        for _ in 0..10 {
            let count = Arc::clone(&ran);
            Till::after(HOUR)
                .on_set(move || _ = count.fetch_add(1, SeqCst))
                .forever();
        }
    });
    assert_eq!(ran.load(SeqCst), 10);
    assert_eq!(Arc::strong_count(&ran), 1);
}

// That one made in between is born set: `alone_shutdown`, for the program's own tree.
#[test]
fn a_later_run_of_a_world_has_working_tills() {
    let world = World::with_mock_clock();
    let first = world.run(|| Till::after(HOUR));
    assert!(first.reason().unwrap().is_shutdown());
    world.run(|| {
        let again = Till::after(millis(1));
        assert!(!again.is_set());
        world.advance(millis(1));
        again.wait_until(&soon()).unwrap();
        assert!(again.reason().unwrap().is_elapsed());
    });
}

// Equal deadlines, in the order in which they were made.
#[test]
fn tills_of_one_instant_are_set_in_the_order_of_their_making() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (order, done) = (Arc::new(Mutex::new(Vec::new())), Signal::new());
        let instant = Instant::now() + HOUR; // the mock clock stands before it
        for n in 0..2000 {
            let order = Arc::clone(&order);
            Till::at(instant)
                .on_set(move || order.lock().unwrap().push(n))
                .forever();
        }
        let seen = done.clone();
        Till::at(instant).on_set(move || _ = seen.set()).forever();
        world.advance(HOUR * 2);
        done.wait_until(&soon()).unwrap();
        assert!(order.lock().unwrap().iter().copied().eq(0..2000));
    });
}

// A till made by an action counted by the real clock.
#[test]
fn a_till_made_by_an_action_of_a_world_has_the_world_s_clock() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (made, take) = std::sync::mpsc::channel();
        Till::after(millis(1))
            .on_set(move || made.send(Till::after(HOUR)).unwrap())
            .forever();
        world.advance(millis(1));
        let till = take.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(!till.is_set());
        world.advance(HOUR);
        till.wait_until(&soon()).unwrap();
        assert!(till.reason().unwrap().is_elapsed());
    });
}

// Catalogue 195, 196: one after another, while a clock that is set moves them all.
#[test]
fn thousands_of_tills_of_the_system_s_clock_follow_it_and_are_set_at_the_end() {
    let world = World::with_mock_clock();
    world.set_system_clock(noon());
    let pending = world.run(|| {
        let hours = |from: u32| (from..from + 2000).map(|n| Till::at_system(noon() + HOUR * n));
        let (first, rest): (Vec<_>, Vec<_>) = (hours(1).collect(), hours(2001).collect());
        world.set_system_clock(noon() + HOUR * 2000);
        signal::all(&first).wait_until(&soon()).unwrap();
        assert!(rest.iter().all(|till| !till.is_set()));
        rest
    });
    for till in &pending {
        assert!(till.reason().unwrap().is_shutdown());
    }
}

/// Thirty seconds for a million, which a slow machine sets in one.
#[test]
fn a_million_pending_tills_are_set_at_the_end_in_bounded_time() {
    let world = World::with_mock_clock();
    let (tills, before) = world.run(|| {
        let tills = (0..1_000_000u32).map(|n| Till::after(millis(1) * (n % 7919 + 1)));
        (tills.collect::<Vec<_>>(), Instant::now())
    });
    let took = before.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert!(tills.iter().all(Signal::is_set));
    assert!(tills[999_999].reason().unwrap().is_shutdown());
}

// Catalogue 195, 196, with many.
#[test]
fn a_hundred_thousand_pending_tills_are_set_at_the_end() {
    let world = World::with_mock_clock();
    let tills = world.run(|| {
        let tills = (0..100_000u32).map(|n| Till::after(millis(1) * (n % 7919 + 1)));
        tills.collect::<Vec<_>>()
    });
    for till in &tills {
        assert!(till.reason().unwrap().is_shutdown());
    }
}

// ---- the system's clock

// catalogue 185, 188, 191
#[test]
fn a_till_of_the_system_s_clock_is_never_early() {
    for n in [1, 3, 10] {
        let time = SystemTime::now() + millis(n);
        Till::at_system(time).wait_until(&soon()).unwrap();
        assert!(SystemTime::now() >= time);
    }
    assert!(Till::at_system(SystemTime::now() - millis(1)).is_set());
    assert!(Till::at_system(SystemTime::UNIX_EPOCH - HOUR).is_set());
    let far = SystemTime::now().checked_add(HOUR * 24 * 366 * 500);
    assert!(far.is_none_or(|far| !Till::at_system(far).is_set()));
}

/// Noon of some day.
fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + HOUR * 24 * 10_000 + HOUR * 12
}

// catalogue 192: a jump of the clock did set what counts elapsed time, and only such a till follows it
#[test]
fn a_jump_of_the_system_s_clock_moves_its_own_tills_and_no_others() {
    let world = World::with_mock_clock();
    world.set_system_clock(noon());
    world.run(|| {
        let (by_clock, by_length) = (Till::at_system(noon() + HOUR), Till::after(HOUR));
        world.set_system_clock(noon() + HOUR);
        by_clock.wait_until(&soon()).unwrap();
        assert!(by_clock.reason().unwrap().is_elapsed());
        assert!(!by_length.is_set());
        assert!(Till::at_system(noon()).is_set(), "it is past noon");
    });
}

#[test]
fn a_system_clock_that_is_set_back_delays_its_tills() {
    let world = World::with_mock_clock();
    world.set_system_clock(noon());
    world.run(|| {
        let till = Till::at_system(noon() + HOUR);
        world.set_system_clock(noon() - HOUR);
        let first = Till::after(HOUR);
        world.advance(HOUR);
        first.wait_until(&soon()).unwrap();
        // The timer has looked: an entry that was due by the old clock would be gone before `first`.
        assert!(!till.is_set(), "it is noon");
        world.advance(HOUR);
        till.wait_until(&soon()).unwrap();
    });
}

#[test]
fn tills_of_the_system_s_clock_are_forgotten_dropped_and_shut_down_like_others() {
    let world = World::with_mock_clock();
    world.set_system_clock(noon());
    let (alive, left) = (Arc::new(()), Arc::new(Mutex::new(None)));
    world.run(|| {
        let till = Till::at_system(noon() + HOUR);
        let captured = Arc::clone(&alive);
        let hook = till.on_set(move || drop(captured));
        drop(till);
        world.set_system_clock(noon() + millis(1));
        drop(hook);
        assert_eq!(Arc::strong_count(&alive), 1);
        let ran = Signal::new();
        let seen = ran.clone();
        Till::at_system(noon() + HOUR)
            .on_set(move || _ = seen.set())
            .forever();
        world.set_system_clock(noon() + HOUR);
        ran.wait_until(&soon()).unwrap();
        *left.lock().unwrap() = Some(Till::at_system(noon() + HOUR * 2));
    });
    let left = left.lock().unwrap().take().unwrap();
    assert!(left.reason().unwrap().is_shutdown());
}

#[test]
fn a_tree_with_a_till_of_the_real_system_s_clock_ends() {
    let till = World::new().run(|| Till::at_system(SystemTime::now() + HOUR));
    assert!(till.reason().unwrap().is_shutdown());
}

// ---- what idles

/// B6: ten wake-ups a second while nothing was due. Alone in a process, with one timer thread.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_timer_does_not_wake_up() {
    const ALONE: &str = "SELVEDGE_TEST_IDLE_TIMER";
    if std::env::var_os(ALONE).is_none() {
        let test = "till::an_idle_timer_does_not_wake_up";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        let failed = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{said}\n{failed}");
        assert!(said.contains("1 passed"), "{said}");
        return;
    }
    let far: Vec<_> = (0..1000u32)
        .map(|n| Till::after(HOUR + millis(600) * n))
        .collect();
    let wall = Till::at_system(SystemTime::now() + HOUR);
    let before = settled();
    pass(millis(400));
    assert_eq!(asleep(), before, "nothing is due for an hour");

    let early = Till::after(millis(300));
    let before = settled(); // for the early one
    drop(early);
    pass(millis(600));
    let after = asleep();
    for (thread, count) in after {
        let more = count - before[&thread];
        assert!(more <= 1, "thread {thread} woke up {more} times");
    }
    // Neither making nor dropping what is later wakes it.
    let before = settled();
    for n in 0..1000u32 {
        drop(Till::after(HOUR * 2 + millis(1) * n));
    }
    assert_eq!(asleep(), before);
    assert!(!wall.is_set() && far.iter().all(|till| !till.is_set()));
}

/// Lets real time pass without a till.
fn pass(time: Duration) {
    let (_silent, nothing) = std::sync::mpsc::channel::<()>();
    assert!(nothing.recv_timeout(time).is_err());
}

/// The same, when they have done what they were woken for: one that waits for a lock sleeps as well.
#[cfg(target_os = "linux")]
fn settled() -> std::collections::BTreeMap<String, u64> {
    loop {
        let before = asleep();
        pass(millis(50));
        if asleep() == before {
            return before;
        }
    }
}

/// How often each of our service threads has gone to sleep, when all of them do.
#[cfg(target_os = "linux")]
fn asleep() -> std::collections::BTreeMap<String, u64> {
    let field = |status: &str, name: &str| -> String {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let mut counts = std::collections::BTreeMap::new();
        let mut all_sleep = true;
        for task in std::fs::read_dir("/proc/self/task").unwrap() {
            let path = task.unwrap().path().join("status");
            let Ok(status) = std::fs::read_to_string(path) else {
                continue; // it has ended
            };
            let name = field(&status, "Name:");
            if name.starts_with("selvedge-") {
                all_sleep &= field(&status, "State:").starts_with('S');
                let count = field(&status, "voluntary_ctxt_switches:").parse().unwrap();
                counts.insert(name, count);
            }
        }
        if all_sleep && counts.contains_key("selvedge-timer") {
            return counts;
        }
        assert!(Instant::now() < end, "the timer thread does not sleep");
        thread::yield_now();
    }
}
