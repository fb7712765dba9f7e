//! Expectations: how often a function is to be called in a block, by what arguments, in what order.
//!
//! An expectation is a patch that stands around its calls, and counts those that match. A call that matches and that
//! it may not take is handed on if another expectation further out would take it; if there is none, the call panics.
//!
//! # Invariants
//!
//! 1. The count of an expectation stands in its sequence, and changes under the sequence's lock, with the counts that
//!    decide whether it may. An expectation that is in no order is a sequence of its own.
//! 2. `Debug` of arguments, predicates and answers run outside the locks.
//! 3. Nothing is verified when the block ends by a panic: the panic is the news.

use core::fmt;
use core::panic::Location;
use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::ambient::{Ended, Enter, verbs};
use crate::call::calls::Calls;
use crate::call::patch::Patch;
use crate::call::sequence::{Refusal, Sequence, Turn};
use crate::call::site::{Function, Site};
use crate::primitive::{Arc, Mutex};

/// How many calls a message shows.
const SHOWN: usize = 50;

/// What is expected of the calls of one function in a block; made by the function's `expect`.
///
/// `f::expect(2..=3)` is for any arguments; `.with(|args| ..)` narrows that, each one further. Then `.returning(|args| ..)` answers the
/// calls, while `.passing()` lets them through to the function. When the block ends and there were not enough calls, it
/// panics, and lists the calls that there were; not if it ends by a panic anyhow. A call too many panics at once.
///
/// A call of an async function counts when its future is polled first, and the expectation's turn comes; wrapped around a
/// future, the expectation is checked when that is ready.
///
/// Several expectations of a function are asked from the innermost block outwards: the first that matches, is not used
/// up, and whose turn it is takes the call. A call that none of them matches goes on to the function; an outermost
/// `f::expect(0)` forbids that.
///
/// # Examples
///
/// ```
/// use selvedge::open;
///
/// #[open]
/// fn send(to: &str, text: &str) -> Result<(), String> { Err(format!("no network to reach {to}")) }
///
/// fn remind(people: &[&str]) -> usize {
///     people.iter().filter(|to| send(to, "tomorrow!").is_ok()).count()
/// }
///
/// let others = send::expect(0).passing();
/// let ada = send::expect(1).with(|args| args.to == "ada").returning(|_| Ok(()));
/// let bob = send::expect(1..=2).with(|args| args.to == "bob").returning(|_| Err("away".to_owned()));
/// others.and(ada).and(bob).run(|| assert_eq!(remind(&["ada", "bob"]), 1));
///
/// // What the report looks like:
/// let twice = send::expect(2).with(|args| args.text.is_empty()).passing();
/// let failing = std::panic::AssertUnwindSafe(|| twice.run(|| remind(&["eve"])));
/// let panic = std::panic::catch_unwind(failing).unwrap_err();
/// let text = panic.downcast::<String>().unwrap();
/// assert!(text.contains("expected 2 calls") && text.contains("got 0"), "{text}");
/// assert!(text.contains(r#"send(to: "eve", text: "tomorrow!")"#), "{text}");
/// ```
#[derive(Clone)]
#[must_use = "an expectation is checked at the end of the block that it is run around"]
pub struct Expectation {
    patch: Patch,
    expected: Expected,
}

/// The state of an expectation, for expansions.
#[doc(hidden)]
#[derive(Clone)]
pub struct Expected(Arc<Inner>);

struct Inner {
    function: &'static Function,
    calls: Calls,
    at: &'static Location<'static>,
    /// Where the predicates were given.
    with: Mutex<Vec<&'static Location<'static>>>,
    /// Which of what order this is.
    turn: Mutex<(Sequence, usize)>,
    tally: Mutex<Tally>,
    /// The block is being left by a panic.
    broken: AtomicBool,
}

#[derive(Default)]
struct Tally {
    /// The calls that it was asked about, and what became of them.
    seen: Vec<(String, Seen)>,
    more: u64,
    /// What could not be allowed.
    violation: Option<String>,
}

#[derive(Clone, Copy)]
enum Seen {
    Taken,
    OtherArguments,
    HandedOn,
    Unexpected,
}

/// What an expectation says of a call that matches.
pub(super) enum Verdict {
    Taken,
    HandedOn,
    Refused(Refusal),
}

impl Expected {
    /// For expansions.
    #[track_caller]
    pub fn new(site: &'static Site, calls: Calls) -> Self {
        let (function, at) = (site.function(), Location::caller());
        let turn = (Sequence::new(), 0);
        turn.0.add(Turn::new(function, calls, at));
        Self(Arc::new(Inner {
            function,
            calls,
            at,
            with: Mutex::new(Vec::new()),
            turn: Mutex::new(turn),
            tally: Mutex::new(Tally::default()),
            broken: AtomicBool::new(false),
        }))
    }

    /// A predicate was given here.
    #[track_caller]
    pub fn narrow(&self) {
        self.0.with.lock().push(Location::caller());
    }

    fn turn(&self) -> (Sequence, usize) {
        self.0.turn.lock().clone()
    }

    /// Could it take one more, as part of this order if one is given?
    pub(super) fn could_take(&self, of: Option<&Sequence>) -> bool {
        let (sequence, at) = self.turn();
        of.is_none_or(|of| of.is(&sequence)) && sequence.may(at).is_ok()
    }

    /// Takes a call that matches, or hands it on: to an earlier one of its order, which is served first, or to
    /// whoever may take what this one may not. `others` says whether anybody further out would take the call.
    pub(super) fn take(&self, mut others: impl FnMut(Option<&Sequence>) -> bool) -> Verdict {
        let (sequence, at) = self.turn();
        if at > 0 && others(Some(&sequence)) {
            return Verdict::HandedOn;
        }
        match sequence.take(at) {
            Ok(()) => Verdict::Taken,
            Err(_) if others(None) => Verdict::HandedOn,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn note(&self, call: String, what: Seen) {
        let mut tally = self.0.tally.lock();
        if tally.seen.len() < SHOWN {
            tally.seen.push((call, what));
        } else {
            tally.more += 1;
        }
    }

    pub(super) fn note_taken(&self, call: String) -> bool {
        self.note(call, Seen::Taken);
        true
    }

    pub(super) fn note_other(&self, call: String) -> bool {
        self.note(call, Seen::OtherArguments);
        false
    }

    pub(super) fn note_handed_on(&self, call: String) -> bool {
        self.note(call, Seen::HandedOn);
        false
    }

    /// A call that nobody may take: what the panic says.
    pub(super) fn violated(&self, call: String, refusal: &Refusal) -> String {
        let text = format!("unexpected call {call}: {refusal}; {self}");
        self.note(call, Seen::Unexpected);
        let mut tally = self.0.tally.lock();
        tally.violation.get_or_insert_with(|| text.clone());
        text
    }

    /// Verifies, and begins anew.
    fn settle(&self) -> Result<(), String> {
        let (sequence, at) = self.turn();
        let got = sequence.reset(at);
        let tally = core::mem::take(&mut *self.0.tally.lock());
        if tally.violation.is_none() && got >= self.0.calls.least() {
            return Ok(());
        }
        let mut text = match &tally.violation {
            Some(violation) => violation.clone(),
            None => format!("{self}; got {got}"),
        };
        text.push_str(if tally.seen.is_empty() {
            "\n  It was not called."
        } else {
            "\n  Its calls were:"
        });
        for (at, (call, what)) in tally.seen.iter().enumerate() {
            let what = match what {
                Seen::Taken => "",
                Seen::OtherArguments => "  (the arguments do not match)",
                Seen::HandedOn => "  (left to another expectation)",
                Seen::Unexpected => "  (unexpected)",
            };
            text.push_str(&format!("\n  {:>3}. {call}{what}", at + 1));
        }
        if tally.more > 0 {
            text.push_str(&format!("\n       and {} more", tally.more));
        }
        Err(text)
    }
}

/// `expected 2 calls of app::send with arguments as src/a.rs:3:5 says (src/a.rs:2:5)`
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            function,
            calls,
            at,
            with,
            ..
        } = &*self.0;
        write!(f, "expected {calls} of `{}`", function.path())?;
        let with: Vec<_> = with.lock().iter().map(ToString::to_string).collect();
        match &with[..] {
            [] => {}
            [one] => write!(f, " with arguments as {one} says")?,
            all => write!(f, " with arguments as {} say", all.join(" and "))?,
        }
        write!(f, " (at {at})")
    }
}

impl Expectation {
    /// For expansions.
    #[doc(hidden)]
    pub fn new(expected: Expected, patch: Patch) -> Self {
        Self {
            patch: patch.expecting(),
            expected,
        }
    }

    /// Its calls come after those of the expectations that were added to `sequence` before, and before those that are
    /// added later.
    ///
    /// It may take a call when all before it have had as many as they need, and none after it has had any. A call that
    /// an earlier one may take as well is the earlier one's, as far as it stands further out.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{call::Sequence, open};
    ///
    /// #[open] fn begin() {}
    /// #[open] fn write(n: u32) {}
    /// #[open] fn commit() {}
    ///
    /// let order = Sequence::new();
    /// let block = begin::expect(1).passing().in_order(&order)
    ///     .and(write::expect(1..).passing().in_order(&order))
    ///     .and(commit::expect(1).passing().in_order(&order));
    /// block.run(|| { begin(); write(1); write(2); commit(); });
    ///
    /// let order = Sequence::new();
    /// let block = write::expect(1..).passing().in_order(&order)
    ///     .and(commit::expect(1).passing().in_order(&order));
    /// let failing = std::panic::AssertUnwindSafe(|| block.run(commit));
    /// let panic = std::panic::catch_unwind(failing).unwrap_err();
    /// let text = panic.downcast::<String>().unwrap();
    /// assert!(text.contains("before it, 1 or more calls of `"), "{text}");
    /// ```
    pub fn in_order(self, sequence: &Sequence) -> Self {
        let Inner {
            function,
            calls,
            at,
            turn,
            ..
        } = &*self.expected.0;
        let at = sequence.add(Turn::new(function, *calls, at));
        *turn.lock() = (sequence.clone(), at);
        self
    }

    /// Only for calls on this very object; see [`Patch::on`].
    ///
    /// # Panics
    ///
    /// If the function is not a method of `T` that takes `&self` or `&mut self`.
    #[track_caller]
    pub fn on<T: ?Sized>(self, object: &T) -> Self {
        Self {
            patch: self.patch.on(object),
            expected: self.expected,
        }
    }

    /// How many calls it has taken since the block began, or since the last [`checkpoint`](Self::checkpoint).
    #[must_use]
    pub fn count(&self) -> u64 {
        let (sequence, at) = self.expected.turn();
        sequence.count(at)
    }

    /// Checks now what is checked at the end of the block, and begins to count anew.
    ///
    /// # Panics
    ///
    /// If there were not enough calls, or one too many that did not get through.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::open;
    ///
    /// #[open] fn tick() {}
    ///
    /// let one = tick::expect(1).passing();
    /// one.run(|| {
    ///     tick();
    ///     one.checkpoint();
    ///     tick();
    /// });
    /// ```
    #[track_caller]
    pub fn checkpoint(&self) {
        if let Err(text) = self.expected.settle() {
            panic!("{text}");
        }
    }

    /// Runs `f`, and checks when it has returned.
    ///
    /// # Panics
    ///
    /// If `f` does, or if there were not enough calls.
    #[track_caller]
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        Enter::run(self.clone(), f)
    }
}

verbs!(joining [] Expectation);

impl Enter for Expectation {
    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        struct Left<'b>(Option<&'b AtomicBool>);
        impl Drop for Left<'_> {
            fn drop(&mut self) {
                if let Some(broken) = self.0 {
                    broken.store(true, Relaxed);
                }
            }
        }
        let mut left = Left(Some(&self.expected.0.broken));
        let result = self.patch.enter(block, f);
        left.0 = None;
        result
    }

    fn finish(self, _block: &'static Location<'static>) -> Ended {
        let settled = self.expected.settle();
        if self.expected.0.broken.swap(false, Relaxed) {
            return Ok(()); // invariant 3
        }
        settled.map_err(|text| Box::new(text) as Box<dyn Any + Send>)
    }
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expectation({}; got {})", self.expected, self.count())
    }
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expected({self})")
    }
}
