//! The groutines document's own example: an application that knows nothing of groutines, and middleware for it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use selvedge::call::{Addr, Groutines};
use selvedge::{event, groutine, open};

use super::Notes;

#[derive(Debug, Default, Clone)]
pub(crate) struct Snippet {
    pub(crate) title: String,
    pub(crate) owner: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) user: Option<String>,
    pub(crate) data: HashMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Response {
    #[expect(dead_code, reason = "shown by Debug")]
    pub(crate) data: String,
    pub(crate) status: u16,
}

#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) saved: Vec<Snippet>,
}

#[open]
impl Response {
    pub(crate) fn new(data: String, status: u16) -> Self {
        Self { data, status }
    }
}

#[open]
fn field_from_native(
    field: &str,
    data: &HashMap<String, String>,
    into: &mut HashMap<String, String>,
) {
    if let Some(value) = data.get(field) {
        into.insert(field.into(), value.clone());
    }
}

#[open]
impl View {
    fn check_permissions(&self, request: &Request) -> bool {
        request.user.is_some()
    }

    pub(crate) fn pre_save(&self, snippet: &mut Snippet) {
        snippet.title = snippet.title.to_uppercase();
    }

    fn dispatch(&mut self, request: &mut Request) -> Response {
        if !self.check_permissions(request) {
            return Response::new("forbidden".into(), 403);
        }
        let mut into = HashMap::new();
        for field in ["title", "code", "style"] {
            field_from_native(field, &request.data, &mut into);
        }
        let mut snippet = Snippet {
            title: into["title"].clone(),
            owner: None,
        };
        self.pre_save(&mut snippet);
        if snippet.owner.is_none() {
            return Response::new("owner missing".into(), 400);
        }
        self.saved.push(snippet);
        Response::new("created".into(), 201)
    }
}

/// POST /snippets/ title=aaa code=bbb
fn post(view: &mut View) -> Response {
    let data = [("title", "aaa"), ("code", "bbb")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let mut request = Request {
        user: None,
        data: data.into(),
    };
    view.dispatch(&mut request)
}

#[event]
fn DISPATCH(view: &View, request: &Request) -> Option<()>;

/// The middleware, in a module of its own, so that it can be discovered.
mod requests {
    use super::*;

    #[groutine]
    pub(super) async fn start_view() {
        let mut call = view::dispatch::called().await;
        call.with(|call| DISPATCH(&call.args.this, &call.args.request));
    }

    #[groutine]
    pub(super) async fn check_permissions() {
        view::check_permissions::called().await.ret(true);
    }

    #[groutine]
    pub(super) async fn fill_user() {
        let view = DISPATCH::called()
            .await
            .with(|call| Addr::of(call.args.view));
        let mut call = view::pre_save::called().on(view).await;
        call.with(|call| call.args.snippet.owner = Some("vitalii".into()));
    }
}

/// Not part of every request.
mod strict {
    use super::*;

    #[groutine(loop)]
    pub(super) async fn make_responses_raise() {
        response::new::called().await.with(|call| {
            assert!(call.args.status / 100 == 2, "{}", *call.args.data);
        });
    }
}

fn printing(notes: &Notes<String>) -> Groutines {
    let notes = notes.clone();
    Groutines::new().named("print_field_names", move || {
        let notes = notes.clone();
        async move {
            loop {
                field_from_native::returned().await.with(|returned| {
                    let (field, into) = (returned.args.field, &returned.args.into);
                    let value = into.get(field).map_or("----", |value| value);
                    notes.note(format!("{field} -> {value}"));
                });
            }
        }
    })
}

/// 156: without groutines it is forbidden.
#[test]
fn without_groutines_the_request_is_refused() {
    assert_eq!(post(&mut View::default()).status, 403);
}

/// 156, 157, 159: three small groutines let it pass, and give the snippet its owner; a fourth one prints.
#[test]
fn the_middleware_of_the_groutines_document() {
    let notes = Notes::new();
    let mut view = View::default();
    let response = Groutines::new()
        .with(requests::start_view)
        .with(requests::check_permissions)
        .with(requests::fill_user)
        .and(printing(&notes))
        .run(|| post(&mut view));
    assert_eq!(response.status, 201);
    assert_eq!(view.saved[0].owner.as_deref(), Some("vitalii"));
    assert_eq!(
        notes.take(),
        ["title -> aaa", "code -> bbb", "style -> ----"]
    );
    // 152: killed with the block
    assert_eq!(post(&mut view).status, 403);
    assert_eq!(notes.take(), [""; 0]);
}

/// 157: found by their path; a second request has groutines of its own.
#[test]
fn the_middleware_is_discovered() {
    let found = Groutines::discovered("call::groutines::app::requests::*");
    assert_eq!(found.len(), 3);
    for _ in 0..2 {
        assert_eq!(found.clone().run(|| post(&mut View::default())).status, 201);
    }
    let message = super::panic_of(|| Groutines::discovered("requests::*"));
    assert!(
        message.starts_with("there is no groutine `requests::*`; there are ["),
        "{message}"
    );
    assert_eq!(Groutines::discovered("**::app::**").len(), 4);
    assert_eq!(Groutines::discovered("**::app::requests::*_*s*").len(), 2);
}

/// 158: a response that is not ok becomes a panic, with the application on the stack.
#[test]
fn responses_raise_in_the_application() {
    let raise = || Groutines::new().with(strict::make_responses_raise);
    let message = super::panic_of(|| raise().run(|| post(&mut View::default())));
    assert_eq!(message, "forbidden");
    assert_eq!(post(&mut View::default()).status, 403);
    let ok = Groutines::discovered("**::app::requests::*").and(raise());
    assert_eq!(ok.run(|| post(&mut View::default())).status, 201);
}

/// 154: they are killed also when the view panics, so that nothing piles up.
#[test]
fn nothing_piles_up_when_the_view_panics() {
    let notes = Notes::new();
    for _ in 0..3 {
        let panics = printing(&notes).and(view::pre_save::before(|_| panic!("view")));
        let all = Groutines::discovered("**::app::requests::*").and(panics);
        let panicked = catch_unwind(AssertUnwindSafe(|| all.run(|| post(&mut View::default()))));
        assert!(panicked.is_err());
        assert_eq!(notes.take().len(), 3);
    }
}

/// 135: two requests at once do not meet.
#[test]
fn requests_of_several_threads_have_their_own_groutines() {
    let request = |is_allowed: bool| {
        let mut groutines = Groutines::new()
            .with(requests::start_view)
            .with(requests::fill_user);
        if is_allowed {
            groutines = groutines.with(requests::check_permissions);
        }
        groutines.run(|| post(&mut View::default()).status)
    };
    std::thread::scope(|s| {
        let threads = [true, false, true].map(|allowed| s.spawn(move || request(allowed)));
        let statuses = threads.map(|thread| thread.join().unwrap());
        assert_eq!(statuses, [201, 403, 201]);
    });
}
