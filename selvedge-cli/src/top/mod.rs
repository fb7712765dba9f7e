//! The view on a terminal.
//!
//! `model` knows what there is to see and what a key does, `view` draws it; neither touches a terminal or a socket.
//! `screen` has the terminal and the threads: one that reads the program's answers, one that reads the keys, and the
//! one that draws. `replay` puts a recording in the place of the program.

mod keys;
mod lists;
mod model;
mod replay;
mod screen;
mod streams;
mod view;

pub use keys::Keys;
pub use model::{Action, Key, Model, Tab};
pub(crate) use replay::run as replay;
pub(crate) use screen::run;
pub use view::{Theme, draw};
