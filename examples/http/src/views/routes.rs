//! Paths and what answers them.

use crate::fault::Fault;
use crate::http::Response;
use crate::views::{View, pages};

/// What a view does for one method. Whatever else it needs, it reads from the contexts.
pub type Action = fn(&View) -> Answer;

/// What a view gives.
pub type Answer = Result<Response, Fault>;

/// The paths of an application; a resource of [`APP`](static@crate::contexts::APP).
#[derive(Clone, Debug)]
pub struct Routes(Vec<Route>);

#[derive(Clone, Debug)]
struct Route {
    method: &'static str,
    path: &'static str,
    action: Action,
}

impl Routes {
    /// Has `action` answer this method at this path, where `{key}` is a number.
    #[must_use]
    pub fn with(mut self, method: &'static str, path: &'static str, action: Action) -> Self {
        self.0.push(Route {
            method,
            path,
            action,
        });
        self
    }

    /// A new view for a request to this path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<View> {
        let (pattern, key) = self
            .0
            .iter()
            .find_map(|route| Some((route.path, matched(route.path, path)?)))?;
        let here = self.0.iter().filter(|route| route.path == pattern);
        let actions = here.map(|route| (route.method, route.action)).collect();
        Some(View::new(pattern, key, actions))
    }
}

/// Does the path look like this, and with which key?
fn matched(pattern: &str, path: &str) -> Option<Option<i64>> {
    let Some((before, after)) = pattern.split_once("{key}") else {
        return (pattern == path).then_some(None);
    };
    let digits = path.strip_prefix(before)?.strip_suffix(after)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some(Some(digits.parse().ok().filter(|_| is_number)?))
}

impl Default for Routes {
    /// Those of the snippets.
    fn default() -> Self {
        Self(Vec::new())
            .with("GET", "/", pages::index)
            .with("GET", "/snippets/", pages::list)
            .with("POST", "/snippets/", pages::create)
            .with("GET", "/snippets/{key}/", pages::show)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_number() {
        let pattern = "/snippets/{key}/";
        assert_eq!(matched(pattern, "/snippets/12/"), Some(Some(12)));
        for path in [
            "/snippets//",
            "/snippets/+1/",
            "/snippets/x/",
            "/snippets/1",
            "/1/",
        ] {
            assert_eq!(matched(pattern, path), None, "{path}");
        }
        assert_eq!(matched("/snippets/", "/snippets/"), Some(None));
        assert_eq!(matched("/snippets/", "/snippets"), None);
    }
}
