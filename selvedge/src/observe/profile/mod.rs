//! Where the time goes: calls and times of open functions, named blocks and threads.
//!
//! A profile is switched on and off while the program runs. Meanwhile every call of an [open](crate::open) function,
//! every [`block`] and every body of a thread is counted and timed, on all threads, and so is every sleep in a blocking
//! call of this library. Each thread writes for itself; what the threads have written is added up when one ends, and
//! when somebody looks.
//!
//! ```
//! use selvedge::observe::profile;
//! use selvedge::open;
//!
//! #[open]
//! fn fib(n: u32) -> u64 { if n < 2 { n.into() } else { fib(n - 1) + fib(n - 2) } }
//!
//! let profiling = profile::start()?;
//! {
//!     let _warm_up = profile::block("warm up");
//!     fib(5);
//! }
//! let profile = profiling.stop();
//! fib(5); // not counted any more
//!
//! let row = profile.row("fib").unwrap();
//! assert_eq!((row.calls(), row.primitive_calls()), (15, 1)); // 14 of them made by fib itself
//! assert_eq!(profile.row("warm up").unwrap().total(), row.total() + profile.row("warm up").unwrap().own());
//! println!("{profile}");
//! # Ok::<(), profile::StartError>(())
//! ```
//!
//! # What is counted
//!
//! - **calls**: how often it was called; a call that is running when somebody looks counts, with the time it has taken
//!   so far. One that had begun before the profile was switched on does not, but what it calls does. The body of a thread
//!   that had begun before is no call either; its time counts from the first call, block or sleep in it on.
//! - **primitive calls**: those that were not made, directly or not, by a call of the same function.
//! - **own time**: without what it called, and without sleep in blocking calls.
//! - **total time**: with all that; of a recursive function that of the primitive calls, so nothing counts twice.
//! - **wait**: sleep in a blocking call. It has rows and stacks of its own; all other own time is **work**.
//! - **max**: the longest primitive call.
//! - **polls**: of an async function. It is called when it is polled first, and its times are those of its polls; the
//!   longest of them is its max. Between two polls it does not run.
//!
//! A call that panics is one that ends. Time is the wall clock's (in a `testing::World` that of the
//! world); for the time on a processor there is [`ThreadProfile::cpu`].
//!
//! # What it costs
//!
//! Off: nothing; a function is armed only while a profile wants it. On: a call takes 0.1 to 0.2 us more, two looks
//! at the clock among them. What the looks cost is measured when the profile starts, and taken off the times; what is
//! left is that a caller's own time has the hand-over to the function in it, some ten nanoseconds for each call. With
//! [`Builder::sample`] short functions are timed now and then only, and the rest of their times is estimated; counts are
//! always exact. Memory: for each thread some 200 bytes for each place from which a function is called (deeper than 256
//! levels the place is not told apart any more), and as much for each path of up to 1000 ended threads; those beyond
//! are added up as `(others)`.

mod collect;
mod export;
mod report;
mod tables;

use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;
use std::error::Error;

use crate::call::{BadPattern, Measured};
use crate::observe::profile::collect::Collection;
use crate::primitive::Arc;
use crate::probe::{self, Observer, Span, What};
use crate::signal;

pub use report::{Profile, Row, ThreadProfile};
pub use tables::RowKind;

/// Takes a profile of all open functions, blocks and threads of the process, until it is stopped.
///
/// # Errors
///
/// [`StartError::AlreadyOn`]: there is one profile at a time.
#[track_caller]
pub fn start() -> Result<Profiling, StartError> {
    Builder::new().start()
}

/// A profile to be, with more choices than [`start`] has.
///
/// # Examples
///
/// ```
/// use selvedge::observe::profile;
/// use selvedge::open;
///
/// #[open]
/// fn parse(n: u64) -> u64 { n + 1 }
///
/// #[open]
/// fn other() {}
///
/// let profiling = profile::Builder::new().functions("**::parse").sample(16).start()?;
/// let sum: u64 = (0..1000).map(parse).sum();
/// other();
/// let profile = profiling.stop();
/// assert_eq!(profile.row("parse").unwrap().calls(), 1000); // however many were timed
/// assert!(profile.row("other").is_none());
/// # assert_eq!(sum, 500500);
/// # Ok::<(), profile::StartError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is measured until `start`"]
pub struct Builder {
    functions: Box<str>,
    every: u32,
    room: Option<usize>,
}

impl Builder {
    /// All functions, all calls timed, no single calls kept.
    pub fn new() -> Self {
        Self {
            functions: "**".into(),
            every: 1,
            room: None,
        }
    }

    /// Only functions whose path matches, as in [`watch`](crate::call::watch()); blocks, threads and sleep as well.
    pub fn functions(mut self, pattern: &str) -> Self {
        self.functions = pattern.into();
        self
    }

    /// Times one call of `every` of each function that is short, which is one that has taken less than 2 us by itself
    /// in the mean, after 64 calls of a thread. The other calls are counted, and taken to be as long as those.
    /// Which calls are timed is drawn, so that no rhythm of the program meets that of the draw.
    pub fn sample(mut self, every: u32) -> Self {
        self.every = every.max(1);
        self
    }

    /// Keeps single calls and sleeps as well, for [`Profile::to_trace`]: up to `room` of all threads. Those that find no
    /// room are [counted](Profile::dropped).
    pub fn record(mut self, room: usize) -> Self {
        self.room = Some(room);
        self
    }

    /// Starts.
    ///
    /// # Errors
    ///
    /// - [`StartError::AlreadyOn`] – there is one profile at a time.
    /// - [`StartError::Pattern`] – no path can match the pattern of [`functions`](Self::functions).
    #[track_caller]
    pub fn start(self) -> Result<Profiling, StartError> {
        let at = Location::caller();
        let collection = Collection::begin(at, self.every, self.room)
            .map_err(|other| StartError::AlreadyOn { at: other.at })?;
        let observer = Observer {
            begin: collect::begin,
            end: collect::end,
            end_body: collect::end_body,
        };
        probe::observe_spans(observer);
        let mut profiling = Profiling {
            collection,
            measured: None,
        };
        let measured = Measured::start(&self.functions).map_err(StartError::Pattern)?;
        profiling.measured = Some(measured);
        Ok(profiling)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// A profile that is being taken; made by [`start`]. It ends when this is dropped.
///
/// It may be looked at and stopped on any thread.
#[must_use = "the profile ends when this is dropped"]
pub struct Profiling {
    collection: Arc<Collection>,
    /// None after the end.
    measured: Option<Measured>,
}

impl Profiling {
    /// What there is until now; the profile goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::observe::profile;
    ///
    /// let profiling = profile::start()?;
    /// let _outer = profile::block("outer");
    /// drop(profile::block("inner"));
    /// let profile = profiling.snapshot();
    /// assert_eq!(profile.row("outer").unwrap().calls(), 1); // it is running
    /// assert!(profile.row("outer").unwrap().total() >= profile.row("inner").unwrap().total());
    /// # Ok::<(), profile::StartError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Profile {
        Profile::new(&self.collection, signal::now())
    }

    /// Ends the profile; calls that are running count with the time they have taken so far.
    #[must_use = "this is what it was taken for"]
    pub fn stop(mut self) -> Profile {
        let now = signal::now();
        self.end();
        Profile::new(&self.collection, now)
    }

    fn end(&mut self) {
        drop(self.measured.take());
        if self.collection.end() {
            probe::unobserve_spans();
        }
    }
}

impl Drop for Profiling {
    fn drop(&mut self) {
        self.end();
    }
}

/// Names what runs until the guard is dropped, on this thread.
///
/// It costs one relaxed load while no profile is taken. A guard that is dropped after one that was made before it has
/// ended with that one. A guard that is kept across an `await` measures what else the thread does meanwhile.
///
/// # Examples
///
/// ```
/// use selvedge::observe::profile;
///
/// let profiling = profile::start()?;
/// for _ in 0..3 {
///     let _block = profile::block("turn");
///     // what a turn does
/// }
/// assert_eq!(profiling.stop().row("turn").unwrap().calls(), 3);
/// # Ok::<(), profile::StartError>(())
/// ```
#[track_caller]
pub fn block(name: &'static str) -> Block {
    Block {
        span: probe::span(What::Block(name, Location::caller())),
        here: PhantomData,
    }
}

/// A named block; made by [`block()`].
#[derive(Debug)]
#[must_use = "the block ends when this is dropped"]
pub struct Block {
    #[expect(dead_code, reason = "dropped")]
    span: Span,
    here: PhantomData<*const ()>,
}

/// No profile is taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// There is one already.
    AlreadyOn {
        /// Where it was started.
        at: &'static Location<'static>,
    },
    /// No path can match.
    Pattern(BadPattern),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyOn { at } => write!(
                f,
                "a profile is being taken already, since {at}: stop that one first"
            ),
            Self::Pattern(_) => f.write_str("the profile has no functions to measure"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::AlreadyOn { .. } => None,
            Self::Pattern(error) => Some(error),
        }
    }
}

impl fmt::Debug for Profiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiling")
            .field("since", &self.collection.began)
            .field("at", &format_args!("{}", self.collection.at))
            .finish_non_exhaustive()
    }
}
