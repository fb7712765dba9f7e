//! The server, tested with real requests over real sockets, many at a time.

#![cfg(unix)]

mod client;
mod site;

mod applications;
mod clients;
mod faults;
mod program;
mod requests;
mod shutdown;
