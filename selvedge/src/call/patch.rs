//! A patch: another body for a block.

use core::fmt;
use core::panic::Location;

use crate::call::site::{Handler, InBlock, Site};
use crate::primitive::Arc;

/// Another behaviour of one open function, for the blocks that it is run around.
///
/// It lives in the ambient: calls outside the block, and on other threads, do not see it, unless the
/// ambient is carried there.
///
/// # Examples
///
/// ```
/// use selvedge::open;
///
/// #[open]
/// pub fn now() -> u64 {
///     1_700_000_000
/// }
///
/// now::around(|_, _| 42).run(|| assert_eq!(now(), 42));
/// assert_ne!(now(), 42);
/// ```
#[derive(Clone)]
#[must_use = "a patch does nothing until it is run around a block"]
pub struct Patch(Arc<Armed>);

struct Armed {
    site: &'static Site,
    handler: Handler,
}

impl Patch {
    /// For expansions.
    #[doc(hidden)]
    pub fn new(site: &'static Site, handler: Handler) -> Self {
        site.arm();
        Self(Arc::new(Armed { site, handler }))
    }

    /// Runs `f` with the patch in force: for `f` and all that it calls on this thread.
    ///
    /// Patches nest; the innermost is the outermost in a call.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let what = InBlock::Patch {
            handler: Arc::clone(&self.0.handler),
            armed: self.clone(),
        };
        self.0.site.within(what, Location::caller(), f)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.site.disarm();
    }
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patch")
            .field("function", &self.0.site.function().path())
            .finish()
    }
}
