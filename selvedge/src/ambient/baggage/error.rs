//! The error of text that is no baggage.

use core::fmt;

use crate::ambient::capture::Ambient;

/// How much of a member an error shows.
const SHOWN: usize = 80;

/// Text that is no [W3C baggage](https://www.w3.org/TR/baggage/), or not all of it; names the first malformed member.
///
/// Malformed members are left out whole, the others have been read:
/// `unwrap_or_else(Error::into_ambient)` goes on with those.
///
/// # Examples
///
/// ```
/// use selvedge::{Ambient, baggage};
///
/// let error = Ambient::from_baggage("a=1,user name=Ada,b=2").unwrap_err();
/// assert_eq!(error.member(), "user name=Ada");
/// assert_eq!(error.position(), 2);
/// assert_eq!(baggage::Error::into_ambient(error).to_baggage(), "a=1,b=2");
/// ```
pub struct Error {
    pub(super) ambient: Ambient,
    pub(super) first: Malformed,
    /// How many members are malformed.
    pub(super) count: usize,
}

/// A member that cannot be read.
pub(super) struct Malformed {
    pub(super) position: usize,
    pub(super) member: Box<str>,
    pub(super) fault: Fault,
}

/// What is wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no `=`.
    NoValue,
    /// The key of the member or of a property is no token.
    Key,
    /// Something that must be percent-encoded stands in a value.
    Octet(char),
}

impl Error {
    /// The text of the first malformed member.
    #[must_use]
    pub fn member(&self) -> &str {
        &self.first.member
    }

    /// The number of the first malformed member; the first member of the list is 1, empty ones do not count.
    #[must_use]
    pub fn position(&self) -> usize {
        self.first.position
    }

    /// How many members are malformed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// What the other members bind.
    #[must_use]
    pub fn into_ambient(self) -> Ambient {
        self.ambient
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Malformed {
            position,
            member,
            fault,
        } = &self.first;
        let shown = Shown(member);
        write!(f, "baggage member {position}, `{shown}`, {fault}")?;
        match self.count {
            1 => Ok(()),
            count => write!(f, "; {} more are malformed", count - 1),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue => f.write_str("has no value: write `key=value`"),
            Self::Key => f.write_str(
                "has a key that is no token: write letters, digits and !#$%&'*+-.^_`|~ only",
            ),
            Self::Octet(c) => {
                write!(f, "has a {c:?} in a value: percent-encode it")
            }
        }
    }
}

/// Text of strangers, so that it cannot pretend to be another line of a log.
pub(super) struct Shown<'t>(pub(super) &'t str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(SHOWN) {
            write!(f, "{}", c.escape_debug())?;
        }
        match self.0.chars().nth(SHOWN) {
            Some(_) => f.write_str("..."),
            None => Ok(()),
        }
    }
}
