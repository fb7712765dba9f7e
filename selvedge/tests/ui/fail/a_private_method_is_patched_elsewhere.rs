//! The handle of a method is as visible as the method.

mod shop {
    pub struct Till;

    #[selvedge::open]
    impl Till {
        fn open(&self) {}
    }

    pub mod counter {
        pub struct Drawer;

        #[selvedge::open]
        impl Drawer {
            pub(super) fn open(&self) {}
        }
    }

    pub fn inside() {
        let _ = (till::open::before(|_| ()), counter::drawer::open::before(|_| ()));
    }
}

fn main() {
    shop::inside();
    let _ = shop::till::open::before(|_| ());
    let _ = shop::counter::drawer::open::before(|_| ());
}
