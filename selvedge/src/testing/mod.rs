//! Help for tests: a tree, a clock and an event list for one test.
//!
//! Tests of one process run beside each other. A [`World`] keeps them apart: threads spawned in it belong
//! to its own tree, its tills go by its own clock, and its events are its own. [`World::test`], or
//! [`#[selvedge::test]`](macro@crate::test) on the test, keeps ambient and singletons apart as well.

mod world;

pub use world::World;
