//! The handle of a process.
//!
//! # Invariants
//!
//! 1. Dropping the handle is releasing the process: it stays a member of the tree, and nobody reads its output
//!    but who holds its queues.
//! 2. The engine hears of that after the handle's queues were dropped: who looks earlier finds them held, and nobody
//!    would tell it to look again. So `_released` is the last field.

use core::fmt;
use core::panic::Location;
use std::borrow::Cow;
use std::io;
use std::sync::atomic::Ordering::Relaxed;

use crate::primitive::Arc;
use crate::process::child::Child;
use crate::process::error::JoinError;
use crate::process::exit::{Exit, Output};
use crate::process::life::{Life, Streams};
use crate::process::line::Line;
use crate::process::linux::Target;
use crate::signal::{Signal, Stopped, WaitError};
use crate::sync::Queue;

/// A process that was started by [`Command::spawn`](super::Command::spawn). Dropping it releases the process.
///
/// The process belongs to the thread that started it, whatever becomes of the handle: it is asked to stop, and
/// waited for, when that thread ends.
#[must_use = "join it for its exit, or release it"]
pub struct Process {
    pub(super) life: Arc<Life>,
    streams: Streams,
    id: u32,
    target: Target,
    _released: Released,
}

/// Tells the engine when it is dropped (invariant 2).
struct Released(Arc<Life>);

impl Drop for Released {
    fn drop(&mut self) {
        if !self.0.settled.is_set() {
            self.0.look_again();
        }
    }
}

impl Process {
    pub(super) fn new(life: Arc<Life>, streams: Streams, id: u32, target: Target) -> Self {
        let _released = Released(Arc::clone(&life));
        Self {
            life,
            streams,
            id,
            target,
            _released,
        }
    }

    /// Its own name: the program's, if no other was given.
    #[must_use]
    pub fn name(&self) -> &str {
        self.life.member.name()
    }

    /// The names from the root of the tree to it, joined by `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.life.member.path()
    }

    /// Its number. The system may give it to another process once this one has ended.
    #[must_use]
    #[doc(alias = "pid")]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The lines of its standard output. The queue is closed at the end of the stream.
    ///
    /// While nobody takes them the process waits, once its pipe is full, as
    /// [`unread`](super::Command::unread) says. Closing the queue closes the pipe: who goes on writing gets
    /// SIGPIPE.
    ///
    /// The queue is filled by the one thread that looks after all processes, and what is hung on its
    /// [`ready`](Queue::ready) runs there: until that has returned no process is read, stopped or reaped.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let numbers = Command::new("seq").arg("3").spawn()?;
    ///     let sum: u32 = numbers.stdout().iter().map(|line| line.to_str().unwrap().parse::<u32>().unwrap()).sum();
    ///     assert_eq!(sum, 6);
    ///     numbers.join()?;
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    pub fn stdout(&self) -> &Queue<Line> {
        self.life.is_wanted[0].store(true, Relaxed); // looked at by the engine, which may be late
        &self.streams.stdout
    }

    /// The lines of its standard error, as [`stdout`](Self::stdout).
    #[must_use]
    pub fn stderr(&self) -> &Queue<Line> {
        self.life.is_wanted[1].store(true, Relaxed); // as above
        &self.streams.stderr
    }

    /// What its standard input is to be, in pieces of any size, if the command was made with
    /// [`Stdin::Pipe`](super::Stdin::Pipe); otherwise it is closed already.
    ///
    /// Closing it closes the pipe when everything is written. So does dropping the handle, unless somebody holds a clone
    /// of the queue: then closing that is left to them. It is closed when the process closes its end, and when it is asked to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::{Command, Stdin};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let cat = Command::new("cat").stdin(Stdin::Pipe).spawn()?;
    ///     cat.stdin().push(b"one\ntwo\n".to_vec())?;
    ///     assert_eq!(*cat.stdout().pop()?, *b"one"); // it runs and can be talked with
    ///     cat.stdin().close();
    ///     assert_eq!(cat.output()?.stdout, b"two\n");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    pub fn stdin(&self) -> &Queue<Vec<u8>> {
        &self.streams.stdin
    }

    /// Waits for its end, however it ends.
    ///
    /// From here on output that nobody reads does not keep it from ending: see
    /// [`unread`](super::Command::unread).
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, `wait` returns [`Stopped`], and the process goes on.
    ///
    /// # Errors
    ///
    /// [`Stopped`], see above.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     assert_eq!(Command::new("false").spawn()?.wait()?.code(), 1);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Result<Exit, Stopped> {
        Child::wait(self)
    }

    /// How it ended, if it has.
    #[must_use]
    #[doc(alias = "poll")]
    pub fn try_wait(&self) -> Option<Exit> {
        Child::try_wait(self)
    }

    /// As [`wait`](Self::wait), but waits only until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// - [`WaitError::Expired`] – `signal` was set first.
    /// - [`WaitError::Stopped`] – the calling thread was asked to stop.
    #[track_caller]
    pub fn wait_until(&self, signal: &Signal) -> Result<Exit, WaitError> {
        Child::wait_until(self, signal)
    }

    /// Waits for its end, and takes a failing one for an error, unless the command is
    /// [`unchecked`](super::Command::unchecked).
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, `join` returns [`JoinError::Interrupted`]: the process goes
    /// on, and the handle can be used again.
    ///
    /// # Errors
    ///
    /// - [`JoinError::Failed`] – it ended with another status than 0, or by a signal. The error has the status and
    ///   the end of what it wrote to standard error.
    /// - [`JoinError::Stopped`] – the same, after it was asked to stop.
    /// - [`JoinError::Interrupted`], see above.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let ls = Command::new("sh").args(["-c", "echo no luck >&2; exit 2"]).spawn()?;
    ///     let error = ls.join().unwrap_err();
    ///     assert_eq!(error.to_string(), "process `example/sh` failed, exit status: 2; its standard error ends: no luck");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<Exit, JoinError> {
        Child::join(self)
    }

    /// The same, without waiting: nothing if it runs.
    #[must_use]
    pub fn try_join(&self) -> Option<Result<Exit, JoinError>> {
        Child::try_join(self)
    }

    /// As [`join`](Self::join), but waits only until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// Those of [`join`](Self::join), and [`JoinError::Expired`]: the process goes on.
    #[track_caller]
    pub fn join_until(&self, signal: &Signal) -> Result<Exit, JoinError> {
        Child::join_until(self, signal)
    }

    /// Waits for its end, and takes all that it writes meanwhile, on both streams, as far as nobody has read it.
    ///
    /// Meanwhile nothing comes to the queues. If it returns an error, all comes back to them.
    ///
    /// # Stopping
    ///
    /// As [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let output = Command::new("echo").arg("hello").spawn()?.output()?;
    ///     assert_eq!(output.stdout, b"hello\n");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    #[doc(alias = "communicate")]
    pub fn output(&self) -> Result<Output, JoinError> {
        self.output_until(&Signal::never())
    }

    /// The same, but waits only until `signal` is set. Nothing is lost then: call it again, or read the queues.
    ///
    /// # Stopping
    ///
    /// As [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// As [`join_until`](Self::join_until).
    #[track_caller]
    pub fn output_until(&self, signal: &Signal) -> Result<Output, JoinError> {
        let collector = self.life.collect(&self.streams);
        let attended = self.life.attend(signal, Location::caller());
        attended.map_err(|error| JoinError::of_wait(self.path(), error))?;
        if !self.life.settled.is_set() {
            self.life.look_again();
        }
        for event in [self.stopped(), &self.life.settled] {
            let waited = event.wait_until(signal);
            waited.map_err(|error| JoinError::of_wait(self.path(), error))?;
        }
        let exit = self.join_until(signal)?; // it has ended
        let [stdout, stderr] = collector.take();
        Ok(Output {
            exit,
            stdout,
            stderr,
        })
    }

    /// Asks it to stop: its standard input is closed and its group gets SIGTERM; when the
    /// [`grace`](super::Command::grace) is over, SIGKILL. Does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::{Command, JoinError};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let sleeper = Command::new("sleep").arg("1000").spawn()?;
    ///     sleeper.stop();
    ///     assert!(matches!(sleeper.join(), Err(JoinError::Stopped { .. })));
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    #[doc(alias = "terminate")]
    pub fn stop(&self) {
        Child::stop(self);
    }

    /// Asks it to stop, and says why: for the joiner and the report.
    #[track_caller]
    pub fn stop_because(&self, why: impl Into<Cow<'static, str>>) {
        self.life.stop_because(why.into());
    }

    /// Ends it now, with its group, by SIGKILL. Does not wait.
    #[track_caller]
    pub fn kill(&self) {
        self.life.kill();
    }

    /// Sends it a signal of the system, by its number: `10` is SIGUSR1; the crate `libc` has the names. Says whether it
    /// was there: one that has been reaped gets nothing, nor does another that has its number now.
    ///
    /// It goes to the process with this [`id`](Self::id) alone, not to its group: who is to end is asked by
    /// [`stop`](Self::stop), or killed. A command in a shell is the shell's subshell; what that runs gets it after an
    /// `exec`.
    ///
    /// # Errors
    ///
    /// - [`InvalidInput`](io::ErrorKind::InvalidInput) – there is no such signal. Those for real time are not sent.
    /// - [`PermissionDenied`](io::ErrorKind::PermissionDenied) – it runs as another user.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let script = "trap 'echo read again; exit' USR1; echo ready; while :; do sleep 0.01; done";
    ///     let server = Command::new("sh").args(["-c", script]).spawn()?;
    ///     assert_eq!(*server.stdout().pop()?, *b"ready");
    ///     assert!(server.signal(10)?);
    ///     assert_eq!(*server.stdout().pop()?, *b"read again");
    ///     server.join()?;
    ///     assert!(!server.signal(10)?); // there is nobody any more
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[doc(alias = "send_signal")]
    pub fn signal(&self, number: i32) -> io::Result<bool> {
        self.target.signal(number)
    }

    /// Nobody but who waits for its end will read what it writes: from here on that does not keep it from ending, see
    /// [`unread`](super::Command::unread). Every wait and join says so; who waits for [`stopped`](Self::stopped)
    /// says it himself.
    pub fn let_end(&self) {
        self.life.await_end();
    }

    /// Set when it has ended, joined or not. Its output may still be in the queues.
    ///
    /// Waiting for the signal is no [`wait`](Self::wait): a process whose output nobody reads, and that has filled its
    /// pipe and the queue, waits for a reader and does not end. Say [`let_end`](Self::let_end) first.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    /// use selvedge::signal::any;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let chatty = Command::new("seq").arg("1000000").spawn()?;
    ///     let quiet = Command::new("sleep").arg("1000").spawn()?;
    ///     chatty.let_end();
    ///     any([chatty.stopped(), quiet.stopped()]).wait()?; // the first of both
    ///     assert!(chatty.try_join().is_some_and(|exit| exit.is_ok()));
    ///     quiet.kill();
    ///     quiet.wait()?;
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    pub fn stopped(&self) -> &Signal {
        self.life.member.stopped()
    }

    /// A wait for its end begins.
    pub(super) fn attend(
        &self,
        until: &Signal,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        if !self.stopped().is_set() {
            self.let_end();
        }
        self.life.attend(until, at)
    }

    /// Gives up its exit: a failure is reported when it happens. The process still belongs to its parent.
    #[doc(alias = "detach")]
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.life.release(); // invariant 1
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("path", &self.path())
            .field("id", &self.id)
            .field("ended", &self.stopped().is_set())
            .finish_non_exhaustive()
    }
}
