//! A view: what happens to a request between its path and its page.

use crate::contexts::{APP, REQUEST};
use crate::fault::Fault;
use crate::http::{Request, Response, Status};
use crate::views::{Action, Snippet};

/// Made anew for each request, so that it is one request's own.
#[derive(Debug)]
pub struct View {
    path: &'static str,
    key: Option<i64>,
    actions: Vec<(&'static str, Action)>,
}

impl View {
    pub(super) fn new(
        path: &'static str,
        key: Option<i64>,
        actions: Vec<(&'static str, Action)>,
    ) -> Self {
        Self { path, key, actions }
    }

    /// The pattern of its paths.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The number in the path.
    #[must_use]
    pub fn key(&self) -> Option<i64> {
        self.key
    }

    /// Chooses what to do, asks whether the user may, and does it.
    pub fn dispatch(&mut self, request: &Request) -> Response {
        let answer = self.choose(request).and_then(|action| action(self));
        answer.unwrap_or_else(Fault::into_response)
    }

    fn choose(&self, request: &Request) -> Result<Action, Fault> {
        // What `GET` gives is right for `HEAD`: only the body stays here.
        let method = match request.method() {
            "HEAD" => "GET",
            method => method,
        };
        let found = self.actions.iter().find(|(of, _)| *of == method);
        let Some(&(_, action)) = found else {
            let why = "this path does not take this method";
            return Err(Fault::refused(Status::METHOD_NOT_ALLOWED, why));
        };
        if !self.check_permissions(request) {
            let why = "send a token that is known here";
            return Err(Fault::refused(Status::UNAUTHORIZED, why));
        }
        Ok(action)
    }

    /// Everybody may read; users may write.
    #[must_use]
    pub fn check_permissions(&self, request: &Request) -> bool {
        matches!(request.method(), "GET" | "HEAD") || user().is_some()
    }

    /// The last look at a snippet before it is saved: it belongs to who sent it.
    pub fn pre_save(&self, snippet: &mut Snippet) {
        if let Some(user) = user() {
            snippet.owner = user;
        }
    }
}

/// Who sent this request, as this application knows them.
#[must_use]
pub fn user() -> Option<String> {
    let request = REQUEST.request.get().ok()?;
    let token = request.header("authorization")?.strip_prefix("Bearer ")?;
    let found = APP.config.with(|config| config.users.get(token).cloned());
    found.ok().flatten()
}
