//! A deadline around code that reads, writes and waits, and knows nothing of it.
//!
//! The client says who it is and reads an answer of two lines. One server answers, one stops half-way.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use selvedge::io::{Stoppable, interruption};
use selvedge::thread::{self, Outcome};
use selvedge::{Till, signal};

/// Plain `std::io`; nowhere a timeout.
fn ask(stream: &UnixStream) -> io::Result<String> {
    Stoppable::new(stream).write_all(b"Ada\n")?;
    let lines = BufReader::new(Stoppable::new(stream)).lines().take(2);
    Ok(lines.collect::<io::Result<Vec<_>>>()?.join(", "))
}

/// Answers with as many lines as it is told to, then waits until the client goes.
fn serve(stream: &UnixStream, lines: usize) -> io::Result<()> {
    let mut input = BufReader::new(Stoppable::new(stream));
    let mut name = String::new();
    input.read_line(&mut name)?;
    for line in ["hello", "and welcome"].iter().take(lines) {
        Stoppable::new(stream).write_all(format!("{line} {name}").as_bytes())?;
    }
    input.read_line(&mut name).map(drop)
}

/// Public for its test.
pub fn main() -> ExitCode {
    selvedge::run("deadline", |_stop| -> Outcome<()> {
        for (lines, time) in [(2, Duration::from_secs(60)), (1, Duration::from_millis(20))] {
            let (client, server) = UnixStream::pair()?;
            thread::spawn("server", move |_stop| Ok(serve(&server, lines)?)).release();
            match signal::deadline(&Till::after(time), || ask(&client)) {
                Ok(answer) => println!("{answer}"),
                // Not ours: the program was asked to stop, or a deadline further out has passed.
                Err(error) if signal::stop().is_set() => return Err(error.into()),
                Err(error) if interruption(&error).is_some() => println!("no answer in {time:?}"),
                Err(error) => println!("no answer: {error}"),
            }
        }
        Ok(())
    })
}
