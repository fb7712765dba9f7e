//! The pages. None of them is told which application or request it is in.

use serde_json::{Value, json};

use crate::contexts::{APP, REQUEST};
use crate::fault::Fault;
use crate::http::{Response, Status};
use crate::log::note;
use crate::views::{Answer, Snippet, View, serializer};

/// What this application is.
pub(super) fn index(_view: &View) -> Answer {
    let name = APP.config.with(|config| config.name.clone())?;
    let data = json!({ "application": name, "snippets": Snippet::count()? });
    Ok(Response::new(Status::OK, data))
}

/// The newest snippets.
pub(super) fn list(_view: &View) -> Answer {
    let snippets = Snippet::newest(APP.config.with(|config| config.page)?)?;
    let data = snippets.iter().map(Snippet::to_json).collect();
    Ok(Response::new(Status::OK, Value::Array(data)))
}

/// Saves the snippet of a form.
pub(super) fn create(view: &View) -> Answer {
    let form = REQUEST.request.with(|request| request.form())?;
    let mut snippet = Snippet::from_values(serializer::values(&form)?);
    view.pre_save(&mut snippet);
    snippet.save()?;
    note(format_args!(
        "{} saved snippet {}",
        snippet.owner, snippet.key
    ));
    Ok(Response::new(Status::CREATED, snippet.to_json()))
}

/// One snippet.
pub(super) fn show(view: &View) -> Answer {
    let found = view.key().map(Snippet::find).transpose()?.flatten();
    let missing = || Fault::refused(Status::NOT_FOUND, "there is no such snippet");
    Ok(Response::new(
        Status::OK,
        found.ok_or_else(missing)?.to_json(),
    ))
}
