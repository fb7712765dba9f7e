//! A running program answers questions on a unix socket.

pub mod protocol;
