//! A calculator, interactive and batch, whose operations are plugins that cannot have side effects.
//!
//! The program is [`main`]. The rest of what is public is for crates with plugins: a type that
//! implements [`Plugin`], registered with [`register!`] where it is defined.
//!
//! # How it works
//!
//! ```text
//!  main thread                     worker-1 .. worker-n                     main thread
//!  lines -> scan -> batches -> [queue] -> parse -> plugins -> commit -> results in order
//! ```
//!
//! The main thread meets the lines in order and declares the names that they bind. The workers
//! evaluate; around a plugin they are in the context `plugin-work`, in which a write to a singleton
//! goes to a copy. A statement reads what the latest earlier line bound, and waits for that line if
//! need be; so the output is that of running the lines one after another, whatever the number of
//! workers.
//!
//! | file        | what it is about                                                |
//! |-------------|-----------------------------------------------------------------|
//! | `run`       | arguments, files, exit status                                   |
//! | `session`   | the main thread: lines in, batches out, results in order        |
//! | `input`     | lines of a file; `wait`: for input or the stop                  |
//! | `prompt`    | lines of a user; `complete`: names, by Tab                      |
//! | `progress`  | a bar on a terminal                                             |
//! | `scan`      | what the main thread must know of a line                        |
//! | `batch`     | a job: who owns it, how far it is, what it says                 |
//! | `crew`      | the workers                                                     |
//! | `parse`     | from text to a postfix program (`syntax`)                       |
//! | `evaluate`  | from a program to a value; isolation                            |
//! | `variables` | the singleton; waiting for the line that binds a name           |
//! | `plugin`    | the trait; `table`: who computes what; `plugins`: those of here |
//! | `worker`    | plugins in another process, in any language                     |
//! | `printer`   | standard output and standard error                              |
//! | `number`    | exact decimal numbers                                           |
//! | `fault`     | what is wrong with a statement; `panics`: when it is a panic    |
//! | `generate`  | larger input                                                    |

#![forbid(unsafe_code)]

mod batch;
mod cli;
mod complete;
mod crew;
mod evaluate;
mod fault;
mod generate;
mod input;
mod number;
mod panics;
mod parse;
mod plugin;
mod plugins;
mod printer;
mod progress;
mod prompt;
mod run;
mod scan;
mod session;
mod syntax;
mod table;
mod variables;
mod wait;
#[cfg(target_os = "linux")]
mod worker;

/// Where selvedge has no processes.
#[cfg(not(target_os = "linux"))]
mod worker {
    use std::time::Duration;

    use crate::plugin::Plugin;

    pub(crate) fn plugins(
        command_line: &str,
        _: Option<Duration>,
        _: &[&'static dyn Plugin],
    ) -> Result<Vec<&'static dyn Plugin>, String> {
        Err(format!(
            "--worker-plugin `{command_line}`: plugins in another process need Linux"
        ))
    }
}

pub use crate::evaluate::compute;
pub use crate::number::{Number, NumberError};
pub use crate::plugin::{Arity, Claim, Operation, Plugin, PluginError};
pub use crate::run::main;
pub use crate::syntax::Infix;
pub use crate::variables::{VARIABLES, Variables};

/// For the expansion of [`register!`] alone; may change at any time.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    pub use crate::plugin::Registration;
}
