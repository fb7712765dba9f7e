//! One value a key, for as long as somebody holds it.
//!
//! The values stand in a [`Table`]: one for the process, one for each isolating block that touches them. The block's
//! looks outwards for what it has not.

use core::any::Any;
use core::borrow::Borrow;
use core::fmt;
use core::hash::Hash;

use crate::ambient::{Ambient, ISOLATION, innermost};
use crate::primitive::{Arc, Once};
use crate::shared::overlay::{Cell, Isolated, Staged, cell_in, run_isolated_only};
use crate::shared::table::{Made, Table};
use crate::shared::{Conflict, Isolate};

/// One value a key: made when it is first asked for, shared by all who ask while somebody holds it.
///
/// Declared with [`flyweight!`](crate::flyweight). Threads that ask for one key at once get one value: one
/// of them makes it, the others wait. Different keys are made at the same time.
///
/// Values are held weakly. When the last `Arc` of a value is dropped, the value goes at once. Its key, and
/// the memory in which the value stood, go with a later insertion: the table is swept when it has
/// doubled since the last sweep, so it never has more than twice as many entries as were alive then, or 64.
///
/// In an isolating block a value is the block's. What `&self` cannot change is the same value; what it can
/// change ([`Isolate::INTERIOR`]) is copied when the block first asks for it. Values that are made in the block are
/// not seen outside, until the block's changes are committed.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// struct Icon { pixels: Vec<u8> }
/// # impl selvedge::shared::Isolate for Icon {
/// #     const INTERIOR: bool = false;
/// #     fn isolate(&self) -> Self { Self { pixels: self.pixels.clone() } }
/// # }
/// selvedge::flyweight! {
///     static ICONS: String => Icon = |name| Icon { pixels: name.bytes().collect() };
/// }
///
/// let (one, other) = (ICONS.get("save"), ICONS.get("save"));
/// assert!(Arc::ptr_eq(&one, &other));
/// assert_eq!(ICONS.get("open").pixels, b"open"); // held by nobody
/// assert_eq!(ICONS.len(), 1);
/// ```
pub struct Flyweight<K: 'static, V: 'static> {
    name: &'static str,
    make: fn(&K) -> V,
    shared: Once<Arc<Table<K, V>>>,
}

impl<K, V> Flyweight<K, V>
where
    K: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static,
    V: Isolate + Send + Sync + 'static,
{
    /// For [`flyweight!`](crate::flyweight).
    #[doc(hidden)]
    pub const fn new(name: &'static str, make: fn(&K) -> V) -> Self {
        Self {
            name,
            make,
            shared: Once::new(),
        }
    }

    /// The value of `key` that the calling block sees; made now if there is none.
    ///
    /// The constructor runs with nothing bound, because the value outlives the block; in an isolating block
    /// it is isolated with it. Waits for another thread that is making the value, and obeys no stop while it
    /// does. If the constructor panics, who waits tries it next.
    ///
    /// `Hash`, `Eq` and `Clone` of a key run under the table's lock; they must not use the flyweight.
    ///
    /// # Panics
    ///
    /// If the constructor does, or asks for the value that it is making, also by way of other keys, here or on
    /// threads that wait for one another. The message names the key.
    #[must_use]
    pub fn get<Q>(&'static self, key: &Q) -> Arc<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        loop {
            // A closed table's block has had its changes taken just now: it begins with a new one.
            if let Some(value) = self.here(|table| self.get_in(table, key)) {
                return value;
            }
        }
    }

    /// How many values somebody holds: of those that the calling block has asked for, if it isolates.
    #[must_use]
    pub fn len(&'static self) -> usize {
        self.here(Table::len)
    }

    /// Does nobody hold any?
    #[must_use]
    pub fn is_empty(&'static self) -> bool {
        self.len() == 0
    }

    /// The path of the static, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `None` if the table is closed.
    fn get_in<Q>(&self, table: &Table<K, V>, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(value) = table.hit(key) {
            return Some(value);
        }
        let construct = |key: &K| {
            if table.is_shared() {
                Ambient::empty().run(|| (self.make)(key))
            } else {
                run_isolated_only(|| (self.make)(key))
            }
        };
        table.get_or_make(self.name, key.to_owned(), |key| {
            match table.live_outside(key) {
                Some(base) => Made::copy_of(base),
                None => Made::fresh(construct(key), table.is_shared()),
            }
        })
    }

    /// Runs `f` with the table that the calling block sees.
    fn here<R>(&'static self, f: impl FnOnce(&Table<K, V>) -> R) -> R {
        let isolated = innermost(&ISOLATION, |binding| {
            binding.map(|binding| cell_in(Some(binding), self))
        });
        match isolated {
            None => f(self.shared()),
            Some(cell) => f(&typed(&cell)),
        }
    }

    fn shared(&self) -> &Arc<Table<K, V>> {
        self.shared
            .get_or_make(self.name, || Arc::new(Table::new(None)))
    }
}

impl<K, V> Isolated for Flyweight<K, V>
where
    K: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static,
    V: Isolate + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn shared_cell(&'static self) -> Cell {
        Arc::clone(self.shared()) as _
    }

    fn snapshot(&'static self, of: &Cell) -> Cell {
        Arc::new(Table::new(Some(typed::<K, V>(of))))
    }

    fn is_written(&self, cell: &Cell) -> bool {
        typed::<K, V>(cell).is_written()
    }

    fn refuse_own_update(&self, _: &Cell) {} // there is none: values are changed through `&self` only

    fn close(&self, cell: &Cell) {
        typed::<K, V>(cell).close();
    }

    fn stage(&self, cell: &Cell, into: &Cell) -> Result<Option<Box<dyn Staged>>, Conflict> {
        let step = typed::<K, V>(cell).stage(self.name, &typed(into))?;
        Ok(step.map(|step| Box::new(step) as _))
    }
}

fn typed<K: Send + Sync + 'static, V: Send + Sync + 'static>(cell: &Cell) -> Arc<Table<K, V>> {
    let cell: Arc<dyn Any + Send + Sync> = Arc::clone(cell);
    cell.downcast().expect("a flyweight's cell has its type")
}

impl<K, V> fmt::Debug for Flyweight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flyweight")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
