//! The module that `#[open]` puts beside an `impl` block cannot see into a function; the error says so.

fn main() {
    struct Door;

    #[selvedge::open]
    impl Door {
        fn is_open(&self) -> bool {
            true
        }
    }
    assert!(Door.is_open());
}
