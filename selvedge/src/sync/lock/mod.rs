//! A lock in which one can wait.

mod entered;
mod error;
mod held;
#[expect(
    clippy::module_inception,
    reason = "files are named after the type they hold"
)]
mod lock;
mod monitor;

pub use error::{AlreadyHeld, EnterUntilError, TryEnterError};
pub use lock::{Held, Lock};
