//! Which row of which list is chosen, and the rows of the lists but that of threads.

use selvedge::observe::inspect::protocol::ThreadInfo;

use crate::text::{clean, length};
use crate::top::model::{Key, Model, Tab};
use crate::verbs::call_mark;

/// How far a page goes.
const PAGE: usize = 10;

/// The chosen rows.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The number of the thread, and the row where it was last.
    thread: Option<u64>,
    row: usize,
    others: [usize; Tab::ALL.len()],
}

impl Chosen {
    /// The number of the thread that is chosen: the first, if none was or it has gone.
    pub(super) fn thread(&self, threads: &[&ThreadInfo]) -> Option<u64> {
        let chosen = threads
            .iter()
            .find(|thread| Some(thread.number) == self.thread);
        let nearby = || threads.get(self.row.min(threads.len().saturating_sub(1)));
        chosen.or_else(nearby).map(|thread| thread.number)
    }

    pub(super) fn row(&self, tab: Tab, n: usize) -> usize {
        self.others[tab as usize].min(n.saturating_sub(1))
    }

    pub(super) fn press(&mut self, key: Key, tab: Tab, threads: &[u64], n: usize) {
        let at = match tab {
            Tab::Threads => {
                let chosen = threads
                    .iter()
                    .position(|number| Some(*number) == self.thread);
                chosen.unwrap_or(self.row)
            }
            _ => self.others[tab as usize],
        };
        let last = n.saturating_sub(1);
        let at = match key {
            Key::Up | Key::Char('k') => at.saturating_sub(1),
            Key::Down | Key::Char('j') => at + 1,
            Key::PageUp => at.saturating_sub(PAGE),
            Key::PageDown => at + PAGE,
            Key::Home => 0,
            Key::End => last,
            _ => return,
        }
        .min(last);
        if tab == Tab::Threads {
            (self.thread, self.row) = (threads.get(at).copied(), at);
        }
        self.others[tab as usize] = at;
    }
}

/// The head and the rows of a list.
pub(super) fn rows(model: &Model) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let text = |text: &str| clean(text).into_owned();
    let list = |paths: &[String]| match paths {
        [] => "-".to_owned(),
        paths => paths
            .iter()
            .map(|path| clean(path))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let picture = &model.picture;
    match model.tab {
        Tab::Queues => {
            let rows = picture.queues.iter().map(|it| {
                vec![
                    text(&it.queue),
                    format!("{}/{}", it.len, room(it.capacity)),
                    list(&it.popping),
                    list(&it.pushing),
                ]
            });
            (
                vec!["QUEUE", "FILL", "WAIT FOR AN ELEMENT", "WAIT FOR ROOM"],
                rows.collect(),
            )
        }
        Tab::Locks => {
            let rows = picture.locks.iter().map(|it| {
                let holder = it.holder.as_deref().map_or_else(|| "-".to_owned(), text);
                let entered = it.entered.as_deref().map_or_else(|| "-".to_owned(), text);
                vec![
                    text(&it.lock),
                    holder,
                    entered,
                    list(&it.entering),
                    list(&it.waiting),
                ]
            });
            (
                vec![
                    "LOCK",
                    "HELD BY",
                    "ENTERED AT",
                    "WAIT TO ENTER",
                    "WAIT INSIDE",
                ],
                rows.collect(),
            )
        }
        Tab::Signals => {
            let rows = picture.signals.iter().map(|it| {
                let end = it
                    .end_of
                    .as_deref()
                    .map(|path| format!("the end of {}", clean(path)));
                vec![end.unwrap_or_else(|| text(&it.signal)), list(&it.waiting)]
            });
            (vec!["SIGNAL", "WAITED FOR BY"], rows.collect())
        }
        Tab::Calls => {
            let mut functions: Vec<_> = model.functions.iter().collect();
            functions.sort_by_key(|it| std::cmp::Reverse(it.calls));
            let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
            let rows = functions.into_iter().map(|it| {
                vec![
                    text(&it.function),
                    number(it.calls),
                    number(it.panics),
                    it.armed.to_string(),
                    text(&it.at),
                ]
            });
            (
                vec!["FUNCTION", "CALLS", "PANICS", "ARMED", "AT"],
                rows.collect(),
            )
        }
        Tab::Warnings => {
            let rows = picture
                .warnings
                .iter()
                .map(|it| vec![length(it.for_us), text(&it.text)]);
            (vec!["SINCE", "WARNING"], rows.collect())
        }
        Tab::Processes => {
            let rows = picture.processes.iter().map(|it| {
                vec![
                    text(&it.path),
                    it.pid.to_string(),
                    text(&it.state),
                    length(it.age_us),
                    text(&it.command),
                ]
            });
            (
                vec!["PROCESS", "PID", "STATE", "AGE", "COMMAND"],
                rows.collect(),
            )
        }
        Tab::Threads | Tab::Events => {
            let calls = model.calls.iter().map(|it| {
                let indent = 2 * usize::try_from(it.depth).unwrap_or(0).min(40);
                let text = format!("{:indent$}{} {}", "", call_mark(it.moment), clean(&it.text));
                (
                    it.at_us,
                    vec![seconds(it.at_us), clean(&it.thread).into_owned(), text],
                )
            });
            let happened = model.happened.iter().map(|it| {
                (
                    it.at_us,
                    vec![seconds(it.at_us), text(&it.thread), text(&it.text)],
                )
            });
            let mut rows: Vec<_> = calls.chain(happened).rev().collect();
            rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at)); // the latest first
            (
                vec!["SECOND", "THREAD", "WHAT"],
                rows.into_iter().map(|(_, row)| row).collect(),
            )
        }
    }
}

fn seconds(us: u64) -> String {
    format!("{}.{:03}", us / 1_000_000, us / 1_000 % 1_000)
}

/// What a queue may have: most may have any number.
fn room(capacity: usize) -> String {
    match capacity {
        usize::MAX => "any".to_owned(),
        n => n.to_string(),
    }
}
