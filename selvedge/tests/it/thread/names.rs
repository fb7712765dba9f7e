//! Names and paths.

use selvedge::testing::World;
use selvedge::thread::{self};

// catalogue 248
#[test]
fn a_thread_has_a_name_and_a_path_here_and_there() {
    World::new().run(|| {
        let root = thread::current().path().to_owned();
        let child = thread::spawn("child", |_| {
            let inner = thread::spawn("inner", |_| Ok(thread::current().path().to_owned()));
            Ok((thread::current().name().to_owned(), inner.join()?))
        });
        assert_eq!(child.name(), "child");
        assert_eq!(child.path(), format!("{root}/child"));
        let (name, inner) = child.join().unwrap();
        assert_eq!((&*name, inner), ("child", format!("{root}/child/inner")));
        assert!(thread::current().is_member());
        assert_eq!(thread::current().to_string(), root);
    });
    assert!(!thread::current().is_member());
}

#[test]
fn every_text_is_a_name() {
    World::new().run(|| {
        for name in ["", "nul\0inside", "\0", "grüße/🧵", &"long".repeat(100)] {
            let named = thread::spawn(name, |_| Ok(thread::current().name().to_owned()));
            assert_eq!(named.name(), name);
            assert_eq!(named.join().unwrap(), name);
        }
    });
}
