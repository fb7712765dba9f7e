//! HTTP/1.1 as bytes: what a client may send, and what it gets.

mod connection;
mod head;
mod limits;
mod request;
mod response;
mod status;

pub use limits::Limits;
pub use request::Request;
pub use response::Response;
pub use status::Status;

pub(crate) use connection::{Connection, Received};
