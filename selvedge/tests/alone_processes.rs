//! Child processes that misbehave, started for real; and after all of them nothing is left.

#[cfg(target_os = "linux")]
mod child;

#[cfg(target_os = "linux")]
#[path = "alone_processes/deaths.rs"]
mod deaths;
#[cfg(target_os = "linux")]
#[path = "alone_processes/descendants.rs"]
mod descendants;
#[cfg(target_os = "linux")]
#[path = "alone_processes/many.rs"]
mod many;
#[cfg(target_os = "linux")]
#[path = "alone_processes/proc.rs"]
mod proc;
#[cfg(target_os = "linux")]
#[path = "alone_processes/shells.rs"]
mod shells;
#[cfg(target_os = "linux")]
#[path = "alone_processes/streams.rs"]
mod streams;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    if child::is_child() {
        return child::main(&scenarios(), &[]);
    }
    // What the first program opens, for the signals of the system, stays.
    streams::run(|| Ok(()));
    let before = proc::Held::now();
    let cases = [
        streams::CASES,
        descendants::CASES,
        deaths::CASES,
        many::CASES,
        shells::CASES,
    ];
    let status = child::main(&[], &cases.concat());
    if std::env::args().count() == 1 {
        // Those that watch over the children of the tests end when they notice.
        let is_left = || format!("{:?} is left, not {before:?}", proc::Held::now());
        proc::until_explained(|| proc::Held::now() == before, is_left);
    }
    status
}

#[cfg(target_os = "linux")]
fn scenarios() -> Vec<child::Scenario> {
    [
        deaths::SCENARIOS,
        descendants::SCENARIOS,
        many::SCENARIOS,
        shells::SCENARIOS,
    ]
    .concat()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
