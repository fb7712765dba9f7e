//! Actions of signals and of tills, and listeners of events.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::probe::{self, Event};
use selvedge::testing::World;
use selvedge::thread;
use selvedge::{Signal, Till};

use super::{Bomb, WAYS, Way, beside, count, panics, quietly, soon};

/// Hangs an action that panics on the signal, and one behind it that notes that it ran.
fn hang(signal: &Signal, way: Way, ran: &Arc<AtomicUsize>) {
    let ran = Arc::clone(ran);
    signal.on_set(way).forever();
    signal
        .on_set(move || _ = ran.fetch_add(1, SeqCst))
        .forever();
}

/// On a thread's stop and on its end: neither its setter nor the thread sees anything of it.
#[test]
fn actions_on_the_stop_and_the_end_of_threads() {
    for way in WAYS {
        let ran = Arc::new(AtomicUsize::new(0));
        let of_stop = Arc::clone(&ran);
        let ((), events) = beside(|| {
            let ready = Signal::new();
            let begun = ready.clone();
            let parent = thread::spawn("parent", move |stop| {
                hang(&stop, way, &of_stop);
                let inner = Arc::clone(&of_stop);
                let child = thread::spawn("child", move |stop| {
                    hang(&stop, way, &inner);
                    begun.set();
                    Ok(Signal::new().wait()?)
                });
                hang(child.stopped(), way, &of_stop);
                Ok(child.join()?)
            });
            ready.wait_until(&soon()).unwrap();
            hang(parent.stopped(), way, &ran);
            quietly(|| parent.stop());
            assert!(
                parent
                    .join_until(&soon())
                    .unwrap_err()
                    .stop_reason()
                    .is_some()
            );
        });
        assert_eq!(ran.load(SeqCst), 4);
        for name in ["parent", "parent/child"] {
            let line = format!("{name} ended: stopped");
            assert_eq!(count(&events, &line), 1, "{events:#?}");
        }
    }
}

/// What actions captured: dropped with them, by who takes them back, or with their signal.
#[test]
fn captures_of_actions() {
    for way in WAYS {
        let bomb = || {
            let bomb = Bomb(way);
            move || _ = &bomb
        };
        let signal = Signal::new();
        signal.on_set(bomb()).forever();
        let taken_back = signal.on_set(bomb());
        panics(|| drop(taken_back)); // whose panic it is
        assert!(quietly(|| signal.set()));
        let never_set = Signal::new();
        never_set.on_set(bomb()).forever();
        let either = &never_set | &Signal::new();
        either.on_set(bomb()).forever();
        quietly(|| drop((either, never_set)));
    }
}

#[test]
fn an_action_of_a_till() {
    for way in WAYS {
        let world = World::with_mock_clock();
        world.run(|| {
            let ran = Signal::new();
            let seen = ran.clone();
            let bomb = Bomb(way);
            let second = Duration::from_secs(1);
            Till::after(second).on_set(way).forever();
            Till::after(second).on_set(move || _ = &bomb).forever();
            Till::after(second).on_set(move || _ = seen.set()).forever();
            world.advance(second);
            let real = std::time::Instant::now();
            while !ran.is_set() {
                assert!(real.elapsed() < Duration::from_secs(10), "it never ran");
                std::thread::yield_now();
            }
        });
    }
}

/// A listener that panics loses its event; the others, and the thread that it watches, go on.
#[test]
fn a_listener() {
    for way in WAYS {
        let listener = probe::subscribe(move |event| {
            if event.to_string().contains("rude-listener") {
                way();
            }
        });
        let lines = crate::probe::heard("rude-listener", || {
            let (value, events) = beside(|| {
                let thread = thread::spawn("rude-listener", |_| Ok(7));
                thread.join_until(&soon()).unwrap()
            });
            assert_eq!(value, 7);
            assert_eq!(count(&events, "rude-listener ended: finished"), 1);
        });
        assert_eq!(lines.len(), 2, "{lines:#?}"); // the beginning and the end
        drop(listener);
    }
}

/// A listener that ends its own subscription is dropped by who told it the event: it took that thread along.
#[test]
fn captures_of_a_listener_that_ends_its_own_subscription() {
    for way in WAYS {
        let own = Arc::new(Mutex::new(None));
        let (bomb, subscription) = (Bomb(way), Arc::clone(&own));
        let listener = probe::subscribe(move |event| {
            let _kept = &bomb;
            if let Event::Stopped { thread, .. } = event
                && thread.ends_with("/ends-the-subscription")
            {
                let taken = subscription.lock().unwrap().take();
                drop(taken);
            }
        });
        *own.lock().unwrap() = Some(listener);
        beside(|| {
            let thread = thread::spawn("ends-the-subscription", |_| Ok(7));
            assert_eq!(thread.join_until(&soon()).unwrap(), 7);
        });
        assert!(own.lock().unwrap().is_none());
    }
}
