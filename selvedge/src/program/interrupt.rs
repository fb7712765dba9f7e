//! SIGINT and SIGTERM: the first asks the program to stop, the second ends it from inside the handler.
//!
//! # Invariants
//!
//! 1. The handler does only what may be done in one: atomic loads and stores, `write(2)`, and the
//!    default action of the signal.
//! 2. `PIPE` is -1 or a descriptor that stays open until it was set to -1 and the handlers that may
//!    have read it have finished: it is never closed (it is made once, for the whole process).
//! 3. Handlers are registered once. Between two runs they do what the system would have done.
//!
//! # Not here
//!
//! Signals that were ignored when the program started (by `nohup`, by a shell's `&`): they stay ignored.
#![allow(
    unsafe_code,
    reason = "a signal handler, and the descriptor that it writes to"
)]

use core::panic::Location;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{
    AtomicI32, AtomicU8, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level;

use crate::primitive::{Arc, JoinHandle, Mutex, OnceLock, global, spawn};
use crate::program::report;
use crate::signal::{Reason, Why};
use crate::thread::Node;

/// Where the handler says that a signal came; -1 while no program runs.
static PIPE: AtomicI32 = AtomicI32::new(-1);
/// How many signals came during this run.
static COUNT: AtomicU32 = AtomicU32::new(0);
/// The first of them, 0 before.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// What the second one prints: two buffers, one of them published.
static REPORT: [[AtomicU8; REPORT_BYTES]; 2] =
    [const { [const { AtomicU8::new(0) }; REPORT_BYTES] }; 2];
/// Length of the published text times two, plus the number of its buffer.
static PUBLISHED: AtomicUsize = AtomicUsize::new(0);
/// Both ends of the pipe, made at first use.
static ENDS: OnceLock<(Mutex<PipeReader>, PipeWriter)> = OnceLock::new();

const REPORT_BYTES: usize = 4096;

/// What goes through the pipe.
const SIGNAL: u8 = b's';
const END: u8 = b'e';

/// The OS signals of one run.
pub(super) struct Interrupts {
    listener: Option<JoinHandle<()>>,
}

impl Interrupts {
    /// From here on signals ask `node` to stop. A system that refuses leaves them alone.
    pub(super) fn begin(node: &Arc<Node>) -> Self {
        let Some(writer) = prepare() else {
            return Self { listener: None };
        };
        COUNT.store(0, SeqCst);
        FIRST.store(0, SeqCst);
        publish(&format!("{}: ended by a second signal\n", node.path()));
        let node = Arc::clone(node);
        let listener = spawn("selvedge-signals", None, move || listen(&node)).ok();
        PIPE.store(writer.as_raw_fd(), Release); // pairs with the load in `handle`
        Self { listener }
    }

    /// The tree has ended: nobody has to be asked any more. An action of a stop signal may still run.
    pub(super) fn end(mut self) {
        if let (Some(listener), Some((_, writer))) = (self.listener.take(), ENDS.get()) {
            let _ = (&*writer).write_all(&[END]);
            let _ = listener.join();
        }
    }
}

/// From here on signals do what the system does. If one asked for the end, this does not return.
pub(super) fn leave() {
    PIPE.store(-1, Release); // pairs with the load in `handle`
    raise_again();
}

/// Ends the process by the signal that asked it to stop, if one did.
pub(super) fn raise_again() {
    let first = FIRST.load(SeqCst);
    if first != 0 {
        // It can only fail for a signal that it does not know.
        let _ = low_level::emulate_default_handler(first);
    }
}

/// Registers the handlers, once (invariant 3).
fn prepare() -> Option<&'static PipeWriter> {
    if let Some((_, writer)) = ENDS.get() {
        return Some(writer);
    }
    let (reader, writer) = std::io::pipe().ok()?;
    let (_, writer) = ENDS.get_or_init(|| (Mutex::new(reader), writer));
    let ignored = ignored_signals();
    for os_signal in [SIGINT, SIGTERM] {
        if ignored & (1 << (os_signal - 1)) != 0 {
            continue;
        }
        // SAFETY: `handle` does only what a handler may (invariant 1).
        let registered = unsafe { low_level::register(os_signal, move || handle(os_signal)) };
        registered.ok()?;
    }
    Some(writer)
}

/// The signals that whoever started us wants ignored, as a mask.
fn ignored_signals() -> u64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return 0;
    };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// The handler (invariant 1).
fn handle(os_signal: i32) {
    let pipe = PIPE.load(Acquire); // pairs with the stores in `begin` and `leave`
    if pipe < 0 {
        let _ = low_level::emulate_default_handler(os_signal);
        return;
    }
    if COUNT.fetch_add(1, SeqCst) == 0 {
        FIRST.store(os_signal, SeqCst);
        // SAFETY: the descriptor is open for the rest of the process (invariant 2).
        let pipe = unsafe { BorrowedFd::borrow_raw(pipe) };
        let _ = rustix::io::write(pipe, &[SIGNAL]);
        return;
    }
    let published = PUBLISHED.load(Acquire); // pairs with the store in `publish`
    let (buffer, len) = (&REPORT[published % 2], published / 2);
    let mut text = [0; REPORT_BYTES];
    for (to, from) in text.iter_mut().zip(buffer).take(len) {
        *to = from.load(Relaxed);
    }
    // SAFETY: nobody closes standard error; if somebody did, the write fails.
    let stderr = unsafe { BorrowedFd::borrow_raw(2) };
    let _ = rustix::io::write(stderr, text.get(..len).unwrap_or_default());
    let _ = low_level::emulate_default_handler(os_signal);
}

/// Waits for the first signal, asks the tree to stop, and keeps the report rendered.
fn listen(node: &Arc<Node>) {
    let Some((reader, _)) = ENDS.get() else {
        return;
    };
    let mut reader = reader.lock();
    let mut byte = [0];
    while reader.read_exact(&mut byte).is_ok() {
        if byte[0] == END {
            return;
        }
        let first = FIRST.load(SeqCst);
        if first == 0 {
            continue; // said at the very end of an earlier run, which did not read it any more
        }
        let name = low_level::signal_name(first).unwrap_or("a signal");
        let watched = Arc::downgrade(node);
        node.on_change(Box::new(move || {
            if let Some(node) = watched.upgrade() {
                render(&node);
            }
        }));
        let asking = report::asking();
        render(node); // an action that does not return keeps us from telling more
        node.ask(&Reason::new(Why::OsSignal(name), Location::caller()).now());
        drop(asking);
        render(node);
    }
}

global! {
    /// Held by who renders: one at a time.
    fn one() -> Mutex<()> { Mutex::new(()) }
}

fn render(node: &Arc<Node>) {
    let _one = one().lock();
    publish(&report::still_running(node, "at the second signal"));
}

/// Puts `text` where the handler finds it: into the buffer that is not published.
fn publish(text: &str) {
    let bytes = &text.as_bytes()[..text.floor_char_boundary(REPORT_BYTES)];
    let other = 1 - PUBLISHED.load(Relaxed) % 2; // written under `one`, or before anybody listens
    for (to, from) in REPORT[other].iter().zip(bytes) {
        to.store(*from, Relaxed);
    }
    PUBLISHED.store(bytes.len() * 2 + other, Release); // pairs with the load in `handle`
}
