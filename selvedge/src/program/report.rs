//! How the program's threads ended, as data; and who has not, as text for people.

use core::fmt::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use crate::primitive::{Arc, clock};
use crate::probe::{self, Ending, Event, Kind};
use crate::signal::{Reason, default_timer};
use crate::thread::{Node, State};

/// How the threads of a program ended: everybody who took part from the moment at which the program was asked
/// to stop, or its body had ended. `Display` is a line for each.
///
/// [`Builder::on_report`](super::Builder::on_report) hands it out.
#[derive(Clone, Debug)]
pub struct Report {
    threads: Vec<ThreadReport>,
}

/// One thread in a [`Report`].
#[derive(Clone, Debug)]
pub struct ThreadReport {
    path: Arc<str>,
    asked: Option<Reason>,
    ended: Option<(Instant, Ending)>,
    waits_for: Option<Box<str>>,
}

impl Report {
    pub(super) fn of(root: &Arc<Node>) -> Self {
        let nodes = root.take_record().into_iter();
        let threads = nodes.filter(|node| !node.is_scope()).map(|node| {
            let ended = node.ended();
            let is_stuck = ended.is_none() && node.phase() == State::Running;
            let site = is_stuck.then(|| node.waits_for()).flatten();
            ThreadReport {
                path: Arc::clone(node.path()),
                asked: node.stop_signal().reason(),
                ended,
                waits_for: site.map(|site| site.to_string().into()),
            }
        });
        Self {
            threads: threads.collect(),
        }
    }

    /// The threads; those who were there from the begin come newest first, children before their parents.
    #[must_use]
    pub fn threads(&self) -> &[ThreadReport] {
        &self.threads
    }
}

impl ThreadReport {
    /// The names from the root to the thread, joined by `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Who asked it to stop, when, why and where; none if it ended before anybody did.
    #[must_use]
    pub fn asked(&self) -> Option<&Reason> {
        self.asked.as_ref()
    }

    /// When it and its children had ended; none if the program ended without it.
    #[must_use]
    pub fn ended(&self) -> Option<Instant> {
        self.ended.map(|(when, _)| when)
    }

    /// How it ended.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.ended.map(|(_, how)| how)
    }

    /// What it sleeps on, if it has not ended: which lock, queue or signal, and where in the program.
    #[must_use]
    pub fn waits_for(&self) -> Option<&str> {
        self.waits_for.as_deref()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for thread in &self.threads {
            writeln!(f, "{thread}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ThreadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.path)?;
        match (self.ended, &self.waits_for) {
            (Some((_, how)), _) => write!(f, " ended: {how}")?,
            (None, Some(site)) => write!(f, " has not ended, waits for {site}")?,
            (None, None) => write!(f, " has not ended")?,
        }
        let Some(asked) = &self.asked else {
            return Ok(());
        };
        write!(f, "; asked to stop: {asked}")?;
        if let (Some((ended, _)), Some(when)) = (self.ended, asked.when()) {
            write!(f, ", {:.1?} before", ended.saturating_duration_since(when))?;
        }
        Ok(())
    }
}

/// Tells who is still running when the grace is over.
pub(super) fn announce_overdue(root: &Arc<Node>) {
    for node in root.newest_first() {
        if node.is_scope() || node.phase() != State::Running {
            continue; // no thread, or one that only waits for its children
        }
        let site = node.waits_for();
        let when = node.stop_signal().reason().and_then(|reason| reason.when());
        probe::emit(&Event::Overdue {
            kind: node.kind(),
            thread: node.path(),
            asked: when.map(|when| clock::now().saturating_duration_since(when)),
            waits_for: site.as_ref().map(|site| site as _),
        });
    }
}

/// How many threads of ours ask the tree to stop just now: they run the actions of its stop signals.
static ASKING: AtomicUsize = AtomicUsize::new(0);

/// Until it is dropped, a thread that is not in the tree asks it to stop.
#[cfg(any(feature = "run", all(unix, feature = "os")))]
pub(super) fn asking() -> impl Drop {
    struct Asking;
    impl Drop for Asking {
        fn drop(&mut self) {
            ASKING.fetch_sub(1, SeqCst);
        }
    }
    ASKING.fetch_add(1, SeqCst);
    Asking
}

fn counted(threads: usize, processes: usize) -> String {
    let of = |n, one, many| format!("{n} {}", if n == 1 { one } else { many });
    let all_threads = of(threads, "thread", "threads");
    let all_processes = of(processes, "process", "processes");
    match (threads, processes) {
        (_, 0) => all_threads,
        (0, _) => all_processes,
        _ => format!("{all_threads} and {all_processes}"),
    }
}

/// A line for each thread whose body runs, and each process that does, after a line that says why this is printed.
pub(super) fn still_running(node: &Arc<Node>, when: &str) -> String {
    let mut text = String::new();
    let (mut threads, mut processes) = (0, 0);
    for node in node.newest_first() {
        if node.is_scope() || node.phase() != State::Running {
            continue; // no thread, or one that only waits for its children
        }
        match node.kind() {
            Kind::Process => processes += 1,
            _ => threads += 1,
        }
        let _ = write!(text, "  `{}`", node.path());
        match node.waits_for() {
            Some(site) => _ = write!(text, " waits for {site}"),
            None if node.kind() == Kind::Process => text.push_str(" is a process that runs"),
            None if node.stop_signal().is_set() => {
                text.push_str(" does not look at its stop signal");
            }
            None => text.push_str(" runs, and was not asked to stop yet"),
        }
        if let Some(reason) = node.stop_signal().reason() {
            let _ = write!(text, "; asked to stop: {reason}");
            if let Some(when) = reason.when() {
                let _ = write!(text, ", {:.1?} ago", when.elapsed());
            }
        }
        text.push('\n');
    }
    if ASKING.load(SeqCst) > 0 {
        text.push_str("  an action of a stop signal has not returned\n");
    }
    if let Some(till) = default_timer().running_action() {
        let _ = writeln!(text, "  an action of {till} has not returned");
    }
    let all = counted(threads, processes);
    format!("{}: still running {when}: {all}\n{text}", node.path())
}
