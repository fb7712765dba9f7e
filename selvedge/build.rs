//! Nothing to build: Cargo accepts `links` only from a package that has a build script.
//!
//! It says whether the part `process` is there: `cfg(selvedge_process)`, so that this is decided in one place.
use std::env::var_os;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(selvedge_process)");
    let is_wanted = var_os("CARGO_FEATURE_PROCESS").is_some();
    let is_there = var_os("CARGO_CFG_TARGET_OS").is_some_and(|os| os == "linux");
    // No scheduler under test knows processes.
    let is_model = ["CARGO_CFG_SELVEDGE_LOOM", "CARGO_CFG_SELVEDGE_SHUTTLE"];
    if is_wanted && is_there && !is_model.iter().any(|cfg| var_os(cfg).is_some()) {
        println!("cargo::rustc-cfg=selvedge_process");
    }
}
