//! The program `selvedge`: looks into running programs that use the library of that name.
//!
//! This library is for its tests; the program is what is for you. `README.md` tells of it.
//!
//! | file        | what it is about                                                 |
//! |-------------|------------------------------------------------------------------|
//! | `cli`       | the command line                                                 |
//! | `run`       | from the command line to a verb; exit status                     |
//! | `fault`     | why something could not be done                                  |
//! | `find`      | which programs there are, and which one is meant; `ps`           |
//! | `client`    | a connection to a program                                        |
//! | `text`      | names, times and tables as text that is safe to print            |
//! | `draw`      | the tree as text                                                 |
//! | `verbs`     | `tree`, `watch`, `stop`, `profile`, `record`                     |
//! | `recording` | a file of answers                                                |
//! | `top`       | the view on a terminal: `model`, `view`, `keys`, `screen`, `replay` |
//! | `web`       | the view in a browser: `http`, `feed`, `serve`, `page.html`      |

#![forbid(unsafe_code)]
#![cfg(unix)]

mod cli;
pub mod client;
mod draw;
mod fault;
mod find;
pub mod recording;
mod run;
pub mod text;
pub mod top;
mod verbs;
pub mod web;

pub use crate::draw::tree;
pub use crate::fault::Fault;
pub use crate::run::main;
