//! The log while its service ends: each line is written once, by the service or by who logs it, or counted.
//!
//! ```text
//!   threads of the tree     aliens          service
//!     | say                   | say           | serve: many at once
//!     | asked: say            |               |
//!     | ended                 |               | asked: the rest, the writer back
//!                             | say, written at once
//! ```

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selvedge::Signal;
use selvedge::observe::logging::{self, Full, Level, Log};
use selvedge::testing::World;

use crate::thread::JoinHandle;
use crate::{check, pause, random, spawn};

/// What is written, in pieces that another thread could get between.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        pause();
        let n = bytes.len().min(40);
        self.0.lock().unwrap().extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// There is one log in a process, and without a scheduler tests run beside each other.
static ONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread of nobody that says two lines.
fn alien(log: &Log, name: &'static str) -> JoinHandle<()> {
    let log = log.clone();
    spawn(move || {
        for n in 1..=2 {
            log.say(Level::Info, format_args!("line {name}-{n}"));
        }
    })
}

#[test]
fn a_line_is_written_once_or_counted_however_the_service_ends() {
    let _alone = alone();
    check(|| {
        let memory = Memory::default();
        let full = [Full::Wait, Full::Drop][random(2)];
        let log = logging::to(memory.clone())
            .bound(1 + random(2))
            .when_full(full);
        let world = World::new();
        let (log, aliens) = world.run(|| {
            let log = log.install().unwrap();
            let said = log.clone();
            let talker = move |stop: Signal| {
                said.say(Level::Info, "line talker-1");
                stop.wait_until(&stop).ok();
                said.say(Level::Info, "line talker-2");
                Ok(())
            };
            selvedge::thread::spawn("talker", talker).release();
            let aliens = ["a", "b"].map(|name| alien(&log, name));
            (log, aliens)
        });
        let late = ["c", "d"].map(|name| alien(&log, name)); // written by themselves
        for alien in aliens.into_iter().chain(late) {
            alien.join().unwrap();
        }
        // Nobody logs any more, so nobody writes what another one has left.
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        let mut lines: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once(": line ").map(|(_, what)| what))
            .collect();
        for name in ["talker", "a", "b", "c", "d"] {
            let of: Vec<_> = lines.iter().filter(|line| line.starts_with(name)).collect();
            assert!(of.is_sorted(), "{text}");
        }
        let (written, dropped) = (lines.len() as u64, log.dropped());
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len() as u64, written, "{text}");
        assert_eq!(written + dropped, 10, "{text}");
        assert!(full == Full::Drop || dropped == 0);
        log.close();
    });
}

#[test]
fn a_log_that_is_closed_at_once_loses_nothing() {
    let _alone = alone();
    check(|| {
        let memory = Memory::default();
        let log = logging::to(memory.clone());
        let aliens = World::new().run(|| {
            let log = log.install().unwrap();
            let aliens = ["a", "b"].map(|name| alien(&log, name));
            pause();
            log.close(); // perhaps before its service has begun
            aliens
        });
        for alien in aliens {
            alien.join().unwrap();
        }
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        for name in ["line a", "line b"] {
            let of = text.lines().filter_map(|line| line.split_once(name));
            let numbers: Vec<_> = of.map(|(_, number)| number).collect();
            assert_eq!(numbers, ["-1", "-2"], "{text}");
        }
    });
}
