//! The standard streams, taken away from everybody else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Standard input and output as descriptors of their own. From here on standard input is empty, and what is written to
/// standard output goes to standard error.
pub(crate) fn take_standard_streams() -> io::Result<(OwnedFd, OwnedFd)> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr().as_fd())?;
    Ok((input, output))
}
