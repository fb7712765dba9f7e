//! Input and output that a stop ends: sockets, pipes, terminals.
//!
//! A thread that is blocked in std's `read` or `accept` does not hear that it is asked to stop. Here it
//! waits for the descriptor *and* for its stop, without a thread, a timeout or a loop that looks now and
//! then.
//!
//! - [`Stoppable`] makes a `Read` and `Write` of anything with a descriptor; wrap it in std's `BufReader`
//!   as usual.
//! - [`Acceptor`] owns a listener.
//! - [`read`], [`write`](fn@write), [`readable`] and so on are the same without an adaptor.
//!
//! ```
//! use selvedge::io::{Acceptor, Stoppable};
//! use selvedge::{Till, thread};
//! use std::io::{BufRead, BufReader, Write};
//! use std::net::{TcpListener, TcpStream};
//!
//! # let status =
//! selvedge::run("example", |_stop| {
//!     let acceptor = Acceptor::new(TcpListener::bind("127.0.0.1:0")?)?;
//!     let address = acceptor.get_ref().local_addr()?;
//!     let server = thread::spawn("server", move |_stop| {
//!         let (stream, _) = acceptor.accept()?;
//!         let mut line = String::new();
//!         BufReader::new(Stoppable::new(stream)).read_line(&mut line)?;
//!         Ok(line)
//!     });
//!     TcpStream::connect(address)?.write_all(b"hello\n")?;
//!     assert_eq!(server.join()?, "hello\n");
//!     Ok(())
//! });
//! # assert_eq!(status, std::process::ExitCode::SUCCESS);
//! ```
//!
//! # Three forms
//!
//! | form                          | waits        | ends early with                                   |
//! |-------------------------------|--------------|---------------------------------------------------|
//! | `read(..)`                    | until it can | `Stopped`, when the thread is asked to            |
//! | `try_read(..)`                | never        | an error of the kind `WouldBlock`                 |
//! | `read_until(.., &signal)`     | until it can | `Expired` as well                                 |
//!
//! What is ready is handed out first, then the given signal counts, then the stop. An operation that
//! returns an error did not happen: no byte was taken, none was sent.
//!
//! # Errors
//!
//! All are `std::io::Error`s. [`interruption`] tells those of a signal from those of the system. A stop has
//! the kind `Other` and an expiry `TimedOut`; never `Interrupted`, which std's `read_exact` and
//! `read_line` would try again. Handed up with `?` a stop ends the thread as *stopped*.
//!
//! # What may still block
//!
//! - Sockets never do: bytes move with `MSG_DONTWAIT`, whatever the flags of the descriptor are.
//! - A pipe or terminal is read and written only when it is ready. If somebody else, in this process or
//!   another, reads the same pipe at the same time and is quicker, the read blocks as std's would.
//!   `O_NONBLOCK` would help, but it belongs to the open file, which a terminal or an inherited pipe shares
//!   with other programs; so nothing here sets it on what you hand in, but for the listener of an
//!   [`Acceptor`].
//! - Regular files are always ready.
//!
//! `set_read_timeout` and `set_write_timeout` have no effect here; use a [`Till`](crate::Till).
//!
//! # Standard input
//!
//! ```no_run
//! use selvedge::io::Stoppable;
//! use std::io::{BufRead, BufReader, stdin};
//!
//! for line in BufReader::new(Stoppable::new(stdin())).lines() {
//!     println!("{}", line?);
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! This reads from the descriptor and knows nothing of the buffer inside std's `Stdin`. Use one or the
//! other: what std has buffered is not seen here, and what a `BufReader` holds when it is dropped is gone.
//!
//! On unix only, with the feature `os`.

mod acceptor;
mod attempt;
mod error;
mod stoppable;
mod verbs;

#[cfg(all(selvedge_shuttle, target_os = "linux", feature = "worker"))]
mod woken;

pub use acceptor::{Acceptor, Incoming, Listener};
pub use error::interruption;
pub use stoppable::Stoppable;
pub use verbs::{
    read, read_until, readable, readable_until, try_read, try_write, writable, writable_until,
    write, write_until,
};
#[cfg(all(selvedge_shuttle, target_os = "linux", feature = "worker"))]
#[doc(hidden)]
pub use woken::WokenReader;
