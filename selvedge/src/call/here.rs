//! For expansions: a handler that borrows, for one block.

use core::panic::Location;

use crate::call::chain;
use crate::call::hook::Shape;
use crate::call::site::Site;

/// Runs `block` with `handler` in force; see `before_here` in [`call`](crate::call#hooks).
#[doc(hidden)]
#[track_caller]
pub fn before_here<S: Shape, R>(
    site: &'static Site,
    handler: &mut S::Lent<'_>,
    block: impl FnOnce() -> R,
) -> R {
    struct Disarm(&'static Site);
    impl Drop for Disarm {
        fn drop(&mut self) {
            self.0.disarm();
        }
    }
    site.arm();
    let _disarm = Disarm(site);
    chain::lend::<S, R>(&site.key, handler, Location::caller(), block)
}
