//! Descriptors: waiting for them, and moving bytes without waiting.
//!
//! # Invariants
//!
//! 1. Only [`wait`] sleeps, `take` and `put` at an end that waits, and [`read_ready`] and [`write_ready`] if
//!    somebody else took what [`is_ready`] saw.
//! 2. Nothing here changes a descriptor's flags, which belong to everybody who has the same open file, but for
//!    `never_waits`, for ends that nobody else has.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{self, RecvFlags, SendFlags, SocketAddrAny, SocketAddrUnix, SocketType};

use crate::primitive::sys::event::Event;

/// What is to be possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Write,
}

/// A descriptor, and what is to be possible with it.
pub(crate) type Source<'fd> = (BorrowedFd<'fd>, Interest);

impl Interest {
    fn flags(self) -> PollFlags {
        match self {
            Self::Read => PollFlags::IN,
            Self::Write => PollFlags::OUT,
        }
    }
}

/// What a pipe that is ready for writing takes without waiting; POSIX promises the smaller one.
const PIPE_BUF: usize = if cfg!(any(target_os = "linux", target_os = "android")) {
    4096
} else {
    512
};

const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Is it ready now? The end of a stream and an error are.
pub(crate) fn is_ready(source: BorrowedFd<'_>, interest: Interest) -> io::Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(source, interest.flags())];
    Ok(retry_on_intr(|| poll(&mut fds, Some(&AT_ONCE)))? > 0)
}

/// Sleeps until one of `sources`, one to three, is ready or `event` raised: was it a source, was it the event?
pub(crate) fn wait<'fd>(
    sources: &[Source<'fd>],
    event: Option<&'fd Event>,
) -> io::Result<(bool, bool)> {
    let of = |(source, interest): Source<'fd>| PollFd::from_borrowed_fd(source, interest.flags());
    let first = || of(sources[0]);
    let mut fds = [first(), first(), first(), first()];
    for (fd, source) in fds.iter_mut().zip(sources) {
        *fd = of(*source);
    }
    let (at, mut n) = (sources.len(), sources.len());
    if let Some(event) = event {
        fds[at] = PollFd::new(event, PollFlags::IN);
        n += 1;
    }
    sleep(&mut fds[..n])?;
    let is_there = |fds: &[PollFd<'_>]| fds.iter().any(|fd| !fd.revents().is_empty());
    Ok((is_there(&fds[..at]), is_there(&fds[at..n])))
}

#[cfg(not(any(selvedge_loom, selvedge_shuttle)))]
fn sleep(fds: &mut [PollFd<'_>]) -> io::Result<()> {
    retry_on_intr(|| poll(fds, None))?;
    Ok(())
}

/// A scheduler under test must not sleep: it looks, and lets the others run.
#[cfg(any(selvedge_loom, selvedge_shuttle))]
fn sleep(fds: &mut [PollFd<'_>]) -> io::Result<()> {
    while retry_on_intr(|| poll(fds, Some(&AT_ONCE)))? == 0 {
        crate::primitive::yield_now();
    }
    Ok(())
}

/// Takes what a socket has. `None`: nothing yet.
///
/// # Errors
///
/// What the socket says; see [`is_no_socket`].
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    unless_it_would_wait(|| {
        net::recv(socket, &mut *buffer, RecvFlags::DONTWAIT).map(|(_, n)| n.min(buffer.len()))
    })
}

/// Gives a socket what it takes. `None`: no room yet.
///
/// # Errors
///
/// What the socket says; see [`is_no_socket`].
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<Option<usize>> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let flags = SendFlags::DONTWAIT;
    unless_it_would_wait(|| net::send(socket, bytes, flags))
}

/// From now on [`put`] does not wait at this end, which nobody else has.
#[cfg(selvedge_worker)]
pub(crate) fn never_waits(end: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::io::ioctl_fionbio(end, true)?)
}

/// Takes what is there. `None`: nothing yet, and the end is one that does not wait.
#[cfg(selvedge_worker)]
pub(crate) fn take(source: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    unless_it_would_wait(|| rustix::io::read(source, &mut *buffer))
}

/// Gives it what it has room for. `None`: no room yet, and it [`never_waits`].
#[cfg(selvedge_worker)]
pub(crate) fn put(sink: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<Option<usize>> {
    unless_it_would_wait(|| rustix::io::write(sink, bytes))
}

/// Was this [`receive`] or [`send`] refused because the descriptor is no socket?
pub(crate) fn is_no_socket(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOTSOCK.raw_os_error())
}

/// Reads if there is something to read.
pub(crate) fn read_ready(source: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    if !is_ready(source, Interest::Read)? {
        return Ok(None);
    }
    unless_it_would_wait(|| rustix::io::read(source, &mut *buffer))
}

/// Writes if there is room, and no more than there is.
pub(crate) fn write_ready(sink: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<Option<usize>> {
    if !is_ready(sink, Interest::Write)? {
        return Ok(None);
    }
    let bytes = &bytes[..bytes.len().min(PIPE_BUF)];
    unless_it_would_wait(|| rustix::io::write(sink, bytes))
}

fn unless_it_would_wait(
    act: impl FnMut() -> rustix::io::Result<usize>,
) -> io::Result<Option<usize>> {
    match retry_on_intr(act) {
        Ok(n) => Ok(Some(n)),
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What a report calls a descriptor.
pub(crate) fn name_of(descriptor: BorrowedFd<'_>) -> String {
    let number = descriptor.as_raw_fd();
    match number {
        0 => return "standard input".to_owned(),
        1 => return "standard output".to_owned(),
        2 => return "standard error".to_owned(),
        _ => {}
    }
    if let Ok(kind) = net::sockopt::socket_type(descriptor) {
        // The other end, or for a listener this one.
        let peer = net::getpeername(descriptor).ok().flatten();
        let address = peer.or_else(|| net::getsockname(descriptor).ok());
        return name_of_socket(kind, address);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Ok(path) = std::fs::read_link(format!("/proc/self/fd/{number}")) {
        return path.display().to_string();
    }
    format!("descriptor {number}")
}

fn name_of_socket(kind: SocketType, address: Option<SocketAddrAny>) -> String {
    let Some(address) = address else {
        return "socket".to_owned();
    };
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        let protocol = match kind {
            SocketType::STREAM => "tcp",
            SocketType::DGRAM => "udp",
            _ => "socket",
        };
        return format!("{protocol} {address}");
    }
    let address = SocketAddrUnix::try_from(address).ok();
    match address.as_ref().and_then(SocketAddrUnix::path_bytes) {
        Some(path) if !path.is_empty() => format!("unix {}", String::from_utf8_lossy(path)),
        _ => "unix socket".to_owned(),
    }
}
