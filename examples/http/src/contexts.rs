//! What is known here without being handed down.
//!
//! A server enters `APP` around its whole life. Its connections inherit that, and carry it to the pool, where
//! `REQUEST` is entered around each request. The resources of a context are read by whoever runs inside.

use std::sync::Arc;

use crate::config::Config;
use crate::database::Database;
use crate::http::Request;
use crate::log::Log;
use crate::statistics::Statistics;
use crate::views::Routes;

selvedge::context! {
    /// Inside an application.
    pub static APP = "app" {
        /// How it differs from others.
        config: Config,
        /// Where its lines go.
        log: Log,
        /// Which paths it answers, and by what.
        routes: Routes,
        /// What it counts.
        statistics: Arc<Statistics>,
    }

    /// Inside a request.
    pub static REQUEST = "request" {
        /// Its number in its application.
        id: u64,
        /// Method, path, headers and body.
        request: Request,
        /// Its own connection, opened at the first use.
        database: Database,
    }
}
