//! Patches and bindings that come and go while others call.
//!
//! ```text
//!   attaches            attaches             calls
//!     |  install +10      |  install +100      |
//!     |  own call: +10    |  own call: +100    |  any sum of some of them: each whole or not at all
//!     |  drop             |  drop              |
//!     |  own call: not    |  own call: not     |
//!   .. four of them ..                       .. and four
//! ```
//!
//! At the end nothing is left, and the function is quiet.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use selvedge::call::{Binding, Condition};
use selvedge::{Ambient, context, open};

use crate::{check, pause, spawn};

#[open]
fn number(n: u64) -> u64 {
    pause();
    n
}

#[open]
fn bound(n: u64) -> u64 {
    n
}

#[open]
fn taken_off(n: u64) -> u64 {
    pause();
    n
}

#[open]
fn bound_anew(n: u64) -> u64 {
    n
}

context! { static HERE = "here"; static THERE = "there"; }

#[open]
fn untouched() {}

/// Is nothing left of what was attached: is it as quiet as a function to which nothing ever was?
///
/// Not quite quiet, because the first strict context of the process, which is another test's, arms all of them, one
/// after the other.
pub(crate) fn is_quiet(site: &impl Debug) -> bool {
    untouched();
    (0..100_000).any(|n| {
        if n < 100 {
            pause();
        }
        // A model beside this one, on a thread that shuttle does not know, may have the list of watches.
        std::thread::yield_now();
        armed(site) == armed(untouched::__site())
    })
}

fn armed(site: &impl Debug) -> String {
    let text = format!("{site:?}");
    let at = text.find("armed: ").expect("a site tells it");
    text[at..].chars().take_while(|c| *c != ',').collect()
}

#[test]
fn an_installed_patch_is_in_force_from_its_guard_s_making_to_its_end() {
    check(|| {
        let attachers = [10, 100, 1_000, 10_000].map(|more| {
            spawn(move || {
                let patch = number::around(move |args, next| {
                    pause();
                    next.proceed(args) + more
                });
                for _ in 0..2 {
                    let on = patch.install();
                    let mine = number(0);
                    assert_eq!(mine / more % 10, 1, "{mine} is without its own {more}");
                    drop(on);
                    let mine = number(0);
                    assert_eq!(
                        mine / more % 10,
                        0,
                        "{mine} is with the {more} that was taken off"
                    );
                }
            })
        });
        let callers = [(); 4].map(|()| {
            spawn(|| {
                for n in 0..2 {
                    let seen = number(n);
                    let more = (seen - n).to_string();
                    let of_some = more.ends_with('0') && more.chars().all(|c| c == '0' || c == '1');
                    assert!(of_some && more.len() <= 5, "{seen}");
                }
            })
        });
        for thread in attachers.into_iter().chain(callers) {
            thread.join().unwrap();
        }
        assert_eq!(number(7), 7);
        assert!(is_quiet(number::__site()), "{:?}", number::__site());
    });
}

#[test]
fn what_is_bound_by_several_at_once_is_counted_once_and_unbound_once() {
    check(|| {
        let bindings: Vec<Binding> = [1_u64, 2]
            .map(|what| {
                spawn(move || {
                    pause();
                    bound::bind(&[Condition::Thread(&HERE)], move |_, _| what)
                })
            })
            .map(|thread| thread.join().unwrap())
            .into();
        let left = HERE.run(|| bound(0));
        assert!(left == 1 || left == 2, "{left}");
        let threads = bindings.into_iter().zip(1..).map(|(binding, what)| {
            spawn(move || {
                pause();
                assert_eq!(
                    binding.unbind(),
                    what == left,
                    "only what has replaced the other is bound"
                );
            })
        });
        let threads: Vec<_> = threads.collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(HERE.run(|| bound(0)), 0);
        assert!(is_quiet(bound::__site()), "{:?}", bound::__site());
    });
}

/// The handler, and what it owns, is alive while it runs, however early its patch is taken off; and gone after.
#[test]
fn a_patch_that_is_taken_off_during_a_call_lives_to_its_end() {
    check(|| {
        let (alive, runs) = (Arc::new(()), Arc::new(AtomicU32::new(0)));
        let patch = taken_off::around({
            let (alive, runs) = (Arc::clone(&alive), Arc::clone(&runs));
            move |args, next| {
                runs.fetch_add(1, SeqCst);
                pause();
                let result = next.proceed(args);
                assert!(Arc::strong_count(&alive) >= 2);
                result
            }
        });
        let on = patch.install();
        let carried = patch.run(Ambient::capture);
        drop(patch);
        let threads = [
            spawn(|| assert_eq!(taken_off(1), 1)),
            spawn(move || carried.run(|| assert_eq!(taken_off(2), 2))),
            spawn(move || drop(on)),
        ];
        for thread in threads {
            thread.join().unwrap();
        }
        assert!((1..=3).contains(&runs.load(SeqCst)));
        assert_eq!(Arc::strong_count(&alive), 1, "nobody keeps it");
        assert!(is_quiet(taken_off::__site()), "{:?}", taken_off::__site());
    });
}

/// Looks, and binds again, when it is dropped.
struct BindsAgain(Arc<AtomicU32>);

impl Drop for BindsAgain {
    fn drop(&mut self) {
        let again = bound_anew::bind(&[Condition::Thread(&THERE)], |_, _| 0);
        assert!(!bound_anew::explain().steps().is_empty());
        again.unbind(); // false if another one has bound there meanwhile
        self.0.fetch_add(1, SeqCst);
    }
}

/// A call that gives back late may leave what was replaced twice: whoever takes it away drops it outside the locks.
#[test]
fn a_handler_that_is_replaced_may_bind_when_it_is_dropped() {
    check(|| {
        let drops = Arc::new(AtomicU32::new(0));
        let bind = |what: u64| {
            let owned = BindsAgain(Arc::clone(&drops));
            bound_anew::bind(&[Condition::Thread(&HERE)], move |args, _| {
                let _ = &owned;
                args.n + what
            })
        };
        drop(bind(10));
        let caller = spawn(|| {
            let seen = HERE.run(|| bound_anew(0));
            assert!([10, 20, 30].contains(&seen), "{seen}");
        });
        drop(bind(20));
        let last = bind(30);
        caller.join().unwrap();
        assert_eq!(HERE.run(|| bound_anew(1)), 31);
        assert_eq!(drops.load(SeqCst), 2, "nobody keeps what was replaced");
        assert!(last.unbind());
        drop(last);
        assert_eq!(drops.load(SeqCst), 3);
        assert!(is_quiet(bound_anew::__site()), "{:?}", bound_anew::__site());
    });
}
