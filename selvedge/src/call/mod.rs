//! Functions whose body depends on where they are called.
//!
//! An *open* function ([`#[open]`](crate::open)) is a function like any other until somebody binds another
//! body to a context, or patches it for a block. Then a call here may run something else, while a call on
//! another thread, or outside the block, does not.
//!
//! ```
//! use selvedge::{bind, context, open};
//!
//! context! { pub static DRY_RUN = "dry-run"; }
//!
//! #[open]
//! pub fn delete(path: &str) -> bool {
//!     !path.is_empty() // imagine
//! }
//!
//! #[bind(delete, thread = DRY_RUN)]
//! fn pretend(path: &str) -> bool {
//!     println!("would delete {path}");
//!     false
//! }
//!
//! assert!(delete("a"));
//! DRY_RUN.run(|| assert!(!delete("a")));
//!
//! // A test looks at the calls in its own block, and nobody else's:
//! let patch = delete::around(|args, next| args.path == "b" || next.proceed(args));
//! patch.run(|| assert!(delete("b")));
//! # assert!(!delete(""));
//! ```
//!
//! # The order of one call
//!
//! Outermost first: patches of the calling block, innermost block first; bindings, most specific first;
//! the body. `next.proceed(args)` goes to the next of this list. A binding matches where all its conditions
//! hold, and ranks by (thread-wide conditions, those of the group, process-wide ones, depth of the innermost matching
//! thread-wide context); ties go to the later registration and are reported once.
//!
//! # Strict contexts
//!
//! Inside a context that [`context!`](crate::context) declares `strict`, whoever of the thread, its group and the process
//! has entered it, a function needs an implementation for it: a binding that matches and names the context, on any
//! level. Without one the call panics, where it would choose among bindings and body; so a patch that does not
//! proceed answers all the same, and a function that has patches only is refused when they proceed. Inside several
//! strict contexts it needs one for each. An implementation that calls its own function comes to the body.
//!
//! # Recursion
//!
//! A handler's own calls skip that handler; those of the body, also recursive ones, do not. Other threads
//! are unaffected.
//!
//! # Cost
//!
//! Quiet (no patch and no binding anywhere): one relaxed load of the function's own static and a branch.

mod binding;
mod patch;
mod site;

pub use binding::Condition;
pub use patch::Patch;
pub use site::{Function, Next, NextOf, Own};

/// For `__private` alone.
pub(crate) mod private {
    pub use super::binding::{Discovered, bind, bind_discovered};
    pub use super::site::{Site, call};
}
