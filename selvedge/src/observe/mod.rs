//! What a program does, seen from outside of its code: its log, and where its time goes.
//!
//! | module      | what it gives                                                            |
//! |-------------|--------------------------------------------------------------------------|
//! | [`logging`] | one readable line for each event and record, from a thread that writes them |
//! | [`profile`] | calls and times of open functions, named blocks and threads; switched on and off at run time |
//!
//! Neither costs anything that can be measured until it is switched on.

pub mod logging;
pub mod profile;
