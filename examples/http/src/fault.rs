//! Why a view gave no response of its own.

use std::error::Error;

use selvedge::{Stopped, signal};
use serde_json::{Value, json};

use crate::http::{Response, Status};
use crate::log::note;

/// The error of a view: `?` takes any error.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The client did something wrong, and is told what.
    Refused(Status, Value),
    /// We did. The client is told nothing, the log everything.
    Failed(Box<dyn Error + Send + Sync>),
}

impl Fault {
    /// The client did something wrong.
    #[must_use]
    pub fn refused(status: Status, why: &str) -> Self {
        Self::Refused(status, json!({ "error": why }))
    }

    /// What the client is told.
    pub fn into_response(self) -> Response {
        match self {
            Self::Refused(status, data) => Response::new(status, data),
            Self::Failed(error) if is_late(&*error) => {
                note("the deadline has passed");
                Response::error(Status::SERVICE_UNAVAILABLE, "this took too long")
            }
            Self::Failed(error) => {
                note(format_args!("failed: {error}"));
                Response::error(Status::INTERNAL_SERVER_ERROR, "something went wrong")
            }
        }
    }
}

/// Did the deadline cut the work off? A request sees no other stop, and a thread of its own may have been the
/// one that obeyed.
fn is_late(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<Stopped>() {
            return signal::stop().is_set();
        }
        next = error.source();
    }
    false
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
