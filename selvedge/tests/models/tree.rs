//! The end of a thread: its last child leaves, a late one comes, and the set of children is sealed.

use super::{Arc, Cell, model};
use selvedge::testing::World;
use selvedge::thread::{self, Parent, SpawnError};

/// Sealed first, the late one is refused; added first, it has ended before its parent.
#[test]
fn a_late_child_is_refused_or_ends_before_its_parent() {
    model(|| {
        World::new().run(|| {
            let data = Cell::new();
            let parent = thread::spawn("parent", |_stop| Ok(()));
            let late = thread::Builder::new("late").parent(&parent).spawn({
                let data = Arc::clone(&data);
                move |_stop| Ok(data.write(7))
            });
            parent.stopped().wait().unwrap();
            match late {
                Ok(late) => {
                    assert!(late.stopped().is_set(), "its parent has ended");
                    assert_eq!(data.read(), 7);
                    late.release();
                }
                Err(SpawnError::Sealed { .. }) => {}
                Err(other) => panic!("{other}"),
            }
            parent.join().unwrap();
        });
    });
}

/// While a child is there its parent takes others; the last one may bring one as it leaves.
#[test]
fn a_child_that_starts_a_sibling_as_the_last_that_leaves_finds_its_parent_open() {
    model(|| {
        World::new().run(|| {
            let data = Cell::new();
            let parent = thread::spawn("parent", {
                let data = Arc::clone(&data);
                move |_stop| {
                    let parent = Parent::from(&thread::current());
                    let child = thread::spawn("child", move |_stop| {
                        let late = thread::Builder::new("late").parent(parent);
                        late.spawn(move |_stop| Ok(data.write(7)))?.release();
                        Ok(())
                    });
                    Ok(child.release())
                }
            });
            parent.join().unwrap();
            assert_eq!(data.read(), 7);
        });
    });
}

/// Here a late child is never refused: the scope is open as long as one of its threads runs.
#[test]
fn a_scope_ends_after_a_thread_that_its_last_thread_has_started() {
    model(|| {
        let data = Cell::new();
        thread::scope("scope", |s| {
            s.spawn("first", |_stop| {
                s.spawn("second", |_stop| Ok(data.write(7)));
                Ok(())
            });
            Ok(())
        })
        .unwrap();
        assert_eq!(data.read(), 7);
    });
}
