//! Nobody knows what is behind it.

use selvedge::shared::Isolate;
use std::sync::Arc;

trait Store: Send + Sync {}

#[derive(Isolate)]
struct Settings {
    store: Arc<dyn Store>,
}

#[derive(Isolate)]
enum Choice {
    Rc(std::rc::Rc<u8>),
}

fn main() {}
