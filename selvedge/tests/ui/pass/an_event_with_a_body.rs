//! An event ends with `;`, and its result is an answer or none; a function with a body is open.

#[selvedge::event]
fn saved(name: &str) -> Option<()>;

#[selvedge::event]
fn renamed(name: &str) -> Option<String>;

#[selvedge::open]
fn count(name: &str) -> u32 {
    name.len() as u32
}

fn main() {
    assert_eq!((saved("Ada"), renamed("Ada"), count("Ada")), (None, None, 3));
}
