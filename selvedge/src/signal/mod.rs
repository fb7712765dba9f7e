//! One-way flags, and time as a flag.
//!
//! Everything in this crate that blocks, blocks on [`Signal`]s, so a thread can always wait for "my data,
//! or the stop request, or the deadline" without polling.
//!
//! ```
//! use selvedge::{Signal, Till, signal};
//! use std::time::Duration;
//!
//! let done = Signal::named("done");
//! let overdue = Till::after(Duration::from_millis(1));
//! (&done | &overdue).wait()?;
//! assert!(overdue.is_set() && !done.is_set());
//! # Ok::<(), signal::Stopped>(())
//! ```
//!
//! # Which operations obey stop
//!
//! [`wait`](Signal::wait) and [`wait_until`](Signal::wait_until), and every blocking operation of the
//! crate that does not say otherwise: when the calling thread is asked to stop, or a [`deadline`](deadline())
//! has passed, they return [`Stopped`], and what they were to do did not happen. What is ready is handed out
//! first. [`shield`] hides the stop for clean-up.

mod before_wait;
mod clock;
mod combine;
#[cfg(all(unix, feature = "os"))]
mod descriptor;
mod dispatcher;
mod deadline;
mod future;
mod guard;
mod links;
mod on_set;
mod progress;
#[cfg(selvedge_worker)]
mod reading;
mod reason;
mod record;
#[expect(
    clippy::module_inception,
    reason = "files are named after the type they hold"
)]
mod signal;
mod stop;
mod till;
mod timer;
mod truth;
mod wait;
mod waiter;
mod wheel;

pub(crate) use before_wait::before_wait;
pub use combine::{all, any};
pub use deadline::deadline;
pub(crate) use deadline::{Outer, deadline_at, obeying};
#[cfg(all(unix, feature = "os"))]
pub use descriptor::Descriptor;
pub use future::{IsSet, block_on, block_on_until};
pub use guard::SetOnDrop;
pub use on_set::OnSet;
pub use progress::Progress;
pub use reason::Reason;
pub(crate) use reason::Why;
pub use signal::Signal;
pub use stop::{Stopped, shield, stop};
pub use till::Till;
pub use wait::WaitError;

#[cfg(feature = "testing")]
pub(crate) use clock::{Clock, MockTime};
pub(crate) use clock::{now, system_now};
#[cfg(selvedge_process)]
pub(crate) use descriptor::wait_ready_by;
#[cfg(all(unix, feature = "os"))]
pub(crate) use descriptor::{Ready, Spare, wait_ready};
#[cfg(selvedge_worker)]
pub(crate) use reading::{Reader, Unread};
pub(crate) use record::{HasHolder, Holder, Record, WaitSite, Waiting};
pub(crate) use timer::{Timer, default_timer};
pub(crate) use waiter::{Waiter, Woken};
