//! Where a program's socket is, and taking that place.
//!
//! # Invariants
//!
//! 1. A socket that somebody serves, a file, and whatever else is at a path, is left alone. Only a socket that refuses
//!    connections, so that nobody serves it, is replaced; and that by one server at a time, who holds a lock on the
//!    folder meanwhile.
//! 2. A server removes its socket only: the file with the number that it had made.

use core::fmt;
use std::error::Error;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::primitive::sys::local;

/// A socket and its place.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// Device and number of the file.
    file: (u64, u64),
}

/// Where programs have their sockets that were given no place: `$XDG_RUNTIME_DIR/selvedge`, or
/// `/tmp/selvedge-UID` without that variable. A program's is `NAME-PID.sock`.
///
/// # Examples
///
/// ```
/// let directory = selvedge::observe::inspect::directory();
/// assert!(directory.to_string_lossy().contains("selvedge"));
/// ```
#[must_use]
pub fn directory() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(path) if Path::new(&path).is_absolute() => Path::new(&path).join("selvedge"),
        _ => PathBuf::from(format!("/tmp/selvedge-{}", local::user())),
    }
}

/// Where the program `name` serves, by what it or its environment says.
pub(super) fn place_of(said: &Path, name: &str) -> Result<PathBuf, ServeError> {
    if said.as_os_str().is_empty() {
        let folder = directory();
        make_private(&folder)?;
        return Ok(path_in(&folder, name));
    }
    Ok(match said.is_dir() {
        true => path_in(said, name),
        false => said.into(),
    })
}

fn path_in(folder: &Path, name: &str) -> PathBuf {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().filter(|c| plain(*c)).take(40).collect();
    folder.join(format!("{name}-{}.sock", std::process::id()))
}

/// Makes the folder for sockets, for its owner alone; one that is there must be that.
fn make_private(folder: &Path) -> Result<(), ServeError> {
    let io = |doing, error| ServeError::io(doing, folder, error);
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io("make", error)),
    }
    let it = fs::symlink_metadata(folder).map_err(|error| io("look at", error))?;
    if !it.is_dir() || it.uid() != local::user() || it.mode() & 0o077 != 0 {
        return Err(ServeError::NotPrivate {
            folder: folder.into(),
        });
    }
    Ok(())
}

impl Place {
    /// Listens at `path`.
    pub(super) fn take(path: &Path) -> Result<(Self, UnixListener), ServeError> {
        if !local::fits(path) {
            return Err(ServeError::TooLong { path: path.into() });
        }
        let listener = match local::listen_privately(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => replace(path)?,
            other => other.map_err(|error| ServeError::io("listen at", path, error))?,
        };
        let it = fs::symlink_metadata(path);
        let it = it.map_err(|error| ServeError::io("look at", path, error))?;
        let place = Self {
            path: path.into(),
            file: (it.dev(), it.ino()),
        };
        Ok((place, listener))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|it| (it.dev(), it.ino()) == self.file);
        if is_ours {
            let _ = fs::remove_file(&self.path); // a folder that is gone took it along
        }
    }
}

/// Something is at `path`: takes its place if it is a socket that nobody serves (invariant 1).
fn replace(path: &Path) -> Result<UnixListener, ServeError> {
    let io = |doing, error| ServeError::io(doing, path, error);
    let in_use = || ServeError::InUse { path: path.into() };
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let lock = File::open(folder.unwrap_or(Path::new(".")))
        .map_err(|error| io("lock the folder of", error))?;
    // Whoever holds it is about to serve, or wants to keep us from it; neither is worth a wait.
    lock.try_lock().map_err(|_| in_use())?;
    match fs::symlink_metadata(path) {
        Ok(it) if !it.file_type().is_socket() => {
            return Err(ServeError::NoSocket { path: path.into() });
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {} // gone meanwhile
        Err(error) => return Err(io("look at", error)),
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| io("replace", error))?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(io("connect to", error));
        }
        _ => return Err(in_use()),
    }
    match local::listen_privately(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(in_use()),
        other => other.map_err(|error| io("listen at", error)),
    }
}

/// The error of [`serve`](super::serve).
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The calling thread is in no tree: there is nothing to show.
    NoTree,
    /// The address of a unix socket has room for about a hundred bytes.
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// What is at the path is no socket, and is left alone.
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// Somebody serves at the path already.
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The folder for sockets belongs to, or is open to, somebody else.
    NotPrivate {
        /// The folder.
        folder: PathBuf,
    },
    /// The system refused.
    #[non_exhaustive]
    Io {
        /// What could not be done, `listen at`.
        doing: &'static str,
        /// The path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl ServeError {
    pub(super) fn io(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io {
            doing,
            path: path.into(),
            error,
        }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTree => f.write_str(
                "this thread is in no tree, so there is nothing to inspect: serve from inside `selvedge::run`",
            ),
            Self::TooLong { path } => write!(
                f,
                "the path {path:?} has {} bytes, which is too long for a socket: choose one below 100, in /tmp or \
                 $XDG_RUNTIME_DIR",
                path.as_os_str().len()
            ),
            Self::NoSocket { path } => write!(
                f,
                "there is something at {path:?} that is no socket: remove it, or choose another path"
            ),
            Self::InUse { path } => write!(
                f,
                "another program serves at {path:?}, or is about to: choose another path"
            ),
            Self::NotPrivate { folder } => write!(
                f,
                "the folder {folder:?} must belong to this user and be open to nobody else: `chmod 700` it, or set \
                 XDG_RUNTIME_DIR"
            ),
            Self::Io { doing, path, error } => write!(f, "cannot {doing} {path:?}: {error}"),
        }
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
