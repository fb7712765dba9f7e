//! A process as a child like others.

use core::panic::Location;
use std::borrow::Cow;

use crate::process::child::Child;
use crate::process::error::JoinError;
use crate::process::exit::{Exit, Output};
use crate::process::line::Line;
use crate::process::process::Process;
use crate::signal::{Signal, Stopped, WaitError};
use crate::sync::Queue;

impl Child for Process {
    fn name(&self) -> &str {
        self.name()
    }

    fn path(&self) -> &str {
        self.path()
    }

    fn id(&self) -> u32 {
        self.id()
    }

    fn stdout(&self) -> &Queue<Line> {
        self.stdout()
    }

    fn stderr(&self) -> &Queue<Line> {
        self.stderr()
    }

    fn stdin(&self) -> &Queue<Vec<u8>> {
        self.stdin()
    }

    fn stopped(&self) -> &Signal {
        self.stopped()
    }

    fn try_wait(&self) -> Option<Exit> {
        if !self.stopped().is_set() {
            return None;
        }
        self.life.receive()
    }

    #[track_caller]
    fn wait(&self) -> Result<Exit, Stopped> {
        if let Err(WaitError::Stopped(stopped)) = self.attend(&Signal::never(), Location::caller())
        {
            return Err(stopped);
        }
        self.stopped().wait()?;
        Ok(self.try_wait().expect("it has ended"))
    }

    #[track_caller]
    fn wait_until(&self, signal: &Signal) -> Result<Exit, WaitError> {
        self.attend(signal, Location::caller())?;
        self.stopped().wait_until(signal)?;
        Ok(self.try_wait().expect("it has ended"))
    }

    fn judge(&self, exit: Exit) -> Result<Exit, JoinError> {
        self.life.judge(exit)
    }

    #[track_caller]
    fn output_until(&self, signal: &Signal) -> Result<Output, JoinError> {
        self.output_until(signal)
    }

    fn let_end(&self) {
        self.let_end();
    }

    #[track_caller]
    fn kill(&self) {
        self.life.kill();
    }

    #[track_caller]
    fn stop_because(&self, why: Cow<'static, str>) {
        self.life.stop_because(why);
    }
}
