//! Two applications in one process, set up differently; one is entered for each request.
//!
//! A handler takes the request and nothing else: what it needs of its application it asks `APP` for. A connection is
//! opened for each request, and closed when the request is over, whatever happens.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use selvedge::thread::{self, Outcome};
use selvedge::{Enter, Unbound, context};

/// What the owner of an application has chosen.
#[derive(Clone)]
struct Config {
    title: &'static str,
    greeting: &'static str,
}

context! {
    /// The application that serves here.
    static APP = "app" { config: Config }
    /// The request that is served here.
    static REQUEST = "request" { path: String, connection: Connection }
}

/// Somebody's connection to a database; counted, to see that none is left.
struct Connection {
    is_open: AtomicBool,
}

static OPEN: AtomicU32 = AtomicU32::new(0);

impl Connection {
    fn open() -> Self {
        OPEN.fetch_add(1, Relaxed);
        Self {
            is_open: AtomicBool::new(true),
        }
    }

    fn close(&self) {
        assert!(self.is_open.swap(false, Relaxed), "closed once");
        OPEN.fetch_sub(1, Relaxed);
    }

    fn query(&self, what: &str) -> String {
        assert!(self.is_open.load(Relaxed), "no query after the end");
        format!("a row about {what}")
    }
}

fn page() -> Result<String, Unbound> {
    let row = REQUEST
        .connection
        .with(|connection| REQUEST.path.with(|path| connection.query(path)))??;
    APP.config
        .with(|config| format!("{}: {}, {row}", config.title, config.greeting))
}

fn broken() -> Result<String, Unbound> {
    REQUEST.path.with(|path| panic!("no handler for {path}"))
}

fn handle(path: &str) -> Result<String, Unbound> {
    match path {
        "broken" => broken(),
        _ => page(),
    }
}

/// Serves each path in the block of an application.
fn serve(app: impl Enter + Clone, paths: &[&str]) -> Result<(), Unbound> {
    for path in paths {
        let request = REQUEST
            .enter()
            .path((*path).to_owned())
            .connection(Connection::open());
        let closes = request.on_exit(|| {
            // It resolves still: the last action runs inside.
            let closed = REQUEST.connection.with(Connection::close);
            closed.expect("the request has a connection");
        });
        let served = || app.clone().and(closes).run(|| handle(path));
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(served)) {
            Ok(page) => println!("{}", page?),
            Err(_panic) => println!("{path}: sorry"),
        }
    }
    Ok(())
}

/// Public for its test.
pub fn main() -> ExitCode {
    selvedge::run("contexts", |_stop| -> Outcome<()> {
        let blog = Config {
            title: "blog",
            greeting: "good morning",
        };
        let shop = Config {
            title: "shop",
            greeting: "welcome",
        };
        let servers = [blog, shop].map(|config| {
            thread::spawn(config.title, move |_stop| {
                serve(APP.enter().config(config), &["warp", "broken", "weft"])?;
                Ok(())
            })
        });
        thread::join_all(&servers)?;
        println!("{} connections are open", OPEN.load(Relaxed));
        println!("{}", page().unwrap_err());
        Ok(())
    })
}
