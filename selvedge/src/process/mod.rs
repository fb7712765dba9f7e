//! Child processes, as members of the tree.
//!
//! A process has a name, a parent and a stop signal, as a thread has. Its output is two queues of lines, its input
//! is a queue. It ends with its parent, and none outlives the program.
//!
//! ```
//! use selvedge::process::Command;
//!
//! # let status =
//! selvedge::run("example", |_stop| {
//!     let list = Command::new("ls").arg("/").spawn()?;
//!     assert_eq!(list.path(), "example/ls");
//!     for line in list.stdout() {
//!         println!("{}", line.to_string_lossy());
//!     }
//!     list.join()?; // an error if it failed, with what it said
//!     Ok(())
//! });
//! # assert_eq!(status, std::process::ExitCode::SUCCESS);
//! ```
//!
//! # How a process ends
//!
//! It is asked to stop as a thread is: by its handle, with its parent, with the program. Then its standard input is
//! closed and its process group gets SIGTERM; after its [`grace`](Command::grace) SIGKILL. When a process has ended, what
//! it has left in its group is killed too. Descendants that made a group of their own are not; those that hold its
//! output keep it for a second at most.
//!
//! # Where
//!
//! On Linux 5.4 or later. Elsewhere the part is not there.

mod child;
mod collection;
mod command;
mod error;
mod exit;
mod life;
mod line;
pub(crate) mod linux;
#[expect(
    clippy::module_inception,
    reason = "files are named after the type they hold"
)]
mod process;
mod shell;
mod verbs;
#[cfg(feature = "worker")]
pub mod worker;

pub use child::Child;
pub use command::{Command, Stdin, Stdio, Unread};
pub use error::{Failed, JoinError, SpawnError};
pub use exit::{Descendant, Exit, Output};
pub use line::Line;
pub use linux::adopt_orphans;
pub use process::Process;
pub use shell::{QuoteError, Shell, ShellError};
