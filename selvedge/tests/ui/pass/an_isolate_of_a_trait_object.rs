//! It is shared, or denied.

use selvedge::shared::Isolate;
use std::sync::Arc;

trait Store: Send + Sync {}
impl Store for u8 {}

#[derive(Isolate)]
struct Settings {
    #[isolate(share)]
    store: Arc<dyn Store>,
}

#[derive(Isolate)]
enum Choice {
    Rc(#[isolate(deny)] std::rc::Rc<u8>),
}

fn main() {
    let settings = Settings { store: Arc::new(1_u8) };
    assert!(Arc::ptr_eq(&settings.store, &settings.isolate().store));
    assert!(!Settings::INTERIOR && Choice::INTERIOR);
    let Choice::Rc(_) = Choice::Rc(1.into());
}
