//! Clients that do what they should not. The program is served on, and so are the others.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use selvedge::observe::inspect::protocol::{
    Body, CONNECTIONS, Command, PATIENCE, ProblemKind, REQUEST_BYTES, STREAMS,
};
use selvedge::observe::inspect::{Client, Serving};
use selvedge::testing::World;

use super::commands::refused;
use super::{Raw, connect, served, served_in};

fn problem(raw: &mut Raw) -> ProblemKind {
    match raw.hear().expect("an answer").body {
        Body::Error(problem) => problem.kind,
        other => panic!("no error: {other:?}"),
    }
}

fn serves_on(serving: &Serving) {
    assert!(connect(serving).ask(Command::Locks).is_ok());
}

#[test]
fn what_is_no_request_is_an_error_and_the_next_is_answered() {
    served(|serving| {
        let mut raw = Raw::connect(serving.path());
        let deep = [&b"["[..]; 5_000].concat();
        let lines: [&[u8]; 12] = [
            b"hello",
            b"{}",
            b"[]",
            b"{\"id\":1}",
            b"{\"id\":-1,\"do\":\"locks\"}",
            b"{\"id\":1,\"do\":\"explode\"}",
            b"{\"id\":1,\"do\":{\"watch\":{\"glob\":\"a::b\",\"maximum\":1}}}",
            b"{\"id\":1,\"do\":\"locks\",\"and\":2}",
            b"{\"id\":1,\"do\":{\"stop\":{}}}",
            b"\xff\xfe\x00\x01",
            b"{\"id\":99999999999999999999999999,\"do\":\"locks\"}",
            &deep,
        ];
        for line in lines {
            assert!(raw.send(line) && raw.send(b"\n"));
            assert_eq!(
                problem(&mut raw),
                ProblemKind::Malformed,
                "{:?}",
                String::from_utf8_lossy(line)
            );
        }
        assert!(raw.send(b"\n  \r\n")); // empty lines are nothing
        raw.ask(5, Command::Locks);
        assert_eq!(raw.hear().unwrap().id, 5);
    });
}

#[test]
fn a_request_that_never_ends_ends_the_connection() {
    served(|serving| {
        let mut raw = Raw::connect(serving.path());
        let chunk = [b'x'; 4096];
        while raw.send(&chunk) {} // until it is hung up
        // The reason may have been lost with what was still being sent.
        if let Some(answer) = raw.hear() {
            assert!(matches!(answer.body, Body::Error(it) if it.kind == ProblemKind::TooLong));
        }
        serves_on(serving);
    });
}

#[test]
fn a_request_may_be_as_long_as_is_said_and_no_longer() {
    served(|serving| {
        let request = |length: usize| {
            let (before, after) = ("{\"id\":1,\"do\":{\"stop\":{\"thread\":\"", "\"}}}");
            let thread = "x".repeat(length - before.len() - after.len());
            format!("{before}{thread}{after}\n")
        };
        let mut raw = Raw::connect(serving.path());
        assert!(raw.send(request(REQUEST_BYTES).as_bytes()));
        assert_eq!(problem(&mut raw), ProblemKind::NotFound);
        assert!(raw.send(request(REQUEST_BYTES + 1).as_bytes()));
        assert_eq!(problem(&mut raw), ProblemKind::TooLong);
        assert_eq!(raw.hear(), None);
    });
}

/// What stands behind a request that ends the connection is not obeyed.
#[test]
fn nothing_is_worked_on_after_a_request_that_is_too_long() {
    served(|serving| {
        let mut raw = Raw::connect(serving.path());
        let mut sent = vec![b'x'; REQUEST_BYTES + 1];
        sent.extend(b"\n{\"id\":3,\"do\":\"signals\"}\n");
        assert!(raw.send(&sent));
        assert_eq!(problem(&mut raw), ProblemKind::TooLong);
        assert_eq!(raw.hear(), None);
    });
}

/// A line in pieces of one byte is a line.
#[test]
fn a_request_may_come_in_pieces() {
    served(|serving| {
        let mut raw = Raw::connect(serving.path());
        for byte in b"{\"id\":3,\"do\":\"signals\"}\n" {
            assert!(raw.send(&[*byte]));
        }
        assert_eq!(raw.hear().unwrap().id, 3);
    });
}

/// It asks and asks and takes nothing: what waits for it is bounded, and after a while it is dropped.
#[test]
fn a_client_that_does_not_read_is_dropped() {
    let world = World::with_mock_clock();
    served_in(&world, |serving| {
        let mut raw = Raw::connect(serving.path());
        let socket = raw.socket.get_ref().try_clone().unwrap();
        socket.set_nonblocking(true).unwrap();
        let request = b"{\"id\":1,\"do\":{\"snapshot\":{}}}\n".repeat(100);
        // Until nothing more is taken, for it is not read any more.
        let (mut sent, mut refused) = (0, 0);
        while refused < 1_000 {
            match (&socket).write(&request) {
                Ok(n) => (sent, refused) = (sent + n, 0),
                Err(_) => refused += 1, // no room
            }
            std::thread::yield_now();
        }
        assert!(sent < 16 << 20, "{sent} bytes were taken");
        serves_on(serving);
        // Again and again: what it has sent may be worked on still, and its time runs from the last that it took.
        let is_hung_up = || {
            (&socket)
                .write(b" ")
                .is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
        };
        while !is_hung_up() {
            world.advance(PATIENCE);
            serves_on(serving);
        }
        let mut heard = 0;
        while raw.socket.get_ref().set_nonblocking(false).is_ok() && next_line(&mut raw) {
            heard += 1;
        }
        assert!(heard < sent / 31, "hung up on before all was answered");
    });
}

/// Skips a line; false when it was hung up.
fn next_line(raw: &mut Raw) -> bool {
    let mut line = String::new();
    std::io::BufRead::read_line(&mut raw.socket, &mut line)
        .is_ok_and(|n| n > 0 && line.ends_with('\n'))
}

#[test]
fn one_that_reads_slowly_is_kept() {
    let world = World::with_mock_clock();
    served_in(&world, |serving| {
        let mut raw = Raw::connect(serving.path());
        let n = 8_000;
        let lines: String = (0..n)
            .map(|id| format!("{{\"id\":{id},\"do\":{{\"snapshot\":{{}}}}}}\n"))
            .collect();
        let mut socket = raw.socket.get_ref().try_clone().unwrap();
        let writer = std::thread::spawn(move || socket.write_all(lines.as_bytes()).unwrap());
        let (mut taken, mut halves) = (0, 0);
        for id in 0..n {
            let answer = raw.hear().expect("it is kept");
            assert_eq!(answer.id, id);
            taken += answer.line().len();
            // More than the system keeps between the two: it has sent something in each half of its patience.
            if taken > 512 << 10 {
                world.advance(PATIENCE / 2);
                (taken, halves) = (0, halves + 1);
            }
        }
        assert!(halves > 2, "{halves}: its patience was never over");
        writer.join().unwrap();
    });
}

#[test]
fn clients_that_hang_up_in_the_middle_hurt_nobody() {
    served(|serving| {
        for cut in 0..40 {
            let mut raw = Raw::connect(serving.path());
            let line = b"{\"id\":1,\"do\":{\"record\":{\"every_ms\":10}}}\n";
            assert!(raw.send(&line[..line.len().min(cut)]));
        }
        for _ in 0..20 {
            let mut raw = Raw::connect(serving.path());
            raw.ask(
                1,
                Command::Record {
                    every_ms: 0,
                    for_ms: None,
                    cpu: true,
                    details: false,
                    after_ms: None,
                },
            );
            assert!(raw.hear().is_some()); // and leaves in the middle of the stream
        }
        serves_on_when_there_is_room(serving);
    });
}

/// The inspector notices soon that others have left.
fn serves_on_when_there_is_room(serving: &Serving) {
    while !Client::connect(serving.path()).is_ok_and(|mut it| it.ask(Command::Locks).is_ok()) {
        std::thread::yield_now();
    }
}

#[test]
fn one_connection_too_many_is_told_so() {
    served(|serving| {
        let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| connect(serving)).collect();
        let refused = Client::connect(serving.path());
        assert_eq!(super::commands::refused(refused), ProblemKind::Busy);
        for client in &mut clients {
            assert!(client.ask(Command::Locks).is_ok(), "the others are served");
        }
        clients.pop();
        serves_on_when_there_is_room(serving);
    });
}

#[test]
fn one_stream_too_many_or_with_the_same_number_is_refused() {
    served(|serving| {
        let mut raw = Raw::connect(serving.path());
        let record = || Command::Count {
            glob: "**::nothing".to_owned(),
            for_ms: None,
        };
        raw.ask(7, record());
        assert_eq!(raw.hear().unwrap().body, Body::Began);
        raw.ask(7, record());
        assert_eq!(problem(&mut raw), ProblemKind::Streams);
        let mut client = connect(serving);
        for _ in 0..STREAMS {
            client.begin(record()).unwrap();
        }
        assert_eq!(refused(client.begin(record())), ProblemKind::Streams);
    });
}

/// A storm of clients, each with something else in mind, and the program's own threads at work.
#[test]
fn a_storm_of_clients_is_weathered() {
    served(|serving| {
        let path = serving.path();
        std::thread::scope(|scope| {
            for n in 0..8_u64 {
                scope.spawn(move || {
                    for round in 0..50 {
                        let Ok(mut client) = Client::connect(path) else {
                            continue; // no room just now
                        };
                        let asked = match (n + round) % 4 {
                            0 => client.ask(Command::Snapshot {
                                cpu: true,
                                after_ms: None,
                            }),
                            1 => client.ask(Command::Calls),
                            2 => client.ask(Command::Record {
                                every_ms: 0,
                                for_ms: Some(1),
                                cpu: false,
                                details: false,
                                after_ms: None,
                            }),
                            _ => client.ask(Command::Warnings { after_ms: 0 }),
                        };
                        assert!(asked.is_ok(), "{asked:?}");
                    }
                });
            }
        });
        serves_on_when_there_is_room(serving);
    });
}

#[test]
fn a_time_that_no_clock_reaches_is_never() {
    served(|serving| {
        let mut client = connect(serving);
        let far = Command::Record {
            every_ms: u64::MAX,
            for_ms: Some(u64::MAX),
            cpu: false,
            details: false,
            after_ms: None,
        };
        let stream = client.begin(far).unwrap();
        assert!(matches!(client.next_of(stream), Ok(Body::Snapshot(_))));
        let never = Command::Warnings { after_ms: u64::MAX };
        assert_eq!(client.ask(never).unwrap(), Body::Warnings(Vec::new()));
        assert!(Duration::from_millis(u64::MAX) > PATIENCE);
    });
}
