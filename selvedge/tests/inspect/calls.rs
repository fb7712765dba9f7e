//! Watching and counting open functions.

use std::time::{Duration, Instant};

use selvedge::observe::inspect::Client;
use selvedge::observe::inspect::protocol::{
    Body, CallEvent, CallMoment, Command, EndReason, FunctionInfo, ProblemKind, ProfileFormat,
    TEXT_BYTES,
};
use selvedge::testing::World;
use selvedge::{open, thread};

use super::commands::refused;
use super::{Raw, alone, connect, served, served_in};

#[open]
fn area(width: u32, height: u32) -> u32 {
    width * height
}

#[open]
fn fails(text: &str) {
    panic!("no {text}");
}

#[open]
fn counted(n: u32) -> u32 {
    if n == 0 { 0 } else { counted(n - 1) }
}

#[open]
fn tick() {}

#[open]
fn tock() {}

#[open]
fn tack() {}

#[open]
fn long(text: String) -> usize {
    text.len()
}

fn watch(glob: &str, max: Option<u64>, per_second: Option<u32>, for_ms: Option<u64>) -> Command {
    Command::Watch {
        glob: glob.to_owned(),
        max,
        per_second,
        for_ms,
    }
}

fn next_call(client: &mut Client, stream: u64) -> CallEvent {
    match client.next_of(stream) {
        Ok(Body::Call(call)) => call,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_watch_shows_calls_of_all_threads_and_ends_at_its_limit() {
    served(|serving| {
        let mut client = connect(serving);
        let stream = client
            .begin(watch("**::area", Some(3), None, None))
            .unwrap();
        let worker = thread::spawn("worker", |_stop| Ok(area(3, 4)));
        worker.join().unwrap();
        area(5, 6);
        area(7, 8);
        let called = next_call(&mut client, stream);
        let path = concat!(module_path!(), "::area");
        assert_eq!(called.text, format!("{path}(width: 3, height: 4)"));
        assert_eq!(
            (&*called.function, called.moment),
            (path, CallMoment::Called)
        );
        assert_eq!(
            called.thread,
            format!("{}/worker", thread::current().path())
        );
        let returned = next_call(&mut client, stream);
        assert_eq!(
            (&*returned.text, returned.number),
            (&*format!("{path} -> 12"), called.number)
        );
        assert!(returned.at_us >= called.at_us);
        assert_eq!(next_call(&mut client, stream).moment, CallMoment::Called);
        assert_eq!(
            client.next_of(stream).unwrap(),
            Body::Ended {
                why: EndReason::Limit,
                dropped: 0
            }
        );
    });
}

#[test]
fn a_panic_is_shown_and_goes_on() {
    served(|serving| {
        let mut client = connect(serving);
        let stream = client
            .begin(watch("**::fails", Some(2), None, None))
            .unwrap();
        assert!(std::panic::catch_unwind(|| fails("luck")).is_err());
        next_call(&mut client, stream);
        let end = next_call(&mut client, stream);
        assert_eq!(end.moment, CallMoment::Panicked);
        assert!(end.text.ends_with("panicked: no luck"), "{}", end.text);
    });
}

#[test]
fn a_watch_without_a_limit_is_refused_and_one_of_everything_without_max() {
    let _alone = alone();
    served(|serving| {
        let mut client = connect(serving);
        let (rate, time) = (Some(10), Some(1_000));
        let unlimited = [
            watch("**::nothing", None, None, None),
            watch("**::nothing", None, rate, None),
            watch("**::nothing", None, None, time),
            watch("**::nothing", Some(0), None, None),
            watch("**", None, rate, time),
            watch("*::**", None, rate, time),
            watch("**::*", None, rate, time),
            watch("**::**::*", None, rate, time),
            Command::Count {
                glob: "**".to_owned(),
                for_ms: None,
            },
        ];
        for command in unlimited {
            assert_eq!(
                refused(client.ask(command.clone())),
                ProblemKind::Unlimited,
                "{command:?}"
            );
        }
        for glob in ["", "views", "a::::b", "a b::c"] {
            assert_eq!(
                refused(client.ask(watch(glob, Some(1), None, None))),
                ProblemKind::Pattern
            );
        }
        // A pattern that leaves something out may do with a rate and a time.
        for glob in ["**::nothing", "nothing::**", "*::*"] {
            let id = client.begin(watch(glob, None, rate, time)).unwrap();
            assert!(client.ask(Command::End { stream: id }).is_ok());
        }
        let id = client.begin(watch("**", Some(1), None, None)).unwrap();
        assert!(client.ask(Command::End { stream: id }).is_ok());
        assert_eq!(
            refused(client.ask(Command::End { stream: id })),
            ProblemKind::NotFound
        );
    });
}

/// The watch is gone with its client: the function is quiet again.
#[test]
fn a_watch_ends_with_its_connection() {
    let _alone = alone();
    served(|serving| {
        let mut client = connect(serving);
        client
            .begin(watch("**::tick", Some(1_000), None, None))
            .unwrap();
        tick();
        let armed = |client: &mut Client| function(client, "tick").watched;
        let mut other = connect(serving);
        assert_eq!(armed(&mut other), 1);
        drop(client);
        while armed(&mut other) != 0 {
            std::thread::yield_now(); // the inspector is on its way
        }
    });
}

#[test]
fn a_count_and_a_profile_end_with_their_connection() {
    let _alone = alone();
    served(|serving| {
        tock(); // met
        let profile = || Command::Profile {
            functions: Some("**::tock".to_owned()),
            sample: None,
            for_ms: None,
            format: ProfileFormat::Table,
        };
        let count = Command::Count {
            glob: "**::tock".to_owned(),
            for_ms: None,
        };
        let (mut client, mut other) = (connect(serving), connect(serving));
        client.begin(count).unwrap();
        client.begin(profile()).unwrap();
        assert_eq!(function(&mut other, "tock").watched, 1);
        assert_eq!(refused(other.begin(profile())), ProblemKind::Busy);
        drop(client);
        while function(&mut other, "tock").watched != 0 {
            std::thread::yield_now(); // the inspector is on its way
        }
        while other.begin(profile()).is_err() {
            std::thread::yield_now();
        }
    });
}

#[test]
fn a_watch_ends_when_its_time_is_over() {
    let world = World::with_mock_clock();
    served_in(&world, |serving| {
        let mut client = connect(serving);
        let stream = client
            .begin(watch("**::tock", None, Some(100), Some(5_000)))
            .unwrap();
        tock();
        assert_eq!(next_call(&mut client, stream).moment, CallMoment::Called);
        assert_eq!(next_call(&mut client, stream).moment, CallMoment::Returned);
        world.advance(Duration::from_secs(5));
        assert_eq!(
            client.next_of(stream).unwrap(),
            Body::Ended {
                why: EndReason::Time,
                dropped: 0
            }
        );
    });
}

/// The rate is of a second; 200 calls are 400 events.
#[test]
fn a_rate_drops_what_is_over_it_and_counts_that() {
    served(|serving| {
        let mut client = connect(serving);
        let stream = client
            .begin(watch("**::tack", None, Some(10), Some(60_000)))
            .unwrap();
        for _ in 0..200 {
            tack();
        }
        // As many as are admitted at once, whatever the machine does meanwhile.
        for _ in 0..10 {
            next_call(&mut client, stream);
        }
        client.ask(Command::End { stream }).unwrap();
        let mut seen = 10;
        let dropped = loop_to_end(&mut client, stream, |_| seen += 1);
        assert_eq!(seen + dropped, 400);
        assert!(
            seen < 200,
            "{seen}: ten a second, and this took no 20 seconds"
        );
    });
}

/// Hands each event to `f`; how many were dropped.
fn loop_to_end(client: &mut Client, stream: u64, mut f: impl FnMut(CallEvent)) -> u64 {
    loop {
        match client.next_of(stream).unwrap() {
            Body::Call(call) => f(call),
            Body::Ended { dropped, .. } => return dropped,
            other => panic!("{other:?}"),
        }
    }
}

#[open]
fn flood(_n: u64) {}

/// A client that does not read loses events, and hears how many; the program does not wait.
#[test]
fn events_that_nobody_takes_are_dropped_and_counted() {
    served(|serving| {
        let mut raw = Raw::connect(serving.path());
        let n = 50_000;
        raw.ask(1, watch("**::flood", Some(10 * n), None, None));
        assert_eq!(raw.hear().unwrap().body, Body::Began);
        for i in 0..n {
            flood(i);
        }
        let (mut events, mut last, mut called) = (0, 0, n);
        // One that comes when there is room again says how many were dropped before it.
        while last == 0 {
            flood(called);
            called += 1;
            if let Body::Call(call) = raw.hear().expect("an event").body {
                events += 1;
                last = call.dropped;
            }
        }
        raw.ask(2, Command::End { stream: 1 });
        let dropped = loop {
            match raw.hear().expect("an answer").body {
                Body::Call(call) => {
                    events += 1;
                    assert!(call.dropped >= last, "it grows");
                    last = call.dropped;
                }
                Body::Ended { dropped, .. } => break dropped,
                Body::Done(_) => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(events + dropped, 2 * called);
        assert!(dropped >= last, "{dropped} {last}");
    });
}

#[test]
fn a_long_text_is_cut() {
    served(|serving| {
        let mut client = connect(serving);
        let stream = client
            .begin(watch("**::long", Some(2), None, None))
            .unwrap();
        assert_eq!(long("ä".repeat(1 << 20)), 2 << 20);
        let text = next_call(&mut client, stream).text;
        assert!(
            text.len() <= TEXT_BYTES + '…'.len_utf8() && text.ends_with("ä…"),
            "{}",
            text.len()
        );
        assert!(next_call(&mut client, stream).text.ends_with("-> 2097152"));
    });
}

fn function(client: &mut Client, name: &str) -> FunctionInfo {
    let Ok(Body::Calls(functions)) = client.ask(Command::Calls) else {
        panic!("no functions");
    };
    let path = format!("{}::{name}", module_path!());
    functions
        .into_iter()
        .find(|it| it.function == path)
        .expect("it was met")
}

#[test]
fn calls_are_counted_while_somebody_asks_for_it_and_by_connection() {
    let _alone = alone();
    served(|serving| {
        let (mut client, mut other) = (connect(serving), connect(serving));
        counted(1); // met, and not counted
        let before = function(&mut client, "counted");
        assert_eq!((before.calls, before.panics, before.armed), (None, None, 0));
        assert!(before.at.contains("calls.rs:"), "{}", before.at);
        let stream = client
            .begin(Command::Count {
                glob: "**::counted".to_owned(),
                for_ms: None,
            })
            .unwrap();
        assert_eq!(counted(4), 0);
        thread::spawn("other", |_stop| Ok(counted(0)))
            .join()
            .unwrap();
        let during = function(&mut client, "counted");
        assert_eq!(
            (during.calls, during.panics, during.watched),
            (Some(6), Some(0), 1)
        );
        assert_eq!(
            function(&mut other, "counted").calls,
            None,
            "it has not asked"
        );
        client.ask(Command::End { stream }).unwrap();
        let start = Instant::now();
        let after = loop {
            let after = function(&mut client, "counted");
            // A call of another test may have the list of watches for a moment longer.
            if after.watched == 0 || start.elapsed() > Duration::from_secs(20) {
                break after;
            }
        };
        assert_eq!((after.calls, after.watched), (None, 0));
    });
}

#[open]
fn profiled(n: u32) -> u32 {
    n + 1
}

#[test]
fn a_profile_is_taken_until_it_is_ended_and_there_is_one_at_a_time() {
    let _alone = alone();
    served(|serving| {
        let mut client = connect(serving);
        let path = concat!(module_path!(), "::profiled");
        for format in [
            ProfileFormat::Table,
            ProfileFormat::Tab,
            ProfileFormat::Folded,
            ProfileFormat::FoldedWork,
            ProfileFormat::Trace,
        ] {
            let profile = || Command::Profile {
                functions: Some("**::profiled".to_owned()),
                sample: None,
                for_ms: None,
                format,
            };
            let stream = client.begin(profile()).unwrap();
            assert_eq!(
                refused(connect(serving).begin(profile())),
                ProblemKind::Busy
            );
            thread::spawn("worker", |_stop| Ok((0..5).map(profiled).sum::<u32>()))
                .join()
                .unwrap();
            client.ask(Command::End { stream }).unwrap();
            let Ok(Body::Profile(text)) = client.next_of(stream) else {
                panic!("no profile");
            };
            assert!(text.contains(path), "{format:?}: {text}");
            if format == ProfileFormat::Tab {
                assert!(
                    text.lines()
                        .any(|line| line.starts_with("5\t") && line.contains(path)),
                    "{text}"
                );
            }
            assert_eq!(
                client.next_of(stream).unwrap(),
                Body::Ended {
                    why: EndReason::Asked,
                    dropped: 0
                }
            );
        }
        assert_eq!(function(&mut client, "profiled").armed, 0, "quiet again");
    });
}
