//! In a block with async functions the mark is for those.

use selvedge::open;
use selvedge::signal::block_on;

struct Store;

#[open(as = storing, ?Send)]
impl Store {
    fn get(&self) -> u8 {
        1
    }

    async fn fetch(&self) -> u8 {
        2
    }
}

fn main() {
    let patch = storing::fetch::before(|call| call.ret(call.args.this.get()));
    assert_eq!(patch.run(|| block_on(Store.fetch())).unwrap(), 1);
}
