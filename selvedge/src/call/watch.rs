//! Watching: somebody is told of calls whose types they do not know.
//!
//! # Invariants
//!
//! 1. What is bound to `WATCHES` is an [`Around`], by [`enter`]. It is never changed.
//! 2. A watch sees a call as its caller does: outside of all patches, bindings and the body.
//! 3. Whoever watches changes nothing: their panic is caught and told to `probe`, and the call goes on. Their own
//!    calls are not shown to them.
//! 4. No lock is held while they run. The list of installed watches is replaced, never changed, and dropped outside
//!    of its lock.

use core::any::Any;
use core::fmt;
use core::panic::Location;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::ambient::{self, Enter, Key, Payload, verbs};
use crate::call::glob::{BadPattern, Glob};
use crate::call::groutine;
use crate::call::hook::next_id;
use crate::call::met::{self, Purpose};
use crate::call::observed::{Event, Moment};
use crate::call::site::Function;
use crate::call::steps::{At, Running, go_on_with};
use crate::primitive::{Arc, drop_caught, message_of, process_shelf};
use crate::probe;

/// What blocks have bound: the watches in force, and who of them is at work.
static WATCHES: Key = Key::new();
process_shelf! {
    /// In force everywhere, newest first.
    static INSTALLED: Vec<Watch>;
}

/// Watches the calls of all open functions whose path matches `pattern`; `f` is told of each, when it begins and
/// when it ends.
///
/// In a pattern, `*` is any part of a name and `**` any number of names: `app::views::*`, `**::get_*`. A function
/// that is called for the first time later is watched as well. The path of a method is that of its type, then its
/// name.
///
/// A watch sees a call as the caller does: the arguments before any hook has changed them, and the result that comes
/// back. It changes nothing: if `f` panics, that is an event of [`probe`](crate::probe), and the call
/// goes on. What `f` calls is not shown to it.
///
/// A call of an async function begins when its future is polled first; who watches it is found then, in the ambient of
/// that poll, and is told of its end, wherever that is: also if the future is dropped before it is ready.
///
/// # Errors
///
/// If no path can match the pattern.
///
/// # Examples
///
/// ```
/// use selvedge::{call, open};
/// use std::sync::{Arc, Mutex};
///
/// #[open]
/// fn area(width: u32, height: u32) -> u32 { width * height }
///
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let watch = call::watch("**::area", {
///     let seen = seen.clone();
///     move |event| seen.lock().unwrap().push(event.to_string())
/// })?;
/// watch.run(|| area(3, 4));
/// area(5, 6); // outside of the block
///
/// let path = concat!(module_path!(), "::area");
/// assert_eq!(*seen.lock().unwrap(), [format!("{path}(width: 3, height: 4)"), format!("{path} -> 12")]);
/// # Ok::<(), call::BadPattern>(())
/// ```
pub fn watch(
    pattern: &str,
    f: impl Fn(&Event<'_>) + Send + Sync + 'static,
) -> Result<Watch, BadPattern> {
    let (glob, number) = (Glob::new(pattern)?, next_id());
    met::start(number, &glob, Purpose::Watch);
    Ok(Watch(Arc::new(Inner {
        number,
        glob,
        f: Box::new(f),
    })))
}

/// A watch over open functions, for the blocks that it is run around; made by [`watch`].
///
/// It lives in the ambient as a [`Patch`](crate::call::Patch) does: calls outside the block, and on other threads, are
/// not seen, unless the ambient is carried there. [`install`](Self::install) is for the whole process. In force more
/// than once, it is told of a call once.
#[derive(Clone)]
#[must_use = "a watch sees nothing until it is run around a block, or installed"]
pub struct Watch(Arc<Inner>);

struct Inner {
    number: u64,
    glob: Glob,
    f: Box<dyn Fn(&Event<'_>) + Send + Sync>,
}

impl Watch {
    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.0.glob.text()
    }

    /// Would it see the calls of every function?
    #[cfg(feature = "inspect")]
    pub(crate) fn sees_all(&self) -> bool {
        self.0.glob.matches_all()
    }

    /// Runs `f` under watch.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.enter(Location::caller(), f)
    }

    /// Watches the whole process, until the guard is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{call, open};
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// #[open]
    /// fn tick() {}
    ///
    /// static EVENTS: AtomicU32 = AtomicU32::new(0);
    /// let watching = call::watch("**::tick", |_| { EVENTS.fetch_add(1, Relaxed); })?.install();
    /// std::thread::spawn(tick).join().unwrap();
    /// drop(watching);
    /// tick();
    /// assert_eq!(EVENTS.load(Relaxed), 2); // that it was called, that it returned
    /// # Ok::<(), call::BadPattern>(())
    /// ```
    pub fn install(&self) -> Watching {
        let watch = self.clone();
        replace(|old| [watch].into_iter().chain(old.iter().cloned()).collect());
        Watching(self.clone())
    }

    /// Tells of `event`, muted.
    fn tell(&self, event: &Event<'_>) {
        let told = mark(self, Change::Mute, || {
            catch_unwind(AssertUnwindSafe(|| (self.0.f)(event)))
        });
        if let Err(panic) = told {
            probe::emit(&probe::Event::WatcherPanicked {
                function: event.function().path(),
                pattern: self.pattern(),
                message: message_of(&*panic),
            });
            drop_caught(panic);
        }
    }
}

verbs!(joining [] Watch);

impl Enter for Watch {
    const PLAIN: bool = true;

    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        let mut around = Around::here();
        around.watches.insert(0, self.clone());
        enter(around, block, f)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        met::stop(self.number, &self.glob, Purpose::Watch);
    }
}

/// Watches the process until it is dropped; made by [`Watch::install`].
///
/// It may be dropped on any thread. Calls that are running are watched to their end.
#[must_use = "the watch ends when this is dropped"]
pub struct Watching(Watch);

impl Drop for Watching {
    fn drop(&mut self) {
        replace(|old| {
            // Installed twice, one of them stays.
            let is_it = |other: &Watch| other.0.number == self.0.0.number;
            let (before, after) = match old.iter().position(is_it) {
                Some(at) => (&old[..at], &old[at + 1..]),
                None => (old, &[][..]),
            };
            [before, after].concat()
        });
    }
}

fn replace(change: impl FnOnce(&[Watch]) -> Vec<Watch>) {
    let old = INSTALLED.replace(|list| {
        let new = change(list.map_or(&[], |list| list));
        Some((!new.is_empty()).then(|| Arc::new(new)))
    });
    drop(old); // invariant 4
}

/// What is bound to `WATCHES`.
#[derive(Clone, Default)]
struct Around {
    /// Of blocks, innermost first.
    watches: Vec<Watch>,
    marks: Vec<Mark>,
}

/// How it stands with one watch here.
#[derive(Clone, Copy)]
struct Mark {
    number: u64,
    /// How many calls that it has seen are running.
    depth: u32,
    /// Are we inside of its closure?
    muted: bool,
}

impl Around {
    fn here() -> Self {
        look(|around| around.cloned().unwrap_or_default())
    }

    fn mark(&self, number: u64) -> Mark {
        let mark = self.marks.iter().find(|mark| mark.number == number);
        mark.copied().unwrap_or(Mark {
            number,
            depth: 0,
            muted: false,
        })
    }

    fn set(&mut self, mark: Mark) {
        self.marks.retain(|other| other.number != mark.number);
        self.marks.push(mark);
    }
}

fn look<R>(f: impl FnOnce(Option<&Around>) -> R) -> R {
    ambient::innermost(&WATCHES, |binding| {
        f(match binding.map(|binding| &binding.payload) {
            Some(Payload::Shared(around, _)) => around.downcast_ref(), // invariant 1
            _ => None,
        })
    })
}

fn enter<R>(around: Around, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let around = Arc::new(around);
    let at = Arc::as_ptr(&around).cast();
    ambient::enter(&WATCHES, Payload::Shared(around, at), block, f)
}

#[derive(Clone, Copy)]
enum Change {
    Mute,
    Deeper,
}

/// Runs `f` with one mark changed.
fn mark<R>(watch: &Watch, change: Change, f: impl FnOnce() -> R) -> R {
    let mut around = Around::here();
    around.change(watch, change);
    enter(around, Location::caller(), f)
}

impl Around {
    fn change(&mut self, watch: &Watch, change: Change) {
        let mut mark = self.mark(watch.0.number);
        match change {
            Change::Mute => mark.muted = true,
            Change::Deeper => mark.depth += 1,
        }
        self.set(mark);
    }
}

/// Is anybody watching here, whatever it is?
#[inline]
pub(super) fn is_in_reach() -> bool {
    !INSTALLED.is_empty() || look(|around| around.is_some())
}

/// The watches that see a call of `function` here, the outermost first, and how deep each of them is in.
pub(super) fn seeing(function: &Function) -> Vec<(Watch, u32)> {
    // Given back after the look: what it is the last to hold is dropped then.
    let installed = match INSTALLED.is_empty() {
        true => None,
        false => INSTALLED.lend(),
    };
    let mut watches = Vec::new();
    let mut see = |watch: &Watch, around: Option<&Around>| {
        let is_it = |(other, _): &(Watch, u32)| other.0.number == watch.0.number;
        if watch.0.glob.matches(function.path()) && !watches.iter().any(is_it) {
            let mark = around.map(|around| around.mark(watch.0.number));
            if mark.is_none_or(|mark| !mark.muted) {
                watches.push((watch.clone(), mark.map_or(0, |mark| mark.depth)));
            }
        }
    };
    look(|around| {
        let of_blocks = around.map_or(&[][..], |around| &around.watches);
        of_blocks.iter().for_each(|watch| see(watch, around));
        let installed = installed.iter().flat_map(|list| list.iter());
        installed.for_each(|watch| see(watch, around));
    });
    watches
}

/// Runs a call of `function` under the eyes of whoever watches it here.
#[inline(never)]
pub(super) fn observe(
    function: &'static Function,
    call: &mut dyn Running,
    run: impl FnOnce(&mut dyn Running),
) {
    let Some(seeing) = Seeing::begin(function, &*call) else {
        return run(call);
    };
    let ran = catch_unwind(AssertUnwindSafe(|| seeing.run(|| run(call))));
    seeing.end(&*call, ran.err());
}

/// A call that is watched: who was told that it began.
pub(super) struct Seeing {
    function: &'static Function,
    number: u64,
    /// The outermost first, each with its depth.
    watches: Vec<(Watch, u32)>,
}

impl Seeing {
    /// Tells whoever watches here that it begins; none, if there is nobody.
    pub(super) fn begin(function: &'static Function, call: &dyn Running) -> Option<Self> {
        let watches = seeing(function);
        if watches.is_empty() {
            return None;
        }
        let number = next_id();
        for (watch, depth) in &watches {
            watch.tell(&Event::new(
                (function, number),
                *depth,
                Moment::Called,
                call,
            ));
        }
        Some(Self {
            function,
            number,
            watches,
        })
    }

    /// Runs `f`, which is the call or a part of it: calls that it makes are deeper.
    pub(super) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let mut around = Around::here();
        for (watch, _) in &self.watches {
            around.change(watch, Change::Deeper);
        }
        enter(around, self.function.location(), f)
    }

    /// Tells how it has ended: by its result, which `call` has, or by a panic, which goes on. A groutine that was
    /// woken by that goes on before the caller does.
    pub(super) fn end(self, call: &dyn Running, panic: Option<Box<dyn Any + Send>>) {
        let Some(panic) = panic else {
            call.look(At::Result, &mut |_, result| {
                self.tell(Moment::Returned(result), call);
            });
            return groutine::attend();
        };
        self.tell(Moment::Panicked(message_of(&*panic)), call);
        match catch_unwind(AssertUnwindSafe(groutine::attend)) {
            Ok(()) => resume_unwind(panic),
            Err(second) => go_on_with(self.function, second, panic),
        }
    }

    /// Tells that it will not end.
    pub(super) fn dropped(self, call: &dyn Running) {
        self.tell(Moment::Dropped, call);
    }

    fn tell(&self, moment: Moment<'_>, call: &dyn Running) {
        for (watch, depth) in self.watches.iter().rev() {
            watch.tell(&Event::new(
                (self.function, self.number),
                *depth,
                moment,
                call,
            ));
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("pattern", &self.pattern())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watching").field(&self.0.pattern()).finish()
    }
}
