//! An HTTP server whose handlers take no context arguments.
//!
//! Any number of applications run in one process, each with its own configuration, port and database. What a
//! piece of code needs to know about where it runs, it reads from the two [`contexts`]: `APP` and `REQUEST`.
//!
//! | module | what |
//! |---|---|
//! | [`contexts`] | what is known inside an application, and inside a request |
//! | [`server`] | accepts, hands requests to a pool, enters the contexts, ends in good order |
//! | [`http`] | requests and responses as bytes, with limits |
//! | [`views`] | what answers: list, create and show snippets |
//! | [`database`] | a connection for each request, opened at its first use |
//! | [`config`], [`statistics`], [`log`] | the resources of an application |
#![cfg(unix)]

pub mod config;
pub mod contexts;
pub mod database;
pub mod fault;
pub mod http;
pub mod log;
pub mod server;
pub mod statistics;
pub mod views;
