//! The grammar of W3C baggage: members, tokens, percent coding.
//!
//! Nothing here knows what a member means.

use std::borrow::Cow;

use crate::ambient::baggage::error::Fault;

/// One member of a list, as it stood there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Without white space around it.
    raw: Box<str>,
    key_len: usize,
}

impl Member {
    /// Reads a member without white space around it.
    pub(super) fn read(raw: &str) -> Result<Self, Fault> {
        let mut parts = raw.split(';');
        let first = parts.next().unwrap_or("");
        let (key, value) = first.split_once('=').ok_or(Fault::NoValue)?;
        let (key, value) = (trim(key), trim(value));
        check_pair(key, value)?;
        for property in parts {
            match property.split_once('=') {
                Some((key, value)) => check_pair(trim(key), trim(value))?,
                None => check_pair(trim(property), "")?,
            }
        }
        Ok(Self {
            key_len: key.len(),
            raw: raw.into(),
        })
    }

    /// A new one.
    pub(super) fn new(key: &str, value: &str) -> Self {
        Self {
            raw: format!("{key}={}", encode(value)).into(),
            key_len: key.len(),
        }
    }

    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    pub(super) fn key(&self) -> &str {
        &self.raw[..self.key_len]
    }

    /// The value, decoded, without the properties.
    pub(super) fn value(&self) -> Cow<'_, str> {
        let rest = self.raw[self.key_len..].trim_start_matches(is_space);
        let value = rest.strip_prefix('=').unwrap_or(rest);
        decode(trim(value.split(';').next().unwrap_or("")))
    }
}

/// The members of a list that are not empty, without white space around them.
pub(super) fn members(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(trim)
        .filter(|member| !member.is_empty())
}

fn check_pair(key: &str, value: &str) -> Result<(), Fault> {
    if !is_token(key.as_bytes()) {
        return Err(Fault::Key);
    }
    match value.chars().find(|c| !is_baggage_octet(*c)) {
        Some(c) => Err(Fault::Octet(c)),
        None => Ok(()),
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

fn is_space(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// May this stand in a value as it is?
fn is_baggage_octet(c: char) -> bool {
    matches!(c, '!'..='~') && !matches!(c, '"' | ',' | ';' | '\\')
}

/// Is this a token of RFC 7230?
const fn is_token(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
            | b'`' | b'|' | b'~' => {}
            c if c.is_ascii_alphanumeric() => {}
            _ => return false,
        }
        at += 1;
    }
    !text.is_empty()
}

/// The key of a local, checked where it is declared.
pub(crate) const fn checked_key(key: &'static str) -> &'static str {
    assert!(
        is_token(key.as_bytes()),
        "a baggage key is a token (RFC 7230): letters, digits and !#$%&'*+-.^_`|~"
    );
    let (bytes, ours) = (key.as_bytes(), b"selvedge-");
    let mut at = 0;
    while at < ours.len() && at < bytes.len() && bytes[at] == ours[at] {
        at += 1;
    }
    assert!(
        at < ours.len(),
        "baggage keys that begin with `selvedge-` are the library's own"
    );
    key
}

/// Percent-encodes what may not stand in a value, and `%`.
pub(super) fn encode(text: &str) -> String {
    encode_where(text, |c| c == '%' || !is_baggage_octet(c))
}

/// Percent-encodes the characters that `must` be.
pub(super) fn encode_where(text: &str, must: impl Fn(char) -> bool) -> String {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let mut coded = String::with_capacity(text.len());
    for c in text.chars() {
        if !must(c) {
            coded.push(c);
            continue;
        }
        for octet in c.encode_utf8(&mut [0; 4]).bytes() {
            coded.push('%');
            coded.push(char::from(DIGITS[usize::from(octet >> 4)]));
            coded.push(char::from(DIGITS[usize::from(octet & 15)]));
        }
    }
    coded
}

/// Takes the percent coding away.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let coded = match after {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match coded {
            Some((high, low)) => {
                octets.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&octets).into_owned())
}

fn digit(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        b'A'..=b'F' => Some(c - b'A' + 10),
        _ => None,
    }
}
