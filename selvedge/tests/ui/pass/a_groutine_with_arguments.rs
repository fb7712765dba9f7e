//! A groutine that needs something is a closure that captures it; one that is found is an `async fn` without arguments.

use selvedge::{call::Groutines, groutine, open};

#[open]
fn greet(name: &str) -> String {
    format!("hello {name}")
}

async fn greets(name: String) {
    greet::called().await.ret(name);
}

#[groutine]
async fn waits() {
    greet::called().await;
}

#[groutine(loop)]
async fn goes_round() {
    greet::returned().await.with(|returned| returned.result.push('!'));
}

fn main() {
    let set = Groutines::new().with(|| greets("ola".to_owned())).with(waits).with(goes_round);
    set.run(|| assert_eq!([greet("Ada"), greet("Ada")], ["ola!", "hello Ada!"]));
}
