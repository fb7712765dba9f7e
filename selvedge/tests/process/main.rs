//! Child processes, started for real: in a process of their own, because they look at all children of it.
#![cfg(target_os = "linux")]

mod child;
mod handle;
mod misbehave;
mod orphans;
mod streams;
mod tree;
mod unread;
mod waiting;
