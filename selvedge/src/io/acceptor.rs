//! Accepting connections until a stop.
//!
//! # Invariants
//!
//! 1. The listener does not block. Between the moment when a connection is seen and the `accept` another
//!    thread may take it, or it may be gone; a blocking `accept` would then sleep where no signal wakes it.
//!    There is no `MSG_DONTWAIT` for `accept`, and a flag that is changed for one call races with other
//!    threads: hence the acceptor owns its listener.
//! 2. Streams that it hands out block, as std's do.

use core::fmt;
use core::panic::Location;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{self, UnixListener, UnixStream};

use crate::io::attempt::Wait;
use crate::io::error::interruption;
use crate::primitive::sys::descriptor::Interest;
use crate::signal::{Signal, Spare, WaitError};

/// Accepts connections, and waits for them no longer than the calling thread may.
///
/// Any number of threads may share it and accept at the same time.
///
/// # Examples
///
/// ```
/// use selvedge::{Till, io::{Acceptor, interruption}, signal::WaitError};
/// use std::net::TcpListener;
/// use std::time::Duration;
///
/// let acceptor = Acceptor::new(TcpListener::bind("127.0.0.1:0")?)?;
/// let error = acceptor.accept_until(&Till::after(Duration::from_millis(1))).unwrap_err();
/// assert!(matches!(interruption(&error), Some(WaitError::Expired)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Acceptor<L> {
    listener: L,
    spare: Spare,
}

/// What an [`Acceptor`] accepts from: `TcpListener` and `UnixListener`.
pub trait Listener: AsFd + sealed::Listener {
    /// A connection.
    type Stream;
    /// Whose it is.
    type Address;

    #[doc(hidden)]
    fn set_nonblocking(&self) -> io::Result<()>;
    /// A connection that blocks, from a listener that does not.
    #[doc(hidden)]
    fn accept(&self) -> io::Result<(Self::Stream, Self::Address)>;
}

mod sealed {
    #[expect(unnameable_types, reason = "that is what seals `Listener`")]
    pub trait Listener {}
    impl Listener for super::TcpListener {}
    impl Listener for super::UnixListener {}
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Address = SocketAddr;

    fn set_nonblocking(&self) -> io::Result<()> {
        self.set_nonblocking(true)
    }

    fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = self.accept()?;
        accepted.0.set_nonblocking(false)?; // some systems let it inherit the listener's flag
        Ok(accepted)
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Address = net::SocketAddr;

    fn set_nonblocking(&self) -> io::Result<()> {
        self.set_nonblocking(true)
    }

    fn accept(&self) -> io::Result<(UnixStream, net::SocketAddr)> {
        let accepted = self.accept()?;
        accepted.0.set_nonblocking(false)?; // some systems let it inherit the listener's flag
        Ok(accepted)
    }
}

impl<L: Listener> Acceptor<L> {
    /// Takes the listener and sets it to not block, for this process and those that share it.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn new(listener: L) -> io::Result<Self> {
        Listener::set_nonblocking(&listener)?; // invariant 1
        let spare = Spare::default();
        Ok(Self { listener, spare })
    }

    /// Takes the next connection, waiting until there is one.
    ///
    /// A connection that is aborted before it was accepted is passed over.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while there is none, it returns; none was taken.
    ///
    /// # Errors
    ///
    /// Those of the system, and a stop: see [`interruption`]. A process that has no descriptor left gets
    /// the same error again and again: end connections, or wait for some to end, before trying again.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{io::Acceptor, thread};
    /// use std::net::TcpListener;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let acceptor = Acceptor::new(TcpListener::bind("127.0.0.1:0")?)?;
    ///     let server = thread::spawn("server", move |_stop| Ok(acceptor.accept()?));
    ///     server.stop();
    ///     assert!(server.join().is_err()); // it was stopped, which is no failure
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn accept(&self) -> io::Result<(L::Stream, L::Address)> {
        self.accept_with(None, Location::caller())
    }

    /// Takes the next connection, waiting for one until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`accept`](Self::accept); the order of precedence is a connection, `signal`, stop.
    ///
    /// # Errors
    ///
    /// Those of the system, an expiry and a stop: see [`interruption`].
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, io::Acceptor};
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// let acceptor = Acceptor::new(TcpListener::bind("127.0.0.1:0")?)?;
    /// let client = TcpStream::connect(acceptor.get_ref().local_addr()?)?;
    /// let late = Signal::always();
    /// assert_eq!(acceptor.accept_until(&late)?.1, client.local_addr()?); // it is there
    /// assert!(acceptor.accept_until(&late).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn accept_until(&self, signal: &Signal) -> io::Result<(L::Stream, L::Address)> {
        self.accept_with(Some(signal), Location::caller())
    }

    /// Takes the next connection, without waiting.
    ///
    /// # Errors
    ///
    /// Those of the system; of the kind `WouldBlock` if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::io::Acceptor;
    /// use std::{io::ErrorKind, net::TcpListener};
    ///
    /// let acceptor = Acceptor::new(TcpListener::bind("127.0.0.1:0")?)?;
    /// assert_eq!(acceptor.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_accept(&self) -> io::Result<(L::Stream, L::Address)> {
        self.accept_now()?
            .ok_or_else(|| ErrorKind::WouldBlock.into())
    }

    /// Connections until the calling thread is asked to stop, which ends the iteration.
    ///
    /// Errors of the system are items, and the iteration goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{io::Acceptor, thread};
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let acceptor = Acceptor::new(TcpListener::bind("127.0.0.1:0")?)?;
    ///     let address = acceptor.get_ref().local_addr()?;
    ///     let server = thread::spawn("server", move |stop| {
    ///         for connection in acceptor.incoming() {
    ///             drop(connection?);
    ///             stop.set();
    ///         }
    ///         Ok("ended in good order")
    ///     });
    ///     TcpStream::connect(address)?;
    ///     assert_eq!(server.join()?, "ended in good order");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn incoming(&self) -> Incoming<'_, L> {
        Incoming {
            acceptor: self,
            at: Location::caller(),
        }
    }

    /// The listener, for its address.
    pub fn get_ref(&self) -> &L {
        &self.listener
    }

    fn accept_with(
        &self,
        until: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> io::Result<(L::Stream, L::Address)> {
        let wait = Wait {
            on: self.listener.as_fd(),
            interest: Interest::Read,
            until,
            spare: &self.spare,
            verb: "connection to",
            name: None,
            at,
        };
        wait.then(|| self.accept_now())
    }

    fn accept_now(&self) -> io::Result<Option<(L::Stream, L::Address)>> {
        loop {
            match Listener::accept(&self.listener) {
                Ok(accepted) => return Ok(Some(accepted)),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(None),
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }
}

impl<L: Listener> AsFd for Acceptor<L> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// The iterator of [`Acceptor::incoming`].
pub struct Incoming<'a, L> {
    acceptor: &'a Acceptor<L>,
    at: &'static Location<'static>,
}

impl<L: Listener> Iterator for Incoming<'_, L> {
    type Item = io::Result<L::Stream>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.acceptor.accept_with(None, self.at) {
            Ok((stream, _)) => Some(Ok(stream)),
            Err(error) => match interruption(&error) {
                Some(WaitError::Stopped(_)) => None,
                _ => Some(Err(error)),
            },
        }
    }
}

impl<L: fmt::Debug> fmt::Debug for Incoming<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("acceptor", &self.acceptor)
            .finish_non_exhaustive()
    }
}
