//! `get` counts the value.

use selvedge::local;

local! { static NAME: String; }

fn main() {
    let name = NAME.bind("Ada".to_owned(), || NAME.get()).unwrap();
    assert_eq!(*name, "Ada");
}
