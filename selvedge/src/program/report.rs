//! Who has not ended, as text for people.

use core::fmt::Write;

use crate::primitive::Arc;
use crate::signal::default_timer;
use crate::thread::{Node, State};

/// A line for each thread whose body runs, after a line that says why this is printed.
pub(super) fn still_running(node: &Arc<Node>, when: &str) -> String {
    let mut text = String::new();
    let mut n = 0;
    for node in node.newest_first() {
        if node.is_scope() || node.phase() != State::Running {
            continue; // no thread, or one that only waits for its children
        }
        n += 1;
        let _ = write!(text, "  `{}`", node.path());
        match node.waits_for() {
            Some(site) => _ = write!(text, " waits for {site}"),
            None => text.push_str(" does not look at its stop signal"),
        }
        if let Some(reason) = node.stop_signal().reason() {
            let _ = write!(text, "; asked to stop: {reason}");
            if let Some(when) = reason.when() {
                let _ = write!(text, ", {:.1?} ago", when.elapsed());
            }
        }
        text.push('\n');
    }
    if let Some(till) = default_timer().running_action() {
        let _ = writeln!(text, "  an action of {till} has not returned");
    }
    let threads = if n == 1 { "thread" } else { "threads" };
    format!(
        "{}: still running {when}: {n} {threads}\n{text}",
        node.path()
    )
}
