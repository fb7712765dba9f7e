//! Expectations that share the calls of several threads.
//!
//! ```text
//!   expect(1) -> 10, outside of expect(1) -> 20
//!   calls  calls  calls      two are answered, one by each; the third panics
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};

use selvedge::call::Sequence;
use selvedge::{Ambient, open};

use crate::{check, pause, spawn};

#[open]
fn asked() -> u32 {
    0
}

#[open]
fn first() {}

#[open]
fn second() {}

#[test]
fn each_expectation_takes_its_calls_and_one_too_many_panics() {
    check(|| {
        let outer = asked::expect(1).returning(|_| 10);
        let inner = asked::expect(1)
            .with(|_| {
                pause();
                true
            })
            .returning(|_| 20);
        let (mut answers, mut panics) = (Vec::new(), 0);
        let block = outer.and(inner);
        let whole = catch_unwind(AssertUnwindSafe(|| {
            block.run(|| {
                let threads = [(); 3].map(|()| {
                    let here = Ambient::capture();
                    spawn(move || here.run(|| catch_unwind(AssertUnwindSafe(asked)).ok()))
                });
                for thread in threads {
                    match thread.join().unwrap() {
                        Some(answer) => answers.push(answer),
                        None => panics += 1,
                    }
                }
            });
        }));
        answers.sort_unstable();
        assert_eq!((answers, panics), (vec![10, 20], 1));
        assert!(whole.is_err(), "the swallowed panic comes back at the end");
    });
}

/// What comes second is early, or it comes after what comes first; never both, and never neither.
#[test]
fn an_order_between_threads_is_kept_or_told() {
    check(|| {
        let order = Sequence::new();
        let before = first::expect(1).passing().in_order(&order);
        let after = second::expect(..).passing().in_order(&order);
        let block = before.clone().and(after.clone());
        let whole = catch_unwind(AssertUnwindSafe(|| {
            block.run(|| {
                let (here, there) = (Ambient::capture(), Ambient::capture());
                let one = spawn(move || here.run(first));
                let other = spawn(move || there.run(|| catch_unwind(second).is_ok()));
                one.join().unwrap();
                let in_time = other.join().unwrap();
                assert_eq!((before.count(), after.count()), (1, u64::from(in_time)));
                in_time
            })
        }));
        // A call that was early fails the block; one in time does not.
        assert!(matches!(whole, Ok(true) | Err(_)));
    });
}
