//! Recording, and playing back.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use selvedge::observe::inspect::protocol::{Answer, Body, Command, EndReason, Snapshot};
use selvedge::testing::World;
use selvedge::{Signal, thread};

use super::{Folder, connect, served_in, waiting};

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
        });
        assert_ne!(again.unwrap(), stream);
    });
}
