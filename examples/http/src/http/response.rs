//! What a client gets.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::http::Status;

/// A response with a body of JSON.
#[derive(Clone, Debug)]
#[must_use = "it is sent by whoever gets it"]
pub struct Response {
    status: Status,
    id: Option<u64>,
    data: Value,
}

impl Response {
    /// A response of our own.
    pub fn new(status: Status, data: Value) -> Self {
        Self {
            status,
            id: None,
            data,
        }
    }

    /// A response that says what is wrong.
    pub fn error(status: Status, why: &str) -> Self {
        Self::new(status, json!({ "error": why }))
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// What its body says.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.data
    }

    /// Names the request that it answers.
    pub(crate) fn answering(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// On the wire; of a `HEAD` only the head.
    pub(super) fn to_bytes(&self, keep_alive: bool, with_body: bool) -> Vec<u8> {
        let body = format!("{}\n", self.data);
        let Status(code) = self.status;
        let mut text = format!("HTTP/1.1 {code} {}\r\n", self.status.phrase());
        let mut header = |name: &str, value: &dyn std::fmt::Display| {
            let _ = write!(text, "{name}: {value}\r\n"); // a string takes everything
        };
        header("content-type", &"application/json");
        header("content-length", &body.len());
        header(
            "connection",
            &if keep_alive { "keep-alive" } else { "close" },
        );
        if let Some(id) = self.id {
            header("x-request-id", &id);
        }
        if self.status == Status::UNAUTHORIZED {
            header("www-authenticate", &"Bearer");
        }
        text.push_str("\r\n");
        if with_body {
            text.push_str(&body);
        }
        text.into_bytes()
    }
}
