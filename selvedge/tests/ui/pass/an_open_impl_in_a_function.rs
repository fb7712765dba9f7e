//! In a module it can stand, also in one inside a function.

fn main() {
    mod doors {
        pub struct Door;

        #[selvedge::open]
        impl Door {
            pub fn is_open(&self) -> bool {
                true
            }
        }
    }
    let shut = doors::door::is_open::before(|call| call.ret(false));
    assert!(doors::Door.is_open() && !shut.run(|| doors::Door.is_open()));
}
