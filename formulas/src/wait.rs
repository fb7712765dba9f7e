//! Waiting for input or for the stop, whichever comes first.
//!
//! A read cannot be interrupted by a signal of the library, and std cannot wait for two things. So
//! the stop is made a second thing to poll: a pipe whose writing end is closed by it. Where there
//! is no `poll` the read itself waits, and a stop is seen after it.

/// Whether there is something to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    /// There is, or the end.
    Yes,
    /// Not at the moment.
    NotYet,
    /// The program was asked to stop.
    Stopped,
}

#[cfg(unix)]
mod imp {
    use std::fs::File;
    use std::io::{self, PipeReader};
    use std::os::fd::AsFd;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, retry_on_intr};
    use selvedge::Signal;
    use selvedge::signal::OnSet;

    use super::Ready;

    /// What it takes to wait.
    #[derive(Debug)]
    pub(crate) struct Waiter {
        /// At its end as soon as the stop is set.
        stopped: PipeReader,
        _close: OnSet,
        /// Kept: a signal that nobody holds any more would drop the writing end.
        _stop: Signal,
    }

    impl Waiter {
        /// Prepares to wait for input or for `stop`.
        pub(crate) fn new(stop: &Signal) -> io::Result<Self> {
            let (stopped, writer) = io::pipe()?;
            let close = stop.on_set(move || drop(writer));
            Ok(Self {
                stopped,
                _close: close,
                _stop: stop.clone(),
            })
        }

        /// Waits until there is something.
        pub(crate) fn wait(&self, file: &File) -> io::Result<Ready> {
            self.poll(file, None)
        }

        /// Looks whether there is something.
        pub(crate) fn look(&self, file: &File) -> io::Result<Ready> {
            self.poll(
                file,
                Some(&Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                }),
            )
        }

        fn poll(&self, file: &File, timeout: Option<&Timespec>) -> io::Result<Ready> {
            let (file, stopped) = (file.as_fd(), self.stopped.as_fd());
            let mut both = [
                PollFd::new(&file, PollFlags::IN),
                PollFd::new(&stopped, PollFlags::IN),
            ];
            let result = retry_on_intr(|| poll(&mut both, timeout));
            match result {
                Ok(_) => {}
                // A kind of file that cannot be polled is one that does not block.
                Err(Errno::PERM) => return Ok(Ready::Yes),
                Err(error) => return Err(error.into()),
            }
            // The stop goes before what is ready: a caller that is asked to stop should not read
            // on.
            if !both[1].revents().is_empty() {
                return Ok(Ready::Stopped);
            }
            Ok(if both[0].revents().is_empty() {
                Ready::NotYet
            } else {
                Ready::Yes
            })
        }
    }

    /// Standard input, as a file of our own.
    pub(crate) fn stdin() -> io::Result<File> {
        Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
    }
}

#[cfg(not(unix))]
mod imp {
    use std::fs::File;
    use std::io;

    use selvedge::Signal;

    use super::Ready;

    /// Nothing: the read waits.
    #[derive(Debug)]
    pub(crate) struct Waiter {
        stop: Signal,
    }

    impl Waiter {
        /// Remembers the stop.
        pub(crate) fn new(stop: &Signal) -> io::Result<Self> {
            Ok(Self { stop: stop.clone() })
        }

        /// Lets the read wait.
        pub(crate) fn wait(&self, _: &File) -> io::Result<Ready> {
            Ok(if self.stop.is_set() {
                Ready::Stopped
            } else {
                Ready::Yes
            })
        }

        /// Nothing is known: so the caller prints what it has, and then waits.
        pub(crate) fn look(&self, _: &File) -> io::Result<Ready> {
            Ok(Ready::NotYet)
        }
    }

    /// Standard input, as a file of our own.
    pub(crate) fn stdin() -> io::Result<File> {
        use std::os::windows::io::AsHandle;
        Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?))
    }
}

pub(crate) use imp::{Waiter, stdin};
