//! Sockets of this machine that are for their owner alone, who is at the other end, and waits for many of them.
//!
//! # Invariants
//!
//! 1. A socket is made private between `bind` and `listen`: until it listens nobody can connect, and whoever opens it
//!    later is asked for the permission then.
//! 2. Only [`wait_many`] sleeps.

use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};

/// Connections that were not accepted yet.
const BACKLOG: i32 = 16;

/// A socket at `path` that only its owner can connect to (invariant 1), and whose `accept` never waits.
pub(crate) fn listen_privately(path: &Path) -> io::Result<UnixListener> {
    let address = SocketAddrUnix::new(path)?;
    let listener = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::CLOEXEC)?;
    bind(&listener, &address)?;
    let ready = set_permissions(path, Permissions::from_mode(0o600))
        .and_then(|()| Ok(listen(&listener, BACKLOG)?));
    if let Err(error) = ready {
        let _ = std::fs::remove_file(path); // ours, and of no use
        return Err(error);
    }
    let listener = UnixListener::from(listener);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Would `path` fit into an address?
pub(crate) fn fits(path: &Path) -> bool {
    !matches!(
        SocketAddrUnix::new(path),
        Err(rustix::io::Errno::NAMETOOLONG)
    )
}

/// The user at the other end; none where the system does not tell, and there the socket's permissions must do.
pub(crate) fn peer(stream: &UnixStream) -> Option<u32> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let user = rustix::net::sockopt::socket_peercred(stream)
        .ok()
        .map(|them| them.uid.as_raw());
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let user = {
        let _ = stream;
        None
    };
    user
}

/// The user whose rights this process has.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A descriptor to wait for, for what, and what it is ready for.
pub(crate) struct Watched<'f> {
    pub(crate) fd: BorrowedFd<'f>,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// Sleeps until one of `fds` is ready; it then says for what. One that has failed is ready for all.
pub(crate) fn wait_many(fds: &mut [Watched<'_>]) -> io::Result<()> {
    let mut polled: Vec<_> = fds
        .iter()
        .map(|it| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, it.read);
            flags.set(PollFlags::OUT, it.write);
            PollFd::from_borrowed_fd(it.fd, flags)
        })
        .collect();
    retry_on_intr(|| poll(&mut polled, None))?;
    let ready: Vec<_> = polled.iter().map(PollFd::revents).collect();
    drop(polled);
    for (it, ready) in fds.iter_mut().zip(ready) {
        let failed = ready.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
        it.read = failed || ready.contains(PollFlags::IN);
        it.write = failed || ready.contains(PollFlags::OUT);
    }
    Ok(())
}
