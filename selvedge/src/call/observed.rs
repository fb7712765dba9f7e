//! What a watch is told: which call, by what arguments, and how it went.

use core::fmt;

use crate::call::site::Function;
use crate::call::steps::{At, Running};

/// A call that begins or ends, as a [`watch`](crate::call::watch) is told of it.
///
/// `Display` is the call with its arguments when it begins, `path(a: 1, b: "x")`, and `path -> result`, `path
/// panicked: message` or `path dropped` when it ends. What has no `Debug` is shown as its type, `<app::Socket>`, and an argument that the
/// function has taken as `<taken>`.
///
/// # Examples
///
/// ```
/// use selvedge::{call, open};
///
/// struct Key; // no Debug
///
/// #[open]
/// fn seal(text: String, key: Key) -> usize { text.len() }
///
/// let watch = call::watch("**::seal", |event| match event.moment() {
///     call::Moment::Called => {
///         assert_eq!(event.arg("text").as_deref(), Some("\"secret\""));
///         assert!(event.arg("key").unwrap().ends_with("::Key>"), "{event}");
///     }
///     call::Moment::Returned(result) => println!("{result:?} after {}", event.args()),
///     _ => println!("{event}"),
/// })?;
/// assert_eq!(watch.run(|| seal("secret".to_owned(), Key)), 6);
/// # Ok::<(), call::BadPattern>(())
/// ```
pub struct Event<'e> {
    function: &'static Function,
    number: u64,
    depth: u32,
    moment: Moment<'e>,
    call: &'e dyn Running,
}

/// Why a watch is told of a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Moment<'e> {
    /// It begins.
    Called,
    /// It returned this.
    Returned(&'e dyn fmt::Debug),
    /// It panicked with this message.
    Panicked(&'e str),
    /// It is of an async function, and its future was dropped before its end.
    Dropped,
}

impl<'e> Event<'e> {
    pub(super) fn new(
        (function, number): (&'static Function, u64),
        depth: u32,
        moment: Moment<'e>,
        call: &'e dyn Running,
    ) -> Self {
        Self {
            function,
            number,
            depth,
            moment,
            call,
        }
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.function
    }

    /// A number that both events of a call have, and no other call.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many calls that the same watch was told of are running around this one.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Does it begin or end, and how?
    #[must_use]
    pub fn moment(&self) -> Moment<'e> {
        self.moment
    }

    /// The arguments, as they are at this moment; the receiver of a method is `this`.
    #[must_use]
    pub fn args(&self) -> Args<'e> {
        Args(self.call)
    }

    /// The argument `name`, as its `Debug` shows it.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<String> {
        let mut found = None;
        self.args().each(|other, value| {
            if other == name {
                found = Some(format!("{value:?}"));
            }
        });
        found
    }
}

/// The arguments of a call whose types nobody knows.
///
/// `Display` is `a: 1, b: "x"`.
#[derive(Clone, Copy)]
pub struct Args<'e>(&'e dyn Running);

impl Args<'_> {
    /// Shows each argument to `f`, by name, in order.
    pub fn each(&self, mut f: impl FnMut(&'static str, &dyn fmt::Debug)) {
        self.0.look(At::Arguments, &mut f);
    }
}

impl fmt::Display for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut written, mut separator) = (Ok(()), "");
        self.each(|name, value| {
            if written.is_ok() {
                written = write!(f, "{separator}{name}: {value:?}");
            }
            separator = ", ";
        });
        written
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.function.path();
        match self.moment {
            Moment::Called => write!(f, "{path}({})", self.args()),
            Moment::Returned(result) => write!(f, "{path} -> {result:?}"),
            Moment::Panicked(message) => write!(f, "{path} panicked: {message}"),
            Moment::Dropped => write!(f, "{path} dropped"),
        }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({self})")
    }
}

impl fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Args({self})")
    }
}
