//! Servers that run for the time of a test.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::thread::{self, Scope};
use snippets::config::Config;
use snippets::log::Log;
use snippets::server::Server;
use snippets::statistics::Statistics;
use snippets::views::Routes;
use tempfile::TempDir;

use crate::client::Client;

/// How long a request may take, by the clock of its test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A server as its test sees it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) statistics: Arc<Statistics>,
    lines: Arc<Mutex<Vec<String>>>,
}

/// A folder that goes with its test.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// An application that `ada` may write to, with the token `sesame`.
    pub(crate) fn config(&self, name: &str) -> Config {
        let mut config = Config::new(name, self.path().join(format!("{name}.db")));
        config.users.insert("sesame".to_owned(), "ada".to_owned());
        config.deadline = DEADLINE;
        config
    }
}

impl Site {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// How many lines are this one, without its time.
    pub(crate) fn count(&self, line: &str) -> usize {
        let is_it = |it: &&String| it.split(" in ").next() == Some(line);
        self.lines().iter().filter(is_it).count()
    }

    /// Waits until so many requests have been understood.
    pub(crate) fn wait_for_requests(&self, n: u64) {
        while self.statistics.requests() < n {
            std::thread::yield_now();
        }
    }

    /// Waits until this line, without its time, is in the log.
    pub(crate) fn wait_for_line(&self, line: &str) {
        while self.count(line) == 0 {
            std::thread::yield_now();
        }
    }

    /// Every connection to the database was closed by the end of its request.
    #[track_caller]
    pub(crate) fn assert_closed(&self, connections: u64) {
        let counted = (self.statistics.opened(), self.statistics.closed());
        assert_eq!(counted, (connections, connections));
    }
}

/// Runs `test` beside a server, in the ambient of the test. What it counts afterwards is final.
pub(crate) fn with_site<R>(
    config: Config,
    routes: Routes,
    test: impl FnOnce(&Site, &Scope<'_, '_>) -> R,
) -> (R, Site) {
    with_site_and(config, routes, |server| server, test)
}

/// The same, with a server that is told more.
pub(crate) fn with_site_and<R>(
    config: Config,
    routes: Routes,
    set: impl Fn(Server) -> Server,
    test: impl FnOnce(&Site, &Scope<'_, '_>) -> R,
) -> (R, Site) {
    let (value, sites) = with_sites_and([config], routes, set, |[site], s| test(site, s));
    let [site] = sites;
    (value, site)
}

/// The same, with several applications.
pub(crate) fn with_sites<R, const N: usize>(
    configs: [Config; N],
    routes: Routes,
    test: impl FnOnce(&[Site; N], &Scope<'_, '_>) -> R,
) -> (R, [Site; N]) {
    with_sites_and(configs, routes, |server| server, test)
}

fn with_sites_and<R, const N: usize>(
    configs: [Config; N],
    routes: Routes,
    set: impl Fn(Server) -> Server,
    test: impl FnOnce(&[Site; N], &Scope<'_, '_>) -> R,
) -> (R, [Site; N]) {
    let made = configs.map(|config| {
        let name = config.name.clone();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let sink = Arc::clone(&lines);
        let log = Log::to(move |line| sink.lock().unwrap().push(line.to_owned()));
        let server = Server::bind("127.0.0.1:0", config).unwrap();
        let server = set(server.log(log).routes(routes.clone()));
        let site = Site {
            address: server.address(),
            statistics: server.statistics(),
            lines,
        };
        (name, server, site)
    });
    let mut servers = Vec::new();
    let sites = made.map(|(name, server, site)| {
        servers.push((name, server));
        site
    });
    let ended = thread::scope("test", |s| {
        s.inherit();
        for (name, server) in servers {
            s.spawn(&name, |_stop| server.serve());
        }
        let value = test(&sites, s);
        s.stop();
        Ok(value)
    });
    (ended.unwrap(), sites)
}
