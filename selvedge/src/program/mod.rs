//! The program as a whole: wires the parts together, and ends in an order.
//!
//! [`run`] makes the calling thread the root of a tree, runs a body in it, and returns when every thread
//! has ended. SIGINT and SIGTERM ask the tree to stop; the second one ends the program from inside its
//! handler. A thread that ignores its stop longer than the grace period is named, and the program
//! ends without it.
//!
//! # The exit status
//!
//! | what happened                                | status                      |
//! |----------------------------------------------|-----------------------------|
//! | the body returned a value                    | the value's (`()` is 0)     |
//! | the body, or a child that nobody joined, failed | 1                        |
//! | a released thread failed                     | 1                           |
//! | the body panicked                            | 101, as with std            |
//! | SIGINT or SIGTERM asked for the stop         | death by that signal        |
//!
//! These exits do not wait for every thread: the end of the grace period, the second signal, and a build
//! with `panic = "abort"`. In such a build the first panic of any thread ends the process by SIGABRT, after
//! the panic hook has printed it: no thread is asked or joined, nothing is cleaned up, and what `print!` has
//! not yet written is lost. Errors and stops work as in any other build.
//!
//! # Signals that are ignored
//!
//! A signal that was ignored when the program started stays ignored: `nohup` and a shell's `&` ask for that.
//! The other one works.

mod grace;
#[cfg(all(unix, feature = "os"))]
mod input;
mod install;
#[cfg(feature = "run")]
mod interrupt;
mod report;
mod run;

pub use install::{AlreadyRunning, Installed, install};
pub use report::{Report, ThreadReport};
pub use run::{Builder, run};
