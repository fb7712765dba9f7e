//! The decoder, and the program behind it, against random bytes and requests that were damaged on the way.
//!
//! `PROPTEST_CASES=1000000` makes them as many cases, if that is more than the usual; another run draws others.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use selvedge::observe::inspect::protocol::{Answer, Body, Command, ProfileFormat, Request};

use super::{Raw, alone, connect, served};

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, any::<u64>()]
}

/// Requests that do no harm to the program that runs the tests.
fn request() -> impl Strategy<Value = Request> {
    let text = || "[a-zA-Z0-9:*_/ ä\"\\\\\n]{0,40}";
    let command = prop_oneof![
        any::<u32>().prop_map(|protocol| Command::Hello { protocol }),
        (any::<bool>(), any::<Option<u64>>())
            .prop_map(|(cpu, after_ms)| Command::Snapshot { cpu, after_ms }),
        any::<bool>().prop_map(|cpu| Command::Tree { cpu }),
        any::<u8>().prop_map(|n| match n % 5 {
            0 => Command::Signals,
            1 => Command::Queues,
            2 => Command::Locks,
            3 => Command::Processes,
            _ => Command::Calls,
        }),
        number().prop_map(|after_ms| Command::Warnings { after_ms }),
        (
            text(),
            any::<Option<u64>>(),
            any::<Option<u32>>(),
            any::<Option<u64>>()
        )
            .prop_map(|(glob, max, per_second, for_ms)| Command::Watch {
                glob,
                max,
                per_second,
                for_ms
            }),
        (text(), any::<Option<u64>>()).prop_map(|(glob, for_ms)| Command::Count { glob, for_ms }),
        (number(), any::<[Option<u64>; 2]>(), any::<[bool; 2]>()).prop_map(
            |(every_ms, [for_ms, after_ms], [cpu, details])| Command::Record {
                every_ms,
                for_ms,
                cpu,
                details,
                after_ms,
            }
        ),
        number().prop_map(|stream| Command::End { stream }),
        (text(), any::<Option<u64>>())
            .prop_map(|(thread, number)| Command::Stop { thread, number }),
        (any::<Option<u32>>(), any::<Option<u64>>()).prop_map(|(sample, for_ms)| {
            Command::Profile {
                functions: Some("nothing::**".to_owned()),
                sample,
                for_ms,
                format: ProfileFormat::Trace,
            }
        }),
    ];
    (number(), command).prop_map(|(id, command)| Request { id, command })
}

fn check<S: Strategy>(strategy: S, cases: u32, test: impl Fn(S::Value)) {
    let default = Config::default();
    let config = Config {
        cases: cases.max(default.cases),
        failure_persistence: None,
        ..default
    };
    TestRunner::new(config)
        .run(&strategy, |value| {
            test(value);
            Ok(())
        })
        .unwrap();
}

#[test]
fn every_request_is_read_as_it_was_written() {
    check(request(), 2_000, |request| {
        let line = request.line();
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert_eq!(Request::parse(&line).unwrap(), request);
    });
}

/// Where a request is damaged, and how.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let damage = (any::<u16>(), any::<u8>(), 0..4_u8);
    (request(), vec(damage, 1..4)).prop_map(|(request, damages)| {
        let mut line = request.line().into_bytes();
        for (at, byte, how) in damages {
            let at = usize::from(at) % (line.len() + 1);
            match how {
                0 => line.insert(at, byte),
                1 => line.truncate(at),
                2 if at < line.len() => line[at] = byte,
                _ => line.extend_from_within(at..),
            }
        }
        line
    })
}

#[test]
fn random_bytes_and_damaged_requests_never_panic_the_decoders() {
    let bytes = prop_oneof![vec(any::<u8>(), 0..200), damaged()];
    check(bytes, 5_000, |bytes| {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(request) = Request::parse(&text) {
            assert_eq!(Request::parse(&request.line()).unwrap(), request);
        }
        if let Ok(answer) = Answer::parse(&text) {
            assert_eq!(Answer::parse(&answer.line()).unwrap(), answer);
        }
    });
}

/// Whatever is sent, the program serves on, and what it says can be read.
#[test]
fn a_program_survives_what_it_is_sent() {
    let _alone = alone();
    served(|serving| {
        let stop_this = prop_oneof![vec(any::<u8>(), 0..400), damaged()];
        check(vec(stop_this, 1..8), 300, |lines| {
            let mut raw = Raw::connect(serving.path());
            for line in lines {
                if !raw.send(&line) || !raw.send(b"\n") {
                    break;
                }
            }
            let _ = raw.socket.get_ref().shutdown(std::net::Shutdown::Write);
            while let Some(answer) = raw.hear() {
                assert_ne!(answer.body, Body::Unknown, "an answer that cannot be read");
            }
        });
        assert!(connect(serving).ask(Command::Locks).is_ok());
    });
}
