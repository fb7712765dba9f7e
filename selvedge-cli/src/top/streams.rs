//! What was asked of the program that goes on: watches and counts, and what each stream has lost.

use std::collections::HashMap;

use selvedge::observe::inspect::protocol::{Answer, Body, Command, Happening};

use crate::text::count;
use crate::verbs::dropped;

/// The streams of a connection, by the numbers of their requests.
#[derive(Debug, Default)]
pub(super) struct Streams {
    asked: HashMap<u64, Asked>,
    /// How many of a stream's events are known to be lost.
    lost: HashMap<u64, u64>,
}

/// What a request is that is not answered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Watch,
    Count,
    /// One of the others is to end.
    End,
}

impl Streams {
    /// A request was sent.
    pub(super) fn begin(&mut self, id: u64, command: &Command) {
        let asked = match command {
            Command::Watch { .. } => Asked::Watch,
            Command::Count { .. } => Asked::Count,
            Command::End { .. } => Asked::End,
            _ => return,
        };
        self.asked.insert(id, asked);
    }

    /// Nothing more will come of a request; what it was.
    pub(super) fn end(&mut self, id: u64) -> Option<Asked> {
        self.asked.remove(&id)
    }

    /// The numbers of those that run, the oldest first.
    pub(super) fn of(&self, kind: Asked) -> Vec<u64> {
        let is_it = |(id, asked): (&u64, &Asked)| (*asked == kind).then_some(*id);
        let mut ids: Vec<u64> = self.asked.iter().filter_map(is_it).collect();
        ids.sort_unstable();
        ids
    }

    /// How much was lost since the last answer of that stream, as a line among what happened; `now` for an answer
    /// that has no time.
    pub(super) fn miss(&mut self, answer: &Answer, now: u64) -> Option<Happening> {
        let at_us = match &answer.body {
            Body::Snapshot(picture) => picture.at_us,
            Body::Happened(event) => event.at_us,
            Body::Call(event) => event.at_us,
            Body::Ended { .. } => now,
            _ => return None,
        };
        let all = dropped(&answer.body);
        // What was lost before the first picture is not missed: a recording is looked at from anywhere.
        let is_begin = matches!(answer.body, Body::Snapshot(_));
        let lost = self.lost.entry(answer.id);
        let known = lost.or_insert(if is_begin { all } else { 0 });
        let before = std::mem::replace(known, all.max(*known));
        if all <= before {
            return None;
        }
        let lost = usize::try_from(all - before).unwrap_or(usize::MAX);
        let mut line = Happening::default();
        line.at_us = at_us;
        line.text = format!("({} not shown: too many at a time)", count(lost, "event"));
        Some(line)
    }

    /// A recording is wound back.
    pub(super) fn rewind(&mut self) {
        self.lost.clear();
    }
}
