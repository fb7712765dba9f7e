//! A TCP echo server that ends in good order on Ctrl-C, in the middle of an accept and of reads.
//!
//! `cargo run --example echo [address]`, then `nc 127.0.0.1 PORT`.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

use selvedge::io::{Acceptor, Stoppable, interruption};
use selvedge::thread::{self, Outcome};

/// Gives every line back, until the client goes or the program is asked to stop.
fn echo(stream: &TcpStream) -> io::Result<()> {
    let mut input = BufReader::new(Stoppable::new(stream));
    let mut output = Stoppable::new(stream);
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        output.write_all(line.as_bytes())?;
        line.clear();
    }
    Ok(())
}

/// What a client does wrong is told and ends its thread, not the server.
fn serve(stream: &TcpStream) -> Outcome<()> {
    match echo(stream) {
        Err(error) if interruption(&error).is_none() => eprintln!("{error}"),
        ended => ended?,
    }
    Ok(())
}

/// Public for its test.
pub fn main() -> ExitCode {
    selvedge::run("echo", |_stop| -> Outcome<()> {
        let mut arguments = std::env::args().skip(1);
        let address = arguments.next();
        let address = address.as_deref().unwrap_or("127.0.0.1:0");
        let acceptor = Acceptor::new(TcpListener::bind(address)?)?;
        println!("listening on {}", acceptor.get_ref().local_addr()?);
        loop {
            let (stream, client) = acceptor.accept()?;
            thread::spawn(&client.to_string(), move |_stop| serve(&stream)).release();
        }
    })
}
