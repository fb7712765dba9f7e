//! Writers for a log that fail, wait and remember, and values whose text is a problem.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use selvedge::observe::logging::{Level, Log};
use selvedge::{Signal, signal};

/// Its text cannot be made without logging.
pub(crate) struct Talkative(pub(crate) Log);

impl fmt::Display for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.say(Level::Info, "inner");
        f.write_str("outer")
    }
}

pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        panic!("no text")
    }
}

/// A writer that keeps what is written, in small pieces.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    text: Arc<Mutex<Vec<u8>>>,
    /// What becomes of the next writes: an error for each, before and after some bytes.
    pub(crate) fails: Arc<Mutex<Vec<usize>>>,
}

impl Memory {
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.text.lock().unwrap().clone()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
        text.lines().map(str::to_owned).collect()
    }

    /// Without the time.
    pub(crate) fn said(&self) -> Vec<String> {
        let lines = self.lines().into_iter();
        lines
            .map(|line| line.split_once(' ').unwrap().1.to_owned())
            .collect()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut fails = self.fails.lock().unwrap();
        let n = match fails.last_mut() {
            Some(0) => {
                fails.pop();
                return Err(io::Error::other("disk full"));
            }
            Some(left) => {
                let n = (*left).min(bytes.len());
                *left -= n;
                n
            }
            None => bytes.len().min(7),
        };
        self.text.lock().unwrap().extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Holds whoever writes until it is set.
pub(crate) struct Gate(pub(crate) Memory, pub(crate) Signal);

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        signal::shield(|| self.1.wait()).unwrap();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
