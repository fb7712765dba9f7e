//! Groutines that listen to requests, as the document of groutines has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use selvedge::call::Groutines;
use selvedge::signal::Progress;
use selvedge::thread;
use serde_json::json;
use snippets::contexts::REQUEST;
use snippets::debugging::{
    DISPATCH, as_vitalii, check_permissions, fill_user, make_responses_raise, print_field_names,
    start_view,
};
use snippets::http::{Response, Status};
use snippets::open::view;
use snippets::views::{Answer, Routes, View};

use crate::site::{Folder, Site, with_site_and};

const FORM: &str = "title=aaa&code=bbb";

/// Runs `test` beside a server with these listeners; it and its statistics are looked at afterwards, too.
fn with_listeners<R>(
    listeners: Groutines,
    routes: Routes,
    test: impl FnOnce(&Site) -> R,
) -> (R, Site) {
    let folder = Folder::new();
    let set = |server: snippets::server::Server| server.listeners(listeners.clone());
    with_site_and(folder.config("blue"), routes, set, |site, _| test(site))
}

// catalogue 156
#[test]
fn a_stranger_is_let_in_by_an_answer() {
    let listeners = Groutines::new().with(check_permissions);
    let (saved, _) = with_listeners(listeners, Routes::default(), |site| {
        site.client().post("/snippets/", FORM).ok()
    });
    assert_eq!(saved["owner"], json!(""));
    let (refused, _) = with_listeners(Groutines::new(), Routes::default(), |site| {
        site.client().post("/snippets/", FORM)
    });
    assert_eq!(refused.status, 401);
}

// catalogue 118, 157
#[test]
fn groutines_tell_one_another_and_fill_in_the_user() {
    let (saved, site) = with_listeners(as_vitalii(), Routes::default(), |site| {
        let mut client = site.client();
        [
            client.post("/snippets/", FORM),
            client.post("/snippets/", FORM),
        ]
        .map(|reply| {
            assert_eq!(reply.status, 201);
            reply.ok()["owner"].clone()
        })
    });
    assert_eq!(saved, [json!("vitalii"), json!("vitalii")]);
    site.assert_closed(2);
}

// catalogue 132, 158
#[test]
fn a_refusal_becomes_a_panic_where_it_was_made() {
    let listeners = Groutines::new().with(make_responses_raise);
    let ((), site) = with_listeners(listeners, Routes::default(), |site| {
        let mut client = site.client();
        assert_eq!(client.post("/snippets/", FORM).status, 500); // it was 401
        assert_eq!(client.get("/snippets/").ok(), json!([]));
        assert_eq!(client.get("/nowhere/").status, 500);
    });
    assert_eq!(site.count("blue #2: GET /snippets/ 200"), 1);
}

// catalogue 154, 159
#[test]
fn field_names_are_printed_once_a_request_whatever_became_of_the_others() {
    let listeners = as_vitalii().with(print_field_names);
    let panics: fn(&View) -> Answer = |_view| panic!("no luck");
    let routes = Routes::default().with("GET", "/panics", panics);
    let ((), site) = with_listeners(listeners, routes, |site| {
        let mut client = site.client();
        for _ in 0..3 {
            assert_eq!(client.get("/panics").status, 500);
        }
        assert_eq!(client.post("/snippets/", "title=aaa").status, 400);
        assert_eq!(client.post("/snippets/", FORM).status, 201);
    });
    assert_eq!(site.count("blue #4: title -> aaa"), 1);
    assert_eq!(site.count("blue #4: code -> ----"), 1);
    assert_eq!(site.count("blue #5: title -> aaa"), 1);
    assert_eq!(site.count("blue #5: code -> bbb"), 1);
    assert_eq!(
        site.lines()
            .iter()
            .filter(|line| line.contains(" -> "))
            .count(),
        4
    );
}

selvedge::local! { static ARRIVED: Progress; }

/// Both requests are in their views before either goes on.
fn meet(view: &View) -> Answer {
    ARRIVED.with(|arrived| arrived.advance(1))?;
    ARRIVED.get()?.reached(2).wait()?;
    let mut snippet = snippets::views::Snippet::default();
    view.pre_save(&mut snippet);
    Ok(Response::new(
        Status::OK,
        json!([REQUEST.id.copied()?, snippet.owner]),
    ))
}

/// Each hears its own request, though both wait for the same functions at the same time.
#[test]
fn two_requests_at_once_do_not_meet() {
    let heard = Arc::new(AtomicUsize::new(0));
    let counts = {
        let heard = Arc::clone(&heard);
        move || {
            let heard = Arc::clone(&heard);
            async move {
                loop {
                    let mut event = DISPATCH::called().await;
                    event.with(|event| assert_eq!(event.args.view.path(), "/meet"));
                    heard.fetch_add(1, Relaxed);
                }
            }
        }
    };
    let owner = || async {
        let mut call = view::pre_save::called().await;
        let id = REQUEST.id.copied().unwrap();
        call.with(|call| call.args.snippet.owner = format!("owner {id}"));
    };
    let listeners = Groutines::new().with(start_view).with(counts).with(owner);
    let routes = Routes::default().with("GET", "/meet", meet);
    let (mut replies, _) = ARRIVED.bind(Progress::new(), || {
        with_listeners(listeners, routes, |site| {
            let clients = [site.client(), site.client()];
            thread::scope("clients", |s| {
                let asked = clients
                    .map(|mut client| s.spawn("client", move |_stop| Ok(client.get("/meet").ok())));
                Ok(asked.map(|client| client.join().unwrap()))
            })
            .unwrap()
        })
    });
    replies.sort_by_key(|reply| reply[0].as_u64());
    assert_eq!(replies, [json!([1, "owner 1"]), json!([2, "owner 2"])]);
    assert_eq!(heard.load(Relaxed), 2);
}

/// The list of a server is not used up: `fill_user` hears each request once.
#[test]
fn they_are_started_anew_for_each_request() {
    let (owners, _) = with_listeners(
        Groutines::new()
            .with(fill_user)
            .with(start_view)
            .with(check_permissions),
        Routes::default(),
        |site| {
            let mut client = site.client();
            [0; 3].map(|_| client.post("/snippets/", FORM).ok()["owner"].clone())
        },
    );
    assert_eq!(
        owners,
        [json!("vitalii"), json!("vitalii"), json!("vitalii")]
    );
}
