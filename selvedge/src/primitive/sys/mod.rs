//! Every call to the operating system that std does not offer, one file a system.

#[cfg(all(target_os = "linux", any(feature = "os", feature = "run")))]
mod linux;
#[cfg(all(target_os = "linux", any(feature = "os", feature = "run")))]
pub(crate) use linux::punctual;

#[cfg(not(all(target_os = "linux", any(feature = "os", feature = "run"))))]
mod other;
#[cfg(not(all(target_os = "linux", any(feature = "os", feature = "run"))))]
pub(crate) use other::punctual;
