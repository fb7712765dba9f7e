//! What to do instead: a box is a result with a name, and `for<'a>` a bound without one.

use selvedge::open;

#[open]
fn numbers(n: u8) -> Box<dyn Iterator<Item = u8>> {
    Box::new(0..n)
}

const fn constant() -> u8 {
    1
}

#[open]
fn ends() -> std::convert::Infallible {
    panic!("the end")
}

#[open]
fn bound<T: for<'a> PartialEq<&'a str> + 'static>(a: &str, b: T) -> bool {
    b == a
}

#[open]
fn borrows(of: &mut dyn Iterator<Item = &u8>) -> usize {
    of.count()
}

#[open]
fn twice(arg0: u8, (a, b): (u8, u8)) -> u8 {
    arg0 + a + b
}

trait Total {
    fn total(&self) -> u8;
}

#[open(as = pair_total)]
impl Total for (u8, u8) {
    fn total(&self) -> u8 {
        self.0 + self.1
    }
}

selvedge::open_use! {
    fn length(text: &str) -> usize = str::len;
}

fn main() {
    let seven = numbers::around(|_, _| Box::new([7].into_iter()));
    assert_eq!(seven.run(|| numbers(constant())).sum::<u8>(), 7);
    assert!(std::panic::catch_unwind(ends).is_err());
    assert!(bound("a", "a"));
    assert_eq!(borrows(&mut [1].iter()), 1);
    assert_eq!(twice((1, 2).total(), (1, 2)), 6);
    assert_eq!(pair_total::total::before(|c| c.ret(0)).run(|| (1, 2).total()), 0);
    assert_eq!(length("abc"), 3);
}
