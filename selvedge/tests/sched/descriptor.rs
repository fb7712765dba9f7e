//! A descriptor is readable once its signal is set, and a wait for another descriptor is ended by it.
//!
//! ```text
//!   setter                 waiter
//!     |  flag ────┐          |  link, look, sleep in poll
//!     |  raise    └────────> |  lower, look again: never the other way round
//! ```

use std::io::Read;
use std::os::unix::net::UnixStream;

use selvedge::Signal;
use selvedge::io::{self, Stoppable, interruption};
use selvedge::signal::WaitError;

use crate::{check, spawn};

fn is_expired(error: &std::io::Error) -> bool {
    matches!(interruption(error), Some(WaitError::Expired))
}

#[test]
fn a_descriptor_made_while_the_signal_is_set_is_readable() {
    check(|| {
        let (a, b) = (Signal::new(), Signal::new());
        let setter = spawn({
            let a = a.clone();
            move || a.set()
        });
        let descriptors = [a.descriptor().unwrap(), (&a | &b).descriptor().unwrap()];
        drop(a.descriptor().unwrap());
        assert!(setter.join().unwrap());
        for descriptor in &descriptors {
            io::readable_until(descriptor, &Signal::always()).unwrap();
        }
        assert_eq!((a.links(), b.links()), (0, 0));
    });
}

#[test]
fn a_wait_is_ended_by_its_signal_though_its_event_was_raised_late_for_another() {
    check(|| {
        let (here, _there) = UnixStream::pair().unwrap();
        let mut here = Stoppable::new(here);
        let signals = [(); 3].map(|()| Signal::new());
        let setters = signals.clone().map(|signal| spawn(move || signal.set()));
        for signal in &signals {
            here = here.until(signal.clone());
            let error = here.read(&mut [0; 1]).unwrap_err();
            assert!(is_expired(&error), "{error}");
            assert!(signal.is_set());
        }
        for setter in setters {
            assert!(setter.join().unwrap());
        }
        assert!(signals.iter().all(|signal| signal.links() == 0));
    });
}

#[test]
#[cfg(selvedge_shuttle)]
fn a_wait_that_stayed_linked_is_ended_by_a_signal_set_at_any_time() {
    use std::io::Write;

    check(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let (a, b) = (Signal::new(), Signal::new());
        let mut here = Stoppable::new(here).lasting().until(a.clone());
        let setter = spawn({
            let (a, b) = (a.clone(), b.clone());
            move || {
                there.write_all(b"1").unwrap();
                a.set();
                b.set();
                there
            }
        });
        let mut read = 0;
        let error = loop {
            match here.read(&mut [0; 1]) {
                Ok(n) => read += n,
                Err(error) => break error,
            }
        };
        assert!(is_expired(&error) && a.is_set() && read <= 1, "{error}");
        // And what `a` has raised, late perhaps, ends no wait for `b`.
        let mut here = here.until(b.clone());
        let mut rest = 0;
        let error = loop {
            match here.read(&mut [0; 1]) {
                Ok(n) => rest += n,
                Err(error) => break error,
            }
        };
        assert!(
            is_expired(&error) && b.is_set() && read + rest == 1,
            "{error}"
        );
        drop(setter.join().unwrap());
    });
}

/// The reader of a worker's pipe: it sleeps in the read, and is woken by a byte.
#[test]
#[cfg(selvedge_shuttle)]
fn who_sleeps_in_a_read_is_woken_by_a_signal_set_at_any_time() {
    use std::io::Write;

    check(|| {
        let (end, mut there) = std::io::pipe().unwrap();
        let mut reader = selvedge::io::WokenReader::new(end);
        let (a, b) = (Signal::new(), Signal::new());
        let setter = spawn({
            let (a, b) = (a.clone(), b.clone());
            move || {
                there.write_all(b"1").unwrap();
                a.set();
                b.set();
                there
            }
        });
        let mut read = 0;
        // A signal that stays linked between waits, one that is new, and both again.
        for (signals, last) in [([&a, &a], 0), ([&b, &b], 0), ([&a, &b], 0)] {
            let at = loop {
                match reader.read_until(&mut [0; 8], &signals) {
                    Ok(n) => read += n,
                    Err(at) => break at,
                }
                assert_eq!(reader.try_read(&mut [0; 8]), None, "one byte was sent");
            };
            assert!(at == last && signals[at].is_set() && read <= 1);
        }
        let mut there = setter.join().unwrap();
        there.write_all(b"2").unwrap();
        let c = Signal::new();
        while read < 2 {
            read += reader.read_until(&mut [0; 8], &[&c]).unwrap();
        }
        drop(there);
        assert_eq!(reader.read_until(&mut [0; 8], &[&c]), Ok(0));
        drop(reader);
        assert_eq!((a.links(), b.links(), c.links()), (0, 0, 0));
    });
}

#[test]
fn two_waits_at_one_time_do_not_lower_each_other_s_event() {
    check(|| {
        let listener = std::os::unix::net::UnixListener::bind_addr(&nowhere()).unwrap();
        let acceptor = std::sync::Arc::new(io::Acceptor::new(listener).unwrap());
        let (first, a, b) = (Signal::new(), Signal::new(), Signal::new());
        let setter = spawn({
            let first = first.clone();
            move || first.set()
        });
        // If it has to wait, it leaves an event to be used again.
        assert!(is_expired(&acceptor.accept_until(&first).unwrap_err()));
        assert!(setter.join().unwrap());
        let waiters = [&a, &b].map(|signal| {
            let (acceptor, signal) = (acceptor.clone(), signal.clone());
            spawn(move || {
                let error = acceptor.accept_until(&signal).unwrap_err();
                assert!(is_expired(&error), "{error}");
            })
        });
        a.set();
        b.set();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// An address of no file: the system chooses one.
fn nowhere() -> std::os::unix::net::SocketAddr {
    use std::os::linux::net::SocketAddrExt;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!(
        "selvedge-sched-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, SeqCst)
    );
    std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap()
}
