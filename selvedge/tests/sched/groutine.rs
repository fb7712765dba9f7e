//! A groutine that waits for a signal which another thread sets, while the flow makes calls: it goes on once, at a call
//! of its own flow at the latest that comes after the setter has ended; and nothing stays armed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use selvedge::call::Groutines;
use selvedge::{Signal, open};

use crate::{check, spawn};

#[open]
fn noop() {}

#[test]
fn a_signal_is_seen_at_the_next_call_of_the_flow() {
    check(|| {
        let (signal, seen) = (Signal::new(), Arc::new(AtomicU32::new(0)));
        let waits = {
            let (signal, seen) = (signal.clone(), Arc::clone(&seen));
            move || {
                let (signal, seen) = (signal.clone(), Arc::clone(&seen));
                async move {
                    (&signal).await;
                    seen.fetch_add(1, SeqCst);
                }
            }
        };
        let setting = signal.clone();
        let setter = spawn(move || {
            noop(); // another flow
            setting.set();
            noop();
        });
        Groutines::new().with(waits).run(|| {
            noop();
            setter.join().unwrap();
            noop();
            assert_eq!(seen.load(SeqCst), 1);
            noop();
        });
        assert_eq!(seen.load(SeqCst), 1);
    });
}
