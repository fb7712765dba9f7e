//! A request that has arrived whole.

use std::collections::BTreeMap;

/// Method, path, headers and body; a resource of [`REQUEST`](static@crate::contexts::REQUEST).
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) keep_alive: bool,
}

impl Request {
    /// `GET`, `POST` and so on.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Everything before the question mark.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The first header of this name, in whatever case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name).next()
    }

    /// The bytes after the head.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as a form; of a field that comes twice the last counts.
    #[must_use]
    pub fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// Does the client want to send another on the same connection?
    pub(crate) fn keep_alive(&self) -> bool {
        self.keep_alive
    }
}

pub(super) fn find<'h>(
    headers: &'h [(String, String)],
    name: &str,
) -> impl Iterator<Item = &'h str> {
    let same = move |header: &&(String, String)| header.0.eq_ignore_ascii_case(name);
    headers.iter().filter(same).map(|header| &*header.1)
}
