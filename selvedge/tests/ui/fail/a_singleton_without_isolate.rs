//! The message says what to write.

use selvedge::singleton;

struct Settings {
    level: u8,
}

singleton! {
    static SETTINGS: Settings = Settings { level: 1 };
}

fn main() {
    SETTINGS.read(|settings| println!("{}", settings.level));
}
