//! What a program does, seen from outside of its code: its log, and where its time goes.
//!
//! | module      | what it gives                                                            |
//! |-------------|--------------------------------------------------------------------------|
//! | [`logging`] | one readable line for each event and record, from a thread that writes them |
//! | `inspect`   | a running program answers questions about its threads on a unix socket (feature `inspect`) |
//! | [`profile`] | calls and times of open functions, named blocks and threads; switched on and off at run time |
//!
//! Neither costs anything that can be measured until it is switched on.

#[cfg(all(unix, feature = "inspect"))]
pub mod inspect;
pub mod logging;
pub mod profile;

#[cfg(all(unix, feature = "inspect"))]
pub use inspect::serve;
