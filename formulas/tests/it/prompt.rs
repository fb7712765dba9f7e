//! The prompt, on a pseudo-terminal.

use std::fs::{File, OpenOptions, read_to_string};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::FORMULAS;
use crate::child::{LIMIT, TempFile, interruptible, pump};

/// The program at a terminal, and the user's side of the terminal.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn start(history: &str) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let side = || {
            File::from(OwnedFd::from(
                OpenOptions::new()
                    .read(true)
                    .write(true)
                    .open(&path)
                    .unwrap(),
            ))
        };
        let child = interruptible(FORMULAS)
            .env("TERM", "xterm")
            .env("FORMULAS_HISTORY", history)
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let screen = pump(keyboard.try_clone().unwrap());
        Self {
            child,
            keyboard,
            screen,
            seen: String::new(),
        }
    }

    /// Waits until the screen shows `text` after what was seen before.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            match self
                .screen
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(error) => panic!("{error}; wanted {text:?}, the screen shows {:?}", self.seen),
            }
        }
    }

    /// Waits for the end.
    #[track_caller]
    fn ends(mut self) -> ExitStatus {
        let deadline = Instant::now() + LIMIT;
        // When the program has ended, nobody holds the other side, and the screen ends, too.
        loop {
            match self
                .screen
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it does not end; the screen shows {:?}", self.seen)
                }
            }
        }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn lines_are_answered_and_found_again() {
    let history = TempFile::new("history", "");
    let mut terminal = Terminal::start(history.name());
    terminal.shows("> ");
    terminal.types("x = 20 + 1\r");
    terminal.shows("\nx = 21");
    terminal.shows("> ");
    terminal.types(")\r");
    terminal.shows("<stdin>:2:1: expected a number");
    terminal.shows("> ");
    // The line before the last.
    terminal.types("\u{1b}[A\u{1b}[A * 2\r");
    terminal.shows("\nx = 22");
    terminal.shows("> ");
    terminal.types("never\u{3}");
    terminal.shows("(Ctrl-D leaves)");
    terminal.shows("> ");
    terminal.types("\u{4}");
    let status = terminal.ends();
    assert_eq!(status.code(), Some(1), "a statement has failed");
    let kept = read_to_string(history.path()).unwrap();
    assert!(kept.contains("x = 20 + 1\n)\nx = 20 + 1 * 2\n"), "{kept}");
}

#[test]
fn a_history_is_there_in_the_next_session() {
    let history = TempFile::new("history", "41 + 1\n");
    let mut terminal = Terminal::start(history.name());
    terminal.shows("> ");
    terminal.types("\u{1b}[A\r");
    terminal.shows("\n42");
    terminal.shows("> ");
    terminal.types("\u{4}");
    assert_eq!(terminal.ends().code(), Some(0));
}

#[test]
fn names_are_completed_by_tab() {
    let history = TempFile::new("history", "");
    let mut terminal = Terminal::start(history.name());
    terminal.shows("> ");
    terminal.types("subtotal = 40\r");
    terminal.shows("\nsubtotal = 40");
    terminal.shows("> ");
    terminal.types("ab\t-2) + subt\t\r");
    terminal.shows("\n42");
    terminal.shows("> ");
    terminal.types("\u{4}");
    assert_eq!(terminal.ends().code(), Some(0));
}

#[test]
fn a_prompt_that_is_asked_to_stop_ends() {
    let history = TempFile::new("history", "");
    let mut terminal = Terminal::start(history.name());
    terminal.shows("> ");
    let terminal_side = terminal.keyboard.try_clone().unwrap();
    let edits_lines = || {
        tcgetattr(&terminal_side)
            .unwrap()
            .local_modes
            .contains(LocalModes::ICANON)
    };
    assert!(!edits_lines(), "the prompt edits them itself");
    let pid = i32::try_from(terminal.child.id())
        .ok()
        .and_then(Pid::from_raw)
        .unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let status = terminal.ends();
    assert!(edits_lines(), "the terminal is as it was");
    assert!(
        status.signal() == Some(Signal::TERM.as_raw()) || status.code() == Some(1),
        "{status}"
    );
}
