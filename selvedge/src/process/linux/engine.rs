//! The thread that looks after the processes.
//!
//! # Invariants
//!
//! 1. A process is in the hands of one engine from its start to its end, and `processes` counts it from before it
//!    is started: an engine that has one does not end.
//! 2. A message is in the inbox before the event is raised, and the event is lowered before the inbox is emptied:
//!    none is overlooked.
//! 3. No lock is held while a signal is set, a queue moves or an event is emitted: these run what others hang on
//!    them. Nor while a shell is forgotten, which ends it.
//! 4. A shell's end is told under the number of the command that has it, and under its own while nobody has; once,
//!    until it changes hands. Only the engine's thread changes that.
//! 5. A start wakes nobody, unless there is input to write or orphans are looked for: the kernel is told what to
//!    listen to by who starts a process, and under the lock under which it is looked up. So nothing is told of a
//!    stranger.
//! 6. Who waits for a process may [have it](super::attend) meanwhile, and then the engine does nothing with it.

use core::fmt;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::process::Pid;

use crate::primitive::sys::Event;
use crate::primitive::{Arc, JoinHandle, Mutex, global, spawn};
use crate::probe;
use crate::process::linux::adopted::Adopted;
use crate::process::linux::guard::Guard;
use crate::process::linux::hands::{Hands, Taken};
use crate::process::linux::orphans;
use crate::process::linux::watched::{Look, SELF, Watched};
use crate::signal::Spare;

/// How much is read of a pipe at a time: all that it holds by default.
pub(super) const CHUNK: usize = 64 << 10;
/// What the engine's own event is called; processes count from 1.
const WAKE: u64 = 0;
/// What the guard's pipe is called.
const GUARD: u64 = 1;
/// What the orphans are called that live on.
const ORPHAN: u64 = 2;
/// How the end of an orphan is told, and that of a shell (invariant 4).
pub(super) const ONCE: epoll::EventFlags = epoll::EventFlags::IN.union(epoll::EventFlags::ONESHOT);
/// How many descriptors of a process can be ready.
const SLOTS: u64 = 8;

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
    /// Processes that are over, and whose output somebody may still read.
    rests: usize,
    next: u64,
}

/// What an engine's thread and others share.
pub(super) struct Run {
    inbox: Mutex<Inbox>,
    pub(super) event: Arc<Event>,
    pub(super) epoll: OwnedFd,
    guard: Mutex<Guard>,
    /// The processes, and who has each.
    pub(super) hands: Hands,
    /// For who waits for a shell.
    pub(super) spare: Spare,
    /// What is read goes here first, for one of those.
    pub(super) buffer: Mutex<Vec<u8>>,
    /// What to do when a shell ends that no command has.
    shells: Mutex<HashMap<u64, Forget>>,
}

/// Has whoever keeps a shell keep it no more.
type Forget = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Inbox {
    messages: Vec<Message>,
    /// Was the event raised since it was emptied?
    is_raised: bool,
}

enum Message {
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

/// Has the engine look at a process when it is dropped.
pub(super) struct Notice(pub(super) Request, pub(super) Look);

/// The engine has this process; dropped, it has it no more (invariant 1).
pub(super) struct Ticket {
    pub(super) request: Request,
    is_rest: bool,
}

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
    let request = Request { run, key };
    Ok(Ticket {
        request,
        is_rest: false,
    })
}

/// When a tree has ended: ends the engine, and the guard, if they have nothing to do. They start again with the next
/// process. With the `program`, what it has left unread is no reason to go on.
pub(crate) fn quiesce(is_program: bool) {
    let idle = {
        let mut state = engine().0.lock();
        if state.processes > 0 || (state.rests > 0 && !is_program) {
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
        inbox: Mutex::default(),
        event: Arc::new(Event::new()?),
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        guard: Mutex::new(Guard::default()),
        hands: Hands::default(),
        spare: Spare::default(),
        buffer: Mutex::default(),
        shells: Mutex::new(HashMap::new()),
    });
    let wake = epoll::EventData::new_u64(WAKE);
    epoll::add(&run.epoll, &*run.event, wake, epoll::EventFlags::IN)?;
    let thread = {
        let run = Arc::clone(&run);
        spawn("selvedge-procs", None, move || run.work())?
    };
    Ok((run, thread))
}

impl Ticket {
    /// Hands the process over.
    pub(super) fn begin(self, make: impl FnOnce(Self) -> Watched) {
        let request = self.request.clone();
        let mut process = Box::new(make(self));
        let stop = process.hear_of_stop();
        let is_quiet = request.run.hands.enter(process); // invariant 5
        if !is_quiet || orphans::adopts() {
            request.run.post(Message::To(request.key, Look::Again)); // or: whose orphans are looked for is to be known
        }
        if stop.is_set() {
            request.send(Look::Asked); // it may have been set before the engine could have it
        }
    }
}

impl Ticket {
    /// The process is over.
    pub(super) fn become_rest(&mut self) {
        let mut state = engine().0.lock();
        state.processes -= 1;
        state.rests += 1;
        self.is_rest = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = engine().0.lock();
        match self.is_rest {
            true => state.rests -= 1,
            false => state.processes -= 1,
        }
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

    /// The end of a shell is told under this number from here on.
    pub(super) fn hears(&self, shell: &OwnedFd) -> io::Result<()> {
        Ok(epoll::modify(
            &self.run.epoll,
            shell,
            self.data(SELF),
            ONCE,
        )?)
    }

    /// What the kernel calls one of its descriptors.
    pub(super) fn data(&self, slot: usize) -> epoll::EventData {
        epoll::EventData::new_u64(self.key * SLOTS + slot as u64)
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        self.0.send(self.1);
    }
}

impl Inbox {
    /// Is the event to be raised now?
    fn raise(&mut self) -> bool {
        !core::mem::replace(&mut self.is_raised, true)
    }

    fn take(&mut self) -> Vec<Message> {
        self.is_raised = false;
        core::mem::take(&mut self.messages)
    }
}

impl Run {
    fn send(&self, message: Message) {
        if let Message::To(key, Look::Again) = message
            && self.hands.is_new(key)
        {
            return; // all of it will be looked at
        }
        self.post(message);
    }

    fn post(&self, message: Message) {
        let is_to_wake = {
            let mut inbox = self.inbox.lock();
            inbox.messages.push(message);
            inbox.raise()
        };
        if is_to_wake {
            self.event.raise(); // invariant 2
        }
    }

    /// The guard is to know this group from here on.
    pub(super) fn guard(&self, leader: Pid) {
        self.with_guard(|guard, news| guard.add(leader, news));
    }

    /// The guard is not to know it any more.
    pub(super) fn unguard(&self, leader: Pid) {
        self.with_guard(|guard, news| guard.remove(leader, news));
    }

    /// A shell with this number is there.
    pub(super) fn enter_shell(&self, key: u64, forget: impl Fn() + Send + Sync + 'static) {
        self.shells.lock().insert(key, Arc::new(forget));
    }

    pub(super) fn leave_shell(&self, key: u64) {
        let forget = self.shells.lock().remove(&key);
        drop(forget); // not under the lock
    }

    /// One has ended that no command has, if it was one.
    fn shell_ended(&self, key: u64) {
        let forget = self.shells.lock().get(&key).cloned();
        if let Some(forget) = forget {
            forget(); // invariant 3
        }
    }

    /// With where the news of its death goes. That there is none is told without its lock (invariant 3).
    fn with_guard(&self, act: impl FnOnce(&mut Guard, (&OwnedFd, epoll::EventData))) {
        let trouble = {
            let mut guard = self.guard.lock();
            act(&mut guard, (&self.epoll, epoll::EventData::new_u64(GUARD)));
            guard.take_trouble()
        };
        if let Some(why) = trouble {
            probe::emit(&probe::Event::Unguarded { why: &why });
        }
    }

    fn work(&self) {
        let mut ready = Vec::with_capacity(64);
        let mut buffer = vec![0; CHUNK];
        let mut adopted = Adopted::default();
        loop {
            ready.clear();
            let patience = adopted.patience(!self.hands.is_empty());
            match epoll::wait(&self.epoll, spare_capacity(&mut ready), patience.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => unreachable!("an epoll of ours can be waited for: {error}"),
            }
            let is_woken = ready.iter().any(|event| event.data.u64() == WAKE);
            if is_woken {
                self.event.lower(); // invariant 2
            }
            let messages = self.inbox.lock().take();
            for message in messages {
                match message {
                    Message::Quit => {
                        adopted.reap();
                        self.hands.clear();
                        return self.guard.lock().end();
                    }
                    Message::To(key, look) => self.look(key, look, &mut buffer),
                }
            }
            for event in &ready {
                let data = event.data.u64();
                if data == WAKE {
                    continue;
                }
                if data == GUARD {
                    self.with_guard(Guard::has_died);
                    continue;
                }
                if data == ORPHAN {
                    adopted.reap();
                    continue;
                }
                let (key, slot) = (data / SLOTS, data % SLOTS);
                match self.hands.take(key) {
                    Taken::Unknown => self.shell_ended(key), // or a process that was ready in the same moment
                    Taken::Away => {}                        // invariant 6
                    Taken::There(process, is_new) => {
                        self.work_at(process, is_new, &mut buffer, |process, buffer| {
                            process.ready(slot as usize, buffer);
                        });
                    }
                }
            }
            if is_woken {
                for key in self.hands.due() {
                    self.look(key, Look::Time, &mut buffer);
                }
            }
            if adopted.is_due(!self.hands.is_empty()) {
                let orphans = epoll::EventData::new_u64(ORPHAN);
                adopted.look(&self.hands.leaders(), &self.epoll, orphans);
            }
        }
    }

    /// Does for a process what somebody wants.
    fn look(&self, key: u64, look: Look, buffer: &mut [u8]) {
        if let Taken::There(process, is_new) = self.hands.take_for(key, look) {
            self.work_at(process, is_new, buffer, |process, buffer| {
                if !(is_new && look == Look::Again) {
                    process.look(look, buffer);
                }
            });
        }
    }

    fn work_at(
        &self,
        mut process: Box<Watched>,
        is_new: bool,
        buffer: &mut [u8],
        work: impl FnOnce(&mut Watched, &mut [u8]),
    ) {
        if is_new {
            process.adopt(buffer);
        }
        work(&mut process, buffer);
        process.settle();
        self.hands.put(process);
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.key).finish()
    }
}
