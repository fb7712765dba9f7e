//! A profile as text: a table, tab-separated, folded stacks, a trace.

use core::fmt::{self, Write};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::observe::profile::report::{Profile, Row};
use crate::observe::profile::tables::{Event, RowKind, Tables};

/// An aligned table.
pub(super) fn table(profile: &Profile, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "profile of {}", short(profile.lasted()))?;
    let head = ["calls", "own", "total", "own/call", "total/call", "max"];
    let mut lines = vec![(head.map(str::to_owned), "what".to_owned())];
    for row in profile.rows() {
        let calls = match (row.polls(), row.calls() == row.primitive_calls()) {
            (0, true) => row.calls().to_string(),
            (0, false) => format!("{}/{}", row.calls(), row.primitive_calls()),
            (polls, _) => format!("{} ({polls} polls)", row.calls()),
        };
        let cells = [
            calls,
            short(row.own()),
            short(row.total()),
            short(per_call(row.own(), row.calls())),
            short(per_call(row.total(), row.primitive_calls())),
            short(row.max()),
        ];
        lines.push((cells, name_of(row)));
    }
    let mut widths = [0; 6];
    for (cells, _) in &lines {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for (cells, name) in &lines {
        for (width, cell) in widths.iter().zip(cells) {
            write!(f, "{cell:>width$}  ")?;
        }
        writeln!(f, "{}", name.escape_debug())?;
    }
    for thread in profile.threads() {
        let own = |is_wait: bool| -> Duration {
            let rows = thread.rows().iter();
            rows.filter(|row| (row.kind() == RowKind::Wait) == is_wait)
                .map(Row::own)
                .sum()
        };
        let (work, waits) = (own(false), own(true));
        write!(f, "thread `{}`", thread.path())?;
        if thread.threads() > 1 {
            write!(f, " ({} threads)", thread.threads())?;
        }
        write!(f, ": {} of work", short(work))?;
        if !waits.is_zero() {
            write!(f, ", {} of waits", short(waits))?;
        }
        if let Some(cpu) = thread.cpu() {
            write!(f, ", {} on a processor", short(cpu))?;
        }
        writeln!(f)?;
    }
    match profile.dropped() {
        0 => Ok(()),
        n => writeln!(f, "{n} single calls found no room in the recording"),
    }
}

/// Tab-separated, by the columns of mo-threads' `profile.tab`.
pub(super) fn tab(profile: &Profile) -> String {
    let columns = [
        "num_calls",
        "self_time",
        "total_time",
        "self_time_per_call",
        "total_time_per_call",
        "file",
        "line",
        "method",
    ];
    let mut text = columns.join("\t");
    text.push('\n');
    for row in profile.rows() {
        let seconds = |time: Duration| time.as_secs_f64().to_string();
        let (file, line) = match row.location() {
            Some(at) => (at.file().replace('\\', "/"), at.line()),
            None => (String::new(), 0),
        };
        let cells = [
            row.calls().to_string(),
            seconds(row.own()),
            seconds(row.total()),
            seconds(per_call(row.own(), row.calls())),
            seconds(per_call(row.total(), row.calls())),
            quoted(&file),
            line.to_string(),
            quoted(&name_of(row)),
        ];
        text += &cells.join("\t");
        text.push('\n');
    }
    text
}

/// A line for each stack that took time by itself; waits are such, if they are wanted.
pub(super) fn folded(profile: &Profile, with_waits: bool) -> String {
    let mut text = String::new();
    for thread in profile.threads() {
        let tables = &thread.part.tables;
        for (at, node) in tables.nodes.iter().enumerate().skip(1) {
            let micros = node.own / 1_000;
            let is_wait = tables.rows[node.row].label.kind == RowKind::Wait;
            if micros == 0 || is_wait && !with_waits {
                continue;
            }
            let mut frames = vec![frame(thread.path())];
            frames.extend(stack(tables, at));
            text += &format!("{} {micros}\n", frames.join(";"));
        }
    }
    text
}

/// The labels from the outermost to the node's; the body of a thread stands for its path already.
fn stack(tables: &Tables, node: usize) -> Vec<String> {
    let up = |at: &usize| Some(tables.nodes[*at].parent).filter(|parent| *parent != 0);
    let mut labels: Vec<_> = core::iter::successors(Some(node), up)
        .map(|at| &tables.rows[tables.nodes[at].row].label)
        .filter(|label| label.kind != RowKind::Thread)
        .map(|label| match label.kind {
            RowKind::Wait => frame(&format!("wait for a {}", label.name)),
            _ => frame(&label.name),
        })
        .collect();
    labels.reverse();
    labels
}

/// A name in a folded stack, where `;` and line ends mean something else.
fn frame(name: &str) -> String {
    name.replace(';', ",").replace(char::is_control, " ")
}

/// Chrome's trace events. What stands on one line must nest, so threads of one path have a line each.
pub(super) fn trace(profile: &Profile) -> String {
    let pid = std::process::id();
    let mut events = Vec::new();
    for thread in profile.threads() {
        let all = &thread.part.tables.events;
        let lines: BTreeSet<u32> = all.iter().map(|event| event.line).collect();
        for tid in lines {
            events.push(format!(
                r#"{{"ph":"M","name":"thread_name","pid":{pid},"tid":{tid},"args":{{"name":{}}}}}"#,
                quoted(thread.path())
            ));
        }
        events.extend(all.iter().map(|event| span(event, profile.began, pid)));
    }
    format!(
        "{{\"traceEvents\":[\n{}\n],\"displayTimeUnit\":\"ns\",\"otherData\":{{\"dropped\":{}}}}}\n",
        events.join(",\n"),
        profile.dropped()
    )
}

fn span(event: &Event, began: Instant, pid: u32) -> String {
    let start = event.start.saturating_duration_since(began);
    let micros =
        |time: Duration| format!("{}.{:03}", time.as_micros(), time.subsec_nanos() % 1_000);
    format!(
        r#"{{"ph":"X","name":{},"cat":"{}","ts":{},"dur":{},"pid":{pid},"tid":{}}}"#,
        quoted(&event.name),
        event.kind.as_str(),
        micros(start),
        micros(Duration::from_nanos(event.nanos)),
        event.line,
    )
}

fn name_of(row: &Row) -> String {
    match row.kind() {
        RowKind::Function | RowKind::Block => row.name().to_owned(),
        RowKind::Thread => format!("thread `{}`", row.name()),
        RowKind::Wait => format!("wait for a {}", row.name()),
    }
}

fn per_call(time: Duration, calls: u64) -> Duration {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(nanos.checked_div(calls).unwrap_or(0))
}

/// With three digits or so.
fn short(time: Duration) -> String {
    let nanos = time.as_nanos();
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} us", time.as_secs_f64() * 1e6),
        1_000_000..1_000_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a `String` cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}
