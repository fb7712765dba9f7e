//! Seeded blocks: inside, a singleton is a given value.

use std::sync::Arc;

use selvedge::shared;
use selvedge::{Ambient, context, singleton};

use super::Discards;
use crate::ambient::{elsewhere, panic_of};

context! { static PLUGIN_WORK = "plugin-work" isolates; }

#[test]
fn a_seeded_value_is_read_written_as_a_copy_and_gone_after_the_block() {
    singleton! { static N: Vec<u32> = vec![1]; static SEEDED_OTHER: u32 = 1; }
    let heard = Discards::of("N");
    let seed = Arc::new(vec![7]);
    N.seeded(Arc::clone(&seed), || {
        assert!(Arc::ptr_eq(&seed, &N.get()));
        N.update(|n| n.push(8));
        assert_eq!(*N.get(), [7, 8]);
        SEEDED_OTHER.update(|n| *n = 2); // others are as they were
        assert_eq!(elsewhere(|| N.get().len()), 1);
    });
    assert_eq!(
        (&**N.get(), &**seed, *SEEDED_OTHER.get()),
        (&[1][..], &[7][..], 2)
    );
    assert!(
        heard.take().is_empty(),
        "that the writes end with the block was said"
    );
    assert_eq!(Arc::strong_count(&seed), 1);
}

#[test]
fn seeds_nest_and_are_left_by_a_panic() {
    singleton! { static N: u32 = 1; static M: u32 = 1; }
    let both = || (*N.get(), *M.get());
    N.seeded(Arc::new(2), || {
        M.seeded(Arc::new(3), || {
            assert_eq!(both(), (2, 3));
            N.seeded(Arc::new(4), || assert_eq!(both(), (4, 3)));
            N.update(|n| *n += 10); // of the outer block
        });
        assert_eq!(both(), (12, 1));
        panic_of(|| N.seeded(Arc::new(9), || -> () { panic!() }));
        assert_eq!(both(), (12, 1));
    });
    assert_eq!(both(), (1, 1));
}

#[test]
fn a_seed_travels_with_a_capture() {
    singleton! { static N: u32 = 1; }
    let ambient = N.seeded(Arc::new(5), || {
        let ambient = Ambient::capture();
        N.update(|n| *n += 1);
        ambient
    });
    assert_eq!(elsewhere(move || ambient.run(|| *N.get())), 6);
    assert_eq!(*N.get(), 1);
}

#[test]
fn isolated_inside_seeded_starts_from_the_seed_and_commits_into_it() {
    singleton! { static N: u32 = 1; static M: u32 = 1; }
    N.seeded(Arc::new(5), || {
        let ((), changes) = PLUGIN_WORK.isolated(|| {
            assert_eq!(*N.get(), 5);
            N.update(|n| *n = 6);
            M.update(|m| *m = 2);
        });
        assert_eq!(*N.get(), 5);
        assert_eq!(changes.names().len(), 2);
        changes.commit().unwrap();
        assert_eq!((*N.get(), *M.get()), (6, 2));
    });
    assert_eq!((*N.get(), *M.get()), (1, 2));
}

#[test]
fn seeded_inside_isolated_hides_the_isolation_of_that_singleton_alone() {
    singleton! { static N: u32 = 1; static M: u32 = 1; }
    let ((), changes) = shared::isolated(|| {
        N.update(|n| *n = 2);
        N.seeded(Arc::new(5), || {
            N.update(|n| *n += 1);
            assert_eq!(*N.get(), 6);
            M.update(|m| *m = 3); // into the isolating block
        });
        assert_eq!((*N.get(), *M.get()), (2, 3));
    });
    assert_eq!((*N.get(), *M.get()), (1, 1));
    changes.commit().unwrap();
    assert_eq!((*N.get(), *M.get()), (2, 3));
}

#[test]
fn a_discarded_write_under_a_seed_is_reported_as_of_the_isolating_block() {
    singleton! { static UNDER_SEED: u32 = 1; }
    let heard = Discards::of("UNDER_SEED");
    UNDER_SEED.seeded(Arc::new(5), || {
        PLUGIN_WORK.run(|| UNDER_SEED.update(|n| *n = 3))
    });
    assert_eq!(heard.take(), ["UNDER_SEED in plugin-work"]);
}
