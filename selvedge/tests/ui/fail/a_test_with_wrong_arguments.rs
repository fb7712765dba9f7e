//! A test has a world and nothing else, and the attribute knows one word.

use selvedge::testing::World;

#[selvedge::test]
fn takes_two(_world: &World, _name: &str) {}

#[selvedge::test]
fn takes_self(self) {}

#[selvedge::test(real_clock)]
fn has_a_wrong_clock() {}

fn main() {}
