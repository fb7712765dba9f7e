//! Signals as descriptors, and input and output that they end.

mod accepting;
mod descriptors;
mod reading;
mod writing;

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use selvedge::io::interruption;
use selvedge::signal::WaitError;
use selvedge::thread::{self, JoinError, Thread};

fn is_readable(fd: impl AsFd) -> bool {
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&at_once)).unwrap() == 1
}

/// What the thread of this world waits for, once it does.
fn wait_site(name: &str) -> String {
    loop {
        let tree = thread::tree();
        let node = tree.nodes().iter().find(|node| node.name() == name);
        if let Some(site) = node.and_then(|node| node.waits_for()) {
            return site.to_owned();
        }
        std::thread::yield_now();
    }
}

/// Asks a thread that waits to stop; it must end as stopped.
#[track_caller]
fn stop_waiting<T>(thread: &Thread<T>, name: &str) -> String {
    let site = wait_site(name);
    thread.stop();
    match thread.join() {
        Err(JoinError::Stopped { .. }) => site,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it finished"),
    }
}

fn is_stopped(error: &std::io::Error) -> bool {
    matches!(interruption(error), Some(WaitError::Stopped(_)))
}

fn is_expired(error: &std::io::Error) -> bool {
    matches!(interruption(error), Some(WaitError::Expired))
}

/// A thread outside every tree.
fn outside<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    std::thread::Builder::new().spawn(body).unwrap()
}

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, there)
}
