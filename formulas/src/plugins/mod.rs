//! The plugins that come with the program.
//!
//! Nothing names them: each is registered where it stands and found at start-up, as one of a crate
//! of somebody else would be.

mod arithmetic;
mod functions;
mod rogue;
