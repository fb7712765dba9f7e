//! What computes: every operator and every function is a plugin.
//!
//! A plugin is a type that implements [`Plugin`] and is registered where it is defined, with
//! [`register!`](crate::register). Registered plugins are found at start-up, whichever crate they
//! stand in. A crate that only holds plugins must be named once by the program (`use trigonometry
//! as _;`), because a linker leaves out what nobody names.
//!
//! A plugin gets numbers and returns a number. It may read [`VARIABLES`](crate::VARIABLES), as they
//! were at its statement's line. It may even write to them: it then writes to a copy that is thrown
//! away when it returns, and the user is told once.
//!
//! # Examples
//!
//! ```
//! use formulas::{Arity, Claim, Number, Plugin, PluginError};
//!
//! /// `double(a)`.
//! #[derive(Debug)]
//! struct Double;
//!
//! impl Plugin for Double {
//!     fn name(&self) -> &'static str { "double" }
//!     fn about(&self) -> &'static str { "twice a" }
//!     fn claim(&self) -> Claim { Claim::Function("double") }
//!     fn arity(&self) -> Arity { Arity::exactly(1) }
//!     fn call(&self, arguments: &[Number]) -> Result<Number, PluginError> {
//!         Ok(arguments[0].plus(arguments[0])?)
//!     }
//! }
//!
//! formulas::register!(&Double);
//! ```

use core::fmt;
use std::borrow::Cow;
use std::error::Error;

use selvedge::Stopped;

use crate::number::{Number, NumberError};
use crate::syntax::Infix;

/// Something that computes one operator or one function.
pub trait Plugin: fmt::Debug + Send + Sync {
    /// What it is called by `--plugin`, `--list-plugins` and in messages.
    fn name(&self) -> &'static str;

    /// What it does, in a few words.
    fn about(&self) -> &'static str;

    /// What of a formula it computes.
    fn claim(&self) -> Claim;

    /// How many numbers it takes. It is never called with another number of them.
    fn arity(&self) -> Arity;

    /// Whether it takes part only if it is asked for, with `--plugin`.
    fn is_optional(&self) -> bool {
        false
    }

    /// Computes.
    ///
    /// # Stopping
    ///
    /// A call that takes longer than `--timeout` is given up: its thread is asked to stop, and what
    /// it returns later is thrown away. A plugin that waits, waits with something that obeys
    /// `selvedge::signal::stop`, and passes [`Stopped`] on.
    ///
    /// # Errors
    ///
    /// Whatever the arguments do not allow. A panic costs the statement an error, too.
    fn call(&self, arguments: &[Number]) -> Result<Number, PluginError>;
}

/// What of a formula a plugin computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Claim {
    /// An operator between two operands.
    Infix(Infix),
    /// The minus of `-a`.
    Negate,
    /// A function of this name.
    Function(&'static str),
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Infix(operator) => write!(f, "a {} b", operator.symbol()),
            Self::Negate => f.write_str("-a"),
            Self::Function(name) => write!(f, "{name}()"),
        }
    }
}

/// How many arguments a plugin takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arity {
    least: usize,
    most: usize,
}

impl Arity {
    /// That many.
    #[must_use]
    pub const fn exactly(n: usize) -> Self {
        Self { least: n, most: n }
    }

    /// That many or more.
    #[must_use]
    pub const fn at_least(n: usize) -> Self {
        Self {
            least: n,
            most: usize::MAX,
        }
    }

    /// From `least` to `most`, both included.
    #[must_use]
    pub const fn between(least: usize, most: usize) -> Self {
        Self { least, most }
    }

    /// Whether `n` are right.
    #[must_use]
    pub const fn allows(self, n: usize) -> bool {
        self.least <= n && n <= self.most
    }
}

impl fmt::Display for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n| if n == 1 { "" } else { "s" };
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least} argument{}", plural(least)),
            (least, usize::MAX) => write!(f, "at least {least} argument{}", plural(least)),
            (least, most) => write!(f, "{least} to {most} arguments"),
        }
    }
}

/// Why a plugin has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginError {
    message: Cow<'static, str>,
}

impl PluginError {
    /// An error that says `message`: lower case, no full stop.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for PluginError {}

impl From<NumberError> for PluginError {
    fn from(error: NumberError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<Stopped> for PluginError {
    fn from(stopped: Stopped) -> Self {
        Self::new(stopped.to_string())
    }
}

/// A plugin that is just a function of its arguments.
///
/// # Examples
///
/// ```
/// use formulas::{Arity, Operation};
///
/// static TWICE: Operation =
///     Operation::function("twice", Arity::exactly(1), "a + a", |a| Ok(a[0].plus(a[0])?));
/// formulas::register!(&TWICE);
/// ```
pub struct Operation {
    name: &'static str,
    about: &'static str,
    claim: Claim,
    arity: Arity,
    body: fn(&[Number]) -> Result<Number, PluginError>,
}

impl Operation {
    /// An operator between two operands.
    #[must_use]
    pub const fn infix(
        name: &'static str,
        operator: Infix,
        about: &'static str,
        body: fn(&[Number]) -> Result<Number, PluginError>,
    ) -> Self {
        Self {
            name,
            about,
            claim: Claim::Infix(operator),
            arity: Arity::exactly(2),
            body,
        }
    }

    /// The minus of `-a`.
    #[must_use]
    pub const fn negate(
        name: &'static str,
        about: &'static str,
        body: fn(&[Number]) -> Result<Number, PluginError>,
    ) -> Self {
        Self {
            name,
            about,
            claim: Claim::Negate,
            arity: Arity::exactly(1),
            body,
        }
    }

    /// The function `name`, which is the plugin's name as well.
    #[must_use]
    pub const fn function(
        name: &'static str,
        arity: Arity,
        about: &'static str,
        body: fn(&[Number]) -> Result<Number, PluginError>,
    ) -> Self {
        Self {
            name,
            about,
            claim: Claim::Function(name),
            arity,
            body,
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Plugin for Operation {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn claim(&self) -> Claim {
        self.claim
    }

    fn arity(&self) -> Arity {
        self.arity
    }

    fn call(&self, arguments: &[Number]) -> Result<Number, PluginError> {
        (self.body)(arguments)
    }
}

/// A registered plugin; made by [`register!`](crate::register).
#[derive(Debug)]
pub struct Registration(pub(crate) &'static dyn Plugin);

impl Registration {
    /// For [`register!`](crate::register).
    #[doc(hidden)]
    #[must_use]
    pub const fn of(plugin: &'static dyn Plugin) -> Self {
        Self(plugin)
    }
}

inventory::collect!(Registration);

/// Every plugin that is linked into the program, in the order of their names.
pub(crate) fn registered() -> Vec<&'static dyn Plugin> {
    let mut plugins: Vec<_> = inventory::iter::<Registration>
        .into_iter()
        .map(|r| r.0)
        .collect();
    // The linker's order says nothing; this one is the same in every build.
    plugins.sort_by_key(|plugin| plugin.name());
    plugins
}

/// Registers a plugin, where it is defined: `formulas::register!(&Double);`.
#[macro_export]
macro_rules! register {
    ($plugin:expr) => {
        $crate::__private::inventory::submit! { $crate::__private::Registration::of($plugin) }
    };
}
