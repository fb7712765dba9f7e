//! A line of output, byte for byte.

use core::fmt;
use core::ops::Deref;
use core::str::{self, Utf8Error};
use std::borrow::Cow;
use std::string::FromUtf8Error;

/// A line that a process wrote, as it wrote it, without the newline that ended it.
///
/// Nothing is cut and nothing is converted: blanks, NUL, carriage returns and bytes that are no UTF-8 are there.
/// It dereferences to its bytes, and is equal to bytes and texts that are the same.
///
/// # Examples
///
/// ```
/// use selvedge::process::Command;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let said = Command::new("printf").arg(r"h\303\251 \nlast").spawn()?;
///     let lines: Vec<_> = said.stdout().iter().collect();
///     assert_eq!(lines, ["hé ", "last"]);
///     assert_eq!(lines[0].to_str()?, "hé ");
///     assert!(lines[0].has_newline() && !lines[1].has_newline());
///     said.join()?;
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Line {
    bytes: Vec<u8>,
    end: End,
}

/// What ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    Newline,
    /// The end of the stream.
    Stream,
    /// The limit: the rest comes with the next.
    Limit,
}

impl Line {
    pub(super) fn new(bytes: Vec<u8>, end: End) -> Self {
        Self { bytes, end }
    }

    /// The bytes, without the newline.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, for good.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Did a newline end it? Otherwise the stream ended, or it [goes on](Self::goes_on).
    #[must_use]
    pub fn has_newline(&self) -> bool {
        self.end == End::Newline
    }

    /// Is it the first part of a line that is longer than [`longest_line`](super::Command::longest_line)? The
    /// next has more of it.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.end == End::Limit
    }

    /// The line as text.
    ///
    /// # Errors
    ///
    /// If it is no UTF-8.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        str::from_utf8(&self.bytes)
    }

    /// The same, for good.
    ///
    /// # Errors
    ///
    /// If it is no UTF-8; the error has the bytes.
    pub fn into_string(self) -> Result<String, FromUtf8Error> {
        String::from_utf8(self.bytes)
    }

    /// The line as text, with replacement characters for what is no UTF-8.
    #[must_use]
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Appends it to `text` as it was written, the newline included.
    pub(super) fn append_to(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(&self.bytes);
        if self.has_newline() {
            text.push(b'\n');
        }
    }

    /// How many bytes of the stream it is.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + usize::from(self.has_newline())
    }
}

impl Deref for Line {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsRef<[u8]> for Line {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq<[u8]> for Line {
    fn eq(&self, other: &[u8]) -> bool {
        *self.bytes == *other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Line {
    fn eq(&self, other: &&[u8; N]) -> bool {
        *self.bytes == **other
    }
}

impl PartialEq<str> for Line {
    fn eq(&self, other: &str) -> bool {
        *self.bytes == *other.as_bytes()
    }
}

impl PartialEq<&str> for Line {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl From<Line> for Vec<u8> {
    fn from(line: Line) -> Self {
        line.bytes
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}", self.bytes.escape_ascii())?;
        match self.end {
            End::Newline => f.write_str("\\n\""),
            End::Stream => f.write_str("\""),
            End::Limit => f.write_str("\".."),
        }
    }
}

/// Cuts a stream into lines.
#[derive(Debug)]
pub(super) struct Cutter {
    /// The begin of a line of which the rest has not come.
    pub(super) partial: Vec<u8>,
    longest: usize,
}

impl Cutter {
    pub(super) fn new(longest: usize) -> Self {
        let partial = Vec::new();
        Self { partial, longest }
    }

    /// More of the stream. Each line that is whole goes to `take`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Line)) {
        while let Some(first) = bytes.first() {
            if self.partial.len() == self.longest && *first != b'\n' {
                take(self.cut(End::Limit));
            }
            let window = &bytes[..bytes.len().min(self.longest - self.partial.len() + 1)];
            if let Some(at) = window.iter().position(|byte| *byte == b'\n') {
                self.partial.extend_from_slice(&bytes[..at]);
                take(self.cut(End::Newline));
                bytes = &bytes[at + 1..];
            } else {
                let n = window.len().min(self.longest - self.partial.len());
                self.partial.extend_from_slice(&bytes[..n]);
                bytes = &bytes[n..];
            }
        }
    }

    /// The stream ends here: its last line, if that has no newline.
    pub(super) fn end(&mut self) -> Option<Line> {
        (!self.partial.is_empty()).then(|| self.cut(End::Stream))
    }

    fn cut(&mut self, end: End) -> Line {
        Line::new(core::mem::take(&mut self.partial), end)
    }
}
