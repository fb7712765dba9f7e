//! Lines of a file or of standard input, without waiting behind anybody's back.
//!
//! Before a read would block (a pipe, a terminal) the caller is told, so that it can print what it
//! has; then the wait is for input *or* the stop, whichever comes first. A line is bounded: what is
//! longer than [`LONGEST_LINE`] is counted and skipped, so `/dev/zero` does not fill the memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use selvedge::Signal;

use crate::wait::{Ready, Waiter};

/// The most bytes that a line may have.
pub(crate) const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// A file or standard input, as lines.
#[derive(Debug)]
pub(crate) struct Input {
    reader: BufReader<File>,
    /// How to wait; `None` for a regular file, which never blocks for long.
    waiter: Option<Waiter>,
    line: Vec<u8>,
    /// How many bytes of the line are gone, because it is too long.
    skipped: usize,
    number: u64,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next<'a> {
    /// A line, without its end.
    Line { number: u64, line: &'a [u8] },
    /// A line that is too long; `len` bytes of it were skipped.
    TooLong { number: u64, len: usize },
    /// There is nothing yet, and may be nothing for long. The caller is asked again when it has
    /// printed what it has.
    NotReady,
    /// The program was asked to stop.
    Stopped,
    /// There is nothing more.
    End,
}

impl Input {
    /// The shown name of standard input.
    pub(crate) const STDIN: &'static str = "<stdin>";

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub(crate) fn open(path: &Path, stop: &Signal) -> io::Result<Self> {
        Self::new(File::open(path)?, stop)
    }

    /// Standard input.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub(crate) fn stdin(stop: &Signal) -> io::Result<Self> {
        Self::new(crate::wait::stdin()?, stop)
    }

    fn new(file: File, stop: &Signal) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let waiter = (!metadata.is_file()).then(|| Waiter::new(stop));
        let reader = BufReader::with_capacity(64 * 1024, file);
        Ok(Self {
            reader,
            waiter,
            line: Vec::new(),
            skipped: 0,
            number: 0,
        })
    }

    /// The next line.
    ///
    /// `may_wait` is what the answer to [`Next::NotReady`] is: whether to wait now.
    ///
    /// # Stopping
    ///
    /// A wait for input ends with [`Next::Stopped`]. What is there is still handed out.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub(crate) fn next(&mut self, may_wait: bool) -> io::Result<Next<'_>> {
        if self.line.last() == Some(&b'\n') {
            self.line.clear();
        }
        loop {
            if self.reader.buffer().is_empty() {
                match self.wait(may_wait)? {
                    Ready::Yes => {}
                    Ready::NotYet => return Ok(Next::NotReady),
                    Ready::Stopped => return Ok(Next::Stopped),
                }
            }
            let buffer = self.reader.fill_buf()?;
            let (taken, is_end) = match buffer.iter().position(|&byte| byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            let was_skipping = self.skipped > 0;
            if !was_skipping && self.line.len() + taken <= LONGEST_LINE + 1 {
                self.line.extend_from_slice(&buffer[..taken]);
            } else {
                self.skipped += taken + self.line.len();
                self.line.clear();
            }
            self.reader.consume(taken);
            if is_end {
                return Ok(self.finish());
            }
            if self.skipped > 0 && !was_skipping {
                // Nobody knows how long this will take: what stands before it should not wait.
                return Ok(Next::NotReady);
            }
        }
    }

    /// What the gathered bytes are, at the end of a line or of the file.
    fn finish(&mut self) -> Next<'_> {
        let skipped = std::mem::take(&mut self.skipped);
        if skipped == 0 && self.line.is_empty() {
            return Next::End;
        }
        self.number += 1;
        let number = self.number;
        if skipped > 0 {
            return Next::TooLong {
                number,
                len: skipped,
            };
        }
        if self.line.last() != Some(&b'\n') {
            // The last line: its end is put there, so that it is dropped before the next one.
            self.line.push(b'\n');
        }
        let line = &self.line[..self.line.len() - 1];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if number == 1 {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        } else {
            line
        };
        Next::Line { number, line }
    }

    fn wait(&self, may_wait: bool) -> io::Result<Ready> {
        match &self.waiter {
            None => Ok(Ready::Yes),
            Some(waiter) if may_wait => waiter.wait(self.reader.get_ref()),
            Some(waiter) => waiter.look(self.reader.get_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{PipeWriter, Write, pipe};

    use selvedge::Signal;

    use super::{Input, LONGEST_LINE, Next};

    /// An input with `bytes` in it; closed, if nothing is to come.
    fn piped(bytes: &[u8]) -> (Input, PipeWriter) {
        let (reader, mut writer) = pipe().unwrap();
        writer.write_all(bytes).unwrap();
        let file = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
        (Input::new(file, &Signal::new()).unwrap(), writer)
    }

    fn line(input: &mut Input) -> Option<(u64, Vec<u8>)> {
        match input.next(true).unwrap() {
            Next::Line { number, line } => Some((number, line.to_vec())),
            Next::End => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_lose_their_ends_and_the_first_its_mark() {
        let (mut input, writer) = piped(b"\xef\xbb\xbfa\r\n\nb");
        drop(writer);
        assert_eq!(line(&mut input), Some((1, b"a".to_vec())));
        assert_eq!(line(&mut input), Some((2, b"".to_vec())));
        assert_eq!(line(&mut input), Some((3, b"b".to_vec())));
        assert_eq!(line(&mut input), None);
    }

    #[test]
    fn half_a_line_is_not_ready_and_is_not_lost() {
        let (mut input, mut writer) = piped(b"1 +");
        assert!(matches!(input.next(false).unwrap(), Next::NotReady));
        writer.write_all(b" 2\n3").unwrap();
        assert_eq!(line(&mut input), Some((1, b"1 + 2".to_vec())));
        drop(writer);
        assert_eq!(line(&mut input), Some((2, b"3".to_vec())));
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_counted() {
        let (mut input, mut writer) = piped(b"1\n");
        let long = vec![b'9'; LONGEST_LINE + 200_000];
        let feeder = std::thread::Builder::new().spawn(move || {
            writer.write_all(&long).unwrap();
            writer.write_all(b"\n2\n").unwrap();
        });
        assert_eq!(line(&mut input), Some((1, b"1".to_vec())));
        assert!(matches!(input.next(true).unwrap(), Next::NotReady));
        match input.next(true).unwrap() {
            Next::TooLong { number: 2, len } => assert_eq!(len, LONGEST_LINE + 200_001),
            other => panic!("{other:?}"),
        }
        assert_eq!(line(&mut input), Some((3, b"2".to_vec())));
        feeder.unwrap().join().unwrap();
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let (reader, _writer) = pipe().unwrap();
        let stop = Signal::new();
        let file = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
        let mut input = Input::new(file, &stop).unwrap();
        stop.set();
        assert!(matches!(input.next(true).unwrap(), Next::Stopped));
    }
}
