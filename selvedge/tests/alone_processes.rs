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
#[path = "alone_processes/streams.rs"]
mod streams;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let before = proc::Held::now();
    let scenarios = [deaths::SCENARIOS, many::SCENARIOS].concat();
    let cases = [
        streams::CASES,
        descendants::CASES,
        deaths::CASES,
        many::CASES,
    ];
    let status = child::main(&scenarios, &cases.concat());
    if std::env::args().count() == 1 && !child::is_child() {
        // Those that watch over the children of the tests end when they notice.
        proc::until("no thread, descriptor or child is left", || {
            proc::Held::now() == before
        });
    }
    status
}

#[cfg(not(target_os = "linux"))]
fn main() {}
