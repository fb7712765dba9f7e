//! The ambient as text: what goes out, what comes in, what is left out and who is told.
//!
//! A binary of its own, in which nothing is entered process-wide: that would be sent by every test.

mod any_text;
mod contexts;
mod headers;
mod limits;
mod members;
mod unread;

use core::fmt;
use core::str::FromStr;
use std::sync::{Arc, Mutex};

use selvedge::{Ambient, context, local, probe};

local! {
    static TENANT: String, baggage = "tenant";
    static LEVEL: u8 = 3, baggage = "level";
    static AUTHOR: Name, baggage = "twin";
    static READER: String, baggage = "twin";
    static PRIVATE: String;
    static STUBBORN: Stubborn, baggage = "stubborn";
    static A: String, baggage = "a";
    static Z: String, baggage = "~z";
    #[cfg(any())]
    static LEFT_OUT: Nothing, baggage = "left-out";
}

context! {
    static QUIET = "quiet-check";
    static APP = "app";
    static PLUGIN = "plugin-work" isolates;
    static ALSO_PLUGIN = "plugin-work";
    static ODD = "a name: 100% é";
    static SITE = "site" {
        title: String,
    }
    #[cfg(any())]
    static LEFT_OUT = "left-out";
}

selvedge::singleton! { static WRITTEN: Vec<u8> = Vec::new(); }

#[derive(Clone, Debug, PartialEq, Eq)]
struct Name(String);

impl FromStr for Name {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.chars().next() {
            Some(c) if c.is_uppercase() => Ok(Self(text.to_owned())),
            _ => Err(format!("`{text}` is no name")),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Panics when it is read, and fails when it is shown.
struct Stubborn;

impl FromStr for Stubborn {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        panic!("stubborn about {text}")
    }
}

impl fmt::Display for Stubborn {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

/// The lines of events that mention `name`, while `f` runs.
fn heard<R>(name: &'static str, f: impl FnOnce() -> R) -> (R, Vec<String>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let subscription = probe::subscribe({
        let lines = Arc::clone(&lines);
        let me = std::thread::current().id();
        move |event| {
            let line = event.to_string();
            if line.contains(name) && std::thread::current().id() == me {
                lines.lock().unwrap().push(line);
            }
        }
    });
    let result = f();
    drop(subscription);
    let lines = lines.lock().unwrap().clone();
    (result, lines)
}

#[track_caller]
fn received(text: &str) -> Ambient {
    Ambient::from_baggage(text).unwrap()
}

/// What is sent on if nothing is bound in between.
#[track_caller]
fn passed_on(text: &str) -> String {
    received(text).to_baggage()
}

fn here() -> String {
    Ambient::capture().to_baggage()
}
