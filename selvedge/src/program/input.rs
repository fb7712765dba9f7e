//! The line `exit` on standard input asks the program to stop.
//!
//! # Invariants
//!
//! 1. The reader never sleeps where `ended` does not wake it: it waits for input by `poll` and reads what is
//!    there. (So nobody else may read: there would be nothing.)
//! 2. Of a line no more than `LIMIT` bytes are kept, so a line that never ends costs nothing.

use core::panic::Location;

use crate::io::read_until;
use crate::primitive::{Arc, JoinHandle, spawn};
use crate::program::report;
use crate::signal::{Reason, Signal, Why};
use crate::thread::Node;

/// Longer than any line that means something.
const LIMIT: usize = 64;

/// The reader of one run.
pub(super) struct Input {
    ended: Signal,
    reader: Option<JoinHandle<()>>,
}

impl Input {
    /// Without a thread to give, nobody reads.
    pub(super) fn begin(node: &Arc<Node>) -> Self {
        let ended = Signal::named("the program has ended");
        let (node, end) = (Arc::clone(node), ended.clone());
        let reader = spawn("selvedge-stdin", None, move || read(&node, &end)).ok();
        Self { ended, reader }
    }

    pub(super) fn end(self) {
        self.ended.set();
        if let Some(reader) = self.reader {
            let _ = reader.join(); // actions of a stop signal, which it may run, do not unwind it
        }
    }
}

fn read(node: &Arc<Node>, ended: &Signal) {
    let (mut buffer, mut line) = ([0; 256], Vec::new());
    loop {
        let bytes = match read_until(std::io::stdin(), &mut buffer, ended) {
            Ok(0) | Err(_) => return, // its end, or the program's
            Ok(n) => buffer.get(..n).unwrap_or_default(),
        };
        for byte in bytes {
            match byte {
                b'\n' => {
                    if line.trim_ascii() == b"exit" {
                        let why = Why::Said("`exit` on standard input".into());
                        let _asking = report::asking();
                        node.ask(&Reason::new(why, Location::caller()).now());
                        return;
                    }
                    line.clear();
                }
                byte if line.len() < LIMIT => line.push(*byte),
                _ => {} // invariant 2
            }
        }
    }
}
