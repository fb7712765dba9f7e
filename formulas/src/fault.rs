//! What is wrong with a statement, and showing text of which nothing is known.
//!
//! A [`Fault`] knows where in its line it is; the file and the line's number are added where it is
//! printed. What a message quotes goes through [`quoted`]: a line of a megabyte, a control
//! character or half a binary file must not reach a terminal.

use core::fmt;

/// Why a statement has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where, in bytes from the start of the line.
    pub(crate) at: usize,
    /// What is wrong; lower case, without a full stop.
    pub(crate) message: String,
}

impl Fault {
    /// A fault at byte `at`.
    #[cold]
    pub(crate) fn new(at: usize, message: impl fmt::Display) -> Self {
        Self {
            at,
            message: message.to_string(),
        }
    }
}

/// The column of byte `at`: the first is 1, and a character is one column however long it is.
pub(crate) fn column(line: &[u8], at: usize) -> usize {
    let before = &line[..at.min(line.len())];
    1 + String::from_utf8_lossy(before).chars().count()
}

/// `text` between back-quotes, with its control characters escaped, and cut if it is long.
pub(crate) fn quoted(text: &str) -> impl fmt::Display + '_ {
    Quoted(text)
}

struct Quoted<'a>(&'a str);

impl Quoted<'_> {
    /// The most characters that are shown.
    const LONGEST: usize = 40;
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut symbols = self.0.chars();
        f.write_str("`")?;
        for symbol in symbols.by_ref().take(Self::LONGEST) {
            match symbol {
                '\'' | '"' | '\\' => write!(f, "{symbol}")?,
                _ => write!(f, "{}", symbol.escape_debug())?,
            }
        }
        let more = symbols.next().is_some();
        f.write_str(if more { "…`" } else { "`" })
    }
}

#[cfg(test)]
mod tests {
    use super::{column, quoted};

    #[test]
    fn a_column_counts_characters_and_survives_bytes_that_are_none() {
        assert_eq!(column("x = )".as_bytes(), 4), 5);
        assert_eq!(column("größe )".as_bytes(), 8), 7);
        assert_eq!(column(b"ab\xff", 2), 3);
        assert_eq!(column(b"", 5), 1);
    }

    #[test]
    fn what_is_quoted_is_short_and_without_control_characters() {
        assert_eq!(quoted("a\u{1b}[2Jb").to_string(), "`a\\u{1b}[2Jb`");
        assert_eq!(quoted("it's \"so\"").to_string(), "`it's \"so\"`");
        let long = quoted(&"9".repeat(1_000_000)).to_string();
        assert_eq!(long.chars().count(), 43);
    }
}
