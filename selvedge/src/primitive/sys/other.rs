//! Systems of which we ask nothing beyond std.

/// There is no timer slack to set.
#[cfg(not(all(target_os = "linux", not(miri), any(feature = "os", feature = "run"))))]
pub(crate) fn punctual() {}

/// There is no number to ask for.
#[cfg(not(all(target_os = "linux", not(miri), any(feature = "os", feature = "run"))))]
pub(crate) fn thread_id() -> u32 {
    0
}

/// Nobody counts.
#[cfg(all(
    feature = "observe",
    not(all(target_os = "linux", not(miri), any(feature = "os", feature = "run")))
))]
pub(crate) fn thread_cpu() -> Option<std::time::Duration> {
    None
}

/// Nobody counts.
#[cfg(all(
    feature = "observe",
    not(all(target_os = "linux", not(miri), any(feature = "os", feature = "run")))
))]
pub(crate) fn cpu_of(_thread: u32) -> Option<std::time::Duration> {
    None
}

/// Std has named it.
#[cfg(not(all(target_os = "linux", not(miri), any(feature = "os", feature = "run"))))]
pub(crate) fn name_thread(_name: &str) {}

/// Nothing tells us when the system's clock is set: there is never one of these.
#[derive(Debug)]
pub(crate) enum ClockWatch {}

impl ClockWatch {
    pub(crate) fn new() -> Option<Self> {
        None
    }

    pub(crate) fn wait(&self) -> bool {
        match *self {}
    }

    pub(crate) fn end(&self) {
        match *self {}
    }
}
