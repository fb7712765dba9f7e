//! Who reads next, and what the end of a worker leaves behind: between the steps that a real worker does not stop at.

use core::panic::Location;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::time::Duration;

use super::{Answer, Connection, PRESSURE};
use crate::process::worker::error::{Ended, Why};
use crate::process::worker::protocol::{LONGEST_LINE, Lines, Request};
use crate::signal::{Signal, Till, WaitSite};

/// A connection with calls 1 to `calls`, and the worker's ends of it.
fn connected(calls: u64) -> (Connection, PipeReader, PipeWriter) {
    let (their_calls, our_calls) = pipe().unwrap();
    let (our_answers, their_answers) = pipe().unwrap();
    let ours = (our_calls, our_answers);
    let connection = Connection::new("w".into(), ours, Lines::new(LONGEST_LINE)).unwrap();
    for id in 1..=calls {
        let request = Request::call(id, "f", None, None, &[]);
        connection.send(&"f".into(), &request).unwrap();
    }
    (connection, their_calls, their_answers)
}

#[track_caller]
fn site() -> WaitSite<'static> {
    WaitSite::new("wait for", Some("the worker"), Location::caller())
}

fn finish(connection: &Connection) {
    let ended = Ended::new(&"w".into(), Why::Itself, None, String::new());
    connection.finish(&ended, &site());
}

/// Waits until call `id` is waited for by somebody who does not read.
fn until_followed(connection: &Connection, id: u64) {
    while connection.state.lock().pending[&id].waiter.is_none() {
        std::thread::yield_now(); // it is on its way
    }
}

/// Is it set before patience ends?
fn comes(signal: &Signal) -> bool {
    signal
        .wait_until(&Till::after(Duration::from_secs(20)))
        .is_ok()
}

#[test]
fn who_waits_and_goes_is_not_handed_the_reading() {
    let (connection, _calls, mut answers) = connected(2);
    let reading = connection
        .begin_reading(&mut connection.state.lock())
        .unwrap();
    let gone = connection.wait(1, &[&Signal::always()], &site());
    assert!(matches!(gone, Err(0)));
    let answered = Signal::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if let Ok(Answer::Out(_)) = connection.wait(2, &[&Signal::never()], &site()) {
                answered.set();
            }
        });
        until_followed(&connection, 2);
        drop(reading);
        answers.write_all(b"{\"id\":2,\"out\":7}\n").unwrap();
        let is_answered = comes(&answered);
        finish(&connection);
        assert!(is_answered, "nobody reads");
    });
}

/// The reader leaves because of the end; who waits beside it could do nothing with the reading.
#[test]
fn the_end_waits_for_the_reader_and_not_for_who_follows() {
    let (connection, _calls, _answers) = connected(1); // somebody holds the worker's output open
    let reading = connection
        .begin_reading(&mut connection.state.lock())
        .unwrap();
    let over = Signal::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let answer = connection.wait(1, &[&Signal::never()], &site());
            assert!(matches!(answer, Ok(Answer::Ended(_))));
        });
        until_followed(&connection, 1);
        scope.spawn(|| {
            finish(&connection);
            over.set();
        });
        while !connection.state.lock().keeper_asks {
            std::thread::yield_now(); // it is on its way
        }
        drop(reading);
        let is_over = comes(&over);
        connection.nudge();
        assert!(
            is_over,
            "the reader has left, and the end goes on waiting for it"
        );
    });
}

/// Something still holds the other end of the pipe, so that writing to it is no error.
#[test]
fn nobody_waits_for_room_when_it_is_over() {
    let (connection, _calls, _answers) = connected(0);
    let much = vec![b'\n'; PRESSURE + (1 << 18)];
    connection.write(&much);
    let pressure = || connection.writing.lock().pressure();
    let room = pressure().expect("much waits to be written");
    assert!(!room.is_set());
    finish(&connection);
    assert!(room.is_set());
    assert!(pressure().is_none());
    connection.write(&much);
    assert!(pressure().is_none());
}
