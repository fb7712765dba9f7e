//! How many calls are expected.

use core::fmt;
use core::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeToInclusive};

/// A number of calls: `3`, `2..=3`, `1..`, `..=4`, `..`.
///
/// # Examples
///
/// ```
/// use selvedge::call::Calls;
///
/// let text = |calls: Calls| calls.to_string();
/// assert_eq!(text(0.into()), "no call");
/// assert_eq!(text((2..=3).into()), "2 to 3 calls");
/// assert_eq!(text((1..).into()), "1 or more calls");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    least: u64,
    most: u64,
}

impl Calls {
    pub(super) fn least(self) -> u64 {
        self.least
    }

    pub(super) fn most(self) -> u64 {
        self.most
    }
}

impl From<u32> for Calls {
    fn from(n: u32) -> Self {
        Self::from(n..=n)
    }
}

impl From<RangeInclusive<u32>> for Calls {
    fn from(range: RangeInclusive<u32>) -> Self {
        Self {
            least: (*range.start()).into(),
            most: (*range.end()).into(),
        }
    }
}

impl From<Range<u32>> for Calls {
    fn from(range: Range<u32>) -> Self {
        Self {
            least: range.start.into(),
            most: u64::from(range.end).saturating_sub(1),
        }
    }
}

impl From<RangeFrom<u32>> for Calls {
    fn from(range: RangeFrom<u32>) -> Self {
        Self {
            least: range.start.into(),
            most: u64::MAX,
        }
    }
}

impl From<RangeToInclusive<u32>> for Calls {
    fn from(range: RangeToInclusive<u32>) -> Self {
        Self::from(0..=range.end)
    }
}

impl From<RangeFull> for Calls {
    fn from(_: RangeFull) -> Self {
        Self::from(0..)
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (_, 0) => f.write_str("no call"),
            (1, 1) => f.write_str("1 call"),
            (least, most) if least == most => write!(f, "{least} calls"),
            (0, u64::MAX) => f.write_str("any number of calls"),
            (least, u64::MAX) => write!(f, "{least} or more calls"),
            (0, 1) => f.write_str("at most 1 call"),
            (0, most) => write!(f, "at most {most} calls"),
            (least, most) => write!(f, "{least} to {most} calls"),
        }
    }
}
