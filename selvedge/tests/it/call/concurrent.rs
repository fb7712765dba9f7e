//! Binding and patching while others call.

use std::time::Duration;

use selvedge::call::Condition;
use selvedge::testing::World;
use selvedge::{Signal, Till, context, open, thread};

use super::is_quiet;

context! { static A = "a"; static B = "b"; }

#[open]
fn number(n: u64) -> u64 {
    n
}

// catalogue 43
#[test]
fn many_threads_bind_and_patch_while_others_call() {
    World::new().run(|| {
        let late = Till::after(Duration::from_secs(20));
        let go = Signal::named("go");
        let mut threads = Vec::new();
        for t in 0..2 {
            let go = go.clone();
            threads.push(thread::spawn(&format!("binder-{t}"), move |_| {
                go.wait()?;
                for i in 0..200 {
                    let context = if i % 2 == 0 { &A } else { &B };
                    number::bind(&[Condition::Thread(context)], move |args, next| {
                        next.proceed(args) + 1_000
                    });
                }
                Ok(())
            }));
        }
        for t in 0..3 {
            let go = go.clone();
            threads.push(thread::spawn(&format!("caller-{t}"), move |_| {
                go.wait()?;
                for i in 0..200 {
                    // Outside every context nothing changes, whatever is bound meanwhile.
                    assert_eq!(number(i), i);
                    let patched =
                        number::around(|args, next| next.proceed(args) + 1).run(|| number(i));
                    assert_eq!(patched, i + 1);
                    // Inside, a call runs a binding whole or not at all.
                    let bound = A.run(|| number(i));
                    assert!(bound == i || bound == i + 1_000, "{bound}");
                }
                Ok(())
            }));
        }
        go.set();
        for thread in threads {
            thread.join_until(&late).unwrap();
        }
    });
    assert_eq!(A.run(|| number(1)), 1_001);
    assert_eq!(B.run(|| A.run(|| number(1))), 2_001);
    assert_eq!(number(1), 1);
}

#[test]
fn threads_that_make_the_first_call_at_once_all_find_the_bindings_of_the_program() {
    context! { static C = "c"; }
    #[open]
    fn fresh() -> u32 {
        1
    }
    #[selvedge::bind(fresh, thread = C)]
    fn other() -> u32 {
        2
    }
    World::new().run(|| {
        let (go, late) = (Signal::new(), Till::after(Duration::from_secs(10)));
        let threads: Vec<_> = (0..4)
            .map(|t| {
                let go = go.clone();
                thread::spawn(&format!("t{t}"), move |_| {
                    go.wait()?;
                    Ok((C.run(fresh), fresh()))
                })
            })
            .collect();
        go.set();
        for thread in threads {
            assert_eq!(thread.join_until(&late).unwrap(), (2, 1));
        }
    });
}

/// Four threads attach and detach, in blocks and for all, while four others call.
// catalogue 43, 130
#[test]
fn patches_come_and_go_on_four_threads_while_four_others_call() {
    #[open]
    fn shared(n: u64) -> u64 {
        n
    }
    let rounds = if cfg!(miri) { 10 } else { 500 };
    let done = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|s| {
        for bit in 0..4 {
            let (more, done) = (1_000 << (4 * bit), &done);
            s.spawn(move || {
                let patch = shared::after(move |returned| *returned.result += more);
                for i in 0..rounds {
                    let on = patch.install();
                    let inside = patch.run(|| shared(i)) - i;
                    assert_eq!(inside / more % 16, 2, "in force twice: {inside:x}");
                    drop(on);
                    assert_eq!((shared(i) - i) / more % 16, 0);
                }
                done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            });
        }
        for _ in 0..4 {
            s.spawn(|| {
                while done.load(std::sync::atomic::Ordering::SeqCst) < 4 {
                    let more = shared(7) - 7;
                    // Each patch of the others once, or not.
                    assert!(
                        more.is_multiple_of(1_000)
                            && (0..4).all(|bit| (more / 1_000) >> (4 * bit) & 15 <= 1)
                    );
                }
            });
        }
    });
    assert_eq!(shared(1), 1);
    assert!(is_quiet(shared::__site()));
}

#[test]
fn of_calls_at_once_a_patch_takes_as_many_as_it_is_for() {
    #[open]
    fn answer() -> u32 {
        0
    }
    let patch = answer::before(|call| call.ret(1)).times(500);
    let ambient = patch.run(selvedge::Ambient::capture);
    let answered: u32 = std::thread::scope(|s| {
        let threads: Vec<_> = (0..4)
            .map(|_| s.spawn(|| ambient.run(|| (0..500).map(|_| answer()).sum::<u32>())))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!((answered, patch.hits()), (500, 500));
}
