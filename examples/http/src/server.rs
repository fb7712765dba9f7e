//! The server of one application.
//!
//! # Threads
//!
//! - The thread that calls [`Server::serve`] accepts, inside `APP`.
//! - Each connection has a thread in a scope, which inherits `APP`. Waiting for a client costs nobody else.
//! - Requests run on a pool, inside `APP`, carried there, and a `REQUEST` of their own.
//!
//! # Stopping
//!
//! Asked to stop, the server closes its port and its idle connections. Requests that run do not see the stop:
//! they have their deadline, which is shorter than the program's grace, and their responses are sent. Those that
//! wait for a worker are answered with 503; those that have not arrived whole are not answered.

use core::cell::Cell;
use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use selvedge::io::Acceptor;
use selvedge::thread::{self, JoinError, Pool, Scope};
use selvedge::{Ambient, Outcome, Signal, Till, signal};

use crate::config::Config;
use crate::contexts::{APP, REQUEST};
use crate::database::{self, Database};
use crate::http::{Connection, Received, Request, Response, Status};
use crate::log::{Log, note};
use crate::statistics::Statistics;
use crate::views::{self, Routes};

/// How long to wait before accepting again after the system refused, for example for lack of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// An application with a port.
#[derive(Debug)]
#[must_use = "it answers nobody until `serve`"]
pub struct Server {
    acceptor: Acceptor<TcpListener>,
    address: SocketAddr,
    config: Config,
    routes: Routes,
    log: Log,
    statistics: Arc<Statistics>,
}

impl Server {
    /// Takes a port, and makes the tables of the database.
    ///
    /// # Errors
    ///
    /// Those of the system and of the database.
    pub fn bind(address: impl ToSocketAddrs, config: Config) -> Outcome<Self> {
        database::prepare(&config.database)?;
        let listener = TcpListener::bind(address)?;
        Ok(Self {
            address: listener.local_addr()?,
            acceptor: Acceptor::new(listener)?,
            config,
            routes: Routes::default(),
            log: Log::nowhere(),
            statistics: Arc::default(),
        })
    }

    /// Answers other paths.
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes = routes;
        self
    }

    /// Writes its log there; otherwise nowhere.
    pub fn log(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it counts, now and later.
    #[must_use]
    pub fn statistics(&self) -> Arc<Statistics> {
        Arc::clone(&self.statistics)
    }

    /// Answers until the calling thread is asked to stop; then every connection has ended.
    ///
    /// # Errors
    ///
    /// If the pool cannot be started.
    pub fn serve(self) -> Outcome<()> {
        let Self {
            acceptor, config, ..
        } = self;
        let (workers, connections) = (config.workers, config.connections);
        APP.enter()
            .config(config)
            .routes(self.routes)
            .log(self.log)
            .statistics(Arc::clone(&self.statistics))
            .on_exit(|| {
                note(format_args!(
                    "closed after {} requests",
                    self.statistics.requests()
                ))
            })
            .run(|| {
                let pool = Pool::builder("requests", workers).start()?;
                thread::scope("connections", |s| {
                    s.isolate();
                    s.inherit(); // the application
                    s.limit(connections);
                    accept(s, acceptor, &pool)
                })?;
                Ok(())
            })
    }
}

/// Starts a thread for each connection until a stop; then nobody listens any more.
fn accept<'scope>(
    s: &'scope Scope<'scope, '_>,
    acceptor: Acceptor<TcpListener>,
    pool: &'scope Pool,
) -> Outcome<()> {
    for connection in acceptor.incoming() {
        let started = connection.map_err(Into::into).and_then(|stream| {
            let name = stream.peer_addr()?.to_string();
            let serve = move |_stop| serve_connection(stream, pool);
            s.spawn_until(&name, &Signal::never(), serve)?; // waits for a place, if they are all taken
            Ok(())
        });
        if let Err(error) = started {
            not_accepted(error);
        }
    }
    Ok(())
}

/// The client has gone again, or the system had no connection or no thread to give.
fn not_accepted(error: Box<dyn Error + Send + Sync>) {
    if signal::stop().is_set() {
        return; // that is why
    }
    note(format_args!("cannot accept: {error}"));
    let _ = Till::after(PAUSE).wait(); // the caller sees a stop
}

/// The life of a connection.
fn serve_connection(stream: TcpStream, pool: &Pool) -> Outcome<()> {
    let limits = APP.config.with(|config| config.limits)?;
    let mut connection = Connection::new(stream, limits);
    loop {
        let request = match connection.receive() {
            Received::Request(request) => request,
            Received::Refused(response) => {
                APP.statistics
                    .with(|statistics| statistics.count_refused())?;
                note(format_args!(
                    "refused with {}: {}",
                    response.status().0,
                    response.data()
                ));
                if connection.send(&response, false, true).is_ok() {
                    connection.linger();
                }
                return Ok(());
            }
            Received::End => return Ok(()),
        };
        let (keep_alive, with_body) = (request.keep_alive(), request.method() != "HEAD");
        let response = answer(request, pool)?;
        let keep_alive = keep_alive && !signal::stop().is_set();
        // A client that has gone is no failure.
        let is_sent = connection.send(&response, keep_alive, with_body).is_ok();
        if !(keep_alive && is_sent) {
            return Ok(());
        }
    }
}

/// Has the pool answer a request before its deadline, and waits for that, through a stop.
fn answer(request: Request, pool: &Pool) -> Outcome<Response> {
    let deadline = APP.config.with(|config| config.deadline)?;
    let id = APP
        .statistics
        .with(|statistics| statistics.count_request())?;
    let till = Till::after(deadline);
    let application = Ambient::capture();
    let limit = till.clone();
    let work = move || signal::shield(|| signal::deadline(&limit, || respond(id, request)));
    let job = pool.run_until(move |_stop| application.run(work), &till);
    let response = job.map(|job| signal::shield(|| job.join()));
    Ok(match response {
        Ok(Ok(response)) => response,
        // The hook has printed the panic, the request has written its line.
        Ok(Err(JoinError::Panicked(_))) => {
            Response::error(Status::INTERNAL_SERVER_ERROR, "something went wrong")
        }
        Ok(Err(JoinError::NeverRan { .. })) | Err(_) => {
            note(format_args!("no worker for #{id}"));
            Response::error(Status::SERVICE_UNAVAILABLE, "there is no worker for it")
        }
        Ok(Err(error)) => return Err(error.into()),
    }
    .answering(id))
}

/// Runs a request, on a worker of the pool.
fn respond(id: u64, request: Request) -> Outcome<Response> {
    let began = Instant::now();
    let status = Cell::new(Status::INTERNAL_SERVER_ERROR); // that of a panic
    REQUEST
        .enter()
        .id(id)
        .request(request)
        .database(Database::unused())
        .on_exit(|| write_line(status.get(), began)) // the last of them
        .on_exit(close_database)
        .run(|| {
            let response = views::respond()?;
            status.set(response.status());
            Ok(response)
        })
}

/// The line of a request.
fn write_line(Status(status): Status, began: Instant) {
    let _ = REQUEST.request.with(|request| {
        let (method, path) = (request.method(), request.path());
        note(format_args!(
            "{method} {path} {status} in {:.1?}",
            began.elapsed()
        ));
    });
}

fn close_database() {
    let closed = REQUEST.database.with(Database::close);
    if let Ok(Err(error)) = closed {
        note(format_args!("cannot close the database: {error}"));
    }
}
