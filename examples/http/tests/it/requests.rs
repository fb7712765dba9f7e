//! What belongs to one request.

use std::collections::BTreeSet;

use selvedge::signal::Progress;
use selvedge::thread;
use serde_json::{Value, json};
use snippets::contexts::REQUEST;
use snippets::database;
use snippets::http::{Response, Status};
use snippets::log::note;
use snippets::views::{Answer, Routes, View};

use crate::site::{Folder, with_site};

const CLIENTS: u64 = 8;
const ROUNDS: u64 = 25;

selvedge::local! { static ARRIVED: Progress; }

/// Leaves a mark in its own connection, waits for the others of the round, and looks who is there.
fn own(_view: &View) -> Answer {
    let (id, connection) = (REQUEST.id.copied()?, database::number()?);
    database::with(|connection| {
        connection.execute_batch("CREATE TEMP TABLE mark (id INTEGER)")?;
        connection.execute("INSERT INTO mark VALUES (?1)", [id.cast_signed()])
    })?;
    let arrived = ARRIVED.get()?;
    let n = arrived.advance(1);
    arrived.reached(n.next_multiple_of(CLIENTS)).wait()?;
    note("has met the others");
    let marks = database::with(|connection| {
        connection.query_row("SELECT group_concat(id) FROM mark", [], |row| {
            row.get::<_, String>(0)
        })
    })?;
    let data = json!({
        "before": id, "after": REQUEST.id.copied()?, "marks": marks,
        "opened": connection, "used": database::number()?,
    });
    Ok(Response::new(Status::OK, data))
}

#[test]
fn requests_at_the_same_time_have_their_own_numbers_and_connections() {
    let folder = Folder::new();
    let routes = Routes::default().with("GET", "/own", own);
    let mut config = folder.config("blue");
    config.workers = 8;
    let (replies, site) = ARRIVED.bind(Progress::new(), || {
        with_site(config, routes, |site, _| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| site.client()).collect();
            thread::scope("clients", |s| {
                let clients: Vec<_> = clients
                    .into_iter()
                    .map(|mut client| {
                        s.spawn("client", move |_stop| {
                            Ok((0..ROUNDS).map(|_| client.get("/own")).collect::<Vec<_>>())
                        })
                    })
                    .collect();
                let mut replies = Vec::new();
                for client in clients {
                    replies.extend(client.join()?);
                }
                Ok(replies)
            })
            .unwrap()
        })
    });
    let all: BTreeSet<u64> = (1..=CLIENTS * ROUNDS).collect();
    let number = |data: &Value| data.as_u64().unwrap();
    let mut connections = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for reply in replies {
        let data = reply.ok();
        let id = number(&data["before"]);
        assert_eq!(number(&data["after"]), id);
        assert_eq!(data["marks"], json!(id.to_string()));
        assert_eq!(reply.header("x-request-id"), id.to_string());
        assert_eq!(data["opened"], data["used"]);
        connections.insert(number(&data["opened"]));
        ids.insert(id);
    }
    assert_eq!(ids, all);
    assert_eq!(connections, all);
    site.assert_closed(CLIENTS * ROUNDS);
    for id in all {
        assert_eq!(site.count(&format!("blue #{id}: has met the others")), 1);
        assert_eq!(site.count(&format!("blue #{id}: GET /own 200")), 1);
    }
}

/// Hands parts of the work to threads of its own.
fn spread(_view: &View) -> Answer {
    let here = json!([REQUEST.id.copied()?, database::number()?]);
    let there = thread::scope("parts", |s| {
        s.inherit();
        let part = |_stop| {
            note("a part");
            Ok(json!([REQUEST.id.copied()?, database::number()?]))
        };
        let (a, b) = (s.spawn("a", part), s.spawn("b", part));
        Ok([a.join()?, b.join()?])
    })?;
    assert!(there.iter().all(|part| *part == here), "{there:?} {here}");
    Ok(Response::new(Status::OK, here))
}

#[test]
fn threads_of_a_request_are_in_it() {
    let folder = Folder::new();
    let routes = Routes::default().with("GET", "/spread", spread);
    let ((), site) = with_site(folder.config("blue"), routes, |site, _| {
        let mut client = site.client();
        assert_eq!(client.get("/spread").ok(), json!([1, 1]));
        assert_eq!(client.get("/spread").ok(), json!([2, 2]));
    });
    site.assert_closed(2);
    assert_eq!(site.count("blue #1: a part"), 2);
    assert_eq!(site.count("blue #2: a part"), 2);
}

#[test]
fn a_request_that_needs_no_database_opens_none() {
    let folder = Folder::new();
    let ((), site) = with_site(folder.config("blue"), Routes::default(), |site, _| {
        let mut client = site.client();
        assert_eq!(client.get("/elsewhere").status, 404);
        site.assert_closed(0);
        assert_eq!(client.get("/").status, 200);
    });
    site.assert_closed(1);
}

#[test]
fn a_form_is_checked_field_by_field() {
    let folder = Folder::new();
    with_site(folder.config("blue"), Routes::default(), |site, _| {
        let mut client = site.client().with_token("sesame");
        let long = "x".repeat(101);
        let refused = client.post("/snippets/", &format!("title={long}&code=+"));
        assert_eq!(refused.status, 400);
        let why = json!({ "title": "has at most 100 characters", "code": "is required" });
        assert_eq!(refused.json(), why);
        assert_eq!(client.get("/snippets/").ok(), json!([]));
        assert_eq!(client.get("/snippets/1/").status, 404);
        assert_eq!(client.post("/", "").status, 405);
    });
}
