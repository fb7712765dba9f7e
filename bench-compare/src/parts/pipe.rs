//! The ends of every queue that rows of two threads and more push through.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc;

use crossbeam_channel::select;
use futures::executor::block_on;
use parking_lot::{Condvar, Mutex};
use selvedge::sync::Queue;
use tokio_util::sync::CancellationToken;

pub trait Push: Send + Clone {
    fn push(&mut self, element: usize);
}

pub trait Pop: Send {
    fn pop(&mut self) -> usize;
}

macro_rules! pipe {
    ($push:ty, $pop:ty, $in:ident, $element:ident => $send:expr, $out:ident => $receive:expr) => {
        impl Push for $push {
            #[inline]
            fn push(&mut self, $element: usize) {
                let $in = &mut *self;
                $send.expect("open")
            }
        }
        impl Pop for $pop {
            #[inline]
            fn pop(&mut self) -> usize {
                let $out = &mut *self;
                $receive.expect("open")
            }
        }
    };
}

pipe!(Queue<usize>, Queue<usize>, q, e => Queue::push(q, e), q => Queue::pop(q));
pipe!(mpsc::SyncSender<usize>, mpsc::Receiver<usize>, q, e => q.send(e), q => q.recv());
pipe!(crossbeam_channel::Sender<usize>, crossbeam_channel::Receiver<usize>, q, e => q.send(e), q => q.recv());
pipe!(kanal::Sender<usize>, kanal::Receiver<usize>, q, e => q.send(e), q => q.recv());
pipe!(flume::Sender<usize>, flume::Receiver<usize>, q, e => q.send(e), q => q.recv());

/// What one writes without a library: a lock, a deque and two condition variables.
#[derive(Clone)]
pub struct Locked(Arc<Inner>);

struct Inner {
    elements: Mutex<VecDeque<usize>>,
    filled: Condvar,
    emptied: Condvar,
    bound: usize,
}

pub fn locked(bound: usize) -> (Locked, Locked) {
    let queue = Locked(Arc::new(Inner {
        elements: Mutex::new(VecDeque::with_capacity(bound)),
        filled: Condvar::new(),
        emptied: Condvar::new(),
        bound,
    }));
    (queue.clone(), queue)
}

impl Push for Locked {
    #[inline]
    fn push(&mut self, element: usize) {
        let mut elements = self.0.elements.lock();
        while elements.len() >= self.0.bound {
            self.0.emptied.wait(&mut elements);
        }
        elements.push_back(element);
        drop(elements);
        self.0.filled.notify_one();
    }
}

impl Pop for Locked {
    #[inline]
    fn pop(&mut self) -> usize {
        let mut elements = self.0.elements.lock();
        loop {
            if let Some(element) = elements.pop_front() {
                drop(elements);
                self.0.emptied.notify_one();
                return element;
            }
            self.0.filled.wait(&mut elements);
        }
    }
}

/// A receiver of crossbeam's that a stop interrupts.
pub struct Selecting(
    pub crossbeam_channel::Receiver<usize>,
    pub crossbeam_channel::Receiver<()>,
);

impl Pop for Selecting {
    #[inline]
    fn pop(&mut self) -> usize {
        select! {
            recv(self.0) -> element => element.expect("open"),
            recv(self.1) -> _ => unreachable!("nobody stops it"),
        }
    }
}

/// The ends of tokio's channel, used by threads.
#[derive(Clone)]
pub struct TokioIn(pub tokio::sync::mpsc::Sender<usize>);
pub struct TokioOut(
    pub tokio::sync::mpsc::Receiver<usize>,
    pub CancellationToken,
);

impl Push for TokioIn {
    #[inline]
    fn push(&mut self, element: usize) {
        block_on(self.0.send(element)).expect("open");
    }
}

impl Pop for TokioOut {
    #[inline]
    fn pop(&mut self) -> usize {
        block_on(async {
            tokio::select! {
                biased;
                element = self.0.recv() => element.expect("open"),
                () = self.1.cancelled() => unreachable!("nobody stops it"),
            }
        })
    }
}
