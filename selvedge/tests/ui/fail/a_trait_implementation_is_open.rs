//! `#[open]` refuses trait implementations, and keeps the item: the type still has its trait.

use selvedge::open;

struct Cat;

trait Speak {
    fn speak(&self) -> &'static str;
}

#[open]
impl Speak for Cat {
    fn speak(&self) -> &'static str {
        "meow"
    }
}

fn main() {
    Cat.speak();
}
