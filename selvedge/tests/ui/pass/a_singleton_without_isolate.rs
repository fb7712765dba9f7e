//! What the messages say to write.

use selvedge::shared::Isolate;
use selvedge::singleton;
use std::sync::Arc;

struct Socket;

#[derive(Isolate)]
struct Settings {
    level: u8,
    #[isolate(deny)]
    _socket: Socket,
    #[isolate(share)]
    _shared: Arc<Socket>,
}

singleton! {
    static SETTINGS: Settings = Settings { level: 1, _socket: Socket, _shared: Arc::new(Socket) };
}

fn main() {
    assert_eq!(SETTINGS.read(|settings| settings.level), 1);
}
