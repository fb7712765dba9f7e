//! Who waits for a process looks after it meanwhile.
//!
//! Otherwise its end would wake the engine, and that the waiting thread: on two cores that costs more than all the
//! rest of our work. The thread has the process only while nothing is to be done but to wait for its end and to read
//! what it writes. For anything else, and when its wait ends first, it gives the process back to the engine.
//!
//! # Invariants
//!
//! 1. What is lent is not told to the engine by the kernel, and is again from before it is given back. What becomes
//!    ready in between is told then.
//! 2. Nobody has asked for its queues, as far as is known: what others hang on those does not run on the waiting
//!    thread, which may hold what that wants. What they hang on its end runs elsewhere anyway.
//! 3. A process is lent after whatever runs before a wait, which may wait for it as well.

use core::mem;
use core::panic::Location;
use std::io;
use std::os::fd::AsFd;

use rustix::event::epoll::{self, EventFlags};

use crate::primitive::sys::Event;
use crate::primitive::sys::descriptor::{self, Interest};
use crate::process::linux::engine::{CHUNK, Request};
use crate::process::linux::orphans;
use crate::process::linux::output::Output;
use crate::process::linux::watched::{Phase, SELF, Watched};
use crate::signal::{self, Ready, Signal, Spare, Stopped, WaitError, wait_ready_by};

impl Request {
    /// Looks after the process on the calling thread until it is over, or something is wanted of it. Unless `until` or
    /// the thread's stop is set first, whoever calls waits after that.
    pub(in crate::process) fn attend(
        &self,
        stopped: &Signal,
        until: &Signal,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        if !self.run.hands.may_lend(self.key) {
            return Ok(());
        }
        let (recall, stop) = (Signal::new(), signal::stop());
        let mut buffer = mem::take(&mut *self.run.buffer.lock());
        let (mut lent, mut is_first) = (None, true);
        let signals = [stopped, until, &stop, &recall];
        // Gone with the wait: a descriptor less may be the one that the next start needs.
        let spare = Spare::default();
        let ready = wait_ready_by(&signals, &spare, stopped.site(at), |event| {
            if mem::take(&mut is_first) {
                lent = Lent::take(self, &recall, &mut buffer); // invariant 3
                if lent.is_none() {
                    self.look_again(); // the engine may not know that somebody collects
                }
            }
            match &mut lent {
                Some(lent) => lent.sleep(event, &mut buffer),
                None => {
                    // The engine has it just now.
                    let event = [(event.as_fd(), Interest::Read)];
                    descriptor::wait(&event, None).map(|(is_raised, _)| (false, is_raised))
                }
            }
        });
        drop(spare);
        if let (Ok(Ready::Source), Some(lent)) = (&ready, &mut lent) {
            lent.ended(&mut buffer);
        }
        drop(lent);
        *self.run.buffer.lock() = buffer;
        match ready {
            Ok(Ready::Signal(1)) => Err(WaitError::Expired),
            Ok(Ready::Signal(2)) => Err(WaitError::Stopped(Stopped::by(&stop))),
            _ => Ok(()),
        }
    }
}

/// A process in the hands of the calling thread. Dropped, it is given back.
struct Lent<'r> {
    request: &'r Request,
    /// Until it is given back.
    process: Option<Box<Watched>>,
}

impl<'r> Lent<'r> {
    fn take(request: &'r Request, recall: &Signal, buffer: &mut Vec<u8>) -> Option<Self> {
        let (mut process, is_new) = request.run.hands.lend(request.key, recall)?;
        if buffer.is_empty() {
            *buffer = vec![0; CHUNK];
        }
        if !is_new {
            process.pump(buffer); // somebody waits for it from here on
        }
        process.be_told(false);
        let process = Some(process);
        Some(Self { request, process })
    }

    /// Sleeps until something happens: is it its end, was it the event?
    fn sleep(&mut self, event: &Event, buffer: &mut [u8]) -> io::Result<(bool, bool)> {
        let Some(process) = &mut self.process else {
            return Ok((true, false));
        };
        let Some(pidfd) = &process.pidfd else {
            return Ok((true, false));
        };
        let end = (pidfd.as_fd(), Interest::Read);
        let mut sources = [end; 3];
        let mut n = 1;
        for pipe in process.out.iter().flatten().filter_map(Output::pipe) {
            sources[n].0 = pipe.as_fd();
            n += 1;
        }
        let (is_ready, is_raised) = descriptor::wait(&sources[..n], Some(event))?;
        if !is_ready {
            return Ok((false, is_raised));
        }
        if n == 1 || process.life.is_wanted() || descriptor::is_ready(end.0, end.1)? {
            return Ok((true, is_raised));
        }
        process.pump(buffer);
        Ok((false, is_raised))
    }

    fn ended(&mut self, buffer: &mut [u8]) {
        if let Some(process) = &mut self.process
            && !process.life.is_wanted()
        {
            process.ready(SELF, buffer);
            process.settle();
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        if !process.is_done() {
            process.be_told(true); // invariant 1
        }
        let has_time = process.till.is_some();
        for look in self.request.run.hands.put_back(process) {
            self.request.send(look);
        }
        if has_time {
            self.request.run.event.raise(); // it may have passed
        }
    }
}

/// What concerns a process that is lent.
impl Watched {
    /// Is nothing to be done but to wait for its end and to read what it writes?
    pub(super) fn is_quiet(&self) -> bool {
        let is_simple = self.is_told && self.lent.is_none() && self.input.is_none();
        is_simple && self.phase == Phase::Running && !self.life.is_wanted() && !orphans::adopts()
    }

    /// Is the engine told by the kernel what happens to it (invariant 1)?
    fn be_told(&mut self, is_told: bool) {
        let (epoll, data) = (&self.request.run.epoll, self.request.data(SELF));
        if let (Some(pidfd), Phase::Running) = (&self.pidfd, self.phase) {
            let what = if is_told {
                EventFlags::IN
            } else {
                EventFlags::empty()
            };
            let _ = epoll::modify(epoll, pidfd, data, what); // it was added
        }
        for output in self.out.iter_mut().flatten() {
            let Some(pipe) = output.pipe() else {
                continue;
            };
            if !is_told {
                let _ = epoll::delete(epoll, pipe); // if it was added
                output.is_watched = true; // it goes on as one that is
                continue;
            }
            output.is_watched = false;
            if !output.listen(&self.request) {
                output.end(); // as if the kernel had no memory before
            }
        }
    }

    /// If it is over it is reaped.
    pub(super) fn settle(&mut self) {
        if self.is_over() {
            self.conclude();
        }
    }
}
