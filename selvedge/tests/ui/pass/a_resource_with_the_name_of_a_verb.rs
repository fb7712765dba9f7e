//! The twin of what must not compile, in a crate that forbids much.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations, warnings, unreachable_pub, unused)]

/// Its contexts.
pub mod contexts {
    selvedge::context! {
        /// The application.
        pub static MY_APP = "app" isolates strict {
            /// What was chosen.
            config: String,
            /// A number.
            runs: u32,
        }

        /// Only a name.
        pub static QUIET = "quiet";
        static PRIVATE = "private" strict { value: u8, }
        pub(crate) static EMPTY = "empty" {}
    }

    /// Enters what nobody else can.
    pub fn private() -> bool {
        PRIVATE.enter().value(1).run(|| PRIVATE.value.copied() == Ok(1))
    }
}

use contexts::{EMPTY, MY_APP, QUIET};

fn main() {
    let block = MY_APP.enter().config("a".to_owned()).runs(5);
    block.and(EMPTY.enter()).run(|| {
        assert_eq!(MY_APP.runs.copied(), Ok(5));
        QUIET.run(|| assert!(EMPTY.is_active()));
    });
    assert!(contexts::private());
}
