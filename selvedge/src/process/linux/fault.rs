//! What the numbers of the system's errors mean.

use std::io;

use rustix::io::Errno;

/// Is there no room for one more process, or file?
pub(in crate::process) fn is_exhausted(error: &io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| exhausted.contains(&errno))
}

/// Is the file no program? One with too many arguments is another story.
pub(in crate::process) fn is_no_program(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NOEXEC)
}
