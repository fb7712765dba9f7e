//! Nothing to build: Cargo accepts `links` only from a package that has a build script.
//!
//! It says whether the part `process` is there: `cfg(selvedge_process)`, and the pipes to a worker: `cfg(selvedge_worker)`,
//! so that this is decided in one place.
use std::env::var_os;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(selvedge_process, selvedge_worker)");
    let is_set = |name: &str| var_os(name).is_some();
    let is_there = var_os("CARGO_CFG_TARGET_OS").is_some_and(|os| os == "linux");
    // No scheduler under test knows processes; shuttle's may look at the pipes to one.
    let (is_loom, is_shuttle) = (
        is_set("CARGO_CFG_SELVEDGE_LOOM"),
        is_set("CARGO_CFG_SELVEDGE_SHUTTLE"),
    );
    if is_set("CARGO_FEATURE_PROCESS") && is_there && !is_loom && !is_shuttle {
        println!("cargo::rustc-cfg=selvedge_process");
    }
    if is_set("CARGO_FEATURE_WORKER") && is_there && !is_loom {
        println!("cargo::rustc-cfg=selvedge_worker");
    }
}
