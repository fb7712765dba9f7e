//! A descriptor against the set of its signal.
//!
//! The wait for a descriptor is modelled in `sched` alone: loom cannot see that the kernel made it ready.

use loom::thread;
use selvedge::Signal;
use selvedge::io;

use super::model;

#[test]
fn a_descriptor_made_while_the_signal_is_set_is_readable() {
    model(|| {
        let signal = Signal::new();
        let setter = thread::spawn({
            let signal = signal.clone();
            move || signal.set()
        });
        let descriptor = signal.descriptor().unwrap();
        assert!(setter.join().unwrap());
        io::readable(&descriptor).unwrap();
    });
}
