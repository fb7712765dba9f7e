//! More keys than a thread's table has room for, in every place where the table may have to grow.

use selvedge::{Ambient, Local, local};

use super::{elsewhere, panic_of};

macro_rules! many {
    ($all:ident: $($name:ident)*) => {
        local! { $(static $name: usize;)* }
        static $all: &[&Local<usize>] = &[$(&$name),*];
    };
}

/// Seventy locals that nobody has bound before the test that owns them.
macro_rules! seventy {
    ($($module:ident)*) => { $(
        mod $module {
            use selvedge::{Local, local};
            many! { ALL:
                A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 B0 B1 B2 B3 B4 B5 B6 B7 B8 B9
                C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 D0 D1 D2 D3 D4 D5 D6 D7 D8 D9
                E0 E1 E2 E3 E4 E5 E6 E7 E8 E9 F0 F1 F2 F3 F4 F5 F6 F7 F8 F9
                G0 G1 G2 G3 G4 G5 G6 G7 G8 G9
            }
            pub(super) fn all() -> &'static [&'static Local<usize>] {
                ALL
            }
        }
    )* };
}
seventy! { nested in_ambient in_empty late panics captured }

local! { static OUTER: u32; }

/// Binds all of `locals`, the first to `first` and so on, around `f`.
fn bind_all<R>(locals: &[&'static Local<usize>], first: usize, f: impl FnOnce() -> R) -> R {
    // `FnOnce` through recursion: a box that is emptied at the innermost block.
    fn go(locals: &[&'static Local<usize>], value: usize, f: &mut dyn FnMut()) {
        match locals.split_first() {
            None => f(),
            Some((local, rest)) if value.is_multiple_of(2) => {
                local.bind(value, || go(rest, value + 1, f))
            }
            Some((local, rest)) => local.bind_copy(value, || go(rest, value + 1, f)),
        }
    }
    let (mut f, mut result) = (Some(f), None);
    go(locals, first, &mut || {
        result = Some(f.take().expect("once")())
    });
    result.expect("it ran")
}

#[track_caller]
fn assert_bound(locals: &[&'static Local<usize>], first: usize) {
    for (i, local) in locals.iter().enumerate() {
        assert_eq!(local.copied().ok(), Some(first + i), "{i}");
    }
}

#[track_caller]
fn assert_unbound(locals: &[&'static Local<usize>]) {
    assert!(locals.iter().all(|local| !local.is_bound()));
}

#[test]
fn the_table_grows_under_nested_blocks_and_shrinks_again() {
    let all = nested::all();
    OUTER.bind(1, || {
        assert_unbound(all);
        bind_all(all, 0, || {
            assert_bound(all, 0);
            bind_all(all, 1_000, || assert_bound(all, 1_000));
            assert_bound(all, 0);
            assert_eq!(OUTER.copied(), Ok(1));
        });
        assert_unbound(all);
        // A second time, now that the keys are known; and from the middle outwards.
        bind_all(&all[60..], 60, || {
            bind_all(&all[..10], 0, || assert_bound(&all[60..], 60))
        });
        assert_eq!(OUTER.copied(), Ok(1));
    });
}

#[test]
fn the_table_grows_inside_a_captured_ambient() {
    let all = in_ambient::all();
    let ambient = OUTER.bind(7, Ambient::capture);
    elsewhere(move || {
        ambient.run(|| {
            bind_all(all, 0, || {
                assert_bound(all, 0);
                assert_eq!(OUTER.copied(), Ok(7));
            });
            assert_unbound(all);
            assert_eq!(OUTER.copied(), Ok(7));
        });
        assert!(!OUTER.is_bound());
    });
}

#[test]
fn the_table_grows_inside_an_empty_ambient_and_the_outer_one_is_back() {
    let all = in_empty::all();
    OUTER.bind(3, || {
        Ambient::empty().run(|| {
            bind_all(all, 0, || {
                assert_bound(all, 0);
                Ambient::empty().run(|| {
                    assert_unbound(all);
                    bind_all(all, 5, || assert_bound(all, 5));
                });
                assert_bound(all, 0);
            });
            assert!(!OUTER.is_bound());
        });
        assert_eq!(OUTER.copied(), Ok(3));
    });
}

#[test]
fn a_key_bound_first_on_another_thread_is_unbound_here_and_can_be_bound() {
    let all = late::all();
    bind_all(&all[..1], 0, || {
        elsewhere(|| bind_all(all, 100, || assert_bound(all, 100)));
        assert_unbound(&all[1..]);
        bind_all(all, 200, || assert_bound(all, 200));
        assert_bound(&all[..1], 0);
        assert_unbound(&all[1..]);
    });
}

#[test]
fn a_panic_below_a_grown_table_puts_every_old_table_back() {
    let all = panics::all();
    OUTER.bind(5, || {
        let text = panic_of(|| bind_all(all, 0, || bind_all(all, 500, || panic!("deep"))));
        assert_eq!(text, "deep");
        assert_unbound(all);
        assert_eq!(OUTER.copied(), Ok(5));
        bind_all(all, 1, || assert_bound(all, 1));
    });
}

#[test]
fn a_capture_of_more_keys_than_a_table_has_runs_where_nothing_is_known() {
    let all = captured::all();
    let ambient = bind_all(all, 0, Ambient::capture);
    elsewhere(move || {
        assert_unbound(all);
        ambient.run(|| assert_bound(all, 0));
        let inner = ambient.run(|| bind_all(&all[..5], 900, Ambient::capture));
        inner.run(|| {
            assert_bound(&all[..5], 900);
            assert_bound(&all[5..], 5);
        });
        assert_unbound(all);
    });
}
