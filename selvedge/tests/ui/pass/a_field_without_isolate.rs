//! Derived, or marked.

use selvedge::shared::Isolate;

#[derive(Isolate)]
struct Socket;

#[derive(Isolate)]
struct Settings {
    level: u8,
    socket: Socket,
}

fn main() {
    let copy = Settings { level: 1, socket: Socket }.isolate();
    let Settings { level: 1, socket: Socket } = copy else {
        panic!("another value")
    };
}
