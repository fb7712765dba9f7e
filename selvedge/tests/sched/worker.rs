//! Callers of a worker read its answers by turns: each hands those of others out, and the reading to the next that waits.
//!
//! ```text
//!   first              second             who sets the stop of the first
//!     |  sleeps in read   |  sleeps          |  flag ───┐
//!     |  <────────────────|──────────────────|  woken   └─> byte, if there is room
//!     |  leaves ────────> |  reads
//! ```
//!
//! The pipes are the kernel's, the schedules shuttle's: whoever would sleep in one lets the others run, and looks again.

use std::io::PipeWriter;
use std::sync::Arc;

use selvedge::process::worker::Wire;
use selvedge::testing::World;
use selvedge::{Signal, io};

use crate::{check, random, spawn, thread::JoinHandle};

fn write(answers: &PipeWriter, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        bytes = &bytes[io::write(answers, bytes).unwrap()..];
    }
}

/// The answer of that call, in two steps perhaps.
fn answer(answers: &PipeWriter, id: u64) {
    let line = format!("{{\"id\":{id},\"out\":{id}}}\n");
    let (head, tail) = line.split_at(random(2) * 9);
    write(answers, head.as_bytes());
    write(answers, tail.as_bytes());
}

/// Writes lines that say nothing, until there is no room.
fn fill(answers: &PipeWriter) {
    let mut line = [b' '; 4096];
    line[4095] = b'\n';
    let mut lines = 0;
    while io::try_write(answers, &line).is_ok() {
        lines += 1;
    }
    assert!(lines > 0);
}

/// What has become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Answered,
    Stopped,
    Ended,
}

/// Waits for the call. Who is stopped cancels it, as a call does that is dropped.
fn caller(wire: &Arc<Wire>, id: u64, stop: &Signal) -> JoinHandle<Call> {
    let (wire, stop) = (Arc::clone(wire), stop.clone());
    spawn(move || {
        let signals = [&stop, &Signal::new()];
        match wire.wait(id, &signals[..=random(2)]) {
            Ok(None) => Call::Ended,
            Err(at) => {
                assert!(signals[at].is_set());
                wire.cancel(id);
                Call::Stopped
            }
            Ok(Some(answer)) => {
                assert_eq!(answer, id.to_string());
                Call::Answered
            }
        }
    })
}

fn setter(signal: &Signal) -> JoinHandle<bool> {
    let signal = signal.clone();
    spawn(move || signal.set())
}

/// Nobody but they reads. The worker answers in any order, and somewhere in between the first is stopped.
#[test]
fn one_of_three_callers_is_stopped_and_the_others_get_their_answers() {
    check(|| {
        let (wire, answers) = Wire::new(3);
        let (wire, stop, never) = (Arc::new(wire), Signal::new(), Signal::new());
        let first = caller(&wire, 1, &stop);
        let others = [2, 3].map(|id| caller(&wire, id, &never));
        let mut calls = vec![1, 2, 3];
        let stopped = random(4);
        while !calls.is_empty() {
            if calls.len() == stopped {
                stop.set();
            }
            answer(&answers, calls.swap_remove(random(calls.len())));
        }
        stop.set();
        for other in others {
            assert_eq!(other.join().unwrap(), Call::Answered);
        }
        assert_ne!(first.join().unwrap(), Call::Ended);
        drop(answers);
        assert_eq!(wire.finish(), 0, "each was answered once");
        drop(wire);
        assert_eq!((stop.links(), never.links()), (0, 0));
    });
}

/// Who follows is handed the reading and stopped at one time: it has gone, or hands it on.
#[test]
fn who_has_gone_is_not_handed_the_reading() {
    check(|| {
        let (wire, answers) = Wire::new(3);
        let (wire, stop, never) = (Arc::new(wire), Signal::new(), Signal::new());
        let first = caller(&wire, 1, &stop);
        let others = [2, 3].map(|id| caller(&wire, id, &never));
        stop.set();
        let mut first = Some(first);
        for id in [2, 3] {
            if random(2) == 0
                && let Some(first) = first.take()
            {
                assert_eq!(first.join().unwrap(), Call::Stopped);
            }
            answer(&answers, id);
        }
        for other in others {
            assert_eq!(other.join().unwrap(), Call::Answered);
        }
        if let Some(first) = first {
            assert_eq!(first.join().unwrap(), Call::Stopped);
        }
    });
}

/// The byte that wakes finds no room, or finds it late.
#[test]
fn a_caller_is_stopped_though_the_pipe_was_full() {
    check(|| {
        let (wire, answers) = Wire::new(2);
        let (wire, stop, never) = (Arc::new(wire), Signal::new(), Signal::new());
        fill(&answers);
        let first = caller(&wire, 1, &stop);
        let second = caller(&wire, 2, &never);
        let setter = setter(&stop);
        answer(&answers, 2);
        assert_eq!(second.join().unwrap(), Call::Answered);
        assert_eq!(first.join().unwrap(), Call::Stopped);
        assert_eq!(wire.wait(1, &[&stop]), Err(0), "and once more");
        setter.join().unwrap();
    });
}

/// The worker's last answer, its end, and what still holds its output open, perhaps.
#[test]
fn the_end_of_a_worker_reaches_all_that_wait() {
    check(|| {
        let (wire, answers) = Wire::new(2);
        let (wire, never) = (Arc::new(wire), Signal::new());
        let callers = [1, 2].map(|id| caller(&wire, id, &never));
        let server = spawn(move || {
            match random(3) {
                0 => fill(&answers),
                1 => answer(&answers, 1 + random(2) as u64),
                _ => {}
            }
            (random(2) == 0).then_some(answers)
        });
        let told = wire.finish();
        let ended = callers.map(|caller| caller.join().unwrap());
        assert!(!ended.contains(&Call::Stopped));
        let untold = |call: &&Call| **call == Call::Ended;
        assert_eq!(ended.iter().filter(untold).count(), told);
        drop(server.join().unwrap());
        drop(wire);
        assert_eq!(never.links(), 0);
    });
}

/// The keeper reads while no caller does, and lets them.
#[test]
fn keeper_and_callers_hand_the_reading_to_each_other() {
    check(|| {
        let (wire, answers) = Wire::new(2);
        let (wire, stop, never) = (Arc::new(wire), Signal::new(), Signal::new());
        let first = caller(&wire, 1, &stop);
        let second = caller(&wire, 2, &never);
        let setter = setter(&stop);
        let server = spawn(move || {
            let turned = random(2) as u64;
            answer(&answers, 1 + turned);
            answer(&answers, 2 - turned);
        });
        World::new().run(|| assert!(!wire.attend(&never), "the worker has closed its end"));
        let told = wire.finish();
        assert_eq!((second.join().unwrap(), told), (Call::Answered, 0));
        assert_ne!(first.join().unwrap(), Call::Ended);
        setter.join().unwrap();
        server.join().unwrap();
    });
}
