//! What the main thread must know of a line: whether it says anything, and which name it binds.
//!
//! The main thread meets every line, so it looks at the beginning of it and at nothing else. The
//! worker that gets the line asks [`scan`] the same question before it parses the rest, so the two
//! cannot disagree about what a binding is.
//!
//! # Invariants
//!
//! 1. [`Scan::Binding`] does not promise that the line is right: `x = )` binds `x`, and fails. The
//!    name then keeps its earlier value.
//! 2. A line that is not a [`Scan::Binding`] binds nothing, whatever it holds.

use crate::syntax::is_name;

/// The beginning of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan<'a> {
    /// Nothing, or a comment.
    Nothing,
    /// No binding; an expression, if it is anything.
    Expression,
    /// `name =`, whatever comes then.
    Binding {
        /// The name.
        name: &'a str,
        /// Where the expression begins: after the `=`, in bytes.
        after: usize,
    },
}

/// Looks at the beginning of a line.
pub(crate) fn scan(line: &[u8]) -> Scan<'_> {
    let start = skip_blank(line, 0);
    match line.get(start) {
        None | Some(b'#') => return Scan::Nothing,
        Some(_) => {}
    }
    let end = name_end(line, start);
    let equals = skip_blank(line, end);
    if line.get(equals) != Some(&b'=') {
        return Scan::Expression;
    }
    match name(&line[start..end]) {
        Some(name) => Scan::Binding {
            name,
            after: equals + 1,
        },
        None => Scan::Expression,
    }
}

/// The part of a line before its comment.
///
/// Cut before anything is decoded: a comment may be in any encoding, because no byte of a longer
/// UTF-8 sequence is a `#`.
pub(crate) fn without_comment(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .position(|&byte| byte == b'#')
        .unwrap_or(line.len());
    &line[..end]
}

/// The first place from `at` on that is not blank.
fn skip_blank(line: &[u8], at: usize) -> usize {
    let blank = line[at..]
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'));
    at + blank.count()
}

/// Where the bytes that may stand in a name end.
fn name_end(line: &[u8], at: usize) -> usize {
    let of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || !byte.is_ascii();
    at + line[at..].iter().take_while(of_name).count()
}

/// The bytes as a name, if they are one.
fn name(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    is_name(text).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{Scan, scan, without_comment};

    #[test]
    fn only_a_name_before_an_equals_sign_is_a_binding() {
        for (line, expected) in [
            ("", Scan::Nothing),
            (" \t", Scan::Nothing),
            ("  # x = 5", Scan::Nothing),
            (
                "x = 5",
                Scan::Binding {
                    name: "x",
                    after: 3,
                },
            ),
            (
                "\t_a1\t=",
                Scan::Binding {
                    name: "_a1",
                    after: 6,
                },
            ),
            (
                "größe=1",
                Scan::Binding {
                    name: "größe",
                    after: 8,
                },
            ),
            (
                "x == 5",
                Scan::Binding {
                    name: "x",
                    after: 3,
                },
            ),
            (
                "x = y = 5",
                Scan::Binding {
                    name: "x",
                    after: 3,
                },
            ),
            ("x", Scan::Expression),
            ("x y = 5", Scan::Expression),
            ("1x = 5", Scan::Expression),
            ("= 5", Scan::Expression),
            ("x # = 5", Scan::Expression),
            ("x\u{a0}= 5", Scan::Expression),
            ("f(x) = 5", Scan::Expression),
        ] {
            assert_eq!(scan(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_never_a_name() {
        assert_eq!(scan(b"\xff = 5"), Scan::Expression);
        assert_eq!(scan(b"x\xc3 = 5"), Scan::Expression);
        assert_eq!(without_comment(b"x = 5 # \xff"), b"x = 5 ");
    }
}
