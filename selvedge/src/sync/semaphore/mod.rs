//! Permits.

mod error;
#[expect(
    clippy::module_inception,
    reason = "files are named after the type they hold"
)]
mod semaphore;

pub use error::{AcquireError, AcquireUntilError};
pub use semaphore::{Permit, Semaphore};
