//! What there is to see, and what a key does.
//!
//! # Invariants
//!
//! 1. `picture` is what is shown. While it is held, news go to `latest`, and nothing that was chosen moves.
//! 2. A thread is chosen by its number: it stays chosen while others come and go.
//! 3. Lists of what happened have at most [`KEPT`] lines.

use std::collections::{HashMap, VecDeque};

use selvedge::observe::inspect::protocol::{
    Answer, Body, CallEvent, Command, EndReason, FunctionInfo, Happening, Hello, Snapshot,
    ThreadInfo,
};

use crate::text::{clean, count};
use crate::top::lists::Chosen;
use crate::top::streams::{Asked, Streams};
use crate::verbs::refused;

/// How much of what happened is kept.
const KEPT: usize = 2_000;
/// After so many events a watch of `top` ends.
const WATCHED: u64 = 1_000;
/// How long `top` counts calls at a time, in milliseconds.
const COUNTED_MS: u64 = 60_000;

/// What is shown.
#[derive(Debug)]
pub struct Model {
    pub(super) hello: Hello,
    pub(super) picture: Snapshot,
    latest: Option<Snapshot>,
    pub(super) shares: HashMap<u64, f64>,
    used: HashMap<u64, (u64, u64)>,
    pub(super) functions: Vec<FunctionInfo>,
    pub(super) calls: VecDeque<CallEvent>,
    pub(super) happened: VecDeque<Happening>,
    streams: Streams,
    pub(super) tab: Tab,
    pub(super) sort: Sort,
    pub(super) filter: String,
    pub(super) chosen: Chosen,
    pub(super) mode: Mode,
    pub(super) held: bool,
    pub(super) notice: String,
    pub(super) ended: Option<String>,
    pub(super) recording: Option<String>,
    pub(super) replay: Option<Position>,
}

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "their names say it")]
pub enum Tab {
    Threads,
    Queues,
    Locks,
    Signals,
    Calls,
    Warnings,
    Events,
    Processes,
}

/// The order of the threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Tree,
    Cpu,
    Wait,
    Age,
    Name,
}

/// What the keys mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    Look,
    Help,
    Details,
    /// Is this thread to stop?
    Stop {
        path: String,
        number: u64,
    },
    /// A text is typed.
    Type {
        wanted: Wanted,
        text: String,
    },
}

/// What a typed text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Watch,
    Count,
    Filter,
}

/// Where in a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Position {
    pub(super) at: usize,
    pub(super) of: usize,
    pub(super) speed: f64,
}

/// A key, as far as it means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "their names say it")]
pub enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Interrupt,
}

/// What somebody else must do after a key.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "their names say it")]
pub enum Action {
    Quit,
    Send(Command),
    /// End these streams.
    End(Vec<u64>),
    /// Begin or end a recording.
    Record,
    /// So many snapshots on, or back.
    Step(isize),
    /// To the first or the last snapshot.
    Seek(usize),
    /// As fast as that.
    Speed(f64),
}

impl Tab {
    pub(super) const ALL: [Self; 8] = [
        Self::Threads,
        Self::Queues,
        Self::Locks,
        Self::Signals,
        Self::Calls,
        Self::Warnings,
        Self::Events,
        Self::Processes,
    ];
}

impl Model {
    /// Of a program of which nothing is known yet.
    #[must_use]
    pub fn new(hello: Hello) -> Self {
        Self {
            hello,
            picture: Snapshot::default(),
            latest: None,
            shares: HashMap::new(),
            used: HashMap::new(),
            functions: Vec::new(),
            calls: VecDeque::new(),
            happened: VecDeque::new(),
            streams: Streams::default(),
            tab: Tab::Threads,
            sort: Sort::Tree,
            filter: String::new(),
            chosen: Chosen::default(),
            mode: Mode::Look,
            held: false,
            notice: String::new(),
            ended: None,
            recording: None,
            replay: None,
        }
    }

    /// The list that is shown.
    #[must_use]
    pub fn tab(&self) -> Tab {
        self.tab
    }

    /// Takes what the program says.
    pub fn hear(&mut self, answer: Answer) {
        let lost = self.streams.miss(&answer, self.picture.at_us);
        lost.into_iter()
            .for_each(|line| keep(&mut self.happened, line));
        match answer.body {
            Body::Snapshot(picture) if self.held => self.latest = Some(*picture),
            Body::Snapshot(picture) => self.show(*picture),
            Body::Calls(_) if self.held => {}
            Body::Calls(functions) => self.functions = functions,
            Body::Call(event) => keep(&mut self.calls, event),
            Body::Happened(event) => keep(&mut self.happened, event),
            // That a stream has ended says the stream.
            Body::Done(_) if self.streams.end(answer.id) == Some(Asked::End) => {}
            Body::Done(done) => self.notice = clean(&done.text).into_owned(),
            Body::Error(problem) => {
                self.streams.end(answer.id);
                self.notice = refused(&problem).to_string();
            }
            Body::Ended {
                why: EndReason::Closing,
                ..
            } => self.end("the program has ended"),
            Body::Ended { why, dropped } => {
                let asked = self.streams.end(answer.id);
                let dropped = usize::try_from(dropped).unwrap_or(usize::MAX);
                let lost =
                    (dropped > 0).then(|| format!(", {} not shown", count(dropped, "event")));
                let lost = lost.unwrap_or_default();
                self.notice = match (why, asked) {
                    (EndReason::Limit, _) => format!("the watch has seen {WATCHED} events{lost}"),
                    (EndReason::Time, _) => "counting is over; `c` counts again".to_owned(),
                    (EndReason::Asked, Some(Asked::Watch)) => format!("the watch is over{lost}"),
                    (EndReason::Asked, Some(Asked::Count)) => "counting is over".to_owned(),
                    _ => return,
                };
            }
            _ => {}
        }
    }

    /// A request was sent, with this number.
    pub fn sent(&mut self, id: u64, command: &Command) {
        self.streams.begin(id, command);
    }

    /// Forgets what has happened: a recording is wound back.
    pub(super) fn rewind(&mut self) {
        self.happened.clear();
        self.calls.clear();
        self.functions.clear();
        self.streams.rewind();
    }

    /// Nothing more will come.
    pub fn end(&mut self, why: &str) {
        self.ended.get_or_insert_with(|| clean(why).into_owned());
    }

    fn show(&mut self, picture: Snapshot) {
        self.shares.clear();
        let mut used = HashMap::new();
        for thread in &picture.threads {
            let Some(cpu) = thread.cpu else { continue };
            if let Some((at, before)) = self.used.get(&thread.number) {
                let lasted = picture.at_us.abs_diff(*at).max(1);
                let share = cpu.used_us.abs_diff(*before) as f64 / lasted as f64 * 100.0;
                self.shares.insert(thread.number, share);
            }
            used.insert(thread.number, (picture.at_us, cpu.used_us));
        }
        self.used = used;
        self.picture = picture;
        self.latest = None;
    }

    /// The threads that are shown, in their order.
    pub(super) fn threads(&self) -> Vec<&ThreadInfo> {
        let is_wanted =
            |thread: &&ThreadInfo| self.filter.is_empty() || thread.path.contains(&self.filter);
        let mut threads: Vec<_> = self.picture.threads.iter().filter(is_wanted).collect();
        let share = |thread: &ThreadInfo| self.shares.get(&thread.number).copied().unwrap_or(-1.0);
        let waits = |thread: &ThreadInfo| thread.waits.as_ref().map(|waits| waits.for_us);
        match self.sort {
            Sort::Tree => {}
            Sort::Cpu => threads.sort_by(|a, b| share(b).total_cmp(&share(a))),
            Sort::Wait => threads.sort_by_key(|thread| std::cmp::Reverse(waits(thread))),
            Sort::Age => threads.sort_by_key(|thread| std::cmp::Reverse(thread.age_us)),
            Sort::Name => threads.sort_by(|a, b| a.path.cmp(&b.path)),
        }
        threads
    }

    /// Are the threads drawn as a tree?
    pub(super) fn is_tree(&self) -> bool {
        self.sort == Sort::Tree && self.filter.is_empty()
    }

    /// The thread that was chosen.
    pub(super) fn thread(&self) -> Option<&ThreadInfo> {
        let number = self.chosen.thread(&self.threads())?;
        self.picture
            .threads
            .iter()
            .find(|thread| thread.number == number)
    }

    /// What to ask now that a snapshot has come.
    pub(super) fn question(&self) -> Option<Command> {
        let is_shown = self.tab == Tab::Calls && !self.held;
        let is_asked = (is_shown || self.recording.is_some()) && self.replay.is_none();
        is_asked.then_some(Command::Calls)
    }

    /// Does what a key stands for, and says what is left for others to do.
    pub fn press(&mut self, key: Key) -> Option<Action> {
        if key == Key::Interrupt {
            return Some(Action::Quit);
        }
        self.notice.clear();
        match std::mem::replace(&mut self.mode, Mode::Look) {
            Mode::Look => self.look(key),
            Mode::Help | Mode::Details => None,
            Mode::Stop { path, number } => (key == Key::Char('y')).then(|| {
                let number = Some(number);
                Action::Send(Command::Stop {
                    thread: path,
                    number,
                })
            }),
            Mode::Type { wanted, text } => self.write(wanted, text, key),
        }
    }

    fn look(&mut self, key: Key) -> Option<Action> {
        match key {
            Key::Char('q') => return Some(Action::Quit),
            Key::Char('?' | 'h') => self.mode = Mode::Help,
            Key::Char(' ' | 'p') => self.hold(),
            Key::Tab => self.turn(1),
            Key::BackTab => self.turn(Tab::ALL.len() - 1),
            Key::Char(digit @ '1'..='8') => self.tab = Tab::ALL[digit as usize - '1' as usize],
            Key::Char('s') => self.sort = self.sort.next(),
            Key::Char('/') => self.ask_for(Wanted::Filter, &self.filter.clone()),
            Key::Enter if self.tab == Tab::Threads && self.thread().is_some() => {
                self.mode = Mode::Details
            }
            Key::Left if self.replay.is_some() => return Some(Action::Step(-1)),
            Key::Right if self.replay.is_some() => return Some(Action::Step(1)),
            Key::Char('g') => return self.replay.map(|_| Action::Seek(0)),
            Key::Char('G') => return self.replay.map(|_| Action::Seek(usize::MAX)),
            Key::Char('+') => {
                return self
                    .replay
                    .map(|it| Action::Speed((it.speed * 2.0).min(64.0)));
            }
            Key::Char('-') => {
                return self
                    .replay
                    .map(|it| Action::Speed((it.speed / 2.0).max(0.125)));
            }
            Key::Char('w' | 'c' | 'W' | 'C' | 'x' | 'r') if self.replay.is_some() => {
                self.notice = "a recording cannot be asked".to_owned();
            }
            Key::Char('w' | 'c' | 'W' | 'C' | 'x' | 'r') if self.ended.is_some() => {
                self.notice = "the program cannot be asked any more".to_owned();
            }
            Key::Char('w') => self.ask_for(Wanted::Watch, ""),
            Key::Char('c') => self.ask_for(Wanted::Count, "**"),
            Key::Char('W') => return self.end_all(Asked::Watch, "no watch runs"),
            Key::Char('C') => return self.end_all(Asked::Count, "nothing is counted"),
            Key::Char('r') => return Some(Action::Record),
            Key::Char('x') => self.ask_to_stop(),
            other => self.choose(other),
        }
        None
    }

    fn choose(&mut self, key: Key) {
        let threads: Vec<u64> = self.threads().iter().map(|thread| thread.number).collect();
        let n = self.rows();
        self.chosen.press(key, self.tab, &threads, n);
    }

    /// How many rows the list has that is shown.
    pub(super) fn rows(&self) -> usize {
        match self.tab {
            Tab::Threads => self.threads().len(),
            Tab::Queues => self.picture.queues.len(),
            Tab::Locks => self.picture.locks.len(),
            Tab::Signals => self.picture.signals.len(),
            Tab::Calls => self.functions.len(),
            Tab::Warnings => self.picture.warnings.len(),
            Tab::Events => self.calls.len() + self.happened.len(),
            Tab::Processes => self.picture.processes.len(),
        }
    }

    fn turn(&mut self, by: usize) {
        let at = Tab::ALL
            .iter()
            .position(|tab| *tab == self.tab)
            .unwrap_or(0);
        self.tab = Tab::ALL[(at + by) % Tab::ALL.len()];
    }

    fn hold(&mut self) {
        self.held = !self.held;
        if let Some(latest) = self.latest.take().filter(|_| !self.held) {
            self.show(latest);
        }
    }

    fn ask_to_stop(&mut self) {
        match self.thread().filter(|_| self.tab == Tab::Threads) {
            Some(thread) => {
                let (path, number) = (thread.path.clone(), thread.number);
                self.mode = Mode::Stop { path, number };
            }
            None => self.notice = "choose a thread first, in the list of threads".to_owned(),
        }
    }

    fn end_all(&mut self, kind: Asked, otherwise: &str) -> Option<Action> {
        let ids = self.streams.of(kind);
        if ids.is_empty() {
            self.notice = otherwise.to_owned();
            return None;
        }
        Some(Action::End(ids))
    }

    fn ask_for(&mut self, wanted: Wanted, text: &str) {
        self.mode = Mode::Type {
            wanted,
            text: text.to_owned(),
        };
    }

    fn write(&mut self, wanted: Wanted, mut text: String, key: Key) -> Option<Action> {
        match key {
            Key::Escape => return None,
            Key::Enter => return self.take(wanted, text),
            Key::Backspace => {
                text.pop();
            }
            Key::Char(symbol) => text.push(symbol),
            _ => {}
        }
        self.mode = Mode::Type { wanted, text };
        None
    }

    fn take(&mut self, wanted: Wanted, text: String) -> Option<Action> {
        if wanted == Wanted::Filter {
            self.filter = text;
            return None;
        }
        let glob = text.trim().to_owned();
        if glob.is_empty() {
            return None;
        }
        Some(Action::Send(if wanted == Wanted::Watch {
            self.tab = Tab::Events;
            Command::Watch {
                glob,
                max: Some(WATCHED),
                per_second: None,
                for_ms: None,
            }
        } else {
            self.tab = Tab::Calls;
            Command::Count {
                glob,
                for_ms: Some(COUNTED_MS),
            }
        }))
    }
}

impl Sort {
    fn next(self) -> Self {
        match self {
            Self::Tree => Self::Cpu,
            Self::Cpu => Self::Wait,
            Self::Wait => Self::Age,
            Self::Age => Self::Name,
            Self::Name => Self::Tree,
        }
    }
}

fn keep<T>(list: &mut VecDeque<T>, event: T) {
    if list.len() == KEPT {
        list.pop_front();
    }
    list.push_back(event);
}
