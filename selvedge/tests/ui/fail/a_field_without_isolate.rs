//! A derived copy needs to know what to do with every field.

use selvedge::shared::Isolate;

struct Socket;

#[derive(Isolate)]
struct Settings {
    level: u8,
    socket: Socket,
}

#[derive(Isolate)]
struct Misspelt {
    #[isolate(shared)]
    level: u8,
}

fn main() {}
