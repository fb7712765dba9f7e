//! What ends the wait for a worker's answer: it sleeps in the read, and is woken by its pipe.

use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use selvedge::process::worker::CallError;
use selvedge::{Till, signal, thread};

use crate::child::{Case, Scenario, end_of};
use crate::program;
use crate::server::started;

pub(crate) const SCENARIOS: &[Scenario] = &[("without descriptors", without_descriptors)];

pub(crate) const CASES: &[Case] = &[
    (
        "a_deadline_ends_a_call_and_the_next_ones_are_answered",
        a_deadline_ends_a_call_and_the_next_ones_are_answered,
    ),
    (
        "a_stop_is_heard_though_there_was_no_descriptor_for_it",
        a_stop_is_heard_though_there_was_no_descriptor_for_it,
    ),
];

fn a_deadline_ends_a_call_and_the_next_ones_are_answered() {
    program(|_| {
        let worker = started("adder");
        for n in 0..5 {
            let soon = Till::after(Duration::from_millis(n));
            let waited = signal::deadline(&soon, || worker.call::<()>("wait", ()));
            assert!(matches!(waited, Err(CallError::Stopped(stopped)) if stopped.is_deadline()));
            assert_eq!(worker.call::<u64>("add", (n, 1))?, n + 1);
        }
        Ok(())
    });
}

fn a_stop_is_heard_though_there_was_no_descriptor_for_it() {
    end_of("without descriptors").assert_code(0);
}

fn without_descriptors() -> ExitCode {
    selvedge::run("test", |_| {
        let worker = started("adder");
        let caller = thread::spawn("caller", move |_| {
            let waited = worker.call::<()>("wait", ());
            assert!(matches!(waited, Err(CallError::Stopped(_))), "{waited:?}");
            Ok(())
        });
        let sleeps = || {
            let tree = thread::tree();
            let mut nodes = tree.nodes().iter();
            nodes.any(|node| node.name() == "caller" && node.waits_for().is_some())
        };
        while !sleeps() {
            std::thread::yield_now(); // it is on its way
        }
        let limit = getrlimit(Resource::Nofile);
        let none = Rlimit {
            current: Some(0),
            ..limit
        };
        setrlimit(Resource::Nofile, none)?;
        caller.stop();
        setrlimit(Resource::Nofile, limit)?;
        caller.join()?;
        Ok(())
    })
}
