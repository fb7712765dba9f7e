//! A named type parameter does what `impl Trait` would, and a box is a result with a name.

use std::fmt::Display;

use selvedge::open;

#[open]
fn show<T: Display + 'static>(item: T, more: &dyn Fn(u8)) -> String {
    more(1);
    item.to_string()
}

#[open]
fn numbers(n: u8) -> Box<dyn Iterator<Item = u8>> {
    Box::new(0..n)
}

fn main() {
    assert_eq!(show(5, &|_| ()), "5");
    assert_eq!(
        numbers::around(|_, _| Box::new([7].into_iter()))
            .run(|| numbers(3))
            .sum::<u8>(),
        7
    );
}
