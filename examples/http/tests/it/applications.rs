//! Several applications in one process.

use selvedge::signal::Progress;
use selvedge::thread;
use serde_json::json;
use snippets::contexts::APP;
use snippets::http::{Response, Status};
use snippets::views::{Answer, Routes, View};

use crate::client::Client;
use crate::site::{Folder, Site, with_sites};

#[test]
fn two_applications_have_their_own_configuration_users_and_snippets() {
    let folder = Folder::new();
    let (blue, mut green) = (folder.config("blue"), folder.config("green"));
    green.users = [("abacus".to_owned(), "bob".to_owned())].into();
    green.page = 3;
    let ((), [blue, green]) = with_sites([blue, green], Routes::default(), |[blue, green], _| {
        let fill = |site: &Site, name: &str, token, other, owner: &str| {
            let mut client = site.client().with_token(token);
            for n in 1..=10 {
                let form = format!("title={name}+{n}&code=let+a+%3D+{n}%3B");
                let saved = client.post("/snippets/", &form).ok();
                assert_eq!(saved["title"], json!(format!("{name} {n}")));
                assert_eq!(saved["code"], json!(format!("let a = {n};")));
                assert_eq!((&saved["key"], &saved["owner"]), (&json!(n), &json!(owner)));
                let home = client.get("/").ok();
                assert_eq!(home, json!({ "application": name, "snippets": n }));
                let shown = client.get(&format!("/snippets/{n}/")).ok();
                assert_eq!(shown, saved);
            }
            let mut stranger = site.client().with_token(other);
            let refused = stranger.post("/snippets/", "title=a&code=b");
            assert_eq!(refused.status, 401);
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        };
        thread::scope("clients", |s| {
            s.spawn("blue", |_stop| {
                fill(blue, "blue", "sesame", "abacus", "ada");
                Ok(())
            });
            s.spawn("green", |_stop| {
                fill(green, "green", "abacus", "sesame", "bob");
                Ok(())
            });
            Ok(())
        })
        .unwrap();
        for (site, name, page) in [(blue, "blue", 10), (green, "green", 3)] {
            let list = site.client().get("/snippets/").ok();
            let titles: Vec<_> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|it| &it["title"])
                .collect();
            let expected: Vec<_> = (0..page)
                .map(|n| json!(format!("{name} {}", 10 - n)))
                .collect();
            assert!(titles.into_iter().eq(&expected), "{list}");
        }
    });
    for (site, name) in [(blue, "blue"), (green, "green")] {
        let lines = site.lines();
        assert!(lines.iter().all(|line| line.starts_with(name)), "{lines:?}");
        assert_eq!(site.count(&format!("{name}: closed after 32 requests")), 1);
        assert_eq!(
            lines.last().unwrap(),
            &format!("{name}: closed after 32 requests")
        );
        site.assert_closed(31); // a stranger is refused before anything is opened
    }
}

selvedge::local! { static ARRIVED: Progress; }

/// Waits for the other application to be here too.
fn meet(_view: &View) -> Answer {
    let before = APP.config.with(|config| config.name.clone())?;
    let arrived = ARRIVED.get()?;
    let n = arrived.advance(1);
    arrived.reached(n.next_multiple_of(2)).wait()?;
    let after = APP.config.with(|config| config.name.clone())?;
    Ok(Response::new(Status::OK, json!([before, after])))
}

#[test]
fn requests_of_two_applications_that_meet_keep_their_own() {
    let folder = Folder::new();
    let configs = [folder.config("blue"), folder.config("green")];
    let routes = Routes::default().with("GET", "/meet", meet);
    ARRIVED.bind(Progress::new(), || {
        with_sites(configs, routes, |sites, _| {
            let mut clients: [Client; 2] = sites.each_ref().map(Site::client);
            for _ in 0..20 {
                clients.iter_mut().for_each(|client| client.ask("/meet"));
                let replies = clients.each_mut().map(|client| client.reply().ok());
                assert_eq!(
                    replies,
                    [json!(["blue", "blue"]), json!(["green", "green"])]
                );
            }
        });
    });
}
