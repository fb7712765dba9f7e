//! Functions whose body depends on where they are called.
//!
//! An *open* function ([`#[open]`](crate::open)) is a function like any other until somebody binds another
//! body to a context, or patches it for a block. Then a call here may run something else, while a call on
//! another thread, or outside the block, does not.
//!
//! ```
//! use selvedge::{bind, context, open};
//!
//! context! { pub static DRY_RUN = "dry-run"; }
//!
//! #[open]
//! pub fn delete(path: &str) -> bool {
//!     !path.is_empty() // imagine
//! }
//!
//! #[bind(delete, thread = DRY_RUN)]
//! fn pretend(path: &str) -> bool {
//!     println!("would delete {path}");
//!     false
//! }
//!
//! assert!(delete("a"));
//! DRY_RUN.run(|| assert!(!delete("a")));
//!
//! // A test looks at the calls in its own block, and nobody else's:
//! let patch = delete::around(|args, next| args.path == "b" || next.proceed(args));
//! patch.run(|| assert!(delete("b")));
//! # assert!(!delete(""));
//! ```
//!
//! # Hooks
//!
//! A function `f` that is open has, beside itself, the functions
//!
//! - `f::before(|call| ..)`: sees and changes `call.args`; `call.ret(value)` returns at once;
//! - `f::after(|returned| ..)`: sees and changes `returned.result`, any value for any other;
//! - `f::unwound(|unwound| ..)`: sees a panic of the function; `unwound.ret(value)` ends it;
//! - `f::around(|args, next| ..)`: stands in the function's place; `next.proceed(args)` goes on to it;
//! - `f::before_here(|call| .., || block)`: as `before`, for this block and thread alone, and it may borrow: it is
//!   not carried by a capture;
//! - `f::before_lent(|call| ..)`: the same as a value, a [`Lending`], which can be wrapped around a future too.
//!
//! The first four make a [`Patch`], which is run around a block, combined with other blocks, or installed;
//! several make a [`Suite`]. Arguments keep their lifetimes; those that the function takes by value are [`Own`].
//! A panic in a hook is the function panicking. For a method, `f` stands in a module of its type's name:
//! `view::dispatch::before(..)`; a generic function is patched for one instantiation, `show::before::<u8>(..)`.
//!
//! An `impl` block of a trait can be open as well, whoever calls its methods; so can `async`, `unsafe` and `extern`
//! functions ([`#[open]`](crate::open) says how).
//!
//! # Functions of others
//!
//! [`open_use!`](crate::open_use) declares an open function that calls one of another crate:
//!
//! ```
//! use std::{io, path::Path};
//!
//! selvedge::open_use! {
//!     /// The text of a file.
//!     pub fn read(path: &Path) -> io::Result<String> = std::fs::read_to_string;
//!     fn parse<T: std::str::FromStr + 'static>(text: &str) -> Result<T, T::Err> = str::parse;
//! }
//!
//! fn port() -> u16 {
//!     read(Path::new("/no/such/file")).map_or(80, |text| parse(&text).unwrap_or(8080))
//! }
//!
//! let file = read::before(|call| call.ret(Ok(format!("{}", call.args.path.display().to_string().len()))));
//! assert_eq!(port(), 80);
//! assert_eq!(file.run(port), 13);
//! let odd = parse::after::<u16>(|returned| *returned.result = returned.result.clone().map(|n| n | 1));
//! assert_eq!(file.run(|| odd.run(port)), 13);
//! ```
//!
//! # Bindings
//!
//! `f::bind(&[Condition::Thread(&CONTEXT)], |args, next| ..)`, or [`#[bind]`](crate::bind) on a function, chooses
//! another body wherever all conditions hold, until it is [unbound](Binding::unbind).
//!
//! # Groutines
//!
//! `f::called()`, `f::returned()` and `f::panicked()`, and of an async function `f::dropped()`, are futures, for `async`
//! functions that listen to the calls of a block: [`groutine`].
//!
//! # The order of one call
//!
//! Outermost first: patches and [groutines](groutine#who-hears-what) of the calling block, innermost block first; patches installed for
//! its group, then those of the process, newest first; bindings,
//! most specific first; the body. A handler goes on to the next of this list, or does not. What is
//! process-wide is read once for a call: it may be taken off meanwhile, also by its own handler. A binding
//! matches where all its conditions hold, and ranks by (thread-wide conditions, those of the group,
//! process-wide ones, depth of the innermost matching thread-wide context); ties go to the later registration, are reported once, and
//! [`check`] lists them.
//!
//! # Strict contexts
//!
//! Inside a context that [`context!`](crate::context) declares `strict`, whoever of the thread, its group and the process
//! has entered it, a function needs an implementation for it: a binding that matches and names the context, on any
//! level. Without one the call panics, where it would choose among bindings and body; so a patch that does not
//! proceed answers all the same, and a function that has patches only is refused when they proceed. Inside several
//! strict contexts it needs one for each; a generic function, one for the instantiation that is called. An implementation that calls its own function comes to the body.
//!
//! # Recursion
//!
//! A handler's own calls skip that handler; those of the body, also recursive ones, do not. Other threads
//! are unaffected. A capture made inside a handler remembers that it is inside of it.
//!
//! # Watching and tests
//!
//! [`watch`] and [`Log`] show calls to somebody who does not know the types, by patterns of paths, and
//! `SELVEDGE_WATCH='app::**'` in the environment prints them. `f::explain()` says what a call here and now would run.
//! `f::expect(2..=3)` makes an [`Expectation`], which fails at the end of its block. The chapter
//! [open functions](crate::guide::open_functions) shows them all.
//!
//! # Cost
//!
//! Quiet (no patch, no binding and no watch anywhere): one relaxed load of the function's own static and a branch.

mod ask;
mod binding;
mod breakpoint;
mod calls;
mod chain;
mod check;
mod code;
#[cfg(all(feature = "detour", target_os = "linux", target_arch = "x86_64"))]
mod detour;
mod dropped;
mod expect;
mod explain;
mod few;
mod future;
mod glob;
pub mod groutine;
mod here;
mod hook;
mod install;
mod log;
#[cfg(feature = "observe")]
mod measure;
mod met;
mod observed;
mod own;
mod patch;
mod peek;
mod record;
mod scenario;
mod sequence;
mod site;
mod steps;
mod suite;
mod trace;
mod view;
mod watch;

pub use binding::{Binding, Condition};
pub use breakpoint::Breakpoint;
pub use calls::Calls;
pub use check::{Tie, check};
#[cfg(all(feature = "detour", target_os = "linux", target_arch = "x86_64"))]
pub use detour::{DetourError, Detoured};
pub use dropped::Dropped;
pub use expect::Expectation;
pub use explain::{ExplainedStep, Explanation, What, Why};
pub use future::{AsyncNext, AsyncNextOf, BoxFuture, LocalBoxFuture};
pub use glob::BadPattern;
pub use groutine::{Addr, Groutines};
pub use here::Lending;
pub use install::Installed;
pub use log::Log;
pub use observed::{Args, Event, Moment};
pub use own::Own;
pub use patch::Patch;
pub use record::{Record, RecordEnd};
pub use scenario::{Paused, Scenario, ScenarioError};
pub use sequence::Sequence;
pub use site::Function;
pub use suite::Suite;
pub use view::{Call, Next, NextOf, Returned, Unwound};
pub use watch::{Watch, Watching, watch};

#[cfg(feature = "observe")]
pub(crate) use measure::Measured;
/// Prints the calls that the environment variable `SELVEDGE_WATCH` names.
pub(crate) use trace::start as start_trace;

#[cfg(feature = "inspect")]
pub(crate) use met::all as met_functions;

/// For `__private` alone.
pub(crate) mod private {
    pub use super::binding::{Discovered, bind, bind_discovered};
    pub use super::code::Code;
    #[cfg(all(feature = "detour", target_os = "linux", target_arch = "x86_64"))]
    pub use super::detour::Detour;
    pub use super::expect::Expected;
    pub use super::explain::explain;
    pub use super::future::{
        AnyThread, AsyncCode, Boxes, OneThread, OpenAsync, Turn, Turned, call_async,
    };
    pub use super::here::{Loan, lend};
    pub use super::hook::{HookRef, Kind, Runs, Shape};
    pub use super::peek::{Peek, PeekDebug, PeekType};
    pub use super::site::Site;
    pub use super::steps::call;
    pub use super::view::Step;
}
