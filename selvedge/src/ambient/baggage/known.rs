//! Which locals and contexts text can name: found by discovery, or registered.
//!
//! # Invariants
//!
//! 1. Values that a [`Portable`] hands out or takes are of its own type.
//! 2. No code of the user runs under the lock of `KNOWN`.

use core::any::Any;
use core::fmt::{self, Display, Write};
use core::str::FromStr;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::ambient::context::Context;
use crate::ambient::local::Local;
use crate::primitive::{Arc, RwLock, drop_caught, message_of};

/// What has been found. A user's static in spirit: it is in no model.
static KNOWN: RwLock<Option<Arc<Known>>> = RwLock::new(None);

/// Was nothing found, and nothing registered? Written under the lock of `KNOWN`; a hint for the quiet case, so
/// `Relaxed` is enough: who registers something before it calls sees that.
static IS_EMPTY: AtomicBool = AtomicBool::new(false);

/// A bound value of a local whose type is known to the local.
pub(super) type Value = Arc<dyn Any + Send + Sync>;

/// A declaration that text can name: a [`Context`], or a [`Local`] with a key whose type is [`Display`] and [`FromStr`].
///
/// Nobody else implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as baggage",
    note = "a local with a key needs a type that is `Display` and `FromStr`, whose error is `Display`"
)]
pub trait Portable: Send + Sync + sealed::Sealed + 'static {
    #[doc(hidden)]
    fn named(&'static self) -> Named;
}

/// What discovery finds: by a function, because what `context!` declares may have to be dereferenced.
#[doc(hidden)]
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the expansions of `local!` and `context!` make it, in a constant"
)]
pub struct Declared(pub fn() -> &'static dyn Portable);

#[cfg(feature = "discover")]
inventory::collect!(Declared);

/// What text can name.
#[doc(hidden)]
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Named {
    Local(&'static dyn PortableLocal),
    Context(&'static Context),
}

/// A local without its type.
#[doc(hidden)]
pub trait PortableLocal: Send + Sync + sealed::Sealed {
    /// None: it did not opt in.
    fn key(&self) -> Option<&'static str>;
    fn path(&self) -> &'static str;
    /// Reads a value from text; the error says why not.
    fn read(&self, text: &str) -> Result<Value, String>;
    /// What is bound here; the default does not count.
    fn bound(&'static self) -> Option<Value>;
    /// The text of what is bound here; the error is that of its `Display`.
    fn write(&'static self, text: &mut String) -> fmt::Result;
    /// Runs `f` with the value bound.
    fn bind_value(&'static self, value: &Value, f: &mut dyn FnMut());
}

mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}
}

impl sealed::Sealed for Context {}
impl<T> sealed::Sealed for Local<T> {}

impl Portable for Context {
    fn named(&'static self) -> Named {
        Named::Context(self)
    }
}

impl<T> Portable for Local<T>
where
    T: Display + FromStr<Err: Display> + Send + Sync + 'static,
{
    fn named(&'static self) -> Named {
        Named::Local(self)
    }
}

impl<T> PortableLocal for Local<T>
where
    T: Display + FromStr<Err: Display> + Send + Sync + 'static,
{
    fn key(&self) -> Option<&'static str> {
        self.baggage_key()
    }

    fn path(&self) -> &'static str {
        self.name()
    }

    fn read(&self, text: &str) -> Result<Value, String> {
        // The text comes from outside: it must not be able to end a thread.
        match catch_unwind(AssertUnwindSafe(|| {
            text.parse::<T>().map_err(|error| error.to_string())
        })) {
            Ok(read) => read.map(|value| Arc::new(value) as Value),
            Err(panic) => {
                let why = format!("its `from_str` panicked: {}", message_of(&*panic));
                drop_caught(panic);
                Err(why)
            }
        }
    }

    fn bound(&'static self) -> Option<Value> {
        let bound = self.is_bound().then(|| self.get().ok()).flatten()?;
        Some(bound)
    }

    fn write(&'static self, text: &mut String) -> fmt::Result {
        self.with(|value| write!(text, "{value}"))
            .unwrap_or(Err(fmt::Error))
    }

    fn bind_value(&'static self, value: &Value, f: &mut dyn FnMut()) {
        let value = Arc::clone(value).downcast::<T>();
        self.bind_arc(value.expect("its own type (invariant 1)"), f);
    }
}

/// Tells selvedge of a local with a key, or of a context, so that text can name it.
///
/// With the feature `discover` everything that is linked into the program is found without this.
/// To register something again does nothing.
///
/// # Panics
///
/// If a local has no key.
///
/// # Examples
///
/// ```
/// use selvedge::{Ambient, baggage};
///
/// selvedge::local! { static TENANT: String, baggage = "tenant"; }
/// selvedge::context! { static DRY_RUN = "dry-run"; }
///
/// baggage::register(&TENANT);
/// baggage::register(&DRY_RUN);
/// let received = Ambient::from_baggage("tenant=ada,selvedge-contexts=dry-run")?;
/// assert!(received.run(|| TENANT.is_bound() && DRY_RUN.is_active()));
/// # Ok::<(), baggage::Error>(())
/// ```
#[track_caller]
pub fn register(declared: &'static impl Portable) {
    let named = declared.named();
    if let Named::Local(local) = named {
        assert!(
            local.key().is_some(),
            "local `{}` has no key: declare it with `, baggage = \"..\"`",
            local.path()
        );
    }
    let known = known();
    let mut here = KNOWN.write().unwrap_or_else(|e| e.into_inner());
    // Between the two locks somebody else may have registered something.
    let mut more = Known::clone(here.as_ref().unwrap_or(&known));
    more.add(named);
    let old = here.replace(Arc::new(more));
    IS_EMPTY.store(false, Relaxed);
    drop(here);
    drop(old);
}

/// Everything that text can name.
#[derive(Clone, Default)]
pub(super) struct Known {
    /// By key, then by path.
    locals: Vec<(&'static str, &'static dyn PortableLocal)>,
    contexts: Vec<&'static Context>,
}

/// What is known by now.
pub(super) fn known() -> Arc<Known> {
    if let Some(known) = &*KNOWN.read().unwrap_or_else(|e| e.into_inner()) {
        return Arc::clone(known);
    }
    let found = Arc::new(discover());
    let mut here = KNOWN.write().unwrap_or_else(|e| e.into_inner());
    let known = here.get_or_insert(found);
    IS_EMPTY.store(known.is_empty(), Relaxed);
    Arc::clone(known)
}

/// Is there nothing that text could name, as far as anybody has looked?
pub(super) fn is_empty() -> bool {
    IS_EMPTY.load(Relaxed)
}

#[cfg(feature = "discover")]
fn discover() -> Known {
    let mut known = Known::default();
    for declared in inventory::iter::<Declared> {
        known.add((declared.0)().named());
    }
    known
}

#[cfg(not(feature = "discover"))]
fn discover() -> Known {
    Known::default()
}

impl Known {
    fn add(&mut self, named: Named) {
        match named {
            Named::Local(local) => self.add_local(local),
            Named::Context(context) => self.add_context(context),
        }
    }

    fn add_local(&mut self, local: &'static dyn PortableLocal) {
        let Some(key) = local.key() else { return };
        let is_it = |other: &&dyn PortableLocal| core::ptr::addr_eq(*other, local);
        if !self.locals.iter().any(|(_, other)| is_it(other)) {
            let order = (key, local.path());
            let at = self
                .locals
                .partition_point(|(k, l)| (*k, l.path()) <= order);
            self.locals.insert(at, (key, local));
        }
    }

    fn add_context(&mut self, context: &'static Context) {
        if !self
            .contexts
            .iter()
            .any(|other| core::ptr::eq(*other, context))
        {
            self.contexts.push(context);
        }
    }

    fn is_empty(&self) -> bool {
        self.locals.is_empty() && self.contexts.is_empty()
    }

    /// All locals, by key and path.
    pub(super) fn locals(&self) -> &[(&'static str, &'static dyn PortableLocal)] {
        &self.locals
    }

    pub(super) fn contexts(&self) -> &[&'static Context] {
        &self.contexts
    }

    /// The contexts with a name.
    pub(super) fn contexts_of(&self, name: &str) -> impl Iterator<Item = &'static Context> {
        let named = self.contexts.iter().filter(move |it| it.name() == name);
        named.copied()
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(local) => write!(f, "Local({})", local.path()),
            Self::Context(context) => write!(f, "Context({})", context.name()),
        }
    }
}
