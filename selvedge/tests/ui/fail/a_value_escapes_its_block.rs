//! A reader borrows the value for the closure; `get` is how to keep it.

use selvedge::local;

local! { static NAME: String; }

fn main() {
    let name: &str = NAME
        .bind("Ada".to_owned(), || NAME.with(|name| name.as_str()))
        .unwrap();
    println!("{name}");
}
