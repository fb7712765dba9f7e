//! A program that starts itself: what a child process finds of its parent's ambient, and what it does not.
//!
//! Run it with `cargo run -p selvedge --example processes`.

use std::process::ExitCode;

use selvedge::process::Command;
use selvedge::{context, local};

context! {
    /// For the whole process.
    static BATCH = "batch";
    /// For a block.
    static DRY_RUN = "dry-run";
}
local! {
    /// Has a name in the baggage: it may leave the process.
    static USER: String, baggage = "user";
    /// Has none: it stays.
    static PASSWORD: String;
}

/// What the calling thread sees.
fn view() -> String {
    format!(
        "batch {}, dry run {}, user {}, password {}",
        BATCH.is_active_in_process(),
        DRY_RUN.is_active(),
        USER.with(String::clone).unwrap_or("nobody".to_owned()),
        PASSWORD.with(|_| "known").unwrap_or("unknown"),
    )
}

fn child() -> ExitCode {
    selvedge::run("child", |_stop| {
        println!("child finds:   {}", view());
        let _more = BATCH.enter_process(); // here alone
        USER.bind("grace".to_owned(), || println!("child changes: {}", view()));
        Ok(())
    })
}

fn parent() -> ExitCode {
    selvedge::run("parent", |_stop| {
        let _batch = BATCH.enter_process();
        let itself = std::env::current_exe()?;
        let child = Command::new(itself).env("ROLE", "child").named("child");
        let in_block = || -> selvedge::Outcome<_> {
            println!("parent has:    {}", view());
            Ok(child.with_ambient().spawn()?)
        };
        let child = PASSWORD.bind("secret".to_owned(), || {
            USER.bind("ada".to_owned(), || DRY_RUN.run(in_block))
        })?;
        for line in child.stdout() {
            println!("{}", line.to_string_lossy());
        }
        child.join()?;
        println!("parent after:  {}", view());
        Ok(())
    })
}

/// The program.
pub fn main() -> ExitCode {
    match std::env::var("ROLE").as_deref() {
        Ok("child") => child(),
        _ => parent(),
    }
}
