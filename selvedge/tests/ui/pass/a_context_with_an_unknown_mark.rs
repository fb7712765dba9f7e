#![deny(missing_docs, unsafe_code, warnings)]
//! The marks that there are, together in their order, and one at a time.

selvedge::context! {
    /// Refuses what it does not know.
    pub static APP = "app" isolates strict;
    /// Keeps what is written.
    pub static OTHER = "other" isolates {
        /// How it is set up.
        config: u32
    }
    /// Neither.
    static PLAIN = "plain" { config: u32 }
}

fn main() {
    APP.run(|| OTHER.enter().config(1).run(|| PLAIN.run(|| ())));
}
