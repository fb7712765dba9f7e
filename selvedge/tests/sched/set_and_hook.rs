//! An action runs exactly once, or was taken back in time and never runs.
//!
//! ```text
//!   setter            hooker
//!     |                 |  on_set(action)
//!   set() ───────┐      |  drop(handle)
//!     |          └────> |  ran, or gone: never both, never twice
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use selvedge::Signal;

use crate::{check, spawn};

fn counter() -> (Arc<AtomicUsize>, impl FnOnce() + Send + 'static) {
    let count = Arc::new(AtomicUsize::new(0));
    let up = Arc::clone(&count);
    (count, move || {
        up.fetch_add(1, SeqCst);
    })
}

#[test]
fn actions_that_are_kept_run_exactly_once_each() {
    check(|| {
        let signal = Signal::new();
        let setter = spawn({
            let signal = signal.clone();
            move || signal.set()
        });
        let counts = [(); 3].map(|()| {
            let (count, up) = counter();
            signal.on_set(up).forever();
            count
        });
        assert!(setter.join().unwrap());
        assert_eq!(counts.map(|count| count.load(SeqCst)), [1, 1, 1]);
        assert_eq!(signal.links(), 0);
    });
}

#[test]
fn an_action_taken_back_before_set_began_never_runs_and_its_neighbours_do() {
    check(|| {
        let signal = Signal::new();
        let taken_back = Arc::new(AtomicBool::new(false));
        let (before, up) = counter();
        signal.on_set(up).forever();
        let (count, up) = counter();
        let hook = signal.on_set(up);
        let (after, up) = counter();
        signal.on_set(up).forever();
        let setter = spawn({
            let (signal, taken_back) = (signal.clone(), Arc::clone(&taken_back));
            move || {
                let was = taken_back.load(SeqCst);
                signal.set();
                was
            }
        });
        drop(hook);
        taken_back.store(true, SeqCst);
        let was_taken_back = setter.join().unwrap();
        assert!(count.load(SeqCst) <= usize::from(!was_taken_back));
        assert_eq!((before.load(SeqCst), after.load(SeqCst)), (1, 1));
        assert_eq!(signal.links(), 0);
    });
}

#[test]
fn a_captured_value_is_dropped_once_whether_the_action_ran_or_not() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    check(|| {
        let (signal, drops) = (Signal::new(), Arc::new(AtomicUsize::new(0)));
        let setter = spawn({
            let signal = signal.clone();
            move || signal.set()
        });
        let captured = Dropped(Arc::clone(&drops));
        drop(signal.on_set(move || drop(captured)));
        setter.join().unwrap();
        assert_eq!(drops.load(SeqCst), 1);
    });
}
