//! The program at one moment, in the words of the protocol.
//!
//! Signals, queues and locks are found from the threads that wait for them: nothing is noted when one is made, and
//! one that nobody waits for costs nothing and is not shown.

use core::panic::Location;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::protocol::{
    CpuInfo, FunctionInfo, LONG_MS, LockInfo, ProcessInfo, QueueInfo, SignalInfo, Snapshot,
    ThreadInfo, WaitInfo,
};
use super::warn;
use crate::call::met_functions;
use crate::primitive::{Arc, clock, sys};
use crate::signal::Waiting;
use crate::thread::{Node, Tree, TreeNode};

/// A tree, and when it was looked at.
pub(super) struct Look {
    tree: Tree,
    now: Instant,
    /// The paths of the threads whose ends these signals are.
    ends: HashMap<usize, String>,
}

impl Look {
    pub(super) fn at(root: &Arc<Node>) -> Self {
        let (now, tree) = (clock::now(), Tree::of(root));
        let ends = tree.nodes().iter();
        let ends = ends
            .map(|node| (node.end, node.path().to_owned()))
            .collect();
        Self { tree, now, ends }
    }

    /// With what has looked wrong for `after_ms`, or five seconds.
    pub(super) fn snapshot(&self, since: Instant, cpu: bool, after_ms: Option<u64>) -> Snapshot {
        let after = Duration::from_millis(after_ms.unwrap_or(LONG_MS));
        Snapshot {
            at_us: micros(self.now.saturating_duration_since(since)),
            threads: self.threads(cpu),
            signals: self.signals(),
            queues: self.queues(),
            locks: self.locks(),
            processes: self.processes(),
            warnings: warn::warnings(self.nodes(), after),
            dropped: 0,
        }
    }

    pub(super) fn nodes(&self) -> &[TreeNode] {
        self.tree.nodes()
    }

    pub(super) fn threads(&self, cpu: bool) -> Vec<ThreadInfo> {
        let thread = |node: &TreeNode| ThreadInfo {
            number: number(node.id),
            name: node.name().to_owned(),
            path: node.path().to_owned(),
            depth: node.depth(),
            scope: node.is_scope(),
            process: node.process().is_some(),
            state: node.state().to_string(),
            age_us: micros(node.age()),
            os_id: node.os_id(),
            cpu: node.os_id().filter(|_| cpu).and_then(times),
            asked: node.stop().map(str::to_owned),
            asked_us: node.asked_ago().map(micros),
            waits: node.waiting().map(|waiting| self.wait(node, waiting)),
        };
        self.nodes().iter().map(thread).collect()
    }

    /// The child processes.
    pub(super) fn processes(&self) -> Vec<ProcessInfo> {
        let process = |node: &TreeNode| {
            let pid = node.process()?;
            Some(ProcessInfo {
                pid,
                path: node.path().to_owned(),
                command: sys::command_of(pid).unwrap_or_else(|| node.name().to_owned()),
                state: node.state().to_string(),
                age_us: micros(node.age()),
            })
        };
        self.nodes().iter().filter_map(process).collect()
    }

    fn wait(&self, node: &TreeNode, waiting: &Waiting) -> WaitInfo {
        let end_of = waiting.what.on.and_then(|on| self.ends.get(&on.id));
        let holder = node.lock_holder().map(str::to_owned);
        WaitInfo {
            kind: waiting.what.kind.to_owned(),
            what: name_of(waiting),
            at: waiting.what.at.to_string(),
            for_us: micros(node.waits_since().unwrap_or_default()),
            on: waiting.what.on.map(|on| number(on.id)),
            thread: holder.or_else(|| end_of.cloned()),
        }
    }

    /// What those wait for whose wait is of a kind, in the order of the tree, each once.
    fn waited_for<T>(
        &self,
        kinds: &[&str],
        make: impl Fn(u64, &Waiting, &TreeNode) -> T,
        mut add: impl FnMut(&mut T, &Waiting, String),
    ) -> Vec<T> {
        let mut found: Vec<T> = Vec::new();
        let mut places = HashMap::new();
        for node in self.nodes() {
            let Some(waiting) = node.waiting() else {
                continue;
            };
            let Some(on) = waiting.what.on else { continue };
            if kinds.contains(&waiting.what.kind) {
                let at = *places.entry(on.id).or_insert_with(|| {
                    found.push(make(number(on.id), waiting, node));
                    found.len() - 1
                });
                add(&mut found[at], waiting, node.path().to_owned());
            }
        }
        found
    }

    pub(super) fn signals(&self) -> Vec<SignalInfo> {
        self.waited_for(
            &["signal"],
            |id, waiting, _| SignalInfo {
                id,
                signal: name_of(waiting),
                end_of: waiting
                    .what
                    .on
                    .and_then(|on| self.ends.get(&on.id).cloned()),
                waiting: Vec::new(),
            },
            |signal, _, path| signal.waiting.push(path),
        )
    }

    pub(super) fn queues(&self) -> Vec<QueueInfo> {
        self.waited_for(
            &["queue"],
            |id, waiting, _| {
                let (len, capacity) = waiting.what.fill.unwrap_or_default();
                QueueInfo {
                    id,
                    queue: name_of(waiting),
                    len,
                    capacity,
                    ..QueueInfo::default()
                }
            },
            |queue, waiting, path| match waiting.what.for_room {
                true => queue.pushing.push(path),
                false => queue.popping.push(path),
            },
        )
    }

    pub(super) fn locks(&self) -> Vec<LockInfo> {
        self.waited_for(
            &["lock", "use of lock"],
            |id, waiting, node| LockInfo {
                id,
                lock: name_of(waiting),
                holder: node.lock_holder().map(str::to_owned),
                entered: waiting.holder.and_then(|it| it.entered).map(place),
                ..LockInfo::default()
            },
            |lock, waiting, path| match waiting.what.kind {
                "lock" => lock.entering.push(path),
                _ => lock.waiting.push(path),
            },
        )
    }
}

/// The open functions that are known.
pub(super) fn functions() -> Vec<FunctionInfo> {
    let mut functions: Vec<_> = met_functions()
        .into_iter()
        .map(|(function, armed, watched)| FunctionInfo {
            function: function.path().to_owned(),
            at: place(function.location()),
            armed,
            watched,
            calls: None,
            panics: None,
        })
        .collect();
    functions.sort_by(|a, b| a.function.cmp(&b.function));
    functions
}

/// What a thread waits for, by its name, or where it was made, or its kind.
pub(super) fn name_of(waiting: &Waiting) -> String {
    let what = &waiting.what;
    match (&what.name, what.on) {
        (Some(name), _) => name.to_string(),
        (None, Some(on)) => place(on.made),
        (None, None) => what.kind.to_owned(),
    }
}

fn place(at: &Location<'_>) -> String {
    at.to_string()
}

fn times(thread: u32) -> Option<CpuInfo> {
    let (used, ready) = sys::times_of(thread)?;
    Some(CpuInfo {
        used_us: used / 1_000,
        ready_us: ready / 1_000,
    })
}

pub(super) fn micros(length: Duration) -> u64 {
    length.as_micros().try_into().unwrap_or(u64::MAX)
}

/// JSON's numbers are exact up to 2^53; addresses of this program are below.
fn number(id: usize) -> u64 {
    id as u64
}
