//! A groutine that can be found has nobody to give it arguments.

#[selvedge::groutine]
async fn greets(name: String) {
    drop(name);
}

#[selvedge::groutine]
fn waits() {}

#[selvedge::groutine(forever)]
async fn goes_round() {}

fn main() {}
