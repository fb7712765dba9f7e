//! Patterns of paths: `app::views::*`, `app::**`.

use core::fmt;
use std::error::Error;

/// A pattern that paths of open functions are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    text: Box<str>,
    segments: Box<[Segment]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// `**`: any number of segments, none as well.
    Any,
    /// One segment, with `*` for any number of characters.
    One(Box<str>),
}

impl Glob {
    /// A pattern of whole paths, which have the crate's name in front.
    pub(super) fn new(text: &str) -> Result<Self, BadPattern> {
        let glob = Self::of_names(text)?;
        match &*glob.segments {
            [Segment::One(name)] => Err(BadPattern {
                text: text.into(),
                why: Why::OneSegment(name.clone()),
            }),
            _ => Ok(glob),
        }
    }

    /// A pattern that may be of one name.
    pub(super) fn of_names(text: &str) -> Result<Self, BadPattern> {
        let refuse = |why| BadPattern {
            text: text.into(),
            why,
        };
        if text.is_empty() {
            return Err(refuse(Why::Empty));
        }
        let mut segments = Vec::new();
        for part in text.split("::") {
            segments.push(match part {
                "**" => Segment::Any,
                "" => return Err(refuse(Why::EmptySegment)),
                part if part.contains("**") => return Err(refuse(Why::PartOfSegment)),
                part => {
                    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '*' | '#');
                    if let Some(other) = part.chars().find(|c| !is_name(*c)) {
                        return Err(refuse(Why::Character(other)));
                    }
                    Segment::One(part.into())
                }
            });
        }
        Ok(Self {
            text: text.into(),
            segments: segments.into(),
        })
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Does every path match?
    #[cfg(feature = "inspect")]
    pub(super) fn matches_all(&self) -> bool {
        let is_any = |segment: &Segment| match segment {
            Segment::Any => true,
            Segment::One(one) => one.chars().all(|c| c == '*'),
        };
        // A path has two segments or more: that of the crate, and the function's.
        let ones = self
            .segments
            .iter()
            .filter(|it| matches!(it, Segment::One(_)));
        self.segments.iter().all(is_any)
            && self.segments.contains(&Segment::Any)
            && ones.count() <= 2
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match_segments(&self.segments, Some(path))
    }
}

/// Do the segments match the path's? `None`: there are no more of these.
fn match_segments(pattern: &[Segment], path: Option<&str>) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return path.is_none();
    };
    let (segment, after) = match path.map(|path| path.split_once("::").ok_or(path)) {
        None => (None, None),
        Some(Ok((segment, after))) => (Some(segment), Some(after)),
        Some(Err(last)) => (Some(last), None),
    };
    match first {
        Segment::Any => {
            match_segments(rest, path) || segment.is_some() && match_segments(pattern, after)
        }
        Segment::One(one) => {
            segment.is_some_and(|segment| match_one(one, segment)) && match_segments(rest, after)
        }
    }
}

fn match_one(pattern: &str, segment: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == segment,
        Some((before, after)) => segment.strip_prefix(before).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.any(|at| match_one(after, &rest[at..]))
        }),
    }
}

/// A pattern that no path of a function can match.
///
/// # Examples
///
/// ```
/// use selvedge::call;
///
/// let error = call::watch("views", |_| ()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the pattern `views` matches no function: a path has the crate's name in front, so write `**::views`",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPattern {
    text: Box<str>,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Empty,
    EmptySegment,
    PartOfSegment,
    Character(char),
    OneSegment(Box<str>),
}

impl BadPattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the pattern `{}` matches no function: ", self.text)?;
        match &self.why {
            Why::Empty => f.write_str("it is empty; `**` is for all functions"),
            Why::EmptySegment => f.write_str("there is nothing between two `::`, or at an end"),
            Why::PartOfSegment => f.write_str(
                "`**` stands for whole segments, between `::`; inside a segment write `*`",
            ),
            Why::Character(other) => write!(
                f,
                "{other:?} is in no path; a path is like `app::views::get`, with `*` and `**` for parts of it"
            ),
            Why::OneSegment(name) => write!(
                f,
                "a path has the crate's name in front, so write `**::{name}`"
            ),
        }
    }
}

impl Error for BadPattern {}
