//! Random small trees of threads: a parent ends after its children, a failure reaches one receiver.
//!
//! ```text
//!   parent            child
//!   spawn ──────────> |  works, waits for its stop, or fails
//!   join, release     |
//!   or just end ────> |  asked to stop
//!     |  waits <───── |  ended
//!   ended             |
//! ```

use std::sync::{Arc, Mutex};

use selvedge::probe::{self, Event};
use selvedge::testing::World;
use selvedge::{Outcome, Signal, thread};

use crate::{check, pause, random};

/// What a thread is to do.
struct Plan {
    number: usize,
    waits: bool,
    fails: bool,
    children: Vec<(Fate, Self)>,
}

/// What its parent does with it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Joined,
    Released,
    /// The handle outlives the parent: its end has to deal with the result.
    Left,
}

impl Plan {
    fn random(next: &mut usize, depth: usize) -> Self {
        let number = *next;
        *next += 1;
        let (waits, fails) = (random(3) == 0, random(3) == 0);
        let children = if depth == 0 { 0 } else { random(3) };
        let children = (0..children)
            .map(|_| {
                let fate = [Fate::Joined, Fate::Released, Fate::Left][random(3)];
                (fate, Self::random(next, depth - 1))
            })
            .collect();
        Self {
            number,
            waits,
            fails,
            children,
        }
    }
}

/// What happened, gathered outside the library.
#[derive(Default)]
struct Seen {
    failed: Vec<usize>,
    /// The texts of failures, each given to one receiver.
    received: Vec<String>,
    left: Vec<thread::Thread<()>>,
}

type Shared = Arc<Mutex<Seen>>;

fn flaw(number: usize) -> String {
    format!("<flaw {number}>")
}

fn live(plan: Plan, seen: &Shared) -> Outcome<()> {
    for (fate, child) in plan.children {
        start(fate, child, seen);
    }
    if plan.waits {
        Signal::never().wait()?;
    }
    if plan.fails {
        seen.lock().unwrap().failed.push(plan.number);
        return Err(flaw(plan.number).into());
    }
    Ok(())
}

fn start(fate: Fate, plan: Plan, seen: &Shared) {
    let waits = plan.waits;
    let child = thread::spawn(&format!("t{}", plan.number), {
        let seen = Arc::clone(seen);
        move |_stop| live(plan, &seen)
    });
    if random(2) == 0 {
        pause();
    }
    match fate {
        Fate::Joined => {
            if waits || random(4) == 0 {
                child.stop();
            }
            if let Err(error) = child.join()
                && error.is_failure()
            {
                seen.lock().unwrap().received.push(error.to_string());
            }
        }
        Fate::Released => child.release(),
        Fate::Left => seen.lock().unwrap().left.push(child),
    }
}

#[test]
fn parents_end_after_their_children_and_each_failure_reaches_one_receiver() {
    check(|| {
        let seen = Shared::default();
        // Only this test's threads fail with a flaw.
        let heard = probe::subscribe({
            let seen = Arc::clone(&seen);
            move |event| {
                if let Event::Unreceived { failure, .. } = event
                    && failure.to_string().contains("<flaw")
                {
                    seen.lock().unwrap().received.push(failure.to_string());
                }
            }
        });
        let world = World::new();
        world.run(|| {
            let mut next = 0;
            for _ in 0..2 {
                // Nobody is above the root, to receive what it leaves.
                let fate = [Fate::Joined, Fate::Released][random(2)];
                start(fate, Plan::random(&mut next, 2), &seen);
            }
        });
        drop(heard);
        let mut seen = seen.lock().unwrap();
        let left = std::mem::take(&mut seen.left);
        assert!(left.iter().all(|thread| thread.stopped().is_set()));
        assert_received_once(&seen);
        assert_ordered(&world.events());
    });
}

fn assert_received_once(seen: &Seen) {
    let all = seen.received.concat();
    for number in &seen.failed {
        let times = all.matches(&flaw(*number)).count();
        assert_eq!(times, 1, "flaw {number} in {:?}", seen.received);
    }
    assert_eq!(all.matches("<flaw").count(), seen.failed.len());
}

fn assert_ordered(events: &[String]) {
    let at = |start: &str| events.iter().position(|it| it.starts_with(start));
    let times = |start: &str| events.iter().filter(|it| it.starts_with(start)).count();
    for event in events {
        let Some(path) = event.strip_suffix(" started") else {
            continue;
        };
        assert_eq!(times(&format!("{path} ended:")), 1, "{path} in {events:?}");
        let failed = events.iter().filter(|it| **it == format!("{path} failed"));
        let ended = at(&format!("{path} ended: failed")).is_some();
        assert_eq!(failed.count(), usize::from(ended), "{path} in {events:?}");
        if let Some((parent, _)) = path.rsplit_once('/') {
            let (child, parent) = (format!("{path} ended:"), format!("{parent} ended:"));
            assert!(at(&child) < at(&parent), "{path} in {events:?}");
        }
    }
    assert_eq!(
        events.iter().filter(|it| it.ends_with(" started")).count(),
        events.iter().filter(|it| it.contains(" ended: ")).count(),
    );
}
