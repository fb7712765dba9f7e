//! Tests of the program `selvedge`, beside those that need a terminal or a browser.

mod canned;
mod command_line;
mod keys;
mod real;
mod recordings;
mod running;
mod screens;
mod site;

#[path = "../../examples/inspected.rs"]
mod inspected;
