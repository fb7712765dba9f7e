//! `?Send` is about futures, and there is no other such mark.

use selvedge::open;

#[open(?Send)]
fn plain(n: u8) -> u8 {
    n
}

#[open(?Sync)]
async fn fetch(n: u8) -> u8 {
    n
}

struct Store;

#[open(as = storing, ?Send)]
impl Store {
    fn get(&self) -> u8 {
        1
    }
}

#[open(as = fetching)]
async fn named(n: u8) -> u8 {
    n
}

fn main() {
    drop(fetch(plain(Store.get())));
    drop(named(1));
}
