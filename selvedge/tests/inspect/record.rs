//! Recording, and playing back.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use selvedge::observe::inspect::protocol::{Answer, Body, Command, EndReason, Snapshot};
use selvedge::testing::World;
use selvedge::{Signal, context, thread};

use super::{Folder, alone, connect, served_in, waiting};

#[test]
fn a_recording_is_snapshots_and_events_with_times_and_can_be_played_back_from_a_file() {
    let (world, folder) = (World::with_mock_clock(), Folder::new());
    let file = folder.join("recording.jsonl");
    let root = served_in(&world, |serving| {
        let (mut client, mut other) = (connect(serving), connect(serving));
        let record = Command::Record {
            every_ms: 1_000,
            for_ms: Some(2_500),
            cpu: false,
            details: false,
            after_ms: None,
        };
        let stream = client.begin(record).unwrap();
        let mut lines = Vec::new();
        let mut heard = |client: &mut selvedge::observe::inspect::Client, n: usize| {
            while lines
                .iter()
                .filter(|it| matches!(it, Body::Snapshot(_)))
                .count()
                < n
            {
                lines.push(client.next_of(stream).unwrap());
            }
        };
        heard(&mut client, 1);
        let go = Signal::named("go");
        let worker = thread::spawn("worker", {
            let go = go.clone();
            move |_stop| Ok(go.wait()?)
        });
        waiting(&mut other, "worker");
        world.advance(Duration::from_secs(1));
        heard(&mut client, 2);
        go.set();
        worker.join().unwrap();
        world.advance(Duration::from_secs(1));
        heard(&mut client, 3);
        world.advance(Duration::from_secs(1));
        loop {
            lines.push(client.next_of(stream).unwrap());
            if let Some(Body::Ended { why, dropped }) = lines.last() {
                assert_eq!((why, dropped), (&EndReason::Time, &0));
                break;
            }
        }
        let mut out = std::fs::File::create(&file).unwrap();
        for body in lines {
            out.write_all(Answer { id: stream, body }.line().as_bytes())
                .unwrap();
        }
        thread::current().path().to_owned()
    });
    // The program is gone; the file says what was.
    let played: Vec<Body> = BufReader::new(std::fs::File::open(&file).unwrap())
        .lines()
        .map(|line| Answer::parse(&line.unwrap()).unwrap().body)
        .collect();
    let snapshots: Vec<&Snapshot> = played
        .iter()
        .filter_map(|body| match body {
            Body::Snapshot(snapshot) => Some(&**snapshot),
            _ => None,
        })
        .collect();
    let worker = |at: usize| snapshots[at].threads.iter().find(|it| it.name == "worker");
    assert!(snapshots.len() >= 3);
    assert!(worker(0).is_none() && worker(2).is_none());
    assert_eq!(worker(1).unwrap().waits.as_ref().unwrap().what, "go");
    assert!(snapshots.is_sorted_by_key(|it| it.at_us));
    let told: Vec<&str> = played
        .iter()
        .filter_map(|body| match body {
            Body::Happened(it) if it.text.contains(&format!("{root}/worker")) => Some(&*it.text),
            _ => None,
        })
        .collect();
    assert!(told.len() >= 2 && told[0].contains("started"), "{told:?}");
}

/// An onlooker is nobody's receiver; see also the child in `alone_inspect`.
#[test]
fn a_recording_that_ends_leaves_nothing_behind() {
    let world = World::new();
    served_in(&world, |serving| {
        let mut client = connect(serving);
        let record = Command::Record {
            every_ms: 3_600_000,
            for_ms: None,
            cpu: true,
            details: false,
            after_ms: None,
        };
        let stream = client.begin(record).unwrap();
        assert!(matches!(client.next_of(stream), Ok(Body::Snapshot(_))));
        client.ask(Command::End { stream }).unwrap();
        loop {
            match client.next_of(stream).unwrap() {
                Body::Ended { why, .. } => break assert_eq!(why, EndReason::Asked),
                Body::Happened(_) => {} // of other tests
                other => panic!("{other:?}"),
            }
        }
        let again = client.begin(Command::Record {
            every_ms: 0,
            for_ms: Some(0),
            cpu: false,
            details: false,
            after_ms: None,
        });
        assert_ne!(again.unwrap(), stream);
    });
}

context! { static SPOT = "a spot of the recordings"; }

fn record(details: bool) -> Command {
    Command::Record {
        every_ms: 10, // by a clock that stands
        for_ms: None,
        cpu: false,
        details,
        after_ms: None,
    }
}

#[test]
fn contexts_are_told_to_whom_asks_for_details() {
    let _alone = alone();
    let world = World::with_mock_clock();
    served_in(&world, |serving| {
        let (mut plain, mut curious) = (connect(serving), connect(serving));
        let streams = (plain.begin(record(false)), curious.begin(record(true)));
        let streams = (streams.0.unwrap(), streams.1.unwrap());
        // One that has begun hears; and what comes after it ends what is compared.
        SPOT.run(|| ());
        thread::spawn("sentinel", |_stop| Ok(())).join().unwrap();
        let path = format!("{}/sentinel", thread::current().path());
        for (client, stream, n) in [(&mut plain, streams.0, 0), (&mut curious, streams.1, 2)] {
            let mut told = Vec::new();
            while !told.iter().any(|text: &String| text.contains(&path)) {
                if let Body::Happened(it) = client.next_of(stream).unwrap() {
                    told.push(it.text);
                }
            }
            // Of this world: others run beside.
            let spot = format!("in `{}`", thread::current().path());
            let is_it = |text: &&String| text.contains(SPOT.name()) && text.contains(&spot);
            assert_eq!(told.iter().filter(is_it).count(), n, "{told:?}");
        }
    });
}

/// What is dropped is said, and a failure finds room where nothing else does.
#[test]
fn a_failure_is_told_though_more_happens_than_is_taken() {
    let _alone = alone();
    let world = World::with_mock_clock(); // the patience with a client that does not read has no end
    served_in(&world, |serving| {
        let mut client = connect(serving);
        let record = Command::Record {
            every_ms: 10,
            for_ms: Some(11),
            cpu: false,
            details: true,
            after_ms: None,
        };
        let stream = client.begin(record).unwrap();
        // More than the socket, what waits to be sent and what waits to be told of have room for.
        for _ in 0..30_000 {
            SPOT.run(|| ());
        }
        let failed = thread::spawn("unlucky", |_stop| Err::<(), _>("it rained".into()));
        failed.join().unwrap_err();
        world.advance(Duration::from_millis(10)); // another picture
        world.advance(Duration::from_millis(1)); // and the end, after what waits
        let (mut rained, mut said) = (None, 0);
        let dropped = loop {
            match client.next_of(stream).unwrap() {
                Body::Happened(it) if it.text.contains("it rained") => rained = Some(it.dropped),
                Body::Happened(_) => {}
                Body::Snapshot(picture) => said = picture.dropped,
                Body::Ended { dropped, .. } => break dropped,
                other => panic!("{other:?}"),
            }
        };
        let before = rained.expect("the failure is told");
        assert!(0 < before && before <= dropped, "{before} of {dropped}");
        assert!(0 < said && said <= dropped, "{said} of {dropped}");
    });
}
