//! What a waiting thread shows of its wait, and who looks meanwhile.

use super::{Arc, model};
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
            let lock = Arc::new(Lock::new(0));
            let mine = Arc::clone(&lock);
            let held = mine.enter();
            let waiter = thread::spawn("waiter", {
                let entered = Arc::clone(&entered);
                move |_stop| {
                    *lock.enter() += 1;
                    entered.store(true, SeqCst);
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
            if let Some(node) = tree.nodes().get(1).filter(|_| is_in) {
                assert_eq!(node.waits_for(), None, "it has entered");
            }
            waiter.join().unwrap();
        });
    });
}
