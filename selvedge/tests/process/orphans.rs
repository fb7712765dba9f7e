//! A program that adopts orphans. It is the whole program's business: so this is a child's part.

use selvedge::testing::World;

use crate::child::{heard, playing};

/// Who left the group, and whose parent has ended, is found, ended and reaped.
#[test]
fn adopted_orphans_end_with_their_process() {
    World::new().run(|| {
        let adopter = playing("adopter").spawn().unwrap();
        assert_eq!(heard(&adopter), "true 1 false false");
        adopter.join().unwrap();
    });
}

/// One without a mark is known by where it was when its process was asked to stop.
#[test]
fn an_orphan_without_a_mark_ends_with_who_is_stopped() {
    World::new().run(|| {
        let adopter = playing("nameless").spawn().unwrap();
        assert_eq!(heard(&adopter), "true 1 false");
        adopter.join().unwrap();
    });
}
