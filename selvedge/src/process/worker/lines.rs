//! A stream of bytes, line by line.
//!
//! # Invariants
//!
//! 1. [`Lines`] keeps at most the longest line and one read. Of a line that is longer it keeps the beginning.

use std::io::BufRead;

/// How much is read at once.
pub(super) const READ: usize = 4096;

/// How much of a line that is too long or malformed is kept, to say which one it was.
pub(super) const HEAD: usize = 120;

/// Takes a stream of bytes apart, line by line.
#[derive(Debug)]
pub(super) struct Lines {
    /// What is read into, from the first time on.
    buffer: Vec<u8>,
    kept: Vec<u8>,
    /// Where in `kept` the line begins, and how far it was looked at.
    start: usize,
    looked: usize,
    longest: usize,
    /// How long the present line is, if it is too long: its beginning is kept.
    over: Option<usize>,
}

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'l> {
    Whole(&'l [u8]),
    /// It was longer than a line may be; its beginning, and its length.
    TooLong(&'l [u8], usize),
}

impl Lines {
    pub(super) fn new(longest: usize) -> Self {
        Self {
            buffer: Vec::new(),
            kept: Vec::new(),
            start: 0,
            looked: 0,
            longest: longest.max(HEAD),
            over: None,
        }
    }

    /// Adds what `read` puts into the buffer that it is given, so many bytes.
    pub(super) fn read<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<Option<usize>, E>,
    ) -> Result<Option<usize>, E> {
        let mut buffer = core::mem::take(&mut self.buffer);
        buffer.resize(READ, 0);
        let n = read(&mut buffer);
        if let Ok(Some(n)) = n {
            self.add(&buffer[..n]);
        }
        self.buffer = buffer;
        n
    }

    /// Adds what was read.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.kept.drain(..self.start);
            self.looked -= self.start;
            self.start = 0;
        }
        self.kept.extend_from_slice(bytes);
    }

    /// The next line that is complete.
    pub(super) fn next(&mut self) -> Option<Line<'_>> {
        let begin = self.start;
        let Some(at) = line_end(&self.kept[self.looked..]) else {
            self.looked = self.kept.len();
            if let Some(over) = &mut self.over {
                *over += self.looked - (begin + HEAD);
            } else if self.looked - begin > self.longest {
                self.over = Some(self.looked - begin);
            }
            if self.over.is_some() {
                self.kept.truncate(begin + HEAD);
                self.looked = begin + HEAD;
            }
            return None;
        };
        let end = self.looked + at;
        (self.start, self.looked) = (end + 1, end + 1);
        let length = match self.over.take() {
            Some(over) => over + end - (begin + HEAD),
            None => end - begin,
        };
        let line = &self.kept[begin..end];
        Some(if length > self.longest {
            Line::TooLong(&line[..HEAD.min(line.len())], length)
        } else {
            Line::Whole(line)
        })
    }

    /// What came after the last line end.
    pub(super) fn rest(&self) -> &[u8] {
        &self.kept[self.start..]
    }
}

/// Where the first line end is; found by what looks at many bytes at once.
fn line_end(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let skipped = rest.skip_until(b'\n').ok()?;
    bytes[..skipped].ends_with(b"\n").then(|| skipped - 1)
}

/// The beginning of a line, for messages.
pub(super) fn shown(line: &[u8]) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(&line[..line.len().min(HEAD)]).chars() {
        text.extend(c.escape_debug());
    }
    if line.len() > HEAD {
        text.push_str("..");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HEAD, Line, Lines};

    /// All lines of `stream`, read in pieces of these lengths; a line as its text, or how long it was.
    fn lines(stream: &[u8], pieces: &[usize], longest: usize) -> Vec<Result<Vec<u8>, usize>> {
        let mut lines = Lines::new(longest);
        let mut found = Vec::new();
        let (mut rest, mut sizes) = (stream, pieces.iter().cycle());
        while !rest.is_empty() {
            let n = sizes.next().copied().unwrap_or(1).clamp(1, rest.len());
            lines.add(&rest[..n]);
            rest = &rest[n..];
            while let Some(line) = lines.next() {
                found.push(match line {
                    Line::Whole(line) => Ok(line.to_vec()),
                    Line::TooLong(head, length) => {
                        assert_eq!(head.len(), HEAD);
                        Err(length)
                    }
                });
            }
            assert!(
                lines.kept.len() <= 2 * longest + n + 1,
                "{}",
                lines.kept.len()
            );
        }
        found
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_stream_however_it_is_cut(
            texts in prop::collection::vec(prop::collection::vec(b'a'..=b'c', 0..400), 0..12),
            pieces in prop::collection::vec(1_usize..500, 1..8),
        ) {
            let longest = 200;
            let stream: Vec<u8> = texts.iter().flat_map(|t| [t, &b"\n"[..]].concat()).collect();
            let expected: Vec<_> = texts
                .into_iter()
                .map(|t| if t.len() > longest { Err(t.len()) } else { Ok(t) })
                .collect();
            prop_assert_eq!(lines(&stream, &pieces, longest), expected);
        }
    }
}
