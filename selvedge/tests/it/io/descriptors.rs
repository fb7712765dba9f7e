//! `Signal::descriptor`: readable from the set on.

use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Signal, Till, io};

use super::{is_readable, outside};

#[test]
fn a_descriptor_is_readable_from_the_set_on() {
    let signal = Signal::new();
    let (before, twin) = (signal.descriptor().unwrap(), signal.descriptor().unwrap());
    assert!(!is_readable(&before) && !is_readable(&twin));
    signal.set();
    assert!(is_readable(&before) && is_readable(&before) && is_readable(&twin));
    let after = signal.descriptor().unwrap();
    assert!(is_readable(&after));
    assert!(!is_readable(Signal::never().descriptor().unwrap()));
}

#[test]
fn descriptors_of_combinations_and_tills_follow_them() {
    let (a, b) = (Signal::new(), Signal::new());
    let (either, both) = (
        (&a | &b).descriptor().unwrap(),
        (&a & &b).descriptor().unwrap(),
    );
    a.set();
    assert!(is_readable(&either) && !is_readable(&both));
    b.set();
    assert!(is_readable(&both));

    let world = World::with_mock_clock();
    world.run(|| {
        // Nobody else holds the till.
        let descriptor = Till::after(Duration::from_secs(60)).descriptor().unwrap();
        world.advance(Duration::from_secs(59));
        assert!(!is_readable(&descriptor));
        world.advance(Duration::from_secs(1));
        io::readable(&descriptor).unwrap();
        assert!(is_readable(&descriptor));
    });
}

#[test]
fn a_descriptor_leaves_its_signal_when_it_is_dropped() {
    let signal = Signal::new();
    let (one, two) = (signal.descriptor().unwrap(), signal.descriptor().unwrap());
    assert_eq!(signal.links(), 2);
    drop(one);
    assert_eq!(signal.links(), 1);
    signal.set();
    assert!(is_readable(&two));
    assert_eq!(signal.links(), 0);
}

#[test]
fn a_descriptor_is_raised_though_a_callback_before_it_does_not_return() {
    let (signal, go) = (Signal::new(), Signal::new());
    let (held, begun) = (go.clone(), Signal::new());
    let inside = begun.clone();
    signal
        .on_set(move || {
            inside.set();
            held.wait().unwrap();
        })
        .forever();
    let descriptor = signal.descriptor().unwrap();
    let setter = outside(move || signal.set());
    begun.wait().unwrap();
    assert!(is_readable(&descriptor));
    go.set();
    assert!(setter.join().unwrap());
}

#[test]
fn a_descriptor_is_closed_on_exec() {
    let descriptor = Signal::new().descriptor().unwrap();
    let flags = rustix::io::fcntl_getfd(&descriptor).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}
