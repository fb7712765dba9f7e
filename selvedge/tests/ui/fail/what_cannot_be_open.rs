//! What `#[open]` refuses, it refuses with a sentence, and keeps: the program below still finds it.

use selvedge::open;

#[open]
fn numbers(n: u8) -> impl Iterator<Item = u8> {
    0..n
}

#[open]
const fn constant() -> u8 {
    1
}

#[open]
fn ends() -> ! {
    loop {}
}

#[open]
fn depends(#[cfg(unix)] n: u8) -> u8 {
    n
}

#[open]
#[target_feature(enable = "sse2")]
fn wide() -> u8 {
    2
}

#[open]
fn bound<'a, T: PartialEq<&'a str> + 'static>(a: &'a str, b: T) -> bool {
    b == a
}

#[open]
fn borrows<'a>(of: impl Iterator<Item = &'a u8> + 'static) -> usize {
    of.count()
}

#[open]
fn method(&self) {}

#[open]
fn twice(arg1: u8, (a, b): (u8, u8)) -> u8 {
    arg1 + a + b
}

trait Total {
    fn total(&self) -> u8;
}

#[open]
impl Total for (u8, u8) {
    fn total(&self) -> u8 {
        self.0 + self.1
    }
}

selvedge::open_use! {
    fn length(self: &str) -> usize = str::len;
}

fn main() {
    numbers(constant());
    depends(1);
    bound("a", "a");
    borrows([1].iter());
    twice((1, 2).total(), (1, 2));
}
