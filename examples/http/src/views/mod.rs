//! What answers: views, and which paths lead to them.

mod pages;
mod routes;
mod serializer;
mod snippet;
mod view;

pub use routes::{Action, Answer, Routes};
pub use serializer::{FIELDS, Field, Form, Values};
pub use snippet::Snippet;
pub use view::{View, user};

use selvedge::Outcome;

use crate::contexts::{APP, REQUEST};
use crate::http::{Response, Status};

/// Answers the request that the caller is in.
pub(crate) fn respond() -> Outcome<Response> {
    let request = REQUEST.request.get()?;
    Ok(
        match APP.routes.with(|routes| routes.find(request.path()))? {
            Some(mut view) => view.dispatch(&request),
            None => Response::error(Status::NOT_FOUND, "there is nothing at this path"),
        },
    )
}
