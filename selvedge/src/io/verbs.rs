//! Reading, writing and waiting, on anything that has a descriptor.

use core::panic::Location;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

use crate::io::attempt::{Wait, Way};
use crate::primitive::sys::descriptor::{self, Interest};
use crate::signal::{Signal, Spare};

pub(super) const READ: &str = "read from";
pub(super) const WRITE: &str = "write to";

/// Reads what is there, at most the buffer's length, waiting until there is something.
///
/// 0 is the end of the stream, or an empty buffer.
///
/// # Stopping
///
/// If the calling thread is asked to stop while nothing is there, it returns; nothing was taken.
///
/// # Errors
///
/// Those of the system, and a stop: see [`interruption`](super::interruption).
///
/// # Examples
///
/// ```
/// use selvedge::io;
/// use std::io::Write;
///
/// let (reader, mut writer) = std::io::pipe()?;
/// writer.write_all(b"abc")?;
/// let mut buffer = [0; 8];
/// assert_eq!(io::read(&reader, &mut buffer)?, 3);
/// drop(writer);
/// assert_eq!(io::read(&reader, &mut buffer)?, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn read(source: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    read_with(&source, buffer, None, Location::caller())
}

/// Reads what is there, waiting until `signal` is set.
///
/// # Stopping
///
/// As [`read`]; the order of precedence is what is there, `signal`, stop.
///
/// # Errors
///
/// Those of the system, an expiry and a stop: see [`interruption`](super::interruption).
///
/// # Examples
///
/// ```
/// use selvedge::{Till, io};
/// use std::{io::Write, time::Duration};
///
/// let (reader, mut writer) = std::io::pipe()?;
/// writer.write_all(b"abc")?;
/// let soon = Till::after(Duration::from_millis(1));
/// assert_eq!(io::read_until(&reader, &mut [0; 8], &soon)?, 3);
/// let error = io::read_until(&reader, &mut [0; 8], &soon).unwrap_err();
/// assert_eq!(error.to_string(), "the wait expired");
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn read_until(source: impl AsFd, buffer: &mut [u8], signal: &Signal) -> io::Result<usize> {
    read_with(&source, buffer, Some(signal), Location::caller())
}

/// Reads what is there, without waiting.
///
/// # Errors
///
/// Those of the system; of the kind `WouldBlock` if nothing is there yet.
///
/// # Examples
///
/// ```
/// use std::io::{ErrorKind, Write};
/// let (reader, mut writer) = std::io::pipe()?;
/// let mut buffer = [0; 8];
/// let error = selvedge::io::try_read(&reader, &mut buffer).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::WouldBlock);
/// writer.write_all(b"abc")?;
/// assert_eq!(selvedge::io::try_read(&reader, &mut buffer)?, 3);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn try_read(source: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let n = Way::default().read(source.as_fd(), buffer)?;
    n.ok_or_else(|| ErrorKind::WouldBlock.into())
}

/// Writes as much as there is room for, waiting until there is some; how much it was is returned.
///
/// # Stopping
///
/// If the calling thread is asked to stop while there is no room, it returns; nothing was written.
///
/// # Errors
///
/// Those of the system, and a stop: see [`interruption`](super::interruption).
///
/// # Examples
///
/// ```
/// use std::io::Read;
/// let (mut reader, writer) = std::io::pipe()?;
/// assert_eq!(selvedge::io::write(&writer, b"abc")?, 3);
/// drop(writer);
/// let mut all = String::new();
/// reader.read_to_string(&mut all)?;
/// assert_eq!(all, "abc");
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn write(sink: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    write_with(&sink, bytes, None, Location::caller())
}

/// Writes as much as there is room for, waiting for some until `signal` is set.
///
/// # Stopping
///
/// As [`write`](fn@write); the order of precedence is room, `signal`, stop.
///
/// # Errors
///
/// Those of the system, an expiry and a stop: see [`interruption`](super::interruption).
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, io, signal::WaitError};
/// let (_reader, writer) = std::io::pipe()?;
/// let late = Signal::always();
/// let error = loop {
///     // What fits is written first, though the signal is set.
///     match io::write_until(&writer, &[0; 4096], &late) {
///         Ok(n) => assert!(n > 0),
///         Err(error) => break error,
///     }
/// };
/// assert!(matches!(io::interruption(&error), Some(WaitError::Expired)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn write_until(sink: impl AsFd, bytes: &[u8], signal: &Signal) -> io::Result<usize> {
    write_with(&sink, bytes, Some(signal), Location::caller())
}

/// Writes as much as there is room for, without waiting.
///
/// # Errors
///
/// Those of the system; of the kind `WouldBlock` if there is no room.
///
/// # Examples
///
/// ```
/// let (reader, writer) = std::io::pipe()?;
/// assert_eq!(selvedge::io::try_write(&writer, b"abc")?, 3);
/// drop(reader);
/// let error = selvedge::io::try_write(&writer, b"abc").unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn try_write(sink: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let n = Way::default().write(sink.as_fd(), bytes)?;
    n.ok_or_else(|| ErrorKind::WouldBlock.into())
}

/// Waits until a read of `source` would not wait: for data, the end of the stream, an error, or, of a
/// listener, a connection.
///
/// For what the other functions do not cover, as a datagram with its sender. Another thread that reads the
/// same source may be quicker than the one that was told.
///
/// # Stopping
///
/// If the calling thread is asked to stop first, it returns.
///
/// # Errors
///
/// Those of the system, and a stop: see [`interruption`](super::interruption).
///
/// # Examples
///
/// ```
/// use std::net::UdpSocket;
/// let (a, b) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
/// b.send_to(b"abc", a.local_addr()?)?;
/// selvedge::io::readable(&a)?;
/// let mut buffer = [0; 8];
/// assert_eq!(a.recv_from(&mut buffer)?, (3, b.local_addr()?));
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn readable(source: impl AsFd) -> io::Result<()> {
    ready(&source, Interest::Read, None, Location::caller())
}

/// Waits until a read of `source` would not wait, or until `signal` is set.
///
/// # Stopping
///
/// As [`readable`]; the order of precedence is what is there, `signal`, stop.
///
/// # Errors
///
/// Those of the system, an expiry and a stop: see [`interruption`](super::interruption).
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, io, signal::WaitError};
/// let (reader, writer) = std::io::pipe()?;
/// let late = Signal::always();
/// let error = io::readable_until(&reader, &late).unwrap_err();
/// assert!(matches!(io::interruption(&error), Some(WaitError::Expired)));
/// drop(writer);
/// io::readable_until(&reader, &late)?; // its end
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn readable_until(source: impl AsFd, signal: &Signal) -> io::Result<()> {
    ready(&source, Interest::Read, Some(signal), Location::caller())
}

/// Waits until there is room to write to `sink`, or an error, or a connection that was begun is there.
///
/// # Stopping
///
/// If the calling thread is asked to stop first, it returns.
///
/// # Errors
///
/// Those of the system, and a stop: see [`interruption`](super::interruption).
///
/// # Examples
///
/// ```
/// let (_reader, writer) = std::io::pipe()?;
/// selvedge::io::writable(&writer)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn writable(sink: impl AsFd) -> io::Result<()> {
    ready(&sink, Interest::Write, None, Location::caller())
}

/// Waits until there is room to write to `sink`, or until `signal` is set.
///
/// # Stopping
///
/// As [`writable`]; the order of precedence is room, `signal`, stop.
///
/// # Errors
///
/// Those of the system, an expiry and a stop: see [`interruption`](super::interruption).
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, io};
/// let (_reader, writer) = std::io::pipe()?;
/// io::writable_until(&writer, &Signal::always())?; // there is room
/// while io::try_write(&writer, &[0; 4096]).is_ok() {}
/// assert!(io::writable_until(&writer, &Signal::always()).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn writable_until(sink: impl AsFd, signal: &Signal) -> io::Result<()> {
    ready(&sink, Interest::Write, Some(signal), Location::caller())
}

fn read_with(
    source: &impl AsFd,
    buffer: &mut [u8],
    until: Option<&Signal>,
    at: &'static Location<'static>,
) -> io::Result<usize> {
    let source = source.as_fd();
    let (spare, mut way) = (Spare::default(), Way::default());
    let wait = Wait {
        on: source,
        interest: Interest::Read,
        until,
        spare: &spare,
        verb: READ,
        name: None,
        at,
    };
    wait.then(|| way.read(source, buffer))
}

fn write_with(
    sink: &impl AsFd,
    bytes: &[u8],
    until: Option<&Signal>,
    at: &'static Location<'static>,
) -> io::Result<usize> {
    let sink = sink.as_fd();
    let (spare, mut way) = (Spare::default(), Way::default());
    let wait = Wait {
        on: sink,
        interest: Interest::Write,
        until,
        spare: &spare,
        verb: WRITE,
        name: None,
        at,
    };
    wait.then(|| way.write(sink, bytes))
}

fn ready(
    on: &impl AsFd,
    interest: Interest,
    until: Option<&Signal>,
    at: &'static Location<'static>,
) -> io::Result<()> {
    let on = on.as_fd();
    let spare = Spare::default();
    let wait = Wait {
        on,
        interest,
        until,
        spare: &spare,
        verb: match interest {
            Interest::Read => READ,
            Interest::Write => WRITE,
        },
        name: None,
        at,
    };
    wait.then(|| Ok(descriptor::is_ready(on, interest)?.then_some(())))
}
