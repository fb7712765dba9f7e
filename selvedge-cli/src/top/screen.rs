//! The terminal, and the threads of the view.
//!
//! # Threads
//!
//! - `answers` reads what the program says.
//! - `keys` reads the keyboard, and sees that the size of the terminal has changed.
//! - The thread that calls [`run`] takes both from one queue, and draws.
//!
//! # Invariants
//!
//! 1. However this ends, the terminal is as it was: the guard restores it when it is dropped, the hook of ratatui when
//!    a thread panics, before the message is printed.

use std::env;
use std::io::{self, IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ratatui::DefaultTerminal;
use ratatui::crossterm::terminal;
use selvedge::io::{interruption, read_until};
use selvedge::observe::inspect::protocol::{Answer, Body, Command};
use selvedge::signal::WaitError;
use selvedge::sync::Queue;
use selvedge::{Signal, Till, thread};

use crate::client::{Connection, Sender};
use crate::fault::Fault;
use crate::recording::Recorder;
use crate::text::count;
use crate::top::keys::Keys;
use crate::top::model::{Action, Key, Model};
use crate::top::view::{Theme, draw};
use crate::verbs::recording;

/// So much may wait to be drawn, before the program's answers are left unread.
const BACKLOG: usize = 4_096;
/// How long it takes to see that the terminal has another size.
const GLANCE: Duration = Duration::from_millis(250);
/// How long what a key sends may be on its way; an escape that is alone for so long is the key of that name.
const HASTE: Duration = Duration::from_millis(60);

/// What the thread that draws is told.
#[derive(Debug)]
pub(super) enum Message {
    Key(Key),
    /// The size has changed.
    Redraw,
    Answer(Box<Answer>),
    /// Nothing more will come.
    Lost(Fault),
}

/// Who gives what is shown, and does what the model leaves to others.
pub(super) trait Source {
    /// Does it; a message for the bottom line if it could not be done.
    fn act(&mut self, action: Action, model: &mut Model) -> Result<(), Fault>;
    /// Was told something.
    fn heard(&mut self, answer: &Answer, model: &mut Model) -> Result<(), Fault>;
    /// When to do something without being told.
    fn due(&self) -> Signal;
    /// That time has come.
    fn proceed(&mut self, model: &mut Model);
}

/// Shows a running program until the user leaves.
pub(crate) fn run(
    mut program: Connection,
    every: Duration,
    warn_after: Option<Duration>,
) -> Result<(), Fault> {
    let mut screen =
        Screen::open("`selvedge tree` prints the threads once, and `selvedge watch` calls")?;
    let messages = Queue::named("messages", BACKLOG);
    let (hello, sender) = (program.hello().clone(), program.sender());
    sender.send(recording(every, warn_after, None, false))?;
    let mut live = Live {
        sender,
        recorder: None,
    };
    let mut model = Model::new(hello);
    in_scope(&messages, |s| {
        s.spawn("answers", |_stop| {
            while let Some(message) = heard(&mut program) {
                let is_last = matches!(message, Message::Lost(_));
                if messages.push(message).is_err() || is_last {
                    break;
                }
            }
            Ok(())
        });
        show(&mut screen, &messages, &mut model, &mut live)
    })?;
    drop(screen);
    live.finish()
}

fn heard(program: &mut Connection) -> Option<Message> {
    match program.next_answer() {
        Ok(answer) => Some(Message::Answer(Box::new(answer))),
        Err(Fault::Stopped) => None,
        Err(fault) => Some(Message::Lost(fault)),
    }
}

/// Runs `f` beside a thread that reads the keys; both have ended then.
pub(super) fn in_scope<'env>(
    messages: &'env Queue<Message>,
    f: impl for<'scope> FnOnce(&'scope thread::Scope<'scope, 'env>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut result = Ok(());
    let ended = thread::scope("top", |s| {
        s.spawn("keys", |_stop| {
            let read = read_keys(messages);
            // Without a terminal nobody can leave: so it is left. If nobody takes that, it was already.
            let _ = messages.push(Message::Key(Key::Interrupt));
            Ok(read?)
        });
        result = f(s);
        s.stop();
        Ok(())
    });
    result.and(ended.map_err(|failures| Fault::failed(format_args!("the terminal: {failures}"))))
}

/// Draws, and does what keys ask for.
pub(super) fn show(
    screen: &mut Screen,
    messages: &Queue<Message>,
    model: &mut Model,
    source: &mut impl Source,
) -> Result<(), Fault> {
    loop {
        screen.draw(model)?;
        let mut next = match messages.pop_until(&source.due()) {
            Ok(message) => Some(message),
            Err(_) if selvedge::signal::stop().is_set() => return Err(Fault::Stopped),
            Err(_) => {
                source.proceed(model);
                None
            }
        };
        while let Some(message) = next {
            match message {
                Message::Key(key) => match model.press(key) {
                    Some(Action::Quit) => return Ok(()),
                    Some(action) => {
                        if let Err(fault) = source.act(action, model) {
                            model.notice = fault.to_string();
                        }
                    }
                    None => {}
                },
                Message::Redraw => {}
                Message::Answer(answer) => {
                    if let Err(fault) = source.heard(&answer, model) {
                        model.notice = fault.to_string();
                    }
                    model.hear(*answer);
                }
                Message::Lost(fault) => model.end(&fault.to_string()),
            }
            next = messages.try_pop().ok();
        }
    }
}

fn read_keys(messages: &Queue<Message>) -> io::Result<()> {
    let (mut keys, mut size) = (Keys::default(), terminal::size()?);
    let mut buffer = [0; 256];
    loop {
        let pause = if keys.is_amid() { HASTE } else { GLANCE };
        let found = match read_until(stdin(), &mut buffer, &Till::after(pause)) {
            Ok(0) => return Ok(()), // the terminal has gone
            Ok(n) => keys.take(&buffer[..n]),
            Err(error) => match interruption(&error) {
                Some(WaitError::Expired) => keys.flush(),
                _ => return Err(error),
            },
        };
        for key in found {
            if messages.push(Message::Key(key)).is_err() {
                return Ok(());
            }
        }
        let is = terminal::size()?;
        if std::mem::replace(&mut size, is) != is && messages.push(Message::Redraw).is_err() {
            return Ok(());
        }
    }
}

/// The terminal while it is ours.
pub(super) struct Screen {
    terminal: DefaultTerminal,
    theme: Theme,
}

impl Screen {
    /// Takes the terminal; without one, says what to do `instead`.
    pub(super) fn open(instead: &str) -> Result<Self, Fault> {
        if !stdin().is_terminal() || !stdout().is_terminal() {
            return Err(Fault::misused(format_args!(
                "this needs a terminal; {instead}"
            )));
        }
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        if is_dumb {
            return Err(Fault::misused(format_args!(
                "this terminal (TERM=dumb) cannot be drawn on; {instead}"
            )));
        }
        let terminal =
            ratatui::try_init().map_err(|error| Fault::of("cannot take the terminal", &error))?;
        Ok(Self {
            terminal,
            theme: Theme::new(!is_set("NO_COLOR")),
        })
    }

    fn draw(&mut self, model: &Model) -> Result<(), Fault> {
        let theme = self.theme;
        match self.terminal.draw(|frame| draw(frame, model, theme)) {
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::of("cannot draw on the terminal", &error)),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // One that has gone needs nothing; to say that it could not be restored would be a panic.
        let _ = ratatui::try_restore();
    }
}

/// A program that runs.
struct Live {
    sender: Sender,
    recorder: Option<Recorder>,
}

impl Live {
    fn send(&mut self, command: Command, model: &mut Model) -> Result<(), Fault> {
        let id = self.sender.send(command.clone())?;
        model.sent(id, &command);
        Ok(())
    }

    fn toggle(&mut self, model: &mut Model) -> Result<(), Fault> {
        if let Some(recorder) = self.recorder.take() {
            model.recording = None;
            let path = recorder.path().display().to_string();
            model.notice = format!("{} in `{path}`", count(recorder.finish()?, "snapshot"));
            return Ok(());
        }
        let path = new_file(&model.hello.program);
        self.recorder = Some(Recorder::create(&path, &model.hello)?);
        model.recording = Some(path.display().to_string());
        Ok(())
    }

    fn finish(self) -> Result<(), Fault> {
        match self.recorder {
            Some(recorder) => recorder.finish().map(drop),
            None => Ok(()),
        }
    }
}

/// In the working directory, with the second in its name.
fn new_file(program: &str) -> PathBuf {
    let name: String = program
        .chars()
        .filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_'))
        .collect();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Path::new(&format!("selvedge-{name}-{}.jsonl", now.as_secs())).to_owned()
}

impl Source for Live {
    fn act(&mut self, action: Action, model: &mut Model) -> Result<(), Fault> {
        match action {
            Action::Send(command) => self.send(command, model),
            Action::End(streams) => streams
                .into_iter()
                .try_for_each(|stream| self.send(Command::End { stream }, model)),
            Action::Record => self.toggle(model),
            Action::Quit | Action::Step(_) | Action::Seek(_) | Action::Speed(_) => Ok(()),
        }
    }

    fn heard(&mut self, answer: &Answer, model: &mut Model) -> Result<(), Fault> {
        if let (Body::Snapshot(_), Some(question)) = (&answer.body, model.question()) {
            self.sender.send(question)?;
        }
        let Some(recorder) = &mut self.recorder else {
            return Ok(());
        };
        recorder.write(answer).inspect_err(|_| {
            self.recorder = None;
            model.recording = None;
        })
    }

    fn due(&self) -> Signal {
        Signal::never()
    }

    fn proceed(&mut self, _: &mut Model) {}
}
