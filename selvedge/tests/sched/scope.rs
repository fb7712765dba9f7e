//! Scopes under every kind of end: joined before the borrow ends, each failure received once.
//!
//! ```text
//!   closure           a                b                outside
//!   spawn a, b ─────> |                |
//!                     fails ─────────> | is asked         stop ──> all are asked
//!   joins, drops,
//!   forgets, panics
//!     |  waits <───── ended <───────── ended
//!   returns: nobody runs, nothing borrowed is left
//! ```

#[cfg(selvedge_shuttle)]
use shuttle::thread_local;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, StartError};
use selvedge::{Outcome, Signal};

use crate::{check, pause, random};

/// Counts what is alive; a thread, what it captured, its value.
struct Alive<'a>(&'a AtomicUsize);

impl<'a> Alive<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Alive(count)
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        pause();
        self.0.fetch_sub(1, SeqCst);
    }
}

/// A quiet panic: its message would be printed under thousands of schedules.
fn panics() -> ! {
    std::panic::resume_unwind(Box::new("torn"))
}

#[test]
fn whatever_happens_nothing_is_alive_after_a_scope_and_failures_are_received_once() {
    check(|| {
        let _quiet = selvedge::probe::subscribe(|_| {});
        let (alive, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let received = AtomicUsize::new(0);
        let closure_panics = random(4) == 0;
        let result = catch_unwind(AssertUnwindSafe(|| {
            thread::scope("s", |s| {
                if random(2) == 0 {
                    s.isolate();
                }
                for i in 0..3 {
                    let what = random(4);
                    let (captured, failed, alive) = (Alive::new(&alive), &failed, &alive);
                    let thread = s.spawn(&format!("t{i}"), move |stop| {
                        if random(2) == 0 {
                            s.spawn("inner", |_| Ok(Alive::new(alive)));
                        }
                        // Not while unwinding: shuttle's tasks share one thread, and with it `panicking`.
                        drop(captured);
                        match what {
                            0 => {
                                failed.fetch_add(1, SeqCst);
                                Err("flaw".into())
                            }
                            1 => {
                                failed.fetch_add(1, SeqCst);
                                panics()
                            }
                            _ => {
                                pause();
                                let _ = stop.is_set();
                                Ok(Alive::new(alive))
                            }
                        }
                    });
                    match random(4) {
                        0 => drop(thread),
                        // A value would stay alive, as it should.
                        1 if what < 2 => std::mem::forget(thread),
                        2 => match thread.join() {
                            Err(error) if error.is_failure() => {
                                received.fetch_add(1, SeqCst);
                            }
                            Err(JoinError::Interrupted(_)) | Ok(_) => {}
                            Err(other) => panic!("{other:?}"),
                        },
                        _ => {}
                    }
                }
                if closure_panics {
                    panics();
                }
                Ok(())
            })
        }));
        assert_eq!(alive.load(SeqCst), 0, "something outlived the scope");
        match result {
            Err(payload) => assert!(closure_panics && payload.is::<&str>()),
            Ok(result) => {
                assert!(!closure_panics);
                let rest = result.map_or_else(|failures| failures.all().len(), |()| 0);
                assert_eq!(received.load(SeqCst) + rest, failed.load(SeqCst));
            }
        }
    });
}

#[test]
fn a_failure_or_a_stop_from_outside_ends_everybody_who_waits() {
    check(|| {
        let by_failure = random(2) == 0;
        World::new().run(|| {
            let ended = AtomicUsize::new(0);
            let ended = Arc::new(ended);
            let caller = thread::spawn("caller", {
                let ended = Arc::clone(&ended);
                move |_| {
                    let waits = |_: Signal| -> Outcome<()> {
                        let waited = Signal::new().wait();
                        ended.fetch_add(1, SeqCst);
                        Ok(waited?)
                    };
                    Ok(thread::scope("s", |s| {
                        s.spawn("a", waits);
                        s.spawn("b", move |stop| {
                            if by_failure {
                                ended_by_failure()
                            } else {
                                waits(stop)
                            }
                        });
                        s.spawn("c", waits); // perhaps after the failure
                        if random(2) == 0 {
                            Signal::new().wait()?;
                        }
                        Ok(())
                    })?)
                }
            });
            if by_failure {
                assert!(caller.join().unwrap_err().is_failure());
                assert_eq!(ended.load(SeqCst), 2);
            } else {
                caller.stop();
                match caller.join() {
                    Ok(()) | Err(JoinError::Stopped { .. }) => assert_eq!(ended.load(SeqCst), 3),
                    other => panic!("{other:?}"),
                }
            }
        });
    });
}

fn ended_by_failure() -> Outcome<()> {
    Err("flaw".into())
}

#[test]
fn the_limit_holds_and_a_spawn_that_waits_is_stopped() {
    check(|| {
        let (now, ran) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let fails = random(2) == 0;
        let result = thread::scope("s", |s| {
            s.limit(2);
            let mut never = 0;
            let mut threads = Vec::new();
            for i in 0..4 {
                let (now, ran) = (&now, &ran);
                threads.push(s.spawn(&format!("t{i}"), move |_| {
                    assert!(now.fetch_add(1, SeqCst) < 2, "more than the limit");
                    pause();
                    now.fetch_sub(1, SeqCst);
                    ran.fetch_add(1, SeqCst);
                    if fails && i == 1 {
                        return Err("flaw".into());
                    }
                    Ok(())
                }));
            }
            for thread in &threads {
                let _ = thread.stopped().wait();
                let is_never = |error: &JoinError| matches!(error, JoinError::Stopped { .. });
                never += usize::from(thread.join().as_ref().is_err_and(is_never));
            }
            Ok(never)
        });
        if !fails {
            assert_eq!(result.unwrap(), 0);
            assert_eq!(ran.into_inner(), 4);
        }
    });
}

#[test]
fn a_joiner_of_the_first_that_fails_gets_its_failure() {
    check(|| {
        let result = thread::scope("s", |s| {
            let a = s.spawn("a", |_| ended_by_failure());
            match a.join() {
                Err(JoinError::Failed(_)) => Ok(()),
                other => panic!("{other:?}"),
            }
        });
        result.unwrap();
    });
}

#[test]
fn start_never_hangs_and_gives_what_came_first() {
    check(|| {
        let says = random(2) == 0;
        let fails = random(2) == 0;
        let result = thread::scope("s", |s| {
            let started = s.start("a", |_, started| {
                if says {
                    started(7);
                }
                if fails {
                    return Err("flaw".into());
                }
                Ok(())
            });
            match started {
                Ok((7, _)) => assert!(says),
                Err(StartError::Ended(error)) if error.is_failure() => assert!(!says && fails),
                Err(StartError::Silent { .. }) => assert!(!says && !fails),
                // The failure of a thread that was ready has asked this one to stop.
                other => panic!("{other:?}"),
            }
            Ok(())
        });
        assert_eq!(result.is_err(), says && fails);
    });
}

#[test]
fn one_success_wins_and_the_others_end() {
    check(|| {
        let ended = AtomicUsize::new(0);
        let lost = Mutex::new(Vec::new());
        let won = thread::first_success(
            "race",
            (0..3).map(|i| {
                let (ended, lost) = (&ended, &lost);
                (format!("t{i}"), move |stop: Signal| {
                    let result = match i {
                        0 => Err("flaw".into()),
                        1 => Ok(i),
                        _ => stop.wait().map(|()| i).map_err(Into::into),
                    };
                    lost.lock().unwrap().push(i);
                    ended.fetch_add(1, SeqCst);
                    result
                })
            }),
        );
        assert_eq!(won.unwrap(), 1);
        assert_eq!(ended.into_inner(), lost.into_inner().unwrap().len());
    });
}

/// Says when its thread's locals are destroyed, which is the last that a thread does.
struct Last(Arc<AtomicUsize>);

impl Drop for Last {
    fn drop(&mut self) {
        pause();
        self.0.fetch_add(1, SeqCst);
    }
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

#[test]
fn os_threads_are_gone_with_their_scope() {
    check(|| {
        let gone = Arc::new(AtomicUsize::new(0));
        thread::scope("s", |s| {
            for name in ["a", "b"] {
                let last = Last(Arc::clone(&gone));
                let thread = s.spawn(name, move |_| {
                    LAST.with(|it| *it.borrow_mut() = Some(last));
                    Ok(())
                });
                match random(3) {
                    0 => drop(thread),
                    1 => std::mem::forget(thread),
                    _ => thread.join()?,
                }
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(gone.load(SeqCst), 2);
    });
}
