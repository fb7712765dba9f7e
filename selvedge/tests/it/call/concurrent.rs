//! Binding and patching while others call.

use std::time::Duration;

use selvedge::call::Condition;
use selvedge::testing::World;
use selvedge::{Signal, Till, context, open, thread};

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
