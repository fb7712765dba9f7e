//! A suite: patches that are put in force together.

use core::fmt;
use core::ops::Add;
use core::panic::Location;

use crate::ambient::{Enter, verbs};
use crate::call::install::Installed;
use crate::call::patch::Patch;

/// Patches, of any functions, that are put in force together.
///
/// A suite is a stack: the patch that was added last stands on top, as the innermost block does. Suites are
/// added to one another in the same way, and a suite may be run any number of times.
///
/// Putting a patch in force cannot fail, so that around a block a suite is in force as a whole or not at all;
/// [`install`](Self::install) says what is so for other threads. Each patch keeps its own limits: one whose [`times`](Patch::times) are used up passes by, the others stay.
///
/// # Examples
///
/// ```
/// use selvedge::{call::Suite, open};
///
/// #[open] fn now() -> u64 { 1_700_000_000 }
/// #[open] fn user() -> String { "root".to_owned() }
///
/// let frozen = Suite::new().with(now::around(|_, _| 42));
/// let as_ada = Suite::new().with(user::around(|_, _| "ada".to_owned()));
/// let both = frozen + as_ada;
/// both.run(|| assert_eq!((now(), user()), (42, "ada".to_owned())));
/// assert_eq!(user(), "root");
/// ```
#[derive(Clone, Default)]
#[doc(alias = "PatchSuite")]
#[must_use = "a suite does nothing until it is run around a block, or installed"]
pub struct Suite {
    patches: Vec<Patch>,
}

impl Suite {
    /// No patches.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more, on top of the others.
    pub fn with(mut self, patch: Patch) -> Self {
        self.patches.push(patch);
        self
    }

    /// The patches, the outermost block's first.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Runs `f` with all patches in force.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.enter(Location::caller(), f)
    }

    /// Puts all patches in force for the whole process, until the guards are dropped.
    ///
    /// One after the other, the undermost first: a call that another thread makes meanwhile may find some of them
    /// only, and so it is when the guards are dropped. When this has returned, every call that begins finds all.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{call::Suite, open};
    ///
    /// #[open] fn now() -> u64 { 1_700_000_000 }
    /// #[open] fn user() -> String { "root".to_owned() }
    ///
    /// let suite = Suite::from_iter([now::around(|_, _| 42), user::around(|_, _| "ada".to_owned())]);
    /// let installed = suite.install();
    /// let elsewhere = std::thread::spawn(|| (now(), user()));
    /// assert_eq!(elsewhere.join().unwrap(), (42, "ada".to_owned()));
    /// drop(installed);
    /// assert_eq!(user(), "root");
    /// ```
    #[must_use = "the patches are taken off when this is dropped"]
    pub fn install(&self) -> Vec<Installed> {
        self.patches.iter().map(Patch::install).collect()
    }
}

verbs!(joining [] Suite);

impl Enter for Suite {
    const PLAIN: bool = true;

    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        fn nest(patches: &[Patch], block: &'static Location<'static>, f: &mut dyn FnMut()) {
            match patches.split_first() {
                None => f(),
                Some((outer, inner)) => outer.enter(block, || nest(inner, block, f)),
            }
        }
        let (mut f, mut result) = (Some(f), None);
        nest(&self.patches, block, &mut || {
            result = f.take().map(|f| f());
        });
        result.expect("the innermost block runs it")
    }
}

/// The patches of the second suite stand on top of those of the first.
impl Add for Suite {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self.patches.extend(other.patches);
        self
    }
}

impl From<Patch> for Suite {
    fn from(patch: Patch) -> Self {
        Self::new().with(patch)
    }
}

impl FromIterator<Patch> for Suite {
    fn from_iter<I: IntoIterator<Item = Patch>>(patches: I) -> Self {
        let patches = patches.into_iter().collect();
        Self { patches }
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.patches).finish()
    }
}
