//! The guide: one chapter a subject, with examples that run.

#[doc = include_str!("../docs/primitives.md")]
pub mod primitives {}

#[doc = include_str!("../docs/signals.md")]
pub mod signals {}

#[doc = include_str!("../docs/stopping.md")]
pub mod stopping {}

#[doc = include_str!("../docs/shutdown.md")]
pub mod shutdown {}

#[doc = include_str!("../docs/contexts.md")]
pub mod contexts {}

#[doc = include_str!("../docs/groutines.md")]
pub mod groutines {}

#[doc = include_str!("../docs/propagation.md")]
pub mod propagation {}

#[doc = include_str!("../docs/isolation.md")]
pub mod isolation {}

#[doc = include_str!("../docs/open-functions.md")]
pub mod open_functions {}

#[cfg(selvedge_process)]
#[doc = include_str!("../docs/processes.md")]
pub mod processes {}

#[cfg(feature = "observe")]
#[doc = include_str!("../docs/observing.md")]
pub mod observing {}
