//! The crate's one thread-local struct, and what it says during thread exit.
//!
//! It has no destructor, so it can be read while other thread-locals are destroyed: by then every block
//! has been left and reads find nothing bound.
//!
//! # Invariants
//!
//! 1. `slots` points to `len` slots that outlive every moment at which it is installed: the inline
//!    table of this struct, or a table on the stack or heap of a block that puts the old one back before
//!    it returns.
//! 2. `top` is null or points to the innermost frame of this thread, which is on the stack of a block
//!    that has not returned.
//! 3. `identity` is null or points to a value that [`enter_thread`] borrows for as long as it is set.
#![allow(unsafe_code)] // raw pointers to what lives on the stacks of running blocks

use core::any::Any;
use core::cell::{Cell, UnsafeCell};
use core::ptr;

use crate::ambient::frame::{Binding, Frame};
use crate::primitive::{Arc, thread_local_struct};

/// Slots that every thread has without asking the allocator; more go to the heap of a block.
const INLINE: usize = if cfg!(any(selvedge_loom, selvedge_shuttle)) {
    4
} else {
    48
};

/// What is bound to one key: the value to hand out, and the binding that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) value: *const (),
    pub(super) binding: *const Binding,
}

impl Slot {
    pub(super) const EMPTY: Self = Self {
        value: ptr::null(),
        binding: ptr::null(),
    };
}

#[derive(Debug)]
pub(super) struct Current {
    slots: Cell<*mut Slot>,
    len: Cell<usize>,
    inline: UnsafeCell<[Slot; INLINE]>,
    top: Cell<*const Frame>,
    depth: Cell<u32>,
    identity: Cell<Option<&'static dyn Identity>>,
}

thread_local_struct! {
    static CURRENT: Current = Current {
        slots: Cell::new(ptr::null_mut()),
        len: Cell::new(0),
        inline: UnsafeCell::new([Slot::EMPTY; INLINE]),
        top: Cell::new(ptr::null()),
        depth: Cell::new(0),
        identity: Cell::new(None),
    };
}

/// Runs `f` with the thread's struct.
#[inline]
pub(super) fn with<R>(f: impl FnOnce(&Current) -> R) -> R {
    CURRENT.with(f)
}

/// What is installed as a thread's table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) slots: *mut Slot,
    pub(super) len: usize,
}

impl Current {
    /// What is bound in slot `index`.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Slot {
        if index >= self.len.get() {
            return Slot::EMPTY;
        }
        // SAFETY: `index < len`, so the pointer stays inside the table (invariant 1).
        let slot = unsafe { self.slots.get().add(index) };
        // SAFETY: the table is alive (invariant 1), and only this thread touches it.
        unsafe { *slot }
    }

    /// Overwrites slot `index`, which must be inside the table, and returns what was there.
    #[inline]
    pub(super) fn replace(&self, index: usize, new: Slot) -> Slot {
        assert!(index < self.len.get(), "a slot outside the table");
        // SAFETY: checked one line up; the table is alive (invariant 1).
        let slot = unsafe { self.slots.get().add(index) };
        // SAFETY: the table is alive (invariant 1), and only this thread touches it.
        unsafe { ptr::replace(slot, new) }
    }

    /// Is there a slot `index`? The first block of a thread installs the inline table.
    #[inline]
    pub(super) fn has_room_for(&self, index: usize) -> bool {
        if self.len.get() == 0 {
            self.slots.set(self.inline.get().cast());
            self.len.set(INLINE);
        }
        index < self.len.get()
    }

    pub(super) fn table(&self) -> Table {
        Table {
            slots: self.slots.get(),
            len: self.len.get(),
        }
    }

    /// Installs another table; the caller puts the old one back (invariant 1).
    pub(super) fn install(&self, table: Table) -> Table {
        let old = self.table();
        self.slots.set(table.slots);
        self.len.set(table.len);
        old
    }

    #[inline]
    pub(super) fn top(&self) -> *const Frame {
        self.top.get()
    }

    #[inline]
    pub(super) fn set_top(&self, frame: *const Frame) {
        self.top.set(frame);
    }

    #[inline]
    pub(super) fn depth(&self) -> u32 {
        self.depth.get()
    }

    #[inline]
    pub(super) fn set_depth(&self, depth: u32) {
        self.depth.set(depth);
    }
}

/// Who the calling thread is: filled by the layers that know (the record of `signal`, the node of
/// `thread`), read by lower ones for messages.
pub(crate) trait Identity: Any + core::fmt::Debug {
    /// The names from the root to this thread, joined by `/`.
    fn path(&self) -> &Arc<str>;
    /// For the layer that put it there.
    fn as_any(&self) -> &dyn Any;
}

/// Runs `f` as the thread that `identity` describes.
pub(crate) fn enter_thread<R>(identity: &dyn Identity, f: impl FnOnce() -> R) -> R {
    struct Leave(Option<&'static dyn Identity>);
    impl Drop for Leave {
        fn drop(&mut self) {
            with(|current| current.identity.set(self.0));
        }
    }
    // SAFETY: only the lifetime changes. `Leave` takes the reference out again before this call
    // returns or unwinds, and everybody reads it through `self::identity`, inside a closure.
    let forever: &'static dyn Identity = unsafe { core::mem::transmute(identity) };
    let _leave = Leave(with(|current| current.identity.replace(Some(forever))));
    f()
}

/// Runs `f` with the identity of the calling thread, if it has one.
#[inline]
pub(crate) fn identity<R>(f: impl FnOnce(Option<&dyn Identity>) -> R) -> R {
    // Not held across a leave: `enter_thread` cannot return while `f`, which it called, runs.
    let identity = with(|current| current.identity.get());
    f(identity.map(|identity| identity as &dyn Identity))
}

/// The path of the calling thread for messages; an alien thread is called by its OS name or number.
pub(crate) fn thread_path() -> Arc<str> {
    identity(|identity| match identity {
        Some(identity) => Arc::clone(identity.path()),
        None => {
            let thread = crate::primitive::current();
            match thread.name() {
                Some(name) => Arc::from(name),
                None => Arc::from(format!("{:?}", thread.id())),
            }
        }
    })
}
