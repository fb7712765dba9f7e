#![deny(missing_docs, unsafe_code, warnings)]
//! A resource is bound to its own type, by its own name.

selvedge::context! {
    static APP = "app" { config: String, db: &'static str }
}

fn main() {
    APP.enter().config(5.to_string()).run(|| {
        APP.overlay().db("x").run(|| {
            assert_eq!(APP.config.with(String::len), Ok(1));
            assert_eq!(APP.db.copied(), Ok("x"));
        });
    });
}
