//! A local's value must be able to go to another thread, because an ambient can carry it there.

use std::cell::RefCell;

use selvedge::local;

local! { static CELL: RefCell<u8>; }

fn main() {}
