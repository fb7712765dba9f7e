//! Execution locals, as xlocal's document shows them: a module that reads a value which nobody passed to it,
//! another one that uses it, handlers on threads of their own, and an object that all of them share.

use std::process::ExitCode;
use std::time::Duration;

use selvedge::thread::{self, Outcome, Thread};
use selvedge::{Signal, Till, Unbound, Wrap};

/// The document's `example.py`.
mod example {
    selvedge::local! { pub(super) static X: u32; }

    pub(super) fn output() -> Result<String, selvedge::Unbound> {
        X.with(|x| format!("hello world {x}"))
    }

    pub(super) fn main() -> Result<String, selvedge::Unbound> {
        X.bind(1, output)
    }
}

/// The document's `example_call.py`: another module binds what `example` reads.
mod example_call {
    use super::example::{X, output};

    pub(super) fn main() -> Result<String, selvedge::Unbound> {
        X.bind(3, output)
    }
}

/// What the server has received.
#[derive(Debug)]
pub struct Request {
    path: &'static str,
}

selvedge::local! {
    /// What the calling handler answers.
    pub static REQUEST: Request;
}

/// One object for all threads: it asks whoever calls for the request, and keeps none.
struct Renderer;

impl Renderer {
    fn page(&self) -> Result<String, Unbound> {
        REQUEST.with(|request| format!("<h1>{}</h1>", request.path))
    }
}

static RENDERER: Renderer = Renderer;

type Handler = fn() -> Result<String, Unbound>;

/// Somebody's handlers: no argument says what is asked.
fn handler_for(request: &Request) -> Handler {
    match request.path {
        "/missing" => || Ok(format!("no page {}", REQUEST.with(|request| request.path)?)),
        _ => || RENDERER.page(),
    }
}

/// The document's `handle_request`: a thread inherits nothing, so what it runs is wrapped.
fn handle(request: Request) -> Thread<String> {
    let handler = handler_for(&request);
    let name = request.path;
    let body = move |_stop: Signal| Ok(handler()?);
    thread::spawn(name, REQUEST.to(request).wrap(body))
}

/// Public for its test.
pub fn main() -> ExitCode {
    selvedge::run("ambient", |_stop| -> Outcome<()> {
        println!("{}", example::main()?);
        println!("{}", example_call::main()?);
        println!("{}", example::output().unwrap_err()); // outside of every block

        let paths = ["/a", "/b", "/missing"];
        let threads = paths.map(|path| handle(Request { path }));
        let late = Till::after(Duration::from_secs(10));
        for (path, thread) in paths.iter().zip(threads) {
            let page = thread.join_until(&late)?;
            assert!(page.contains(path));
            println!("{page}");
        }

        let bare = thread::spawn("bare", |_stop| Ok(RENDERER.page().is_err()));
        assert!(bare.join_until(&late)?, "nothing was carried there");
        assert!(!REQUEST.is_bound() && !example::X.is_bound());
        Ok(())
    })
}
