//! Every call to the operating system that std does not offer, one file a system or a facility.
//! Miri knows none of them.

#[cfg(all(target_os = "linux", not(miri), any(feature = "os", feature = "run")))]
mod linux;
#[cfg(all(
    feature = "observe",
    target_os = "linux",
    not(miri),
    any(feature = "os", feature = "run")
))]
pub(crate) use linux::{cpu_of, thread_cpu};
#[cfg(all(target_os = "linux", not(miri), any(feature = "os", feature = "run")))]
pub(crate) use linux::{name_thread, punctual, thread_id};

#[cfg(not(all(target_os = "linux", not(miri), any(feature = "os", feature = "run"))))]
mod other;
#[cfg(not(all(target_os = "linux", not(miri), any(feature = "os", feature = "run"))))]
pub(crate) use other::{ClockWatch, name_thread, punctual, thread_id};
#[cfg(all(
    feature = "observe",
    not(all(target_os = "linux", not(miri), any(feature = "os", feature = "run")))
))]
pub(crate) use other::{cpu_of, thread_cpu};

// A model may not sleep in the kernel.
#[cfg(all(
    target_os = "linux",
    not(miri),
    any(feature = "os", feature = "run"),
    not(any(selvedge_loom, selvedge_shuttle))
))]
pub(crate) use linux::ClockWatch;
#[cfg(all(
    target_os = "linux",
    not(miri),
    any(feature = "os", feature = "run"),
    any(selvedge_loom, selvedge_shuttle)
))]
mod other;
#[cfg(all(
    target_os = "linux",
    not(miri),
    any(feature = "os", feature = "run"),
    any(selvedge_loom, selvedge_shuttle)
))]
pub(crate) use other::ClockWatch;

#[cfg(all(unix, feature = "os"))]
pub(crate) mod descriptor;
#[cfg(all(unix, feature = "os"))]
mod event;
#[cfg(selvedge_worker)]
pub(crate) mod inlet;
#[cfg(selvedge_process)]
pub(crate) mod mask;
#[cfg(all(unix, feature = "os"))]
pub(crate) use event::Event;

#[cfg(all(selvedge_process, feature = "worker"))]
mod standard;
#[cfg(all(selvedge_process, feature = "worker"))]
pub(crate) use standard::take_standard_streams;
#[cfg(all(unix, feature = "inspect"))]
pub(crate) mod local;
#[cfg(feature = "inspect")]
mod task;
#[cfg(feature = "inspect")]
pub(crate) use task::{command_of, times_of};
