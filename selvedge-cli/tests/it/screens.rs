//! What `top` draws, on a terminal of letters.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};
use selvedge_cli::top::{Key, Model, Theme, draw};

use crate::canned::{PICTURE, TREE, answer, hello};

fn drawn(model: &Model, width: u16, height: u16, colours: bool) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| draw(frame, model, Theme::new(colours)))
        .unwrap();
    terminal.backend().clone()
}

/// The rows, without the room at their ends.
pub(crate) fn lines(model: &Model, width: u16, height: u16) -> Vec<String> {
    let backend = drawn(model, width, height, true);
    let cells = backend.buffer().content();
    cells
        .chunks(usize::from(width))
        .map(|row| {
            row.iter()
                .map(|cell| cell.symbol())
                .collect::<String>()
                .trim_end()
                .to_owned()
        })
        .collect()
}

fn model() -> Model {
    let mut model = Model::new(hello());
    model.hear(answer(1, PICTURE));
    model
}

#[test]
fn the_tree_is_drawn() {
    assert_eq!(lines(&model(), 104, 10).join("\n"), TREE);
}

#[test]
fn the_lists_are_drawn() {
    let mut model = model();
    for (key, expected) in [
        (
            '2',
            [
                "QUEUE FILL WAIT FOR AN ELEMENT WAIT FOR ROOM",
                "jobs  0/8  mill/clock          -",
            ],
        ),
        (
            '3',
            [
                "LOCK   HELD BY            ENTERED AT       WAIT TO ENTER      WAIT INSIDE",
                "ledger mill/loom/worker-1 src/mill.rs:30:1 mill/loom/worker-2 -",
            ],
        ),
        (
            '4',
            [
                "SIGNAL               WAITED FOR BY",
                "the end of mill/loom mill",
            ],
        ),
        (
            '6',
            [
                "SINCE WARNING",
                "6.5s  `mill/loom/worker-2` has waited 6.5s for lock `ledger`",
            ],
        ),
    ] {
        model.press(Key::Char(key));
        assert_eq!(lines(&model, 90, 8)[2..4], expected);
    }
    model.press(Key::Char('5'));
    assert!(lines(&model, 90, 8)[2].starts_with("No open function was called yet"));
}

#[test]
fn child_processes_have_a_list_and_are_no_threads() {
    let mut model = model();
    model.press(Key::Char('8'));
    assert_eq!(
        lines(&model, 104, 8)[2],
        "No child process.",
        "of a program that says nothing of them"
    );
    let thread = r#"{"number":6,"name":"press","path":"mill/press","depth":1,"scope":false,"process":true,
        "state":"running","age_us":3000000,"os_id":4720}],
        "processes":[{"pid":4720,"path":"mill/press","command":"press \u001b[2J --hot","state":"running","age_us":3000000}],
    "signals""#;
    model.hear(answer(
        1,
        &PICTURE.replace("],\n    \"signals\"", &format!(",{thread}")),
    ));
    let shown = lines(&model, 104, 8);
    assert!(
        shown[0].starts_with("mill  pid 4711  4 threads  "),
        "{}",
        shown[0]
    );
    assert!(shown[1].ends_with(" 8:processes 1"), "{}", shown[1]);
    assert_eq!(
        shown[2..4],
        [
            "PROCESS    PID  STATE   AGE  COMMAND",
            r"mill/press 4720 running 3.0s press \u{1b}[2J --hot",
        ]
    );
    for (width, named) in [
        (
            92,
            "1:threads 2:queues 1 3:locks 1 4:signals 1 5:calls 6:warnings 1 7:events 8:processes 1",
        ),
        (
            80,
            "1:threads 2:queues 3:locks 4:signals 5:calls 6:warnings 7:events 8:processes",
        ),
    ] {
        assert_eq!(lines(&model, width, 8)[1], named, "on {width} columns");
    }
    assert!(
        lines(&model, 60, 8)[1].ends_with(" 8:processes 1"),
        "the list that is shown is named on a narrow terminal, too"
    );
}

#[test]
fn a_thread_is_told_of_in_full() {
    let mut model = model();
    for _ in 0..3 {
        model.press(Key::Down);
    }
    model.press(Key::Enter);
    let shown = lines(&model, 110, 20).join("\n");
    for text in [
        "path       mill/loom/worker-2",
        "OS id      4713, of process 4711",
        "to stop    SIGTERM, 1.5s ago",
        "waits for  lock `ledger`, held by `mill/loom/worker-1`",
        "at         src/mill.rs:40:7",
        "warning    `mill/loom/worker-2` has waited",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
}

#[test]
fn no_terminal_is_too_small() {
    let mut model = model();
    for key in ['1', '2', '3', '5', '6', '7', '8', '?'] {
        model.press(Key::Char(key));
        for (width, height) in [(1, 1), (2, 3), (9, 4), (40, 10), (500, 3), (3, 200)] {
            drawn(&model, width, height, true);
        }
    }
    model.press(Key::Char('1'));
    model.press(Key::Char('1'));
    model.press(Key::Enter);
    drawn(&model, 5, 5, true);
}

#[test]
fn without_colours_there_is_none_and_nothing_is_lost() {
    let model = model();
    let (plain, coloured) = (drawn(&model, 104, 10, false), drawn(&model, 104, 10, true));
    let mut reversed = 0;
    for (cell, other) in plain
        .buffer()
        .content()
        .iter()
        .zip(coloured.buffer().content())
    {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        assert_eq!(
            (cell.symbol(), cell.modifier),
            (other.symbol(), other.modifier)
        );
        reversed += usize::from(cell.modifier.contains(Modifier::REVERSED));
    }
    assert!(reversed > 100, "the chosen row and the bars are seen");
    assert!(
        coloured
            .buffer()
            .content()
            .iter()
            .any(|cell| cell.fg == Color::Red)
    );
}

#[test]
fn a_hostile_name_is_letters() {
    let mut model = Model::new(hello());
    model.hear(answer(
        1,
        &PICTURE.replace("worker-1", r"\u001b[2J\u202e\u0000"),
    ));
    for key in ['1', '3', '6'] {
        model.press(Key::Char(key));
        let shown = lines(&model, 160, 12).join("");
        assert!(
            !shown.contains(char::is_control) && !shown.contains('\u{202e}'),
            "{shown:?}"
        );
    }
    model.press(Key::Char('1'));
    assert!(
        lines(&model, 160, 12)
            .join("")
            .contains("\\u{1b}[2J\\u{202e}\\u{0}")
    );
}
