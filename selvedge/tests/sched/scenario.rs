//! A program in lock step: whoever looks at its calls and the program take turns, and both come to an end, whatever
//! happens meanwhile.
//!
//! ```text
//!   test                    program
//!   pause_at(called) ────>  |  one(0) .. stands still
//!   look, answer     ────>  |
//!   drop or finish   ────>  |  is unwound, or ends
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use selvedge::call::{Scenario, ScenarioError};
use selvedge::testing::World;
use selvedge::{Signal, open};

use crate::{check, either_order, random, spawn};

#[open]
fn one(n: u32) -> u32 {
    n + 1
}

#[test]
fn a_program_goes_only_as_far_as_it_is_told() {
    check(|| {
        World::new().run(|| {
            let steps = Arc::new(AtomicU32::new(0));
            let counting = Arc::clone(&steps);
            let mut scenario = Scenario::start("program", move || {
                let mut sum = 0;
                for n in 0..3 {
                    counting.fetch_add(1, SeqCst);
                    sum += one(n);
                }
                sum
            });
            for n in 0..2 {
                let mut call = scenario.pause_at(one::called()).unwrap();
                assert_eq!(steps.load(SeqCst), n + 1, "it stands still in call {n}");
                assert_eq!(call.with(|call| call.args.n).unwrap(), n);
                call.ret(10).unwrap();
            }
            if random(2) == 0 {
                assert_eq!(scenario.finish().unwrap(), 23);
                assert_eq!(steps.load(SeqCst), 3);
            } else {
                drop(scenario); // it stands still in its second call, which was answered
                assert_eq!(steps.load(SeqCst), 2);
            }
        });
    });
}

/// The expiry of a pause races the call that it waits for: the program is paused, or it goes on.
#[test]
fn a_pause_expires_or_is_reached() {
    check(|| {
        World::new().run(|| {
            let late = Signal::new();
            let setting = late.clone();
            let setter = spawn(move || {
                setting.set();
            });
            let mut scenario = Scenario::start("program", || one(1));
            match scenario.pause_at_until(one::called(), &late) {
                Ok(call) => call.ret(5).unwrap(),
                Err(ScenarioError::Expired) => {
                    assert_eq!(scenario.finish().unwrap(), 2);
                    setter.join().unwrap();
                    return;
                }
                Err(error) => panic!("{error}"),
            }
            either_order(
                || setter.join().unwrap(),
                || assert_eq!(scenario.finish().unwrap(), 5),
            );
        });
    });
}
