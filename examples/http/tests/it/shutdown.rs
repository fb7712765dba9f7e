//! How a server ends.

use std::net::TcpStream;

use selvedge::{Signal, signal};
use serde_json::json;
use snippets::database;
use snippets::http::{Response, Status};
use snippets::views::{Answer, Routes, View};

use crate::site::{Folder, Site, with_site};

selvedge::local! {
    static ARRIVED: Signal;
    static GO: Signal;
}

/// Waits until it may go, and says whether it sees a stop.
fn wait(_view: &View) -> Answer {
    let number = database::number()?;
    ARRIVED.with(Signal::set)?;
    GO.get()?.wait()?;
    let data = json!({ "connection": number, "asked": signal::stop().is_set() });
    Ok(Response::new(Status::OK, data))
}

fn wait_until_closed(site: &Site) {
    while TcpStream::connect(site.address).is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn requests_in_flight_are_answered_and_everything_else_ends() {
    let folder = Folder::new();
    let (arrived, go) = (Signal::new(), Signal::new());
    let routes = Routes::default().with("GET", "/wait", wait);
    let ((), site) = ARRIVED.to(arrived.clone()).and(GO.to(go.clone())).run(|| {
        with_site(folder.config("blue"), routes, |site, s| {
            let mut idle = site.client();
            assert_eq!(idle.get("/").status, 200);
            let mut half = site.client();
            half.send("GET / HT");
            let mut waiting = site.client();
            waiting.ask("/wait");
            arrived.wait().unwrap();
            s.stop();
            wait_until_closed(site);
            idle.assert_closed();
            half.assert_gone();
            assert_eq!(site.statistics.closed(), 1);
            go.set();
            let reply = waiting.reply();
            assert_eq!(reply.ok(), json!({ "connection": 2, "asked": false }));
            assert_eq!(reply.header("connection"), "close");
            waiting.assert_closed();
        })
    });
    site.assert_closed(2);
    let lines = site.lines();
    assert_eq!(lines.last().unwrap(), "blue: closed after 2 requests");
    assert_eq!(site.count("blue #2: GET /wait 200"), 1);
}

#[test]
fn a_request_that_has_not_begun_is_told_so() {
    let folder = Folder::new();
    let (arrived, go) = (Signal::new(), Signal::new());
    let routes = Routes::default().with("GET", "/wait", wait);
    let mut config = folder.config("blue");
    config.workers = 1;
    let ((), site) = ARRIVED.to(arrived.clone()).and(GO.to(go.clone())).run(|| {
        with_site(config, routes, |site, s| {
            let (mut runs, mut waits) = (site.client(), site.client());
            runs.ask("/wait");
            arrived.wait().unwrap();
            waits.ask("/");
            site.wait_for_requests(2);
            s.stop();
            go.set();
            assert_eq!(runs.reply().status, 200);
            let reply = waits.reply();
            assert_eq!(reply.status, 503);
            assert_eq!(reply.header("x-request-id"), "2");
        })
    });
    site.assert_closed(1);
}
