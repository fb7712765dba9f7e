//! Contexts with resources: bound together, hidden together, left together.

mod entering;
mod flows;
mod leaving;

use selvedge::{Unbound, context};

context! {
    /// An application.
    static APP = "app" {
        /// How it is set up.
        config: &'static str,
        /// Its numbers.
        numbers: Vec<u32>,
        nothing: Option<u8>,
    }
    static OTHER = "other" { config: &'static str }
    static PLAIN = "plain";
    static ISOLATED = "isolated" isolates { owner: &'static str };
}

fn config() -> Result<&'static str, Unbound> {
    APP.config.copied()
}
