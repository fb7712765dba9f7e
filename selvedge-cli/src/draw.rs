//! The tree as text.

use selvedge::observe::inspect::protocol::{ThreadInfo, WaitInfo};

use crate::text::{clean, length};

/// A line for each thread: where it is in the tree, its name, what it does.
///
/// ```
/// use selvedge::observe::inspect::protocol::{Answer, Body};
///
/// let answer = Answer::parse(r#"{"id":1,"is":{"tree":[
///     {"number":1,"name":"app","path":"app","depth":0,"scope":false,"state":"running","age_us":2000000},
///     {"number":2,"name":"worker","path":"app/worker","depth":1,"scope":false,"state":"running","age_us":1900000,
///      "os_id":4712,"waits":{"kind":"queue","what":"jobs","at":"src/a.rs:7:3","for_us":1500000}}]}}"#)?;
/// let Body::Tree(threads) = answer.body else { panic!() };
/// assert_eq!(selvedge_cli::tree(&threads), "\
/// app        running for 2.0s
/// └─ worker  [4712] running for 1.9s, waits 1.5s for queue `jobs` at src/a.rs:7:3
/// ");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn tree(threads: &[ThreadInfo]) -> String {
    let stems = stems(threads);
    let names = stems
        .iter()
        .zip(threads)
        .map(|(stem, thread)| format!("{stem}{}", clean(&thread.name)));
    let names: Vec<_> = names.collect();
    let widest = names
        .iter()
        .map(|name| crate::text::width(name))
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (name, thread) in names.iter().zip(threads) {
        let gap = widest - crate::text::width(name) + 2;
        text.push_str(&format!("{name}{:gap$}{}\n", "", does(thread)));
    }
    text
}

/// The lines that lead to each thread: `│  └─ `.
pub(crate) fn stems(threads: &[ThreadInfo]) -> Vec<String> {
    // From the last one up: has a thread of this depth, below the same parent, still been to come?
    let mut more: Vec<bool> = Vec::new();
    let mut stems: Vec<_> = threads
        .iter()
        .rev()
        .map(|thread| {
            let depth = thread.depth.min(MOST_STEMS);
            more.truncate(depth + 1);
            more.resize(depth + 1, false);
            let mut stem = String::new();
            for is_more in more.iter().take(depth).skip(1) {
                stem.push_str(if *is_more { "│  " } else { "   " });
            }
            if depth > 0 {
                stem.push_str(if more[depth] { "├─ " } else { "└─ " });
            }
            more[depth] = true;
            stem
        })
        .collect();
    stems.reverse();
    stems
}

/// What is deeper is drawn no further to the right.
const MOST_STEMS: usize = 40;

fn does(thread: &ThreadInfo) -> String {
    let mut text = String::new();
    if let Some(id) = thread.os_id {
        text += &format!("[{id}] ");
    }
    if thread.scope {
        text += "scope, ";
    }
    if thread.process {
        text += "process, ";
    }
    text += &format!("{} for {}", clean(&thread.state), length(thread.age_us));
    if let Some(cpu) = thread.cpu {
        text += &format!(", {} on a processor", length(cpu.used_us));
    }
    if let Some(asked) = &thread.asked {
        let ago = thread.asked_us.map(|us| format!(" {} ago", length(us)));
        text += &format!(
            ", asked to stop{}: {}",
            ago.unwrap_or_default(),
            clean(asked)
        );
    }
    if let Some(waits) = &thread.waits {
        text += &format!(
            ", waits {} for {} at {}",
            length(waits.for_us),
            subject(waits),
            clean(&waits.at)
        );
    }
    text
}

/// What is waited for, and whom that means.
pub(crate) fn subject(waits: &WaitInfo) -> String {
    let (kind, what) = (clean(&waits.kind), clean(&waits.what));
    let mut text = match kind == what {
        true => kind.into_owned(),
        false => format!("{kind} `{what}`"),
    };
    if let Some(thread) = &waits.thread {
        let (kind, path) = (&*waits.kind, clean(thread));
        text += &match kind {
            "lock" | "use of lock" => format!(", held by `{path}`"),
            _ => format!(", the end of `{path}`"),
        };
    }
    text
}
