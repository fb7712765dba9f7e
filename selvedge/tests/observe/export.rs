//! Profiles as text that other programs read.

use std::collections::BTreeSet;
use std::time::Duration;

use selvedge::observe::profile::{self, Profile};
use selvedge::sync::Queue;
use selvedge::testing::World;
use selvedge::{Signal, open, thread};
use serde_json::Value;

use super::{all, profile_of};

#[open]
fn outer(world: &World) {
    world.advance(Duration::from_micros(1_500));
    inner(world);
}

#[open]
fn inner(world: &World) {
    let _block = profile::block("odd; \"name\"\n");
    world.advance(Duration::from_micros(250));
}

fn known() -> Profile {
    profile_of(all().record(100), |world| {
        outer(world);
        outer(world);
        inner(world);
    })
}

#[test]
fn the_tab_separated_form_has_a_line_for_each_row() {
    let text = known().to_tab();
    let lines: Vec<Vec<_>> = text
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert!(lines.iter().all(|line| line.len() == 8), "{text}");
    let outer = lines
        .iter()
        .find(|line| line[7].ends_with("::outer\""))
        .unwrap();
    assert_eq!(outer[..5], ["2", "0.003", "0.0035", "0.0015", "0.00175"]);
    assert!(
        outer[5].ends_with("tests/observe/export.rs\""),
        "{}",
        outer[5]
    );
    assert!(outer[6].parse::<u32>().unwrap() > 10);
    let block = lines.iter().find(|line| line[7].contains("odd")).unwrap();
    let name: String = serde_json::from_str(block[7]).unwrap();
    assert_eq!(name, "odd; \"name\"\n");
}

#[test]
fn folded_stacks_have_the_own_time_of_each() {
    let profile = known();
    let folded = profile.to_folded();
    let path = profile.threads()[0].path();
    let here = "observe::export";
    let mut lines: Vec<_> = folded.lines().collect();
    lines.sort_unstable();
    let expected = [
        format!("{path};{here}::inner;odd, \"name\"  250"),
        format!("{path};{here}::outer 3000"),
        format!("{path};{here}::outer;{here}::inner;odd, \"name\"  500"),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn the_table_is_aligned() {
    let table = known().to_string();
    let lines: Vec<_> = table.lines().collect();
    // The body had begun before.
    assert_eq!(lines.len(), 2 + 4 + 1, "{table}");
    let body = "    0      0 ns    3.8 ms      0 ns        0 ns    3.8 ms  thread `world-";
    assert!(lines[5].starts_with(body), "{table}");
    assert_eq!(lines[0], "profile of 3.8 ms", "{table}");
    let column = lines[1].find("what").unwrap();
    let outer = lines.iter().find(|line| line.ends_with("::outer")).unwrap();
    assert_eq!(&outer[column..], "observe::export::outer");
    assert!(
        outer.contains("    2    3.0 ms    3.5 ms    1.5 ms      1.8 ms    1.8 ms  "),
        "{table}"
    );
}

/// What a trace viewer needs, by the JSON of a parser that is not ours.
#[test]
fn a_trace_is_json_with_threads_calls_and_waits() {
    let profile = profile_of(all().record(100), |world| {
        outer(world);
        let queue = Queue::named("traced \"queue\"", 1);
        let taker = thread::spawn("taker", {
            let queue = queue.clone();
            move |_| Ok(queue.pop()?)
        });
        while !thread::tree().to_string().contains("traced") {
            std::thread::yield_now();
        }
        world.advance(Duration::from_millis(20));
        queue.push(1).unwrap();
        taker.join().unwrap();
    });
    let trace: Value = serde_json::from_str(&profile.to_trace()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let named = |name: &str| {
        let is_it = |event: &&Value| event["name"].as_str().unwrap().contains(name);
        events
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no {name}: {trace:#}"))
    };
    let threads: Vec<_> = events.iter().filter(|event| event["ph"] == "M").collect();
    assert!(threads.iter().all(|event| event["name"] == "thread_name"));
    let taker = threads
        .iter()
        .find(|event| event["args"]["name"].as_str().unwrap().ends_with("/taker"));
    let taker = taker.unwrap();
    let wait = named("queue `traced \"queue\"`");
    assert_eq!(
        (&wait["cat"], &wait["ph"], &wait["tid"]),
        (&"wait".into(), &"X".into(), &taker["tid"])
    );
    assert_eq!(
        (&wait["ts"], &wait["dur"]),
        (&1750.0.into(), &20_000.0.into())
    );
    let inner = named("::inner");
    assert_eq!(
        (&inner["ts"], &inner["dur"], &inner["cat"]),
        (&1500.0.into(), &250.0.into(), &"function".into())
    );
    assert_ne!(inner["tid"], taker["tid"]);
    assert_eq!(trace["otherData"]["dropped"], 0);
}

/// Spans on one line of a trace must nest: those of two threads that run beside each other do not.
#[test]
fn threads_of_one_path_have_a_line_each_in_a_trace() {
    let profile = profile_of(all().record(100), |_| {
        let inside = [Signal::new(), Signal::new()];
        let twins = [0, 1].map(|mine| {
            let inside = inside.clone();
            thread::spawn("twin", move |_| {
                let _block = profile::block("beside");
                inside[mine].set();
                Ok(inside[1 - mine].wait()?)
            })
        });
        twins.into_iter().for_each(|twin| twin.join().unwrap());
    });
    let trace: Value = serde_json::from_str(&profile.to_trace()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let lines = |is_it: &dyn Fn(&Value) -> bool| -> BTreeSet<u64> {
        let events = events.iter().filter(|event| is_it(event));
        events.map(|event| event["tid"].as_u64().unwrap()).collect()
    };
    let beside = lines(&|event| event["name"] == "beside");
    assert_eq!(beside.len(), 2, "{trace:#}");
    let is_twin = |event: &Value| {
        event["args"]["name"]
            .as_str()
            .is_some_and(|it| it.ends_with("/twin"))
    };
    assert_eq!(lines(&is_twin), beside, "both are named: {trace:#}");
}

#[test]
fn a_recording_is_bounded_and_says_what_it_dropped() {
    let profile = profile_of(all().record(3), |world| (0..5).for_each(|_| outer(world)));
    let trace: Value = serde_json::from_str(&profile.to_trace()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let kept = events.iter().filter(|event| event["ph"] == "X").count();
    assert_eq!((kept, profile.dropped()), (3, 12));
    assert_eq!(trace["otherData"]["dropped"], 12);
    assert_eq!(profile.row("outer").unwrap().calls(), 5); // counts do not suffer
    assert!(
        profile
            .to_string()
            .contains("12 single calls found no room")
    );
}
