//! Locks: one at a time, every use reaches every waiter, and then it is quiet.

mod entering;
mod waiting;

use selvedge::sync::Lock;
use selvedge::testing::World;
use selvedge::thread::{self, Thread};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Waits until the thread called `name` sleeps on `what`.
fn until_it_waits(name: &str, what: &str) {
    loop {
        let tree = thread::tree();
        let mut nodes = tree.nodes().iter().filter(|node| node.name() == name);
        if nodes.any(|node| node.waits_for().is_some_and(|site| site.starts_with(what))) {
            return;
        }
        std::thread::yield_now();
    }
}

const ENTERING: &str = "lock `l`";
const WAITING: &str = "use of lock `l`";

/// Waits for uses until `done` is set, and counts how often it was woken.
struct Idle {
    woken: Arc<AtomicUsize>,
    thread: Thread<()>,
}

fn idle(name: &'static str, lock: &Arc<Lock<bool>>) -> Idle {
    idle_and_then(name, lock, || ())
}

fn idle_and_then(
    name: &'static str,
    lock: &Arc<Lock<bool>>,
    last: impl FnOnce() + Send + 'static,
) -> Idle {
    let (lock, woken) = (Arc::clone(lock), Arc::new(AtomicUsize::new(0)));
    let thread = thread::spawn(name, {
        let woken = Arc::clone(&woken);
        move |_stop| {
            let mut held = lock.enter();
            while !*held {
                held.wait()?;
                woken.fetch_add(1, SeqCst);
            }
            last(); // still inside
            Ok(())
        }
    });
    until_it_waits(name, WAITING);
    Idle { woken, thread }
}

/// Waits until each has been woken `n` times, and waits again.
fn until_woken(threads: &[(&'static str, &Idle)], n: usize) {
    for (name, idle) in threads {
        while idle.woken.load(SeqCst) < n {
            std::thread::yield_now();
        }
        until_it_waits(name, WAITING);
    }
}

fn join_all(threads: impl IntoIterator<Item = Thread<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

fn with_lock<R>(test: impl FnOnce(Arc<Lock<bool>>) -> R) -> R {
    World::new().run(|| test(Arc::new(Lock::named("l", false))))
}
