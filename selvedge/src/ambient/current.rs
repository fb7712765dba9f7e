//! The crate's one thread-local struct, and what it says during thread exit.
//!
//! It has no destructor, so it can be read while other thread-locals are destroyed: by then every block
//! has been left and reads find nothing bound.
//!
//! # Invariants
//!
//! 1. `table` points to a table that outlives every moment at which it is installed: the empty one, the
//!    inline one of this struct, or one on the stack of a block that puts the old one back before it
//!    returns. The empty one is never written.
//! 2. `top` is null or points to the innermost frame of this thread, which is on the stack of a block
//!    that has not returned.
//! 3. `identity` is null or points to a value that [`enter_thread`] borrows for as long as it is set, or to
//!    one that [`Entered`] has given away for ever.
//! 4. A key's fast index is below `FAST`, which is the length of every table's arrays. (So a read has no
//!    bounds check.) `bindings[i]` is initialised where `values[i]` is not null.
//! 5. `wide` points to `wide_len` slots that outlive the installation of the table they are in.
#![allow(
    unsafe_code,
    reason = "raw pointers to what lives on the stacks of running blocks"
)]

use core::any::Any;
use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::ptr;

use crate::ambient::frame::{Binding, Frame};
use crate::ambient::group::Group;
use crate::ambient::key::{FAST, Index};
use crate::primitive::{Arc, thread_local_struct};

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

/// What is bound right now, by key.
#[derive(Debug)]
pub(super) struct Table {
    values: [*const (); FAST],
    bindings: [MaybeUninit<*const Binding>; FAST],
    /// Keys beyond the first `FAST` ones.
    wide: *mut Slot,
    wide_len: usize,
}

impl Table {
    pub(super) const EMPTY: Self = Self {
        values: [ptr::null(); FAST],
        bindings: [MaybeUninit::uninit(); FAST],
        wide: ptr::null_mut(),
        wide_len: 0,
    };

    /// Shows these bindings; there must be room for them.
    pub(super) fn fill(&mut self, visible: &[(Index, Slot)]) {
        for (index, slot) in visible {
            self.set(*index, *slot);
        }
    }

    /// An empty table with these slots for wide keys, which the caller keeps (invariant 5).
    pub(super) fn new(wide: &mut [Slot]) -> Self {
        Self {
            wide: wide.as_mut_ptr(),
            wide_len: wide.len(),
            ..Self::EMPTY
        }
    }

    /// Overwrites what is bound to the key with this index; there must be room for it.
    pub(super) fn set(&mut self, index: Index, slot: Slot) {
        match index {
            Index::Fast(index) => {
                self.bindings[index].write(slot.binding);
                self.values[index] = slot.value;
            }
            Index::Wide(index) => {
                assert!(index < self.wide_len, "a slot outside the table");
                // SAFETY: inside the slots (checked above, invariant 5).
                let place = unsafe { self.wide.add(index) };
                // SAFETY: alive (invariant 5).
                unsafe { place.write(slot) };
            }
        }
    }
}

/// A fast key's place in the installed table, and what was there.
pub(super) struct Place {
    value: *mut *const (),
    binding: *mut MaybeUninit<*const Binding>,
    old_value: *const (),
    old_binding: MaybeUninit<*const Binding>,
}

impl Place {
    /// The binding that was there, or null.
    #[inline]
    pub(super) fn outer(&self) -> *const Binding {
        if self.old_value.is_null() {
            return ptr::null();
        }
        // SAFETY: initialised, because the value is there (invariant 4).
        unsafe { self.old_binding.assume_init() }
    }

    /// Binds the key here, until `put_back`; both are called where the table is installed.
    #[inline]
    pub(super) fn write(&self, slot: Slot) {
        // SAFETY: inside the arrays (invariant 4) of the installed table, which is alive, is not the empty
        // one, and is touched by this thread only (invariant 1).
        unsafe { self.value.write(slot.value) };
        // SAFETY: as above.
        unsafe { self.binding.write(MaybeUninit::new(slot.binding)) };
    }

    #[inline]
    pub(super) fn put_back(&self) {
        // SAFETY: as in `write`.
        unsafe { self.value.write(self.old_value) };
        // SAFETY: as in `write`.
        unsafe { self.binding.write(self.old_binding) };
    }
}

/// What a thread has before its first block.
struct Nothing(Table);

// SAFETY: it is never written (invariant 1), and its pointers are null.
unsafe impl Sync for Nothing {}

static NOTHING: Nothing = Nothing(Table::EMPTY);

/// `table` comes first, and stays there, so that a read addresses it without an addition.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Current {
    table: Cell<*mut Table>,
    inline: UnsafeCell<Table>,
    top: Cell<*const Frame>,
    depth: Cell<u32>,
    identity: Cell<Option<&'static dyn Identity>>,
}

thread_local_struct! {
    static CURRENT: Current = Current {
        table: Cell::new((&raw const NOTHING.0).cast_mut()),
        inline: UnsafeCell::new(Table::EMPTY),
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

impl Current {
    /// The value in the slot of a fast key: the whole of a read, in one indexed load.
    #[inline]
    pub(super) fn fast_value(&self, index: usize) -> *const () {
        debug_assert!(index < FAST, "invariant 4");
        // SAFETY: the table is alive (invariant 1), and only this thread touches it.
        let values = unsafe { &raw const (*self.table.get()).values };
        // SAFETY: inside the array (invariant 4).
        let value = unsafe { values.cast::<*const ()>().add(index) };
        // SAFETY: as above; the array is initialised.
        unsafe { value.read() }
    }

    /// The place of a fast key, for a block.
    #[inline]
    pub(super) fn place(&self, index: usize) -> Place {
        debug_assert!(index < FAST, "invariant 4");
        if ptr::eq(self.table.get(), &raw const NOTHING.0) {
            self.table.set(self.inline.get());
        }
        let table = self.table.get();
        // SAFETY: the table is alive (invariant 1).
        let values = unsafe { &raw mut (*table).values };
        // SAFETY: the table is alive (invariant 1).
        let bindings = unsafe { &raw mut (*table).bindings };
        // SAFETY: inside the array (invariant 4).
        let value = unsafe { values.cast::<*const ()>().add(index) };
        // SAFETY: inside the array (invariant 4).
        let binding = unsafe { bindings.cast::<MaybeUninit<*const Binding>>().add(index) };
        Place {
            value,
            binding,
            // SAFETY: alive and initialised.
            old_value: unsafe { value.read() },
            // SAFETY: alive; it may be uninitialised, as the type says.
            old_binding: unsafe { binding.read() },
        }
    }

    /// What is bound to the key with this index.
    pub(super) fn get(&self, index: Index) -> Slot {
        // SAFETY: the table is alive (invariant 1), only this thread touches it, and nothing writes it
        // while this reference lives.
        let table = unsafe { &*self.table.get() };
        match index {
            Index::Fast(index) => match table.values[index] {
                value if value.is_null() => Slot::EMPTY,
                value => {
                    // SAFETY: initialised, because the value is there (invariant 4).
                    let binding = unsafe { table.bindings[index].assume_init() };
                    Slot { value, binding }
                }
            },
            Index::Wide(index) if index < table.wide_len => {
                // SAFETY: inside the slots (invariant 5).
                let slot = unsafe { table.wide.add(index) };
                // SAFETY: alive (invariant 5).
                unsafe { slot.read() }
            }
            Index::Wide(_) => Slot::EMPTY,
        }
    }

    /// Overwrites what is bound to the key with this index; there must be room for it.
    pub(super) fn set(&self, index: Index, slot: Slot) {
        assert!(self.has_room_for(index), "a slot outside the table");
        // SAFETY: not the empty table (checked one line up), alive (invariant 1), and only this thread
        // touches it, through no other reference at this moment.
        unsafe { &mut *self.table.get() }.set(index, slot);
    }

    /// Is there a slot for this index? The first block of a thread installs the inline table.
    #[inline]
    pub(super) fn has_room_for(&self, index: Index) -> bool {
        if ptr::eq(self.table.get(), &raw const NOTHING.0) {
            self.table.set(self.inline.get());
        }
        match index {
            Index::Fast(_) => true,
            Index::Wide(index) => index < self.wide().1,
        }
    }

    /// The slots of wide keys.
    pub(super) fn wide(&self) -> (*mut Slot, usize) {
        let table = self.table.get();
        // SAFETY: alive (invariant 1).
        let wide = unsafe { (*table).wide };
        // SAFETY: alive (invariant 1).
        (wide, unsafe { (*table).wide_len })
    }

    /// Gives the installed table, which is not the empty one, other slots for wide keys; the caller puts
    /// the old ones back (invariant 5).
    pub(super) fn set_wide(&self, (wide, len): (*mut Slot, usize)) {
        let table = self.table.get();
        assert!(
            !ptr::eq(table, &raw const NOTHING.0),
            "the empty table is never written"
        );
        // SAFETY: alive (invariant 1), only this thread touches it.
        let table = unsafe { &mut *table };
        (table.wide, table.wide_len) = (wide, len);
    }

    /// Installs another table; the caller puts the old one back (invariant 1).
    pub(super) fn install(&self, table: *mut Table) -> *mut Table {
        self.table.replace(table)
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
    /// The group of which the thread is.
    fn group(&self) -> Option<&Group>;
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

/// The calling thread is who its identity says until this is dropped; it stays on this thread.
#[derive(Debug)]
pub(crate) struct Entered {
    identity: *const (),
}

impl Entered {
    /// None if the thread is somebody already.
    ///
    /// The identity is never freed: unlike a closure's end, a drop may come where somebody still reads it.
    pub(crate) fn new(identity: Arc<dyn Identity>) -> Option<Self> {
        with(|current| {
            if current.identity.get().is_some() {
                return None;
            }
            let identity = Arc::into_raw(identity);
            // SAFETY: valid, and nobody takes the count back that it was made of (invariant 3).
            current.identity.set(Some(unsafe { &*identity }));
            let identity = identity.cast();
            Some(Self { identity })
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        with(|current| {
            // Not inside a block of `enter_thread`, which puts back what it found.
            let here = current.identity.get();
            if here.is_some_and(|here| ptr::addr_eq(here, self.identity)) {
                current.identity.set(None);
            }
        });
    }
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
