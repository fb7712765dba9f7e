//! What looks wrong.
//!
//! Waiting for an element, a signal or a client is what threads do; only what should be short, and is not, is
//! worth a warning.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::look::{micros, name_of};
use super::protocol::{Warning, WarningKind};
use crate::thread::{State, TreeNode};

pub(super) fn warnings(nodes: &[TreeNode], after: Duration) -> Vec<Warning> {
    let mut found: Vec<_> = nodes
        .iter()
        .flat_map(|node| [wait_of(node, after), stop_of(node, after)])
        .flatten()
        .collect();
    found.extend(circles(nodes));
    found
}

/// A wait for a lock, or for room.
fn wait_of(node: &TreeNode, after: Duration) -> Option<Warning> {
    let (waiting, lasts) = (node.waiting()?, node.waits_since()?);
    let (path, name, at) = (node.path(), name_of(waiting), waiting.what.at);
    let (kind, text) = match (waiting.what.kind, waiting.what.for_room) {
        ("lock", _) => {
            let holder = match (node.lock_holder(), waiting.holder.and_then(|it| it.entered)) {
                (Some("?"), Some(entered)) => {
                    format!(
                        "held by a thread outside of the tree, or one that has just begun, which entered at {entered}"
                    )
                }
                (Some(holder), Some(entered)) => {
                    format!("held by `{holder}`, which entered at {entered}")
                }
                (Some(holder), None) => format!("held by `{holder}`"),
                (None, _) => "free at this moment".to_owned(),
            };
            let text = format!(
                "`{path}` has waited {lasts:.1?} for lock `{name}` at {at}; it is {holder}"
            );
            (WarningKind::LongWait, text)
        }
        ("queue", true) => {
            let (len, _) = waiting.what.fill.unwrap_or_default();
            let text = format!(
                "`{path}` has waited {lasts:.1?} for room in queue `{name}` ({len} in it) at {at}"
            );
            (WarningKind::QueueFull, text)
        }
        _ => return None,
    };
    (lasts >= after).then(|| Warning {
        kind,
        thread: path.to_owned(),
        for_us: micros(lasts),
        text,
    })
}

/// A stop that the thread's body has not obeyed.
fn stop_of(node: &TreeNode, after: Duration) -> Option<Warning> {
    let lasts = node.asked_ago().filter(|lasts| *lasts >= after)?;
    // One that is ending has obeyed, and waits for its children.
    if node.is_scope() || node.state() != State::Running {
        return None;
    }
    let path = node.path();
    let does = match node.waits_for() {
        Some(site) => format!("waits for {site}"),
        None => "runs".to_owned(),
    };
    Some(Warning {
        kind: WarningKind::StopIgnored,
        thread: path.to_owned(),
        for_us: micros(lasts),
        text: format!("`{path}` was asked to stop {lasts:.1?} ago and {does}"),
    })
}

/// Threads that wait for locks that the next of them holds. Each circle once.
fn circles(nodes: &[TreeNode]) -> Vec<Warning> {
    let is_stuck = |node: &&TreeNode| {
        // One that has come to wait since we began to look may wait for somebody who has gone on since.
        let is_old = node.waits_since().is_some_and(|lasts| !lasts.is_zero());
        is_old && (node.waiting()).is_some_and(|it| it.what.kind == "lock")
    };
    let waits: HashMap<usize, &TreeNode> = nodes
        .iter()
        .filter(is_stuck)
        .filter_map(|node| Some((node.number?, node)))
        .collect();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    // In the order of the tree, not of the table.
    for first in nodes.iter().filter(is_stuck) {
        let mut chain: Vec<&TreeNode> = Vec::new();
        let mut next = Some(first);
        while let Some(node) = next.filter(|node| seen.insert(node.id)) {
            chain.push(node);
            let holder = node.waiting().and_then(|it| it.holder);
            next = holder.and_then(|it| waits.get(&it.thread).copied());
        }
        let begin = next.and_then(|node| chain.iter().position(|it| it.id == node.id));
        let Some(circle) = begin.map(|at| &chain[at..]).filter(|it| !it.is_empty()) else {
            continue;
        };
        let links: Vec<_> = circle
            .iter()
            .filter_map(|node| {
                let name = node.waiting().map(name_of)?;
                Some(format!(
                    "`{}` waits for lock `{name}`, held by `{}`",
                    node.path(),
                    node.lock_holder()?
                ))
            })
            .collect();
        let lasts = circle.iter().filter_map(|node| node.waits_since()).min();
        found.push(Warning {
            kind: WarningKind::Deadlock,
            thread: circle[0].path().to_owned(),
            for_us: micros(lasts.unwrap_or_default()),
            text: format!("deadlock: {}", links.join("; ")),
        });
    }
    found
}
