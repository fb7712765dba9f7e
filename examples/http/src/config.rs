//! How one application differs from another.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::http::Limits;

/// The configuration of an application; a resource of [`APP`](static@crate::contexts::APP).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The name, for logs and threads.
    pub name: String,
    /// The file of the database. A database in memory would be a new one for each request.
    pub database: PathBuf,
    /// Who may write: users by the token in their `Authorization` header.
    pub users: BTreeMap<String, String>,
    /// How many snippets a list shows.
    pub page: usize,
    /// How long a request may take from its last byte to its response.
    pub deadline: Duration,
    /// How many requests run at once.
    pub workers: usize,
    /// How many connections are open at once.
    pub connections: usize,
    /// What is asked of a client.
    pub limits: Limits,
}

impl Config {
    /// An application that nobody may write to, with the usual limits.
    #[must_use]
    pub fn new(name: &str, database: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            database: database.into(),
            users: BTreeMap::new(),
            page: 20,
            deadline: Duration::from_secs(5),
            workers: 8,
            connections: 256,
            limits: Limits::default(),
        }
    }
}
