//! A profile as data: rows, merged and by thread.

use core::fmt;
use core::panic::Location;
use std::time::{Duration, Instant};

use crate::observe::profile::collect::{Collection, Part};
use crate::observe::profile::export;
use crate::observe::profile::tables::{self, RowKind, Tables};

/// What a program has done, and how long it took; made by [`Profiling`](super::Profiling).
///
/// `Display` is a table of all threads together, the longest own time first, and a line for each thread.
#[derive(Clone)]
pub struct Profile {
    pub(super) began: Instant,
    lasted: Duration,
    rows: Vec<Row>,
    threads: Vec<ThreadProfile>,
    dropped: u64,
}

impl Profile {
    pub(super) fn new(collection: &Collection, now: Instant) -> Self {
        let mut merged = Tables::default();
        let mut threads = Vec::new();
        for part in collection.parts() {
            merged.add(&part.tables);
            threads.push(ThreadProfile {
                rows: rows_of(&part.tables),
                part,
            });
        }
        Self {
            began: collection.began,
            lasted: now.saturating_duration_since(collection.began),
            rows: rows_of(&merged),
            threads,
            dropped: collection.dropped(),
        }
    }

    /// The rows of all threads together, the longest own time first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row with this name, or else the only one whose path ends in it: `fetch` for `app::net::fetch`.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&Row> {
        row(&self.rows, name)
    }

    /// What each thread has done, by path. Threads that ended and had the same path are one.
    #[must_use]
    pub fn threads(&self) -> &[ThreadProfile] {
        &self.threads
    }

    /// The thread, or threads, with this path.
    #[must_use]
    pub fn thread(&self, path: &str) -> Option<&ThreadProfile> {
        self.threads.iter().find(|thread| thread.path() == path)
    }

    /// For how long the profile was taken.
    #[must_use]
    pub fn lasted(&self) -> Duration {
        self.lasted
    }

    /// How many single calls and sleeps found no room; see [`Builder::record`](super::Builder::record).
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The rows as tab-separated text, for a spreadsheet: a line with the columns' names, then one for each row.
    ///
    /// Times are seconds; names are in quotes, as JSON has them.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::observe::profile;
    ///
    /// let profiling = profile::start()?;
    /// drop(profile::block("parse"));
    /// let tab = profiling.stop().to_tab();
    /// let mut lines = tab.lines();
    /// assert_eq!(
    ///     lines.next().unwrap().replace('\t', " "),
    ///     "num_calls self_time total_time self_time_per_call total_time_per_call file line method"
    /// );
    /// assert!(lines.any(|line| line.starts_with("1\t") && line.ends_with("\t\"parse\"")));
    /// # Ok::<(), profile::StartError>(())
    /// ```
    #[doc(alias = "profile.tab")]
    #[must_use]
    pub fn to_tab(&self) -> String {
        export::tab(self)
    }

    /// Own times by stack, a line each, in microseconds: what flame graphs are made of.
    ///
    /// ```text
    /// app/worker;app::views::get;app::db::query 1203
    /// app/worker;app::views::get;wait for a queue 98310
    /// ```
    ///
    /// That is wall time: sleep in blocking calls is a frame of its own, below what slept. Of threads that mostly wait
    /// little else is seen; [`to_folded_work`](Self::to_folded_work) leaves sleep out.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::observe::profile;
    /// use std::time::{Duration, Instant};
    ///
    /// let profiling = profile::start()?;
    /// let outer = profile::block("outer");
    /// let inner = profile::block("in; ner");
    /// let start = Instant::now();
    /// while start.elapsed() < Duration::from_millis(1) {}
    /// drop((inner, outer));
    /// assert!(profiling.stop().to_folded().contains(";outer;in, ner "));
    /// # Ok::<(), profile::StartError>(())
    /// ```
    #[must_use]
    pub fn to_folded(&self) -> String {
        export::folded(self, true)
    }

    /// The same without sleep: what keeps the threads busy.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Till, observe::profile};
    /// use std::time::{Duration, Instant};
    ///
    /// let profiling = profile::start()?;
    /// let turn = profile::block("turn");
    /// let start = Instant::now();
    /// while start.elapsed() < Duration::from_millis(1) {}
    /// Till::after(Duration::from_millis(1)).wait()?;
    /// drop(turn);
    /// let profile = profiling.stop();
    /// assert!(profile.to_folded().contains(";turn;wait for a signal "));
    /// let work = profile.to_folded_work();
    /// assert!(work.contains(";turn ") && !work.contains("wait for"), "{work}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[doc(alias = "on-cpu")]
    pub fn to_folded_work(&self) -> String {
        export::folded(self, false)
    }

    /// The single calls and sleeps that were [recorded](super::Builder::record), as the JSON of Chrome's trace viewer,
    /// which [Perfetto](https://ui.perfetto.dev) opens: a line of time for each thread, with its path.
    ///
    /// A call is recorded when it ends, so calls that were running at a [snapshot](super::Profiling::snapshot) are not
    /// in it.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::observe::profile;
    ///
    /// let profiling = profile::Builder::new().record(1000).start()?;
    /// drop(profile::block("parse"));
    /// let trace = profiling.stop().to_trace();
    /// assert!(trace.contains(r#""name":"parse""#), "{trace}");
    /// // std::fs::write("trace.json", trace)?;
    /// # Ok::<(), profile::StartError>(())
    /// ```
    #[must_use]
    pub fn to_trace(&self) -> String {
        export::trace(self)
    }
}

/// What the threads of one path have done, in a [`Profile`].
#[derive(Clone)]
pub struct ThreadProfile {
    rows: Vec<Row>,
    pub(super) part: Part,
}

impl ThreadProfile {
    /// The path of the thread; an alien thread is called by its OS name.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.part.thread
    }

    /// How many threads these were.
    #[must_use]
    pub fn threads(&self) -> u64 {
        self.part.threads
    }

    /// The system's number of the thread, of the first if there were more; 0 where the system has none.
    #[must_use]
    pub fn os_id(&self) -> u32 {
        self.part.os_id
    }

    /// How long it has run on a processor, from its first call in the profile on, as the kernel has counted.
    /// Of a thread that runs that may be some milliseconds old. None where the system does not tell.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        self.part.cpu
    }

    /// Its rows, the longest own time first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// As [`Profile::row`], of this thread.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&Row> {
        row(&self.rows, name)
    }
}

/// What was called, how often, and how long it took.
///
/// [The words](super#what-is-counted) are explained at the module.
#[derive(Clone, Debug)]
pub struct Row(tables::Row);

impl Row {
    /// The path of the function, the name of the block, the path of the thread, or what is waited for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.label.name
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> RowKind {
        self.0.label.kind
    }

    /// Where it stands in the source, if it does.
    #[must_use]
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.0.at
    }

    /// How many calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.calls
    }

    /// How many calls that were not made inside of another one.
    #[must_use]
    pub fn primitive_calls(&self) -> u64 {
        self.0.primitive
    }

    /// How many polls, of an async function.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.0.polls
    }

    /// Without what it called.
    #[must_use]
    #[doc(alias = "self_time")]
    pub fn own(&self) -> Duration {
        Duration::from_nanos(self.0.own)
    }

    /// With what it called.
    #[must_use]
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.0.total)
    }

    /// The longest call.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max)
    }
}

fn rows_of(tables: &Tables) -> Vec<Row> {
    let mut rows: Vec<_> = tables.rows.iter().cloned().map(Row).collect();
    rows.sort_by(|a, b| (b.0.own, a.name()).cmp(&(a.0.own, b.name())));
    rows
}

fn row<'r>(rows: &'r [Row], name: &str) -> Option<&'r Row> {
    if let exact @ Some(_) = rows.iter().find(|row| row.name() == name) {
        return exact;
    }
    let mut ends = rows.iter().filter(|row| {
        let before = row.name().strip_suffix(name);
        row.kind() == RowKind::Function && before.is_some_and(|before| before.ends_with("::"))
    });
    let only = ends.next();
    only.filter(|_| ends.next().is_none())
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        export::table(self, f)
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("rows", &self.rows)
            .field("threads", &self.threads)
            .field("lasted", &self.lasted)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ThreadProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadProfile")
            .field("path", &self.path())
            .field("cpu", &self.cpu())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl RowKind {
    /// `function`, `block`, `thread`, `wait`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Block => "block",
            Self::Thread => "thread",
            Self::Wait => "wait",
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}
