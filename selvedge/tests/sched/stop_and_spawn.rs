//! A thread started while its parent is asked to stop is asked too.
//!
//! ```text
//!   asker             parent
//!     |                 |  spawn(child): looked, no stop
//!   stop(parent) ────>  |  child is added
//!     |                 |  join(child), through the stop
//!     |                 |     ... child must have been asked
//! ```

use selvedge::testing::World;
use selvedge::{signal, thread};

use crate::{check, pause};

#[test]
fn children_started_while_their_parent_is_asked_to_stop_are_asked() {
    check(|| {
        let world = World::new();
        world.run(|| {
            let parent = thread::spawn("parent", |_stop| {
                let children = ["old", "new"].map(|name| {
                    let child = thread::spawn(name, |stop| Ok(stop.wait()?));
                    pause();
                    child
                });
                // Not by the parent's end, which asks them anyway.
                signal::shield(|| {
                    for child in &children {
                        child.join().unwrap();
                    }
                });
                Ok(())
            });
            parent.stop();
            parent.join().unwrap();
        });
        let asked = |thread: &str| {
            let line = format!("{thread} asked to stop");
            let events = world.events();
            events.iter().filter(|event| **event == line).count()
        };
        for thread in ["parent", "parent/old", "parent/new"] {
            assert_eq!(asked(thread), 1, "{thread} is asked once");
        }
    });
}

#[test]
fn a_grandchild_started_while_the_root_of_its_branch_is_asked_is_asked() {
    check(|| {
        World::new().run(|| {
            let top = thread::spawn("top", |_stop| {
                let middle = thread::spawn("middle", |_stop| {
                    let bottom = thread::spawn("bottom", |stop| Ok(stop.wait()?));
                    signal::shield(|| bottom.join().unwrap());
                    Ok(())
                });
                signal::shield(|| middle.join().unwrap());
                Ok(())
            });
            top.stop_because("enough");
            top.join().unwrap();
        });
    });
}
