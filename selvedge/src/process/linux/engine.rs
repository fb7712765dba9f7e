//! The thread that looks after the processes.
//!
//! # Invariants
//!
//! 1. A process is in the hands of one engine from its start to its end, and `processes` counts it from before it
//!    is started: an engine that has one does not end.
//! 2. A message is in the inbox before the event is raised, and the event is lowered before the inbox is emptied:
//!    none is overlooked.
//! 3. No lock is held while a signal is set or a queue moves: both run what others hang on them.

use core::fmt;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;

use crate::primitive::sys::Event;
use crate::primitive::{Arc, JoinHandle, Mutex, global, spawn};
use crate::process::linux::guard::Guard;
use crate::process::linux::watched::{Look, Watched};

/// How much is read of a pipe at a time: all that it holds by default.
const CHUNK: usize = 64 << 10;
/// What the engine's own event is called; processes count from 1.
const WAKE: u64 = 0;
/// How many descriptors of a process can be ready.
const SLOTS: u64 = 4;

global! {
    /// The program's engine.
    fn engine() -> Engine { Engine::default() }
}

#[derive(Default)]
pub(super) struct Engine(Mutex<State>);

#[derive(Default)]
struct State {
    running: Option<(Arc<Run>, JoinHandle<()>)>,
    processes: usize,
    next: u64,
}

/// What an engine's thread and others share.
pub(super) struct Run {
    inbox: Mutex<Vec<Message>>,
    event: Event,
    pub(super) epoll: OwnedFd,
    pub(super) guard: Mutex<Guard>,
}

enum Message {
    New(Box<Watched>),
    /// To the process with this number.
    To(u64, Look),
    Quit,
}

/// A way to talk to the engine about one process.
#[derive(Clone)]
pub(in crate::process) struct Request {
    pub(super) run: Arc<Run>,
    pub(super) key: u64,
}

/// Looks again at a process when it is dropped.
pub(super) struct Notice(pub(super) Request);

/// The engine has this process; dropped, it has it no more (invariant 1).
pub(super) struct Ticket(pub(super) Request);

/// A place for one more process, in an engine that runs.
pub(super) fn enter() -> io::Result<Ticket> {
    let mut state = engine().0.lock();
    let run = match &state.running {
        Some((run, _)) => Arc::clone(run),
        None => {
            let (run, thread) = start()?;
            state.running = Some((Arc::clone(&run), thread));
            run
        }
    };
    state.processes += 1;
    state.next += 1;
    let key = state.next;
    Ok(Ticket(Request { run, key }))
}

/// Ends the engine, and the guard, if they have nothing to do. They start again with the next process.
pub(crate) fn quiesce() {
    let idle = {
        let mut state = engine().0.lock();
        if state.processes > 0 {
            return;
        }
        state.running.take()
    };
    if let Some((run, thread)) = idle {
        run.send(Message::Quit);
        let _ = thread.join(); // it runs nothing that panics and is not caught
    }
}

fn start() -> io::Result<(Arc<Run>, JoinHandle<()>)> {
    let run = Arc::new(Run {
        inbox: Mutex::new(Vec::new()),
        event: Event::new()?,
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        guard: Mutex::new(Guard::default()),
    });
    let wake = epoll::EventData::new_u64(WAKE);
    epoll::add(&run.epoll, &run.event, wake, epoll::EventFlags::IN)?;
    let thread = {
        let run = Arc::clone(&run);
        spawn("selvedge-procs", None, move || run.work())?
    };
    Ok((run, thread))
}

impl Ticket {
    /// Hands the process over.
    pub(super) fn begin(self, make: impl FnOnce(Self) -> Watched) {
        let run = Arc::clone(&self.0.run);
        run.send(Message::New(Box::new(make(self))));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        engine().0.lock().processes -= 1;
    }
}

impl Request {
    pub(super) fn send(&self, look: Look) {
        self.run.send(Message::To(self.key, look));
    }

    pub(in crate::process) fn kill(&self) {
        self.send(Look::Kill);
    }

    pub(in crate::process) fn look_again(&self) {
        self.send(Look::Again);
    }

    /// What the kernel calls one of its descriptors.
    pub(super) fn data(&self, slot: usize) -> epoll::EventData {
        epoll::EventData::new_u64(self.key * SLOTS + slot as u64)
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        self.0.look_again();
    }
}

impl Run {
    fn send(&self, message: Message) {
        let is_first = {
            let mut inbox = self.inbox.lock();
            inbox.push(message);
            inbox.len() == 1
        };
        if is_first {
            self.event.raise(); // invariant 2
        }
    }

    fn work(&self) {
        let mut processes: HashMap<u64, Box<Watched>> = HashMap::new();
        let mut ready = Vec::with_capacity(64);
        let mut buffer = vec![0; CHUNK];
        loop {
            ready.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut ready), None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => unreachable!("an epoll of ours can be waited for: {error}"),
            }
            for event in &ready {
                let data = event.data.u64();
                if data == WAKE {
                    continue;
                }
                let (key, slot) = (data / SLOTS, data % SLOTS);
                // One that has ended may have been ready in the same moment.
                let Some(process) = processes.get_mut(&key) else {
                    continue;
                };
                process.ready(slot as usize, &mut buffer);
                if process.is_over() {
                    over(processes.remove(&key));
                }
            }
            if ready.iter().any(|event| event.data.u64() == WAKE) {
                self.event.lower(); // invariant 2
                let messages = core::mem::take(&mut *self.inbox.lock());
                for message in messages {
                    let key = match message {
                        Message::Quit => return self.guard.lock().end(),
                        Message::New(mut process) => {
                            process.adopt(&mut buffer);
                            let key = process.key();
                            processes.insert(key, process);
                            key
                        }
                        Message::To(key, look) => {
                            if let Some(process) = processes.get_mut(&key) {
                                process.look(look, &mut buffer);
                            }
                            key
                        }
                    };
                    if processes.get(&key).is_some_and(|process| process.is_over()) {
                        over(processes.remove(&key));
                    }
                }
            }
        }
    }
}

fn over(process: Option<Box<Watched>>) {
    if let Some(process) = process {
        process.conclude();
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.key).finish()
    }
}
