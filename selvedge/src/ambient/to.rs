//! A local and the value that it is to be bound to.

use core::fmt;
use core::panic::Location;

use crate::ambient::enter::{Enter, verbs};
use crate::ambient::local::Local;
use crate::primitive::Arc;

/// A block that binds a local to a value; made by [`Local::to`].
///
/// It may be entered any number of times, also within itself and on several threads at once: clones share the
/// value.
///
/// # Examples
///
/// ```
/// selvedge::local! { static USER: String; static LEVEL: u8; }
///
/// let block = USER.to("Ada".to_owned()).and(LEVEL.to(2));
/// for _ in 0..2 {
///     block.clone().run(|| assert_eq!(LEVEL.copied(), Ok(2)));
/// }
/// assert!(!USER.is_bound());
/// ```
#[must_use = "a block does nothing until it is run or wrapped around something"]
pub struct To<T: 'static> {
    local: &'static Local<T>,
    value: Arc<T>,
}

impl<T: Send + Sync + 'static> To<T> {
    pub(super) fn new(local: &'static Local<T>, value: Arc<T>) -> Self {
        Self { local, value }
    }
}

impl<T: Send + Sync + 'static> Enter for To<T> {
    const PLAIN: bool = true;

    #[inline]
    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        self.local.bind_lent(&self.value, block, f)
    }
}

verbs!([T: Send + Sync + 'static] To<T>);

impl<T> Clone for To<T> {
    fn clone(&self) -> Self {
        Self {
            local: self.local,
            value: Arc::clone(&self.value),
        }
    }
}

impl<T> fmt::Debug for To<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("To")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}
