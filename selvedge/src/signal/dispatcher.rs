//! The dispatcher: one lazy thread that runs the actions of a service's tills, one after the other.
//!
//! # Invariants
//!
//! 1. Actions run in the order in which they were handed over, outside the lock of `queue`.
//! 2. What is handed over before `end` runs before `end` returns.

use core::cell::RefCell;
#[cfg(selvedge_process)]
use core::panic::Location;
use std::collections::VecDeque;

use crate::primitive::{Arc, JoinHandle, Mutex, Parker, Unparker, spawn, thread_local_struct};
use crate::signal::links::Callback;
use crate::signal::on_set::run_here;
#[cfg(selvedge_process)]
use crate::signal::reason::{Reason, Why};
use crate::signal::signal::Signal;
use crate::signal::timer::Timer;

#[derive(Clone, Default)]
pub(super) struct Dispatcher(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    calls: VecDeque<(Signal, Callback)>,
    /// The till whose action runs.
    running: Option<Signal>,
    closing: bool,
    thread: Option<JoinHandle<()>>,
    unparker: Option<Unparker>,
}

thread_local_struct! {
    static SERVED: RefCell<Option<Timer>> = RefCell::new(None);
}

/// The service whose actions the calling thread runs.
pub(super) fn served() -> Option<Timer> {
    SERVED.try_with(|timer| timer.borrow().clone()).ok()?
}

impl Dispatcher {
    /// Hands over what is to run for `timer`.
    pub(super) fn dispatch(&self, timer: &Timer, calls: &mut Vec<(Signal, Callback)>) {
        if calls.is_empty() {
            return;
        }
        let mut queue = self.0.lock();
        queue.calls.extend(calls.drain(..));
        if queue.thread.is_none() {
            let (dispatcher, timer) = (self.clone(), timer.clone());
            let thread = spawn("selvedge-dispatcher", None, move || {
                SERVED.with(|served| *served.borrow_mut() = Some(timer));
                dispatcher.run();
                let served = SERVED.with(|served| served.borrow_mut().take());
                drop(served);
            });
            queue.thread = Some(thread.expect("the dispatcher thread can be started"));
        }
        let sleeper = queue.unparker.clone();
        drop(queue);
        if let Some(thread) = sleeper {
            thread.unpark();
        }
    }

    fn run(&self) {
        let parker = Parker::new();
        self.0.lock().unparker = Some(parker.unparker());
        loop {
            let (call, closing, before) = {
                let mut queue = self.0.lock();
                let call = queue.calls.pop_front();
                let running = call.as_ref().map(|(signal, _)| signal.clone());
                let before = core::mem::replace(&mut queue.running, running);
                (call, queue.closing, before)
            };
            drop(before); // perhaps the last handle: not under the lock
            match call {
                Some((signal, action)) => run_here(&signal, action),
                None if closing => return,
                None => parker.park(),
            }
        }
    }

    /// Runs what was handed over, and joins the thread.
    pub(super) fn end(&self) {
        let (thread, unparker) = {
            let mut queue = self.0.lock();
            queue.closing = true;
            (queue.thread.take(), queue.unparker.take())
        };
        join(thread, unparker);
    }

    /// After `end`: works again.
    pub(super) fn restart(&self) {
        self.0.lock().closing = false;
    }

    /// Has an action been run since the service began?
    pub(super) fn has_begun(&self) -> bool {
        self.0.lock().thread.is_some()
    }

    pub(super) fn running(&self) -> Option<Signal> {
        self.0.lock().running.clone()
    }
}

#[cfg(selvedge_process)]
impl Timer {
    /// Sets a signal whose callbacks must not hold up the calling thread: they are for the dispatcher.
    pub(crate) fn set(&self, signal: &Signal) -> bool {
        let (mut calls, at) = (Vec::new(), Location::caller());
        let was_set = signal.set_with(|| Reason::new(Why::Set, at), &mut |signal, action| {
            calls.push((signal.clone(), action))
        });
        self.0.dispatcher.dispatch(self, &mut calls);
        was_set
    }
}

/// Wakes a service thread that is to end, and waits for it.
pub(super) fn join(thread: Option<JoinHandle<()>>, unparker: Option<Unparker>) {
    if let Some(unparker) = unparker {
        unparker.unpark();
    }
    if let Some(thread) = thread {
        // They run no user code that can unwind (`run_here`).
        let _ = thread.join();
    }
}
