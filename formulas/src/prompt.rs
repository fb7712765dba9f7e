//! The prompt: a line, its answer, the next line.
//!
//! Lines can be edited and found again, by rustyline. They are kept for the session, and from one
//! session to the next if `FORMULAS_HISTORY` names a file. Tab completes names, Ctrl-C forgets the
//! line, Ctrl-D leaves.
//!
//! While a line is edited the terminal is in raw mode. If the program is asked to stop then (by
//! `kill`, say), nobody can call the editor back from its read; so the terminal is restored by the
//! stop itself, and the program ends when its grace is over.

use std::env;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};
use selvedge::Signal;

use crate::complete::Names;
use crate::input::Input;
use crate::printer::Halt;
use crate::session::Session;

/// Reads and answers until the user leaves.
///
/// # Errors
///
/// Any reason to end.
pub(crate) fn run(session: &mut Session, stop: &Signal) -> Result<(), Halt> {
    let config = Config::builder().completion_type(CompletionType::List);
    let mut editor = Editor::with_config(config.build()).map_err(failed)?;
    editor.set_helper(Some(Names::new(session.functions())));
    let history = env::var_os("FORMULAS_HISTORY").map(PathBuf::from);
    if let Some(path) = &history {
        // There is none the first time.
        let _ = editor.load_history(path);
    }
    let _restore = restore_terminal(stop);
    session.begin(Input::STDIN)?;
    let result = answer_all(&mut editor, session);
    if let Some(path) = &history
        && let Err(error) = editor.save_history(path)
    {
        let path = path.display();
        session.printer.complain(&format!(
            "formulas: cannot write the history `{path}`: {error}"
        ))?;
    }
    result
}

fn answer_all(editor: &mut Editor<Names, FileHistory>, session: &mut Session) -> Result<(), Halt> {
    let mut number = 0;
    loop {
        match editor.readline("> ") {
            Ok(line) => {
                number += 1;
                // A line that cannot be kept is still answered.
                let _ = editor.add_history_entry(&line);
                session.line(number, line.as_bytes())?;
                session.drain()?;
            }
            Err(ReadlineError::Interrupted) => session.printer.complain("(Ctrl-D leaves)")?,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
    }
}

fn failed(error: ReadlineError) -> Halt {
    Halt::Failed(std::io::Error::other(error))
}

/// Puts the terminal back into the present mode when `stop` is set; undone by dropping what is
/// returned.
#[cfg(unix)]
fn restore_terminal(stop: &Signal) -> Option<selvedge::signal::OnSet> {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    let mode = tcgetattr(std::io::stdin()).ok()?;
    Some(stop.on_set(move || {
        // If it fails the terminal is gone, and with it the problem.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &mode);
    }))
}

#[cfg(not(unix))]
fn restore_terminal(_: &Signal) {}
