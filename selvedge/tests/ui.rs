//! What must not compile, with what the compiler says, and twins that do.
//!
//! Messages differ between compilers, so they are compared on one version only; the twins run on every one.
//! `TRYBUILD=overwrite cargo test --test ui` writes the messages anew.

use std::process::Command;

/// The compiler whose words are in `ui/fail/*.stderr`.
const PINNED: &str = "rustc 1.95.";

#[test]
fn misuse_does_not_compile_and_says_why() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()))
        .arg("--version")
        .output()
        .expect("a compiler, as this was compiled");
    if rustc.stdout.starts_with(PINNED.as_bytes()) {
        cases.compile_fail("tests/ui/fail/*.rs");
    }
}
