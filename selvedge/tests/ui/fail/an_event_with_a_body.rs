//! An event has no body, and its result is an answer or none.

#[selvedge::event]
fn saved(name: &str) -> Option<()> {
    None
}

#[selvedge::event]
fn count(name: &str) -> u32;

fn main() {}
