//! What the keys of `top` do.

use selvedge::observe::inspect::protocol::Command;
use selvedge_cli::top::{Action, Key, Model, Tab};

use crate::canned::{PICTURE, answer, hello};
use crate::screens::lines;

fn model() -> Model {
    let mut model = Model::new(hello());
    model.hear(answer(1, PICTURE));
    model
}

fn write(model: &mut Model, text: &str) -> Option<Action> {
    for symbol in text.chars() {
        assert_eq!(model.press(Key::Char(symbol)), None, "{symbol}");
    }
    model.press(Key::Enter)
}

#[test]
fn a_stop_is_asked_for_twice() {
    let mut model = model();
    for _ in 0..3 {
        model.press(Key::Down);
    }
    assert_eq!(model.press(Key::Char('x')), None);
    assert!(
        lines(&model, 80, 12)[11]
            .starts_with("Ask `mill/loom/worker-2` and all below it to stop? y/n")
    );
    assert_eq!(model.press(Key::Char('n')), None, "no");
    model.press(Key::Char('x'));
    assert_eq!(model.press(Key::Enter), None, "neither is that a yes");
    model.press(Key::Char('x'));
    let stop = Command::Stop {
        thread: "mill/loom/worker-2".to_owned(),
        number: Some(4),
    };
    assert_eq!(model.press(Key::Char('y')), Some(Action::Send(stop)));
}

#[test]
fn a_chosen_thread_stays_chosen_while_others_go() {
    let mut model = model();
    for _ in 0..4 {
        model.press(Key::Down);
    }
    let without = PICTURE.replace(r#""number":3"#, r#""number":33"#).replacen(
        r#"{"number":4"#,
        r#"{"number":44"#,
        1,
    );
    model.hear(answer(1, &without));
    model.press(Key::Char('s')); // sorted by the processor: elsewhere in the list
    model.press(Key::Char('x'));
    assert!(lines(&model, 80, 12)[11].contains("`mill/clock`"));
}

#[test]
fn what_is_held_does_not_move() {
    let mut model = model();
    model.press(Key::Char('p'));
    model.hear(answer(1, &PICTURE.replace("worker-1", "weaver-9")));
    let held = lines(&model, 100, 12).join("\n");
    assert!(
        held.contains("worker-1") && held.contains("HELD") && !held.contains("weaver-9"),
        "{held}"
    );
    model.press(Key::Char(' '));
    let goes_on = lines(&model, 100, 12).join("\n");
    assert!(
        goes_on.contains("weaver-9") && !goes_on.contains("HELD"),
        "{goes_on}"
    );
}

#[test]
fn threads_are_sorted_and_found() {
    let mut model = model();
    model.hear(answer(
        1,
        &PICTURE
            .replace("\"at_us\":9000000", "\"at_us\":10000000")
            .replace("4000000,\"ready", "4500000,\"ready"),
    ));
    let names = |model: &Model| -> Vec<String> {
        let lines = lines(model, 100, 12);
        let rows = lines[3..].iter().take_while(|line| !line.is_empty());
        rows.map(|line| line.split("  ").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(&model),
        ["mill", "├─ loom", "│", "│", "└─ clock"].map(str::to_owned)
    );
    model.press(Key::Char('s'));
    assert_eq!(
        names(&model)[0],
        "mill/loom/worker-1",
        "it used half a processor"
    );
    assert!(lines(&model, 100, 12)[3].contains("50.0"));
    model.press(Key::Char('s'));
    assert_eq!(
        names(&model)[..2],
        ["mill", "mill/loom/worker-2"],
        "those that wait longest"
    );
    model.press(Key::Char('s'));
    assert_eq!(names(&model)[0], "mill/clock", "the oldest");
    model.press(Key::Char('/'));
    write(&mut model, "worker-");
    assert_eq!(names(&model), ["mill/loom/worker-1", "mill/loom/worker-2"]);
}

#[test]
fn a_watch_is_limited_and_shown() {
    let mut model = model();
    model.press(Key::Char('w'));
    assert_eq!(model.press(Key::Enter), None, "of nothing");
    model.press(Key::Char('w'));
    let watch = Command::Watch {
        glob: "mill::**".to_owned(),
        max: Some(1000),
        per_second: None,
        for_ms: None,
    };
    assert_eq!(write(&mut model, "mill::**"), Some(Action::Send(watch)));
    assert_eq!(model.tab(), Tab::Events);
    let call = r#"{"call":{"at_us":2000000,"thread":"mill/w","number":1,"depth":1,"function":"f","moment":"returned","text":"f -> 3"}}"#;
    model.hear(answer(7, call));
    assert_eq!(lines(&model, 80, 9)[3], "2.000  mill/w   < f -> 3");
    model.hear(answer(
        7,
        r#"{"error":{"kind":"pattern","message":"the pattern is empty"}}"#,
    ));
    assert_eq!(lines(&model, 80, 9)[8].trim(), "the pattern is empty");
}

#[test]
fn calls_are_counted_for_a_minute() {
    let mut model = model();
    model.press(Key::Char('c'));
    let count = Command::Count {
        glob: "**".to_owned(),
        for_ms: Some(60_000),
    };
    assert_eq!(model.press(Key::Enter), Some(Action::Send(count)));
    let functions = r#"{"calls":[{"function":"a::few","at":"a.rs:1:1","armed":1,"watched":0,"calls":3},{"function":"a::many","at":"a.rs:2:1","armed":1,"watched":0,"calls":30,"panics":1}]}"#;
    model.hear(answer(2, functions));
    let shown = lines(&model, 80, 9);
    assert!(
        shown[3].starts_with("a::many") && shown[4].starts_with("a::few"),
        "{shown:?}"
    );
}

#[test]
fn watches_and_counts_can_be_ended() {
    let mut model = model();
    assert_eq!(model.press(Key::Char('W')), None);
    assert_eq!(lines(&model, 80, 9)[8].trim(), "no watch runs");
    assert_eq!(model.press(Key::Char('C')), None);
    assert_eq!(lines(&model, 80, 9)[8].trim(), "nothing is counted");
    for (id, key) in [(7, 'w'), (8, 'c'), (9, 'w')] {
        model.press(Key::Char(key));
        let Some(Action::Send(command)) = write(&mut model, "mill::**") else {
            panic!("nothing is sent")
        };
        model.sent(id, &command);
    }
    assert_eq!(model.press(Key::Char('W')), Some(Action::End(vec![7, 9])));
    model.sent(10, &Command::End { stream: 7 });
    model.hear(answer(7, r#"{"ended":{"why":"asked","dropped":3}}"#));
    model.hear(answer(10, r#"{"done":{"text":"stream 7 is ended"}}"#));
    assert_eq!(
        lines(&model, 80, 9)[8].trim(),
        "the watch is over, 3 events not shown"
    );
    assert_eq!(model.press(Key::Char('W')), Some(Action::End(vec![9])));
    assert_eq!(model.press(Key::Char('C')), Some(Action::End(vec![8])));
    // One that was over by itself, and one that was refused.
    model.hear(answer(8, r#"{"ended":{"why":"time","dropped":0}}"#));
    assert_eq!(model.press(Key::Char('C')), None);
    model.hear(answer(
        9,
        r#"{"error":{"kind":"streams","message":"too many"}}"#,
    ));
    assert_eq!(model.press(Key::Char('W')), None);
}

#[test]
fn a_program_that_has_ended_stays_to_be_seen() {
    let mut model = model();
    model.hear(answer(1, r#"{"ended":{"why":"closing","dropped":0}}"#));
    model.end("the connection is closed");
    let shown = lines(&model, 120, 12);
    assert!(
        shown[0].ends_with("ENDED: the program has ended"),
        "the first reason counts: {}",
        shown[0]
    );
    assert!(shown.join("\n").contains("worker-1"));
    assert_eq!(model.press(Key::Char('w')), None);
    assert!(lines(&model, 80, 12)[11].contains("cannot be asked any more"));
    assert_eq!(model.press(Key::Char('q')), Some(Action::Quit));
}

#[test]
fn digits_and_tabs_turn_the_lists() {
    let mut model = model();
    for (digit, tab) in ('1'..='8').zip([
        Tab::Threads,
        Tab::Queues,
        Tab::Locks,
        Tab::Signals,
        Tab::Calls,
        Tab::Warnings,
        Tab::Events,
        Tab::Processes,
    ]) {
        model.press(Key::Char(digit));
        assert_eq!(model.tab(), tab);
    }
    model.press(Key::Tab);
    assert_eq!(model.tab(), Tab::Threads);
    model.press(Key::BackTab);
    assert_eq!(model.tab(), Tab::Processes);
}

/// Of a stream each loss is a line, once.
#[test]
fn what_was_dropped_is_among_what_happened() {
    let mut model = model();
    model.press(Key::Char('7'));
    let event = |at, text: &str, dropped| {
        format!(
            r#"{{"happened":{{"at_us":{at},"thread":"mill","text":"{text}","dropped":{dropped}}}}}"#
        )
    };
    model.hear(answer(1, &event(9_000_001, "one", 0)));
    model.hear(answer(1, &event(9_000_002, "two", 12)));
    model.hear(answer(1, &event(9_000_003, "three", 12)));
    let picture = PICTURE.replacen("\"at_us\":9000000", "\"dropped\":13,\"at_us\":9900000", 1);
    model.hear(answer(1, &picture));
    model.hear(answer(1, &event(9_900_001, "four", 12))); // was on its way
    let shown: Vec<String> = lines(&model, 90, 10)[3..9]
        .iter()
        .map(|line| {
            line.split_whitespace()
                .skip(1)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(
        shown,
        [
            "mill four",
            "(1 event not shown: too many at a time)",
            "mill three",
            "mill two",
            "(12 events not shown: too many at a time)",
            "mill one",
        ]
    );
}
