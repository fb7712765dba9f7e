//! The ambient as text: what a message or a child process takes along.
//!
//! An [`Ambient`](crate::Ambient) cannot leave its process, but some of it can as text: the values of locals that opted
//! in with a key, the names of the contexts that are entered, and whatever came in as text before. The form is that of
//! [W3C baggage](https://www.w3.org/TR/baggage/); a [trace context](https://www.w3.org/TR/trace-context/) passes
//! through untouched. [`Ambient::to_headers`](crate::Ambient::to_headers) and
//! [`Ambient::from_headers`](crate::Ambient::from_headers) are for messages,
//! [`Ambient::to_env`](crate::Ambient::to_env) is for child processes; [`run`](crate::run) picks that up.
//!
//! ```
//! use selvedge::Ambient;
//!
//! selvedge::local! { static TENANT: String, baggage = "tenant"; }
//!
//! let text = TENANT.bind("Ada & Co".to_owned(), || Ambient::capture().to_baggage());
//! assert_eq!(text, "tenant=Ada%20&%20Co");
//!
//! let received = Ambient::from_baggage(&text)?;
//! assert_eq!(received.run(|| TENANT.with(String::clone)).unwrap(), "Ada & Co");
//! # Ok::<(), selvedge::baggage::Error>(())
//! ```
//!
//! # What is sent
//!
//! 1. What was received and is bound here travels on in its order and byte for byte, with its properties: what nobody
//!    here knows, and what is still bound to the received value. Members of the key of a local that was bound anew
//!    are replaced by one, where the first of them stood, without properties.
//! 2. What is bound here and came from nobody follows, in the order of the keys. A default is not sent.
//! 3. Contexts that are entered thread-wide are named, outermost first, in one member with the key [`CONTEXTS`]; those
//!    that are entered process-wide in [`PROCESS_CONTEXTS`]. The value is a list with `:` between the names; a `:` or
//!    `%` in a name is percent-encoded before the value is. A group's contexts stay at home.
//!
//! # What is received
//!
//! 1. A local gets the value of the last member with its key. If it cannot read that
//!    ([`FromStr`](core::str::FromStr)), it is not bound, the member travels on as an unknown one, and
//!    [`NotUnderstood`](crate::probe::Event::NotUnderstood) says why. Two locals with one key get the same text.
//! 2. All contexts of a name that came thread-wide are entered, with no resource bound. Those of a name that came
//!    process-wide are entered by [`run`](crate::run) and [`install`](crate::install), for the life of the program, and
//!    by nobody else. Names that no context has travel on.
//! 3. White space around keys, values and properties is no part of them, and empty members are none. `%` stands for
//!    itself where no two hexadecimal digits follow, and what is no UTF-8 becomes U+FFFD.
//! 4. A member without `=`, with a key that is no token or an octet that must be encoded is malformed. It is left out
//!    whole, and the [`Error`] names the first one. The error holds the ambient of the others.
//!
//! # Limits
//!
//! At most [`MAX_MEMBERS`] members and [`MAX_BYTES`] bytes are received or sent. What this program has bound comes first;
//! then received members, in their order. One that has no room left is left out whole, the next may still fit, and
//! an event names what is gone: [`NotReceived`](crate::probe::Event::NotReceived),
//! [`NotSent`](crate::probe::Event::NotSent).
//!
//! # How text finds locals and contexts
//!
//! With the feature `discover`, every [`local!`](crate::local) with a key and every [`context!`](crate::context) that is
//! linked into the program is found. Without it, [`register`] says so for each.
//!
//! # Trust
//!
//! Whoever writes the text chooses what is entered and bound. At the edge of what you trust, take what you need by
//! hand, and nothing else.

mod carried;
mod error;
mod known;
mod propagate;
mod text;

pub use error::Error;
#[doc(hidden)]
pub use known::{Declared, Named, PortableLocal};
pub use known::{Portable, register};
pub use propagate::{CONTEXTS, MAX_BYTES, MAX_MEMBERS, PROCESS_CONTEXTS, VARIABLES};

pub(crate) use propagate::Inherited;
#[cfg(all(selvedge_process, feature = "worker"))]
pub(crate) use propagate::headers_here;
pub(crate) use text::checked_key;
