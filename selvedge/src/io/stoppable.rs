//! `Read` and `Write` that a stop ends.

use core::fmt;
use core::panic::Location;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use crate::io::attempt::{Wait, Way};
use crate::io::verbs::{READ, WRITE};
use crate::primitive::sys::descriptor::Interest;
use crate::signal::{Signal, Spare};

/// Reads from and writes to a descriptor, and waits for it no longer than the calling thread may.
///
/// Of a `TcpStream`, `UnixStream`, pipe, child's output, `stdin()`, or a reference or `Arc` of one: two
/// adaptors of `&stream` are its two directions. Bytes go straight through the descriptor; a buffer inside
/// the wrapped value, as std's `Stdin` has, is passed by.
///
/// # Stopping
///
/// A read or write that cannot begin ends when the thread that calls it is asked to stop, or when the
/// signal given to [`until`](Self::until) is set. The bytes stay where they are, and the adaptor can be
/// used again. Those that a caller above has collected are its own business: `BufReader::read_line` keeps
/// the part of a line in the `String`, `lines()` and `read_exact` lose it.
///
/// # Errors
///
/// See [`interruption`](super::interruption).
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, io::{Stoppable, interruption}, signal::WaitError};
/// use std::io::{BufRead, BufReader, Write};
/// use std::os::unix::net::UnixStream;
///
/// let (here, mut there) = UnixStream::pair()?;
/// let enough = Signal::new();
/// let mut lines = BufReader::new(Stoppable::new(&here).until(enough.clone())).lines();
/// there.write_all(b"one\ntwo\n")?;
/// enough.set();
/// assert_eq!(lines.next().unwrap()?, "one"); // what is there comes first
/// assert_eq!(lines.next().unwrap()?, "two");
/// let error = lines.next().unwrap().unwrap_err();
/// assert!(matches!(interruption(&error), Some(WaitError::Expired)));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Stoppable<S> {
    inner: S,
    until: Option<Signal>,
    way: Way,
    spare: Spare,
    name: Option<Box<str>>,
    made: &'static Location<'static>,
}

impl<S: AsFd> Stoppable<S> {
    /// Wraps `inner`. Reports name it by its address, and by where this was called.
    #[track_caller]
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            until: None,
            way: Way::default(),
            spare: Spare::default(),
            name: None,
            made: Location::caller(),
        }
    }

    /// As a worker's wait: it stays linked to its signals.
    #[cfg(selvedge_shuttle)]
    #[doc(hidden)]
    #[must_use]
    pub fn lasting(self) -> Self {
        let spare = Spare::lasting();
        Self { spare, ..self }
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Ends waits when `signal` is set, too; the last one given counts.
    ///
    /// ```
    /// use selvedge::{Till, io::Stoppable};
    /// use std::{io::Read, time::Duration};
    ///
    /// let (reader, _writer) = std::io::pipe()?;
    /// let mut reader = Stoppable::new(reader).until(Till::after(Duration::from_millis(1)));
    /// assert!(reader.read(&mut [0; 8]).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn until(mut self, signal: Signal) -> Self {
        self.until = Some(signal);
        self
    }

    /// What was wrapped.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// What was wrapped.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Tries and waits, by `attempt`.
    fn wait(
        &mut self,
        interest: Interest,
        verb: &'static str,
        mut attempt: impl FnMut(&mut Way, BorrowedFd<'_>) -> io::Result<Option<usize>>,
    ) -> io::Result<usize> {
        let on = self.inner.as_fd();
        let wait = Wait {
            on,
            interest,
            until: self.until.as_ref(),
            spare: &self.spare,
            verb,
            name: self.name.as_deref(),
            at: self.made,
        };
        let way = &mut self.way;
        wait.then(|| attempt(way, on))
    }
}

impl<S: AsFd> Read for Stoppable<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(Interest::Read, READ, |way, fd| way.read(fd, buffer))
    }
}

impl<S: AsFd> Write for Stoppable<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(Interest::Write, WRITE, |way, fd| way.write(fd, bytes))
    }

    /// Does nothing: nothing is kept back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: AsFd> AsFd for Stoppable<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<S: fmt::Debug> fmt::Debug for Stoppable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stoppable")
            .field("inner", &self.inner)
            .field("name", &self.name)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
