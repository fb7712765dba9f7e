//! The scope's place in the tree, and its ambient.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{self, State};
use selvedge::{Signal, Till, local, signal};

use super::{fails, until_stopped};

// ---- the tree

#[test]
fn a_scope_is_a_place_in_the_tree() {
    World::new().run(|| {
        let root = thread::current().path().to_owned();
        thread::scope("fetch", |s| {
            let a = s.spawn("a", |_| {
                let plain = thread::spawn("plain", |_| Ok(thread::current().path().to_owned()));
                Ok((thread::current().path().to_owned(), plain.join()?))
            });
            assert_eq!((a.name(), a.path()), ("a", &*format!("{root}/fetch/a")));
            assert_eq!(s.path(), format!("{root}/fetch"));
            let b = s.spawn("b", until_stopped);
            let (path, plain) = a.join()?;
            assert_eq!(path, a.path());
            assert_eq!(plain, format!("{path}/plain"));
            let tree = thread::tree();
            let nodes: Vec<_> = tree
                .nodes()
                .iter()
                .map(|n| (n.name(), n.depth(), n.is_scope(), n.state()))
                .collect();
            let running = State::Running;
            assert_eq!(
                nodes,
                [
                    (&*root, 0, false, running),
                    ("fetch", 1, true, running),
                    ("b", 2, false, running)
                ]
            );
            assert!(tree.to_string().contains("└─ fetch"), "{tree}");
            assert!(tree.to_string().contains("scope, running"), "{tree}");
            b.stop();
            Ok(())
        })
        .unwrap();
        assert_eq!(thread::tree().len(), 1);
    });
}

#[test]
fn outside_a_tree_a_scope_is_a_root_of_its_own() {
    assert!(thread::tree().is_empty());
    thread::scope("alone", |s| {
        let a = s.spawn("a", |_| {
            let inner = thread::spawn("inner", |_| Ok(thread::current().path().to_owned()));
            assert_eq!(thread::tree().nodes()[0].name(), "alone");
            Ok(inner.join()?)
        });
        assert_eq!(a.join()?, "alone/a/inner");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_scope_in_the_end_of_its_thread_works_as_well() {
    struct AtTheEnd;
    static RAN: AtomicBool = AtomicBool::new(false);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            // The thread's children are sealed, or it is no member any more.
            thread::scope("late", |s| {
                s.spawn("a", |_| {
                    RAN.store(true, SeqCst);
                    Ok(())
                });
                Ok(())
            })
            .unwrap();
        }
    }
    World::new().run(|| {
        let thread = thread::spawn("ends", |_| {
            thread::spawn("fails", fails).stopped().wait()?;
            std::mem::forget(thread::spawn("fails", fails));
            Ok(AtTheEnd)
        });
        assert!(thread.join().is_err());
    });
    assert!(RAN.load(SeqCst));
}

// ---- ambient

#[test]
fn the_ambient_is_inherited_on_request_from_where_spawn_is_called() {
    local! { static USER: &'static str; }
    let read = |_: Signal| Ok(USER.get().ok().map(|user| *user));
    USER.bind("Ada", || {
        thread::scope("s", |s| {
            assert_eq!(s.spawn("bare", read).join()?, None);
            s.inherit();
            assert_eq!(s.spawn("carried", read).join()?, Some("Ada"));
            let inner = USER.bind("Eve", || s.spawn("inner", read));
            assert_eq!(inner.join()?, Some("Eve"));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn inherited_deadlines_end_threads_as_stopped() {
    for _ in 0..50 {
        let world = World::with_mock_clock();
        world.run(|| {
            let late = Till::after(Duration::from_secs(1));
            let _ = signal::deadline(&late, || {
                thread::scope("s", |s| {
                    s.inherit();
                    s.spawn("a", until_stopped);
                    world.advance(Duration::from_secs(1));
                    Ok(())
                })
            });
        });
        assert!(world.events().contains(&"s/a ended: stopped".to_owned()));
    }
}
