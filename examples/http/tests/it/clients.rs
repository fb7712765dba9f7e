//! Clients that are slow, wrong or unusual.

use std::time::Duration;

use serde_json::json;
use snippets::views::Routes;

use crate::site::{Folder, with_site};

#[test]
fn what_is_malformed_is_refused_and_the_connection_closed() {
    let folder = Folder::new();
    let cases = [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n",
            413,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            501,
        ),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", 400), // somebody speaks TLS
    ];
    let ((), site) = with_site(folder.config("blue"), Routes::default(), |site, _| {
        for (text, status) in cases {
            let mut client = site.client();
            client.send(text);
            let reply = client.reply();
            assert_eq!(reply.status, status, "{text:?}: {reply:?}");
            assert_eq!(reply.header("connection"), "close");
            client.finish();
            client.assert_closed();
        }
    });
    assert_eq!(site.statistics.refused(), cases.len() as u64);
    assert_eq!(site.statistics.requests(), 0);
}

#[test]
fn who_sends_too_much_still_reads_the_answer() {
    let folder = Folder::new();
    let mut config = folder.config("blue");
    config.limits.body = 1000;
    config.limits.head = 2000;
    with_site(config, Routes::default(), |site, _| {
        let mut client = site.client();
        client.ask_post("/snippets/", &"x".repeat(100_000));
        assert_eq!(client.reply().status, 413);
        client.finish();
        client.assert_closed(); // and not reset
        let mut client = site.client();
        client.ask(&format!("/{}", "x".repeat(100_000)));
        assert_eq!(client.reply().status, 431);
        client.finish();
        client.assert_closed();
    });
}

#[test]
fn slow_clients_hold_up_nobody_and_are_sent_away() {
    let folder = Folder::new();
    let mut config = folder.config("blue");
    config.workers = 1;
    config.limits.receive = Duration::from_millis(100);
    let ((), site) = with_site(config, Routes::default(), |site, _| {
        let starts = [
            "GET / HT",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        ];
        let slow: Vec<_> = (0..20)
            .map(|n| {
                let mut client = site.client();
                client.send(starts[n % 2]);
                client
            })
            .collect();
        let mut client = site.client();
        for _ in 0..20 {
            assert_eq!(client.get("/").status, 200);
        }
        for mut client in slow {
            assert_eq!(client.reply().status, 408);
            client.finish();
            client.assert_closed();
        }
        assert_eq!(client.get("/").status, 200);
    });
    assert_eq!(site.statistics.refused(), 20);
}

#[test]
fn who_says_nothing_is_closed_without_a_word() {
    let folder = Folder::new();
    let mut config = folder.config("blue");
    config.limits.idle = Duration::from_millis(10);
    let ((), site) = with_site(config, Routes::default(), |site, _| {
        site.client().assert_closed()
    });
    assert_eq!(site.statistics.refused(), 0);
}

#[test]
fn more_clients_than_places_wait_for_their_turn() {
    let folder = Folder::new();
    let mut config = folder.config("blue");
    config.connections = 1;
    with_site(config, Routes::default(), |site, _| {
        let mut first = site.client();
        assert_eq!(first.get("/").status, 200);
        let mut second = site.client();
        second.ask("/");
        assert_eq!(first.get("/").status, 200);
        assert_eq!(site.statistics.requests(), 2);
        drop(first);
        assert_eq!(second.reply().status, 200);
    });
}

#[test]
fn who_leaves_in_the_middle_is_no_error() {
    let folder = Folder::new();
    let ((), site) = with_site(folder.config("blue"), Routes::default(), |site, _| {
        for text in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
            let mut client = site.client();
            client.send(text);
            drop(client);
        }
        assert_eq!(site.client().get("/").status, 200);
    });
    assert_eq!(site.statistics.refused(), 0);
}

#[test]
fn a_connection_carries_requests_one_after_the_other() {
    let folder = Folder::new();
    with_site(folder.config("blue"), Routes::default(), |site, _| {
        let mut client = site.client().with_token("sesame");
        // All at once, and the last one in three pieces.
        client.ask_post("/snippets/", "title=a&code=b");
        client.ask("/snippets/1/");
        client.send("GET / HTTP/1.1\r\n");
        assert_eq!(client.reply().status, 201);
        assert_eq!(client.reply().ok()["owner"], json!("ada"));
        client.send("Host: a\r\n");
        client.send("Connection: close\r\n\r\n");
        let last = client.reply();
        assert_eq!(last.ok()["snippets"], json!(1));
        assert_eq!(last.header("connection"), "close");
        client.assert_closed();
    });
}

#[test]
fn the_unusual_parts_of_the_protocol() {
    let folder = Folder::new();
    with_site(folder.config("blue"), Routes::default(), |site, _| {
        let mut client = site.client();
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = client.reply_head();
        assert_eq!(head.status, 200);
        assert_eq!(
            client.get("/").header("content-length"),
            head.header("content-length")
        );

        client.send(
            "POST /snippets/ HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sesame\r\n\
             Expect: 100-continue\r\nContent-Length: 14\r\n\r\n",
        );
        assert_eq!(client.reply_head().status, 100);
        client.send("title=a&code=b");
        assert_eq!(client.reply().status, 201);

        client.send("GET / HTTP/1.0\r\n\r\n");
        assert_eq!(client.reply().status, 200);
        client.assert_closed();
    });
}
