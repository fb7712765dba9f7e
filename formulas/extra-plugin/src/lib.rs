//! Plugins for `formulas` in a crate of their own.
//!
//! [`roots`] are of use. [`trouble`] holds plugins that behave as badly as a plugin can: they show,
//! and let tests show, what a calculator with such plugins does about them.

#![forbid(unsafe_code)]

pub mod roots;
pub mod trouble;
