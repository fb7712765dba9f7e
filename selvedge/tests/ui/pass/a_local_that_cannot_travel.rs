#![deny(missing_docs, unsafe_code, warnings)]
//! Behind a lock the same value may travel.

use std::cell::RefCell;
use std::sync::Mutex;

use selvedge::local;

local! { static CELL: Mutex<RefCell<u8>>; }

fn main() {
    let read = CELL.to(Mutex::new(RefCell::new(1)));
    let read = read.run(|| CELL.with(|cell| *cell.lock().unwrap().borrow()));
    assert_eq!(read, Ok(1));
}
