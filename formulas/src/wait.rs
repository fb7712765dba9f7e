//! Waiting for input or for the stop, whichever comes first.
//!
//! A read cannot be interrupted by a signal, but a wait before it can. Where the library has none (it
//! is for Unix) the read itself waits, and a stop is seen after it.

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
    use std::io;
    use std::os::fd::AsFd;

    use selvedge::Signal;
    use selvedge::io::{interruption, readable_until};

    use super::Ready;

    /// What it takes to wait.
    #[derive(Debug)]
    pub(crate) struct Waiter {
        stop: Signal,
    }

    impl Waiter {
        /// Prepares to wait for input or for `stop`.
        pub(crate) fn new(stop: &Signal) -> Self {
            Self { stop: stop.clone() }
        }

        /// Waits until there is something.
        pub(crate) fn wait(&self, file: &File) -> io::Result<Ready> {
            self.ready(file, &self.stop)
        }

        /// Looks whether there is something.
        pub(crate) fn look(&self, file: &File) -> io::Result<Ready> {
            self.ready(file, &Signal::always())
        }

        fn ready(&self, file: &File, until: &Signal) -> io::Result<Ready> {
            match readable_until(file, until) {
                Err(error) if interruption(&error).is_none() => Err(error),
                // The stop goes before what is ready: a caller that is asked to stop should not read
                // on.
                _ if self.stop.is_set() => Ok(Ready::Stopped),
                Ok(()) => Ok(Ready::Yes),
                Err(_) => Ok(Ready::NotYet),
            }
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
        pub(crate) fn new(stop: &Signal) -> Self {
            Self { stop: stop.clone() }
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
