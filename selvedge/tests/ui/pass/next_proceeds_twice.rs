//! `proceed` can be called once, or not at all.

use selvedge::{bind, context, open};

context! { static LOUD = "loud"; static MUTE = "mute"; }

#[open]
fn greet(name: String) -> String {
    name
}

#[bind(greet, thread = LOUD)]
fn once(name: String, next: Next) -> String {
    let name = next.proceed((name,));
    format!("{name} {name}")
}

#[bind(greet, thread = MUTE)]
fn never(_name: String, _next: Next) -> String {
    String::new()
}

fn main() {
    let greet = || greet("Ada".to_owned());
    assert_eq!([LOUD.run(greet), MUTE.run(greet)], ["Ada Ada", ""]);
}
