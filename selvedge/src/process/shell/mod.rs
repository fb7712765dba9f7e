//! Commands in shells that are kept for the next command.
//!
//! A new shell costs a millisecond or more; one that is there takes a third of that. See [`Shell`].

mod error;
mod framing;
mod home;
mod pool;
mod quote;
#[expect(
    clippy::module_inception,
    reason = "files are named after the type they hold"
)]
mod shell;

pub use error::ShellError;
pub use quote::QuoteError;
pub use shell::Shell;

pub(super) use framing::{Framing, News, Streams};
pub(super) use home::{Home, Key};
pub(super) use quote::before_nul;
