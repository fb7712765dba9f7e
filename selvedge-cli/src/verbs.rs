//! The verbs that print and end.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use inferno::flamegraph::{self, color::Color, color::PaletteMap};
use selvedge::observe::inspect::protocol::{
    Body, CallEvent, CallMoment, Command, EndReason, Problem, ProblemKind, ProfileFormat,
};

use crate::cli::{Format, Time};
use crate::client::Connection;
use crate::draw;
use crate::fault::Fault;
use crate::recording::Recorder;
use crate::text::{clean, count};

/// How many events a watch of some functions shows if nothing was said.
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
    // A rate and a time are limits, too. Who asks for everything is to say how much: the program refuses it.
    let is_everything = glob.contains("**") && glob.chars().all(|c| matches!(c, '*' | ':'));
    let has_limits = rate.is_some() && lasts.is_some();
    let max = max.or_else(|| (!is_everything && !has_limits).then_some(FEW));
    let command = Command::Watch {
        glob,
        max,
        per_second: rate,
        for_ms: lasts.map(milliseconds),
    };
    let id = program.sender().send(command)?;
    let mut n_shown = 0_u64;
    loop {
        let answer = program.next_answer()?;
        match answer.body {
            Body::Error(problem) => return Err(refused(&problem)),
            Body::Call(event) if answer.id == id => {
                n_shown += 1;
                print(&call_line(&event))?;
            }
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
                    _ if n_shown == 0 => {
                        remark(
                            "nothing that matches was called; `selvedge top`, then 5, lists what can be",
                        );
                        Ok(())
                    }
                    _ => Ok(()),
                };
            }
            _ => {}
        }
    }
}

/// How many events of its stream were dropped up to an answer.
pub(crate) fn dropped(body: &Body) -> u64 {
    match body {
        Body::Snapshot(picture) => picture.dropped,
        Body::Happened(event) => event.dropped,
        Body::Call(event) => event.dropped,
        Body::Ended { dropped, .. } => *dropped,
        _ => 0,
    }
}

/// What a program does not do, and what to type instead.
pub(crate) fn refused(problem: &Problem) -> Fault {
    let message = clean(&problem.message);
    match problem.kind {
        // What this program sends is well-formed; but there may be words in it that are newer than the other one.
        ProblemKind::Malformed => Fault::failed(format_args!(
            "{message} (the program was built with an older version of selvedge)"
        )),
        ProblemKind::Unlimited => Fault::failed(format_args!("{message} (`--max N`)")),
        _ => Fault::failed(message),
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

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Asks for pictures, and what happens in between.
pub(crate) fn recording(
    every: Duration,
    warn_after: Option<Duration>,
    lasts: Option<Duration>,
    details: bool,
) -> Command {
    Command::Record {
        every_ms: milliseconds(every),
        for_ms: lasts.map(milliseconds),
        cpu: true,
        details,
        after_ms: warn_after.map(milliseconds),
    }
}

/// Writes down what comes of a [`recording`].
pub(crate) fn record(mut program: Connection, file: &Path, command: Command) -> Result<(), Fault> {
    let is_endless = matches!(command, Command::Record { for_ms: None, .. });
    let mut recorder = Recorder::create(file, program.hello())?;
    let id = program.sender().send(command)?;
    if io::stderr().is_terminal() && is_endless {
        remark("recording until Ctrl-C");
    }
    let mut n_dropped = 0;
    let result = loop {
        let answer = match program.next_answer() {
            Ok(answer) => answer,
            Err(fault) => break Err(fault),
        };
        n_dropped = dropped(&answer.body).max(n_dropped);
        match &answer.body {
            Body::Error(problem) => break Err(refused(problem)),
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
    if n_dropped > 0 {
        let lost = count(number(n_dropped), "event");
        remark(&format!("{lost} not recorded: too many at a time"));
    }
    match result {
        // That it was recorded up to its end is what was asked for.
        Err(Fault::Failed(why)) if n > 0 && is_endless => {
            remark(&why);
            Ok(())
        }
        other => other,
    }
}

/// How a profile is to be printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    format: Format,
    time: Time,
}

impl Form {
    pub(crate) fn new(format: Format, time: Option<Time>) -> Result<Self, Fault> {
        if time.is_some() && !matches!(format, Format::Folded | Format::Svg) {
            return Err(Fault::misused(
                "`--time` is for the formats `folded` and `svg`; the others show work and waits",
            ));
        }
        let time = time.unwrap_or(Time::Work);
        Ok(Self { format, time })
    }

    fn asked(self) -> ProfileFormat {
        match (self.format, self.time) {
            (Format::Table, _) => ProfileFormat::Table,
            (Format::Tab, _) => ProfileFormat::Tab,
            (Format::Folded | Format::Svg, Time::Work) => ProfileFormat::FoldedWork,
            (Format::Folded | Format::Svg, Time::Wall) => ProfileFormat::Folded,
            (Format::Chrome, _) => ProfileFormat::Trace,
        }
    }
}

pub(crate) fn profile(
    mut program: Connection,
    functions: Option<String>,
    sample: Option<u32>,
    lasts: Duration,
    form: Form,
) -> Result<(), Fault> {
    let command = Command::Profile {
        functions,
        sample,
        for_ms: Some(milliseconds(lasts)),
        format: form.asked(),
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
    match form.format {
        Format::Svg => print(&flames(&program.hello().program, &profile, form.time)?),
        // A table has names in it, which are for people; the others are for programs, and escape what they must.
        Format::Table => {
            let lines = profile.lines().map(|line| format!("{}\n", clean(line)));
            print(&lines.collect::<String>())
        }
        _ => print(&profile),
    }
}

/// What is not work, in a flame graph of both.
const BLUE: Color = Color {
    r: 120,
    g: 160,
    b: 230,
};

/// A flame graph.
fn flames(program: &str, folded: &str, time: Time) -> Result<String, Fault> {
    if folded.trim().is_empty() {
        return Err(Fault::failed(match time {
            Time::Work => {
                "nothing ran for long enough to be drawn; profile for more time, or with waits: `--time wall`"
            }
            Time::Wall => "nothing ran for long enough to be drawn; profile for more time",
        }));
    }
    let frames = folded.lines().flat_map(|line| line.split(';'));
    let waits = frames.filter(|frame| frame.starts_with("wait for a "));
    let mut colors = PaletteMap::default();
    waits.for_each(|wait| _ = colors.insert(name_of(wait), BLUE));
    let mut options = flamegraph::Options::default();
    options.title = match time {
        Time::Work => format!("{}: work, without waits", clean(program)),
        Time::Wall => format!("{}: work, and waits in blue", clean(program)),
    };
    options.palette_map = Some(&mut colors);
    options.count_name = "us".to_owned();
    options.deterministic = true;
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, folded.lines(), &mut svg)
        .map_err(|error| Fault::of("cannot draw the profile", &error))?;
    String::from_utf8(svg).map_err(Fault::failed)
}

/// The name of the last frame of a line, whose number stands behind it.
fn name_of(frame: &str) -> &str {
    frame.rsplit_once(' ').map_or(frame, |(name, _)| name)
}
