//! Words as text that a shell reads back as the same words.
//!
//! # Invariants
//!
//! 1. No byte of a word is read as syntax: what needs quotes has them.
//! 2. The first word is always quoted: `if`, `time` and `a=b` are names of programs here, as for a
//!    [`Command`](crate::process::Command).
//! 3. A word with a NUL is refused: no program can be given one.

use core::fmt;
use std::borrow::Cow;
use std::error::Error;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What cannot be said to a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuoteError {
    /// There is no word, so there is no program.
    Empty,
    /// A word has a NUL.
    #[non_exhaustive]
    Nul {
        /// Which; the program is 0. `None`: the script.
        index: Option<usize>,
        /// The text before the NUL, shortened.
        before: String,
    },
}

impl fmt::Display for QuoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => {
                f.write_str("there is no word: give the shell at least the name of a program")
            }
            Self::Nul {
                index: Some(0),
                before,
            } => write!(
                f,
                "the program's name has a NUL after {before:?}: remove it, no program can be called so"
            ),
            Self::Nul {
                index: Some(index),
                before,
            } => write!(
                f,
                "argument {index} has a NUL after {before:?}: remove it, or send it on standard input; \
                 no program can be given one as an argument"
            ),
            Self::Nul {
                index: None,
                before,
            } => write!(
                f,
                "the script has a NUL after {before:?}: remove it, a shell would skip it silently"
            ),
        }
    }
}

impl Error for QuoteError {}

/// The words, with a space between two.
pub(super) fn words<W: AsRef<OsStr>>(words: &[W]) -> Result<Vec<u8>, QuoteError> {
    let [first, rest @ ..] = words else {
        return Err(QuoteError::Empty);
    };
    let mut text = quoted(first.as_ref().as_bytes(), Some(0))?;
    for (index, word) in rest.iter().enumerate() {
        text.push(b' ');
        text.extend_from_slice(&word_of(word.as_ref().as_bytes(), Some(index + 1))?);
    }
    Ok(text)
}

/// One word, in quotes whether it needs them or not (invariant 2).
pub(super) fn quoted(word: &[u8], index: Option<usize>) -> Result<Vec<u8>, QuoteError> {
    Ok(match word_of(word, index)? {
        Cow::Borrowed(plain) => [b"'", plain, b"'"].concat(),
        Cow::Owned(quoted) => quoted,
    })
}

/// Borrowed if it needs no quotes (invariant 1).
fn word_of(word: &[u8], index: Option<usize>) -> Result<Cow<'_, [u8]>, QuoteError> {
    shlex::bytes::try_quote(word).map_err(|_| QuoteError::Nul {
        index,
        before: before_nul(word), // its only error (invariant 3)
    })
}

/// Enough of it to find the place.
pub(in crate::process) fn before_nul(word: &[u8]) -> String {
    const SHOWN: usize = 32;
    let before = word.split(|byte| *byte == 0).next().unwrap_or_default();
    let from = before.len().saturating_sub(SHOWN);
    String::from_utf8_lossy(&before[from..]).into_owned()
}
