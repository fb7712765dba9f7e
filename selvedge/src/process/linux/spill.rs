//! Output that waits for a reader in a file without a name.

use std::fs::{File, OpenOptions, remove_file};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::process;

use crate::primitive::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes, first in, first out.
pub(super) struct Spill {
    file: File,
    read: u64,
    written: u64,
}

/// How many names are tried.
const NAMES: u32 = 1000;

/// Only a number for a name.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Spill {
    /// In the system's directory for temporary files. It has a name for a moment.
    pub(super) fn new() -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create_new(true).mode(0o600);
        let folder = std::env::temp_dir();
        let mut taken = None;
        for _ in 0..NAMES {
            let n = NEXT.fetch_add(1, Relaxed);
            let path = folder.join(format!("selvedge-{}-{n}", process::id()));
            match options.open(&path) {
                // Of a program with our number, in another container, or of somebody who means harm.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    taken = Some(error);
                }
                Err(error) => return Err(error),
                Ok(file) => {
                    remove_file(&path)?;
                    return Ok(Self {
                        file,
                        read: 0,
                        written: 0,
                    });
                }
            }
        }
        Err(taken.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.written)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Takes the first bytes.
    pub(super) fn pop(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.len()).unwrap_or(usize::MAX);
        let most = buffer.len().min(most);
        let n = self.file.read_at(&mut buffer[..most], self.read)?;
        self.read += n as u64;
        if self.read == self.written {
            (self.read, self.written) = (0, 0);
            self.file.set_len(0)?;
        }
        Ok(n)
    }

    pub(super) fn len(&self) -> u64 {
        self.written - self.read
    }
}
