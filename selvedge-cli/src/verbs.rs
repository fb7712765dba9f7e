//! The verbs that print and end.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use inferno::flamegraph;
use selvedge::observe::inspect::protocol::{
    Body, CallEvent, CallMoment, Command, EndReason, ProfileFormat,
};

use crate::cli::Format;
use crate::client::Connection;
use crate::draw;
use crate::fault::Fault;
use crate::recording::Recorder;
use crate::text::{clean, count};

/// How many events a watch shows if nothing was said.
const FEW: u64 = 100;

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Fault::of_output(&error))
}

/// Says something that is not what was asked for: to standard error.
fn remark(text: &str) {
    // If standard error is gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "selvedge: {text}");
}

pub(crate) fn tree(mut program: Connection) -> Result<(), Fault> {
    match program.ask(Command::Tree { cpu: true })? {
        Body::Tree(threads) => print(&draw::tree(&threads)),
        other => Err(program.surprised(&other)),
    }
}

pub(crate) fn stop(
    mut program: Connection,
    thread: String,
    number: Option<u64>,
) -> Result<(), Fault> {
    match program.ask(Command::Stop { thread, number })? {
        Body::Done(done) => print(&format!("{}\n", clean(&done.text))),
        other => Err(program.surprised(&other)),
    }
}

pub(crate) fn watch(
    mut program: Connection,
    glob: String,
    max: Option<u64>,
    rate: Option<u32>,
    lasts: Option<Duration>,
) -> Result<(), Fault> {
    // A rate and a time are limits, too.
    let max = max.or_else(|| (rate.is_none() || lasts.is_none()).then_some(FEW));
    let command = Command::Watch {
        glob,
        max,
        per_second: rate,
        for_ms: lasts.map(milliseconds),
    };
    let id = program.sender().send(command)?;
    loop {
        let answer = program.next_answer()?;
        match answer.body {
            Body::Error(problem) => return Err(Fault::failed(clean(&problem.message))),
            Body::Call(event) if answer.id == id => print(&call_line(&event))?,
            Body::Ended { why, dropped } if answer.id == id => {
                if dropped > 0 {
                    remark(&format!(
                        "{} not shown: too many at a time",
                        count(number(dropped), "event")
                    ));
                }
                return match why {
                    EndReason::Closing => Err(Fault::failed(
                        "the program has ended, or closed its inspector",
                    )),
                    _ => Ok(()),
                };
            }
            _ => {}
        }
    }
}

fn number(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn call_line(event: &CallEvent) -> String {
    let indent = 2 * usize::try_from(event.depth).unwrap_or(0).min(40);
    let mark = call_mark(event.moment);
    let (seconds, micros) = (event.at_us / 1_000_000, event.at_us % 1_000_000);
    format!(
        "{seconds:>6}.{micros:06} {} {:indent$}{mark} {}\n",
        clean(&event.thread),
        "",
        clean(&event.text)
    )
}

/// Whether a call begins or ends.
pub(crate) fn call_mark(moment: CallMoment) -> &'static str {
    match moment {
        CallMoment::Called => ">",
        CallMoment::Returned => "<",
        CallMoment::Panicked => "!",
        CallMoment::Dropped => "x",
        _ => "?",
    }
}

pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

pub(crate) fn record(
    mut program: Connection,
    file: &Path,
    lasts: Option<Duration>,
    every: Duration,
) -> Result<(), Fault> {
    let mut recorder = Recorder::create(file, program.hello())?;
    let command = Command::Record {
        every_ms: milliseconds(every),
        for_ms: lasts.map(milliseconds),
        cpu: true,
    };
    let id = program.sender().send(command)?;
    if io::stderr().is_terminal() && lasts.is_none() {
        remark("recording until Ctrl-C");
    }
    let result = loop {
        let answer = match program.next_answer() {
            Ok(answer) => answer,
            Err(fault) => break Err(fault),
        };
        match &answer.body {
            Body::Error(problem) => break Err(Fault::failed(clean(&problem.message))),
            Body::Ended {
                why: EndReason::Closing,
                ..
            } => {
                break Err(Fault::failed(
                    "the program has ended, or closed its inspector",
                ));
            }
            Body::Ended { .. } if answer.id == id => break Ok(()),
            _ => recorder.write(&answer)?,
        }
    };
    let path = recorder.path().display().to_string();
    let n = recorder.finish()?;
    remark(&format!("{} in `{path}`", count(n, "snapshot")));
    match result {
        // That it was recorded up to its end is what was asked for.
        Err(Fault::Failed(why)) if n > 0 && lasts.is_none() => {
            remark(&why);
            Ok(())
        }
        other => other,
    }
}

pub(crate) fn profile(
    mut program: Connection,
    functions: Option<String>,
    sample: Option<u32>,
    lasts: Duration,
    format: Format,
) -> Result<(), Fault> {
    let command = Command::Profile {
        functions,
        sample,
        for_ms: Some(milliseconds(lasts)),
        format: match format {
            Format::Table => ProfileFormat::Table,
            Format::Tab => ProfileFormat::Tab,
            Format::Folded | Format::Svg => ProfileFormat::Folded,
            Format::Chrome => ProfileFormat::Trace,
        },
    };
    let id = program.sender().send(command)?;
    let mut profile = None;
    let dropped = loop {
        let answer = program.next_answer()?;
        match answer.body {
            Body::Error(problem) => return Err(Fault::failed(clean(&problem.message))),
            Body::Profile(text) if answer.id == id => profile = Some(text),
            Body::Ended { dropped, .. } if answer.id == id => break dropped,
            _ => {}
        }
    };
    let Some(profile) = profile else {
        return Err(Fault::failed(
            "the program has ended, or closed its inspector",
        ));
    };
    if dropped > 0 {
        let lost = count(number(dropped), "call");
        remark(&format!(
            "{lost} (or sleeps) not in the trace: there was no room; profile for less time"
        ));
    }
    match format {
        Format::Svg => print(&flames(&program.hello().program, &profile)?),
        // A table has names in it, which are for people; the others are for programs, and escape what they must.
        Format::Table => {
            let lines = profile.lines().map(|line| format!("{}\n", clean(line)));
            print(&lines.collect::<String>())
        }
        _ => print(&profile),
    }
}

/// A flame graph.
fn flames(program: &str, folded: &str) -> Result<String, Fault> {
    if folded.trim().is_empty() {
        return Err(Fault::failed(
            "nothing ran for long enough to be drawn; profile for more time",
        ));
    }
    let mut options = flamegraph::Options::default();
    options.title = format!("{}: own time", clean(program));
    options.count_name = "us".to_owned();
    options.deterministic = true;
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, folded.lines(), &mut svg)
        .map_err(|error| Fault::of("cannot draw the profile", &error))?;
    String::from_utf8(svg).map_err(Fault::failed)
}
