//! Groutines that are found because they are linked.

use crate::call::glob::Glob;
use crate::call::groutine::groutines::{Groutines, Source};
#[cfg(feature = "discover")]
use crate::call::groutine::poll::Body;
#[cfg(feature = "discover")]
use crate::primitive::Arc;

/// A `#[groutine]`; its expansion registers one before `main`.
#[cfg(feature = "discover")]
#[doc(hidden)]
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the expansion of `#[groutine]` makes it, in a constant"
)]
pub struct Found {
    pub module: &'static str,
    pub name: &'static str,
    pub line: u32,
    pub make: fn() -> Body,
}

#[cfg(feature = "discover")]
inventory::collect!(Found);

impl Groutines {
    /// All functions marked `#[groutine]`, anywhere in the program, whose path `pattern` describes.
    ///
    /// A path is the module's and the function's name: `app::requests::start_view`. In a pattern `*` stands for any
    /// part of one name and `**` for any names; the crate's name may be left out: `requests::*`. They are added
    /// module by module, in the order in which they stand there.
    ///
    /// # Panics
    ///
    /// If there is none, which is a misspelt pattern; the message names those that there are. If the pattern is
    /// malformed, as for [`watch`](crate::call::watch). Without the feature
    /// `discover` there are none.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use selvedge::{call::Groutines, open};
    ///
    /// #[open]
    /// pub fn greet() -> String { "hello".into() }
    ///
    /// mod shouting {
    ///     #[selvedge::groutine(loop)]
    ///     pub async fn shout() { super::greet::called().await.ret("HELLO".to_owned()) }
    /// }
    ///
    /// fn main() {
    ///     Groutines::discovered("shouting::*").run(|| assert_eq!(greet(), "HELLO"));
    /// }
    /// ```
    #[track_caller]
    pub fn discovered(pattern: &str) -> Self {
        let all = sources();
        let glob = Glob::of_names(pattern).unwrap_or_else(|error| panic!("{error}"));
        let found = all.iter().filter(|source| is_match(&glob, &source.name));
        let found: Vec<_> = found.cloned().collect();
        if found.is_empty() {
            let paths: Vec<_> = all.iter().map(|source| &source.name).collect();
            panic!("there is no groutine `{pattern}`; there are {paths:?}");
        }
        Self::from_sources(found)
    }
}

/// All that are linked, module by module, in the order in which they stand there.
fn sources() -> Vec<Source> {
    #[cfg(feature = "discover")]
    {
        let mut all: Vec<_> = inventory::iter::<Found>.into_iter().collect();
        all.sort_by_key(|found| (found.module, found.line));
        let source = |found: &&'static Found| {
            let Found {
                module, name, make, ..
            } = **found;
            Source {
                name: format!("{module}::{name}").into(),
                make: Arc::new(make),
            }
        };
        all.iter().map(source).collect()
    }
    #[cfg(not(feature = "discover"))]
    Vec::new()
}

/// Does the pattern describe the path, with or without the crate's name?
fn is_match(pattern: &Glob, path: &str) -> bool {
    let without_crate = path.split_once("::").map(|(_, rest)| rest);
    pattern.matches(path) || without_crate.is_some_and(|path| pattern.matches(path))
}
