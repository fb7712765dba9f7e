//! A test takes nothing, or its world; its clock may be mocked, and it may be async.

use selvedge::testing::World;

#[selvedge::test]
fn takes_nothing() {}

#[selvedge::test]
fn takes_its_world(world: &World) {
    let _: &World = world;
}

#[selvedge::test(mock_clock)]
fn has_a_clock_of_its_own() {}

#[selvedge::test]
async fn waits() {
    std::future::ready(()).await;
}

fn main() {
    let _: fn() -> World = World::new;
}
