//! Requests that go wrong, and those beside them.

use rusqlite::Connection;
use selvedge::signal::Progress;
use selvedge::testing::World;
use selvedge::{Signal, thread};
use serde_json::json;
use snippets::contexts::REQUEST;
use snippets::database;
use snippets::fault::Fault;
use snippets::http::{Response, Status};
use snippets::views::{Answer, Routes, View};

use crate::site::{DEADLINE, Folder, with_site};

selvedge::local! {
    static ARRIVED: Progress;
    static GO: Signal;
}

/// Opens its connection, and waits until it may go.
fn wait(_view: &View) -> Answer {
    let number = database::number()?;
    ARRIVED.with(|arrived| arrived.advance(1))?;
    GO.get()?.wait()?;
    assert_eq!(database::number()?, number);
    Ok(Response::new(Status::OK, json!(REQUEST.id.copied()?)))
}

fn panics(_view: &View) -> Answer {
    panic!("no luck with connection {}", database::number()?);
}

/// Panics with the connection in its hands.
fn panics_inside(_view: &View) -> Answer {
    database::with(|_connection| -> rusqlite::Result<()> { panic!("no luck in a query") })?;
    Err(Fault::refused(Status::OK, "nobody gets here"))
}

fn fails(_view: &View) -> Answer {
    database::with(|connection| connection.execute("INSERT INTO secrets VALUES (1)", []))?;
    Ok(Response::new(Status::OK, json!(null)))
}

/// Never ends, and never waits either.
fn computes(_view: &View) -> Answer {
    let endless = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n)
        SELECT count(*) FROM n";
    ARRIVED.with(|arrived| arrived.advance(1))?;
    let n: i64 = database::with(|connection| connection.query_row(endless, [], |row| row.get(0)))?;
    Ok(Response::new(Status::OK, json!(n)))
}

/// Leaves the wait to a thread of its own.
fn delegates(_view: &View) -> Answer {
    ARRIVED.with(|arrived| arrived.advance(1))?;
    let waits = |_stop| Ok(Signal::new().wait()?);
    thread::scope("part", |s| Ok(s.spawn("waits", waits).join()?))?;
    Ok(Response::new(Status::OK, json!("done")))
}

fn routes() -> Routes {
    Routes::default()
        .with("GET", "/wait", wait)
        .with("GET", "/panics", panics)
        .with("GET", "/panics-inside", panics_inside)
        .with("GET", "/fails", fails)
        .with("GET", "/computes", computes)
        .with("GET", "/delegates", delegates)
}

#[test]
fn a_panic_closes_its_connection_and_hurts_nobody_else() {
    let folder = Folder::new();
    let (arrived, go) = (Progress::new(), Signal::new());
    let mut config = folder.config("blue");
    config.workers = 2; // the panics leave them alive
    let ((), site) = ARRIVED.to(arrived.clone()).and(GO.to(go.clone())).run(|| {
        with_site(config, routes(), |site, _| {
            let mut waiting = site.client();
            waiting.ask("/wait");
            arrived.reached(1).wait().unwrap();
            let mut client = site.client();
            for (n, path) in ["/panics", "/panics-inside", "/panics"].iter().enumerate() {
                let reply = client.get(path);
                assert_eq!(reply.status, 500);
                assert_eq!(reply.json(), json!({ "error": "something went wrong" }));
                assert_eq!(reply.header("x-request-id"), (n + 2).to_string());
                let n = n as u64;
                assert_eq!(site.statistics.opened(), n + 2);
                assert_eq!(site.statistics.closed(), n + 1); // all but the one that waits
            }
            assert_eq!(client.get("/").status, 200); // on the same connection
            go.set();
            assert_eq!(waiting.reply().ok(), json!(1));
        })
    });
    site.assert_closed(5);
    assert_eq!(site.count("blue #2: GET /panics 500"), 1);
    assert_eq!(site.count("blue #3: GET /panics-inside 500"), 1);
}

#[test]
fn an_error_is_told_to_the_log_and_not_to_the_client() {
    let folder = Folder::new();
    let ((), site) = with_site(folder.config("blue"), routes(), |site, _| {
        let reply = site.client().get("/fails");
        assert_eq!(reply.status, 500);
        assert!(!reply.body.contains("secrets"), "{reply:?}");
    });
    let told = "blue #1: failed: no such table: secrets";
    assert!(
        site.lines().iter().any(|line| line.starts_with(told)),
        "{site:?}"
    );
    site.assert_closed(1);
}

#[test]
fn a_request_that_takes_too_long_is_ended_wherever_it_waits() {
    let folder = Folder::new();
    let mut config = folder.config("blue");
    config.workers = 1;
    let world = World::with_mock_clock();
    let arrived = Progress::new();
    let ((), site) = world.run(|| {
        ARRIVED
            .to(arrived.clone())
            .and(GO.to(Signal::never()))
            .run(|| {
                with_site(config, routes(), |site, _| {
                    let mut client = site.client();
                    for (n, path) in (1..).zip(["/wait", "/computes", "/delegates"]) {
                        client.ask(path);
                        arrived.reached(n).wait().unwrap();
                        world.advance(DEADLINE);
                        let reply = client.reply();
                        assert_eq!(reply.status, 503, "{path}: {:?}", site.lines());
                        assert_eq!(reply.json(), json!({ "error": "this took too long" }));
                    }
                })
            })
    });
    site.assert_closed(2); // one needs none
    for id in 1..=3 {
        assert_eq!(
            site.count(&format!("blue #{id}: the deadline has passed")),
            1
        );
    }
}

#[test]
fn a_request_waits_for_a_locked_database_no_longer_than_it_may() {
    let folder = Folder::new();
    let config = folder.config("blue");
    let file = config.database.clone();
    let world = World::with_mock_clock();
    let ((), site) = world.run(|| {
        with_site(config, routes(), |site, _| {
            let other = Connection::open(file).unwrap();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            let mut client = site.client().with_token("sesame");
            assert_eq!(client.get("/").status, 200); // who reads does not wait
            client.ask_post("/snippets/", "title=a&code=b");
            site.wait_for_line("blue #2: waits for the database");
            world.advance(DEADLINE);
            assert_eq!(client.reply().status, 503);
            other.execute_batch("ROLLBACK").unwrap();
            assert_eq!(client.get("/").ok()["snippets"], json!(0));
        })
    });
    site.assert_closed(3);
}
