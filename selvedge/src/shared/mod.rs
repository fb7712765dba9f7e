//! One object for many users, and copies of it for those who must not change it.
//!
//! A [`Singleton`] is one value for the whole process. In an *isolating* block
//! ([`isolated`], or a context that `isolates`) it is a snapshot: reading costs nothing, the first write
//! copies, and the block's changes are thrown away or committed as a whole. A [`Flyweight`] is one value a
//! key, for as long as somebody holds it, and isolated in the same way.
//!
//! ```
//! use selvedge::shared::{self, Isolate};
//!
//! selvedge::singleton! { static SCORES: Vec<u32> = vec![1, 2]; }
//!
//! let (sum, changes) = shared::isolated(|| {
//!     SCORES.update(|scores| scores.push(3)); // on a copy
//!     SCORES.read(|scores| scores.iter().sum::<u32>())
//! });
//! assert_eq!(sum, 6);
//! assert_eq!(SCORES.get().len(), 2);
//! assert!(!changes.is_empty());
//! changes.discard();
//! ```
//!
//! This protects the program's objects from code that uses them by their names. It is no sandbox: native
//! code can always reach around it. A handle taken before the block is still the shared object.
//! The guide has [a chapter](crate::guide::isolation).

mod changes;
mod flyweight;
mod isolate;
mod overlay;
mod singleton;
mod table;

pub use changes::{Changes, Conflict, isolated};
pub use flyweight::Flyweight;
pub use isolate::Isolate;
#[cfg(feature = "macros")]
pub use selvedge_macros::Isolate;
pub use singleton::Singleton;
