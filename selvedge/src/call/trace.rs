//! `SELVEDGE_WATCH`: the calls of a program that was not written to be watched.
//!
//! The variable holds patterns, with commas between them. It is read once, when the first open function is called
//! for the first time, or by `run`. Every call is a line on standard error when it begins, and one when it ends,
//! each a single write:
//!
//! ```text
//! [app/worker] app::views::get(id: 3)
//! [app/worker]   app::views::check(user: "ada")
//! [app/worker]   app::views::check -> true
//! [app/worker] app::views::get -> Ok("..")
//! ```
//!
//! There are no times in it, so that the output of two runs can be compared; for times there is `Log`.

use std::io::Write as _;

use crate::ambient;
use crate::call::observed::Event;
use crate::call::watch::{Watching, watch};
use crate::primitive::OnceLock;

/// The variable of the environment.
const VARIABLE: &str = "SELVEDGE_WATCH";

/// Starts to print what the environment asks for, once.
pub(crate) fn start() {
    /// Kept to the end of the process.
    static STARTED: OnceLock<Vec<Watching>> = OnceLock::new();
    STARTED.get_or_init(|| {
        let patterns = std::env::var_os(VARIABLE).unwrap_or_default();
        if patterns.is_empty() {
            return Vec::new();
        }
        let patterns = patterns.to_string_lossy();
        let watches = patterns.split(',').filter_map(|pattern| {
            let watch = watch(pattern.trim(), print);
            watch
                .inspect_err(|error| write_line(&format!("selvedge: {VARIABLE}: {error}\n")))
                .ok()
        });
        watches.map(|watch| watch.install()).collect()
    });
}

fn print(event: &Event<'_>) {
    let (thread, indent) = (ambient::thread_path(), 2 * event.depth() as usize);
    let text = event.to_string();
    // A line is a line, whatever somebody's `Debug` writes.
    let text = text.replace('\n', "\\n");
    write_line(&format!("[{thread}] {:indent$}{text}\n", ""));
}

/// One write. If standard error is gone, there is nobody to tell.
fn write_line(line: &str) {
    let _ = std::io::stderr().write_all(line.as_bytes());
}
