//! Resources: values that belong to a context, and are bound together when it is entered.
//!
//! A resource is an index into what its context's innermost frame holds, so reading one is O(1), however many
//! there are.

use core::any::Any;
use core::fmt;
use core::marker::PhantomData;

use crate::ambient::context::Context;
use crate::ambient::frame::{self, Binding, Payload};
use crate::ambient::local::Unbound;
use crate::primitive::Arc;

/// What a context binds to its resources, by their indices.
pub(super) type Values = Arc<[Value]>;

/// What one of them is bound to.
pub(super) type Value = Option<Arc<dyn Any + Send + Sync>>;

/// A value that belongs to a context: a field of what [`context!`](crate::context) declares with braces.
///
/// It is bound where the context is entered with a value for it, and gives at any time what is bound where it is
/// asked. Hand the resource itself around, not what it gave, and it follows each block.
///
/// # Examples
///
/// ```
/// selvedge::context! {
///     static APP = "app" { title: String, port: u16 }
/// }
///
/// fn banner() -> Result<String, selvedge::Unbound> {
///     APP.title.with(|title| format!("{title} on {}", APP.port.copied().unwrap_or(80)))
/// }
///
/// let app = APP.enter().title("blog".to_owned());
/// assert_eq!(app.clone().run(banner)?, "blog on 80");
/// assert_eq!(app.port(8080).run(banner)?, "blog on 8080");
/// assert!(banner().unwrap_err().to_string().contains("`app.title`"));
/// # Ok::<(), selvedge::Unbound>(())
/// ```
#[doc(alias = "proxy")]
pub struct Resource<T: 'static> {
    context: &'static Context,
    index: usize,
    name: &'static str,
    invariant: PhantomData<fn(T) -> T>,
}

impl<T: Send + Sync + 'static> Resource<T> {
    /// For [`context!`](crate::context), which counts.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(context: &'static Context, index: usize, name: &'static str) -> Self {
        Self {
            context,
            index,
            name,
            invariant: PhantomData,
        }
    }

    /// Runs `f` with the value that is bound here.
    ///
    /// The value cannot change while `f` runs, and `f` may enter the context anew.
    ///
    /// # Errors
    ///
    /// [`Unbound`], which names the resource, if its context is not entered here, or was entered without it.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, Unbound> {
        self.find(|value| match value {
            Ok(value) => match value.downcast_ref() {
                Some(value) => Ok(f(value)),
                None => unreachable!("a context binds its resources by their types"),
            },
            Err(unbound) => Err(unbound),
        })
    }

    /// The bound value itself, counted, so that it can be kept; it does not follow later blocks.
    ///
    /// # Errors
    ///
    /// As [`with`](Self::with).
    ///
    /// # Examples
    ///
    /// ```
    /// selvedge::context! { static APP = "app" { title: String } }
    /// let title = APP.enter().title("blog".to_owned()).run(|| APP.title.get())?;
    /// assert_eq!(*title, "blog"); // outside the block
    /// # Ok::<(), selvedge::Unbound>(())
    /// ```
    #[doc(alias = "current_object")]
    pub fn get(&self) -> Result<Arc<T>, Unbound> {
        self.find(|value| {
            let value = Arc::clone(value?).downcast();
            Ok(value.expect("a context binds its resources by their types"))
        })
    }

    /// A copy of the bound value.
    ///
    /// # Errors
    ///
    /// As [`with`](Self::with).
    #[inline]
    pub fn copied(&self) -> Result<T, Unbound>
    where
        T: Copy,
    {
        self.with(|value| *value)
    }

    /// Is a value bound here?
    ///
    /// # Examples
    ///
    /// ```
    /// selvedge::context! { static APP = "app" { debug: bool } }
    /// assert!(!APP.debug.is_bound());
    /// APP.enter().debug(false).run(|| assert!(APP.debug.is_bound()));
    /// ```
    #[inline]
    #[must_use]
    pub fn is_bound(&self) -> bool {
        frame::innermost(&self.context.key, |binding| self.value(binding).is_some())
    }

    #[inline]
    fn find<R>(&self, f: impl FnOnce(Result<&Arc<dyn Any + Send + Sync>, Unbound>) -> R) -> R {
        frame::innermost(&self.context.key, |binding| match self.value(binding) {
            Some(value) => f(Ok(value)),
            None => f(Err(self.unbound(binding))),
        })
    }

    #[inline]
    fn value<'b>(&self, binding: Option<&'b Binding>) -> Option<&'b Arc<dyn Any + Send + Sync>> {
        match binding.map(|binding| &binding.payload) {
            Some(Payload::Resources(values)) => values.get(self.index)?.as_ref(),
            _ => None,
        }
    }

    #[cold]
    fn unbound(&self, binding: Option<&Binding>) -> Unbound {
        let entered = binding.is_some_and(Binding::is_on);
        Unbound::of_resource(self.name, entered.then_some(self.context.name()))
    }
}

impl<T> Resource<T> {
    /// The name of the context and that of the resource, `app.config`, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }
}

impl<T> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
