//! From the bytes of a terminal to keys.
//!
//! A library for this would want to wait for them by itself; here a stop ends the wait.

use crate::top::model::Key;

/// The byte that begins what most keys send that are no letters.
const ESCAPE: u8 = 0x1b;

/// Bytes of which keys are made.
///
/// ```
/// use selvedge_cli::top::{Key, Keys};
///
/// let mut keys = Keys::default();
/// assert_eq!(keys.take(b"q\x1b[A\x1b[5"), [Key::Char('q'), Key::Up]); // the last one is not whole
/// assert_eq!(keys.take(b"~"), [Key::PageUp]);
/// assert_eq!(keys.take(b"\x1b"), []); // alone, or is there more to come?
/// assert_eq!(keys.flush(), [Key::Escape]);
/// ```
#[derive(Debug, Default)]
pub struct Keys {
    unread: Vec<u8>,
}

/// What stands at the begin: a key, or something that is none, and its length.
type Found = (Option<Key>, usize);

impl Keys {
    /// Adds what was read; the keys that are whole.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.unread.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while let Some((key, length)) = first(&self.unread) {
            self.unread.drain(..length);
            keys.extend(key);
        }
        keys
    }

    /// Is there the begin of a key?
    #[must_use]
    pub fn is_amid(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Nothing more has come: an escape is the key of that name, and the begin of another one is nothing.
    pub fn flush(&mut self) -> Vec<Key> {
        let is_escape = self.unread.first() == Some(&ESCAPE);
        self.unread.clear();
        is_escape.then_some(Key::Escape).into_iter().collect()
    }
}

fn first(bytes: &[u8]) -> Option<Found> {
    Some(match bytes {
        [] | [ESCAPE] => return None,
        [ESCAPE, b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| !(0x20..0x40).contains(byte))?;
            (named(&rest[..end], rest[end]), end + 3)
        }
        [ESCAPE, b'O'] => return None,
        [ESCAPE, b'O', last, ..] => (named(b"", *last), 3),
        [ESCAPE, ..] => (Some(Key::Escape), 1),
        [b'\r' | b'\n', ..] => (Some(Key::Enter), 1),
        [b'\t', ..] => (Some(Key::Tab), 1),
        [0x7f | 0x08, ..] => (Some(Key::Backspace), 1),
        [0x03 | 0x04, ..] => (Some(Key::Interrupt), 1), // Ctrl-C, Ctrl-D
        [0..0x20, ..] => (None, 1),
        _ => return letter(bytes),
    })
}

/// A key with a name, by the end of what it sends and what stands before that.
fn named(numbers: &[u8], last: u8) -> Option<Key> {
    Some(match (last, numbers) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'Z', _) => Key::BackTab,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'~', b"5") => Key::PageUp,
        (b'~', b"6") => Key::PageDown,
        _ => return None,
    })
}

/// A letter in UTF-8.
fn letter(bytes: &[u8]) -> Option<Found> {
    let length = match bytes[0] {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Some((None, 1)),
    };
    let begin = &bytes[..length.min(bytes.len())];
    match str::from_utf8(begin) {
        Ok(text) => Some((text.chars().next().map(Key::Char), length)),
        Err(error) if error.error_len().is_none() => None, // there is more to come
        Err(_) => Some((None, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Keys};

    #[test]
    fn what_keys_send_is_known() {
        for (bytes, key) in [
            (&b"\x1b[A"[..], Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[1;5C", Key::Right),
            (b"\x1b[D", Key::Left),
            (b"\x1b[Z", Key::BackTab),
            (b"\x1b[H", Key::Home),
            (b"\x1b[1~", Key::Home),
            (b"\x1bOF", Key::End),
            (b"\x1b[6~", Key::PageDown),
            (b"\r", Key::Enter),
            (b"\x7f", Key::Backspace),
            (b"\x03", Key::Interrupt),
            ("ß".as_bytes(), Key::Char('ß')),
            ("🧵".as_bytes(), Key::Char('🧵')),
        ] {
            assert_eq!(Keys::default().take(bytes), [key], "{bytes:?}");
            // However it is cut.
            let mut keys = Keys::default();
            let found: Vec<Key> = bytes.iter().flat_map(|byte| keys.take(&[*byte])).collect();
            assert_eq!(found, [key], "{bytes:?}, byte by byte");
            assert!(!keys.is_amid());
        }
    }

    #[test]
    fn what_is_no_key_does_no_harm() {
        for bytes in [
            &b"\x1b[200~"[..],
            b"\x1b[<0;1;1M",
            b"\x01",
            b"\xff",
            b"\x1bOP",
            b"\xc3(",
        ] {
            let mut keys = Keys::default();
            let found = keys.take(bytes);
            assert!(
                found.is_empty() || found == [Key::Char('(')],
                "{bytes:?}: {found:?}"
            );
            assert_eq!(keys.take(b"q").last(), Some(&Key::Char('q')), "{bytes:?}");
        }
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"\x1bq"), [Key::Escape, Key::Char('q')]);
        assert_eq!((keys.take(b"\xe2\x82"), keys.flush()), (vec![], vec![]));
        assert_eq!(
            (keys.take(b"\x1b["), keys.flush()),
            (vec![], vec![Key::Escape])
        );
    }
}
