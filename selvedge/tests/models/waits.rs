//! What a waiting thread shows of its wait, and who looks meanwhile.

use super::{Arc, model};
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering::SeqCst};
use selvedge::sync::Lock;
use selvedge::testing::World;
use selvedge::thread;

/// The lock goes with the thread that waited for it: who looks must be done with it by then, and one that has entered
/// waits no more.
#[test]
fn a_wait_is_shown_until_it_is_over_and_names_the_holder() {
    model(|| {
        World::new().run(|| {
            let entered = Arc::new(AtomicBool::new(false));
            // Shut while we look, so that who has entered is still there.
            let gate = Arc::new(Mutex::new(()));
            let shut = gate.lock().unwrap();
            let lock = Arc::new(Lock::new(0));
            let mine = Arc::clone(&lock);
            let held = mine.enter();
            let waiter = thread::spawn("waiter", {
                let (entered, gate) = (Arc::clone(&entered), Arc::clone(&gate));
                move |_stop| {
                    *lock.enter() += 1;
                    entered.store(true, SeqCst);
                    drop(gate.lock().unwrap());
                    Ok(())
                }
            });
            let tree = thread::tree();
            let root = thread::current().path().to_owned();
            if let Some(holder) = tree.nodes().get(1).and_then(|it| it.lock_holder()) {
                assert_eq!(holder, root, "nobody else can hold it");
            }
            drop(held);
            drop(mine);
            let is_in = entered.load(SeqCst);
            let tree = thread::tree();
            let node = tree.nodes().get(1).expect("it cannot pass the gate");
            assert!(!is_in || node.waits_for().is_none(), "it has entered");
            assert_ne!(
                node.lock_holder(),
                Some(node.path()),
                "nobody waits for itself"
            );
            drop(shut);
            waiter.join().unwrap();
        });
    });
}
