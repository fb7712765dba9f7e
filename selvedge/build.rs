//! Nothing to build: Cargo accepts `links` only from a package that has a build script.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}
