//! Carrying: a picture of the chain that can go to another thread.
//!
//! Capture copies the frames above the last captured one into a counted chain and remembers the copy in
//! each frame, so that a thousand captures in one block cost a thousand reference counts.
//! Entering a captured ambient installs a table of its own: what the capturing block saw, and nothing of
//! the block that runs it.
//!
//! # Invariants
//!
//! Those of [`frame`](super::frame), and: a [`Node`] owns its payload and its ancestors, so every pointer
//! in it points into memory that it keeps alive.
#![allow(
    unsafe_code,
    reason = "nodes carry the raw pointers of the bindings that they are copies of"
)]

use core::fmt;
use core::iter;
use core::mem;
use core::panic::Location;
use core::ptr;
use std::collections::HashSet;
use std::panic::resume_unwind;

use crate::ambient::base::{self, Kept};
use crate::ambient::current::{self, Slot};
use crate::ambient::enter::{Enter, verbs};
use crate::ambient::frame::{Binding, Frame, Payload};
use crate::ambient::key::Index;
use crate::primitive::{Arc, OnceLock, drop_caught, drop_each, panicking};

/// A captured frame.
pub(super) struct Node {
    pub(super) binding: Binding,
    parent: Option<Arc<Self>>,
    /// The innermost binding of each key from here outwards; computed when the node is first entered.
    flat: OnceLock<Box<[(Index, Slot)]>>,
}

// SAFETY: a node is immutable after it was made. Its payload is `Send + Sync` (an `Arc` of such a
// value, a switch, an extension), `outer`, and the slots in `flat`, point into nodes that it owns
// through `parent` (invariant 4 of `frame`), and `captured` is never filled in a node.
unsafe impl Send for Node {}
// SAFETY: as above; `flat` is a `OnceLock`.
unsafe impl Sync for Node {}

impl Node {
    /// What a block that runs here sees.
    fn flat(&self) -> &[(Index, Slot)] {
        self.flat.get_or_init(|| {
            let mut flat = Vec::new();
            let mut seen = HashSet::new();
            let mut node = Some(self);
            while let Some(here) = node {
                if seen.insert(here.binding.index) {
                    flat.push((here.binding.index, here.slot()));
                }
                node = here.parent.as_deref();
            }
            flat.into_boxed_slice()
        })
    }

    fn slot(&self) -> Slot {
        let binding = ptr::from_ref(&self.binding);
        Slot {
            value: self.binding.payload.value().unwrap_or(binding.cast()),
            binding,
        }
    }
}

impl Drop for Node {
    // A loop: a chain as long as a user's recursion must not be dropped by recursion. All of it goes, also if values
    // panic when they are dropped.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        let panicked = drop_each(iter::from_fn(|| {
            let mut node = next.take().and_then(Arc::into_inner)?;
            next = node.parent.take();
            Some(node)
        }));
        if let Some(panic) = panicked {
            drop_caught(mem::replace(
                &mut self.binding.payload,
                Payload::Switch(false),
            ));
            match panicking() {
                true => drop_caught(panic),
                false => resume_unwind(panic),
            }
        }
    }
}

/// A picture of everything that is bound where it was captured: values, contexts, patches, isolation.
///
/// Cheap to clone, and `Send + Sync`. A thread starts with nothing bound; this is how a value reaches it. It is a
/// block as well: [`Wrap`](crate::Wrap) puts closures and futures into it, and so does [`Carry`](crate::Carry), from
/// their side.
///
/// # Examples
///
/// ```
/// use selvedge::Ambient;
///
/// selvedge::local! { static USER: String; }
///
/// let seen = USER.bind("Ada".to_owned(), || {
///     let ambient = Ambient::capture();
///     std::thread::spawn(move || ambient.run(|| USER.with(String::clone))).join()
/// });
/// assert_eq!(seen.unwrap()?, "Ada");
/// # Ok::<(), selvedge::Unbound>(())
/// ```
#[derive(Clone)]
#[doc(alias = "copy_context")]
#[doc(alias = "snapshot")]
pub struct Ambient {
    node: Option<Arc<Node>>,
    at: &'static Location<'static>,
}

impl Ambient {
    /// Takes a picture of what is bound here.
    ///
    /// Amortised O(1): a frame is copied once, however often it is captured.
    #[track_caller]
    #[must_use]
    pub fn capture() -> Self {
        let top = current::with(current::Current::top);
        Self {
            node: capture_from(top),
            at: Location::caller(),
        }
    }

    /// The ambient in which nothing is bound.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::Ambient;
    /// selvedge::local! { static USER: &'static str; }
    /// USER.bind("Ada", || {
    ///     Ambient::empty().run(|| assert!(!USER.is_bound())); // code that must not see it
    ///     assert!(USER.is_bound());
    /// });
    /// ```
    #[track_caller]
    #[must_use]
    pub fn empty() -> Self {
        Self {
            node: None,
            at: Location::caller(),
        }
    }

    /// Runs `f` as if it were called where this was captured.
    ///
    /// What the calling block has bound is hidden inside `f` and back afterwards, also after a panic. (Where the trait
    /// [`Enter`] is imported, its `run` comes first and takes the ambient along: then write
    /// `Ambient::run(&ambient, ..)` to keep it.)
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        base::enter_base(self, Location::caller(), f)
    }

    /// Is nothing bound here?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.node.is_none()
    }

    /// Is the same bound in both, because both are one capture?
    #[inline]
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let node = |ambient: &Self| ambient.node.as_ref().map(Arc::as_ptr);
        node(self) == node(other)
    }

    /// The same, made somewhere else, for messages.
    pub(super) fn made_at(self, at: &'static Location<'static>) -> Self {
        Self { at, ..self }
    }

    /// The innermost binding of each key.
    pub(super) fn visible(&self) -> &[(Index, Slot)] {
        self.node.as_deref().map_or(&[], Node::flat)
    }

    /// How deep in the chain it was captured.
    #[inline]
    pub(super) fn depth(&self) -> u32 {
        self.node.as_ref().map_or(0, |node| node.binding.depth)
    }
}

verbs!(joining [] Ambient);

impl Enter for Ambient {
    const PLAIN: bool = true;
    const IS_BASE: bool = true;

    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        base::enter_base(self, block, f)
    }

    #[inline]
    fn enter_again<R>(
        &self,
        kept: &mut Kept,
        block: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> R {
        base::enter_base_again(self, kept, block, f)
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = self.node.as_deref().map_or(0, |node| node.flat().len());
        f.debug_struct("Ambient")
            .field("bound", &bound)
            .field("captured_at", &self.at)
            .finish()
    }
}

/// The counted copy of the chain whose innermost frame is `top`.
fn capture_from(top: *const Frame) -> Option<Arc<Node>> {
    // Down to the first frame that has a copy or begins a segment, then up again, copying.
    let mut fresh: Vec<&Frame> = Vec::new();
    let mut at = top;
    let mut node = loop {
        // SAFETY: a frame in the chain is on the stack of a block that runs (invariant 1 of `frame`),
        // and it cannot end while this call, made inside it, runs.
        let Some(frame) = (unsafe { at.as_ref() }) else {
            break None;
        };
        if let Some(base) = &frame.base {
            break base.ambient().node.clone();
        }
        if let Some(node) = frame.binding.captured.get() {
            break Some(Arc::clone(node));
        }
        fresh.push(frame);
        at = frame.below;
    };
    for frame in fresh.into_iter().rev() {
        let copy = Arc::new(Node {
            binding: Binding {
                index: frame.binding.index,
                payload: frame.binding.payload.counted(),
                depth: frame.binding.depth,
                outer: outer_copy(&frame.binding),
                captured: OnceLock::new(),
            },
            parent: node,
            flat: OnceLock::new(),
        });
        let kept = frame.binding.captured.get_or_init(|| Arc::clone(&copy));
        node = Some(Arc::clone(kept));
    }
    node
}

/// The captured twin of the binding that `binding` hides.
fn outer_copy(binding: &Binding) -> *const Binding {
    match binding.outer() {
        None => ptr::null(),
        // A frame further down the same segment: it was copied before this one.
        Some(outer) => match outer.captured.get() {
            Some(node) => &raw const node.binding,
            // It belongs to the node below the segment already.
            None => ptr::from_ref(outer),
        },
    }
}

/// The chain in which something was not bound, for `Unbound`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// Nothing at all is bound: a new thread, usually.
    Empty,
    /// Other things are.
    Others,
    /// A captured ambient runs here; it was captured there.
    Captured(&'static Location<'static>),
    /// `Ambient::empty` runs here; it was made there.
    Fresh(&'static Location<'static>),
    /// The context of a resource is entered, without it.
    Without(&'static str),
}

impl Chain {
    /// The one that the calling thread is in.
    pub(super) fn here() -> Self {
        let top = current::with(current::Current::top);
        // SAFETY: as in `capture_from`.
        let Some(mut frame) = (unsafe { top.as_ref() }) else {
            return Self::Empty;
        };
        loop {
            if let Some(base) = &frame.base {
                let ambient = base.ambient();
                return if ambient.node.is_some() {
                    Self::Captured(ambient.at)
                } else {
                    Self::Fresh(ambient.at)
                };
            }
            // SAFETY: as in `capture_from`.
            let Some(below) = (unsafe { frame.below.as_ref() }) else {
                return Self::Others;
            };
            frame = below;
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing is bound here"),
            Self::Others => f.write_str("other things are bound here"),
            Self::Captured(at) => write!(f, "the ambient captured at {at} does not have it"),
            Self::Without(context) => write!(f, "`{context}` is entered here without it"),
            Self::Fresh(at) => write!(f, "the empty ambient made at {at} runs here"),
        }
    }
}
