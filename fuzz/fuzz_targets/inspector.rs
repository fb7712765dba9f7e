//! What a client may send to the inspector: the decoders, and a program that is being looked into.
//!
//! ```text
//! cargo +nightly fuzz run inspector -- -max_total_time=120 -dict=fuzz/inspector.dict
//! ```

#![no_main]

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;
use std::{env, process, thread};

use libfuzzer_sys::fuzz_target;
use selvedge::observe::inspect;
use selvedge::observe::inspect::protocol::{Answer, Command, Request};

/// The socket of a program that runs as long as this one.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = env::temp_dir().join(format!("selvedge-fuzz-{}.sock", process::id()));
    let (told, is_there) = std::sync::mpsc::channel();
    let served = path.clone();
    thread::spawn(move || {
        selvedge::run("fuzz", |stop| {
            let _server = inspect::serve(&served)?;
            told.send(())?;
            Ok(stop.wait()?)
        })
    });
    is_there.recv().expect("the program serves");
    path
});

fuzz_target!(|sent: &[u8]| {
    let text = String::from_utf8_lossy(sent);
    for line in text.lines() {
        if let Ok(request) = Request::parse(line) {
            assert_eq!(Request::parse(&request.line()).unwrap(), request);
        }
        if let Ok(answer) = Answer::parse(line) {
            assert_eq!(Answer::parse(&answer.line()).unwrap(), answer);
        }
    }
    let is_stop = |line: &str| {
        Request::parse(line).is_ok_and(|it| matches!(it.command, Command::Stop { .. }))
    };
    if text.lines().any(is_stop) {
        return; // it may be obeyed
    }
    let mut hostile = UnixStream::connect(&*PROGRAM).expect("it serves");
    let _ = hostile.write_all(sent); // it may hang up before the end
    while !greets() {}
});

/// Does the program answer a client that knows how to ask? Not if it has not seen yet that others have gone.
fn greets() -> bool {
    let mut client = UnixStream::connect(&*PROGRAM).expect("it serves");
    let patience = Some(Duration::from_secs(10));
    client.set_read_timeout(patience).expect("a timeout");
    let hello = b"{\"id\":1,\"do\":{\"hello\":{\"protocol\":1}}}\n";
    if client.write_all(hello).is_err() {
        return false;
    }
    let mut answer = String::new();
    let read = BufReader::new(&client).read_line(&mut answer);
    if read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
        panic!("it does not answer");
    }
    answer.contains("\"program\":\"fuzz\"")
}
