//! Who reads and who reads next, and what the end of a worker leaves behind: between the steps that a real worker does not stop at.

use core::panic::Location;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::time::Duration;

use super::{Answer, Connection, PRESSURE};
use crate::process::worker::error::{Ended, Why};
use crate::process::worker::lines::Lines;
use crate::process::worker::protocol::{LONGEST_LINE, Request};
use crate::signal::{Signal, Till, WaitSite};

/// A connection with calls 1 to `calls`, and the worker's ends of it.
fn connected(calls: u64) -> (Connection, PipeReader, PipeWriter) {
    let (their_calls, our_calls) = pipe().unwrap();
    let (our_answers, their_answers) = pipe().unwrap();
    let ours = (our_calls, our_answers);
    let connection = Connection::new("w".into(), ours, Lines::new(LONGEST_LINE)).unwrap();
    for id in 1..=calls {
        let request = Request::call(id, "f", &(), None::<&()>, &[]).expect("a line");
        connection.send("f", &request).unwrap();
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

/// The text of the answer, or the index of the signal.
fn wait_for(connection: &Connection, id: u64, signal: &Signal) -> Result<String, usize> {
    match connection.wait(id, &[signal], &site)? {
        Answer::Out(text) => Ok(text.into()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_waits_and_goes_is_not_handed_the_reading() {
    let (connection, _calls, mut answers) = connected(2);
    let reading = connection
        .begin_reading(&mut connection.state.lock())
        .unwrap();
    let gone = connection.wait(1, &[&Signal::always()], &site);
    assert!(matches!(gone, Err(0)));
    let answered = Signal::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if let Ok(Answer::Out(_)) = connection.wait(2, &[&Signal::never()], &site) {
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
            let answer = connection.wait(1, &[&Signal::never()], &site);
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
    let room = connection
        .writing
        .lock()
        .pressure()
        .expect("much waits to be written");
    assert!(!room.is_set());
    finish(&connection);
    assert!(room.is_set());
    assert!(connection.writing.lock().pressure().is_none());
    connection.write(&much);
    assert!(connection.writing.lock().pressure().is_none());
}

#[test]
fn the_reader_is_stopped_and_the_other_one_gets_its_answer() {
    let (connection, _calls, mut answers) = connected(2);
    let stop = Signal::new();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| wait_for(&connection, 1, &stop));
        while connection.state.lock().intake.is_some() {
            std::thread::yield_now(); // it is on its way
        }
        let second = scope.spawn(|| wait_for(&connection, 2, &Signal::new()));
        until_followed(&connection, 2);
        // The half of a line that it has read is not lost.
        answers.write_all(b"{\"id\":2,").unwrap();
        stop.set();
        assert_eq!(first.join().unwrap(), Err(0));
        answers.write_all(b"\"out\":[2]}\n").unwrap();
        assert_eq!(second.join().unwrap(), Ok("[2]".to_owned()));
    });
    assert_eq!(connection.state.lock().pending.len(), 1); // nobody has cancelled it
}

#[test]
fn who_reads_gets_its_answer_from_among_others_and_once() {
    let (connection, _calls, mut answers) = connected(2);
    let text = "{\"id\":2,\"out\":2}\n\n{\"id\":1,\"out\":1}\n{\"id\":1,\"out\":0}\n {\"out\":0,\"id\":2}\n";
    answers.write_all(text.as_bytes()).unwrap();
    assert_eq!(wait_for(&connection, 1, &Signal::new()), Ok("1".to_owned()));
    assert_eq!(
        wait_for(&connection, 2, &Signal::always()),
        Ok("2".to_owned()),
        "what is ready comes first"
    );
    assert!(connection.state.lock().pending.is_empty());
}

#[test]
fn a_nul_in_a_line_is_skipped_wherever_it_is() {
    let (connection, _calls, mut answers) = connected(2);
    answers
        .write_all(b"\0{\"id\":1,\0\"out\":1\0}\0\n\0{\"id\":2,\"out\":\"a\0b\"}\n")
        .unwrap();
    assert_eq!(wait_for(&connection, 1, &Signal::new()), Ok("1".to_owned()));
    assert_eq!(
        wait_for(&connection, 2, &Signal::new()),
        Ok("\"ab\"".to_owned())
    );
}
