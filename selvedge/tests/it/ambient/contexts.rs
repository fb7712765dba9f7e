//! Contexts: names that code is inside of, thread-wide and process-wide.

use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Ambient, Signal, Till, context, thread};

use super::{elsewhere, panic_of};

context! {
    static WORK = "work";
    static PLAY = "play";
    static ALSO_WORK = "work";
}

fn where_am_i() -> (bool, bool) {
    (WORK.is_active(), PLAY.is_active())
}

// catalogue 2, 5, 6: identity is the static, not the name, so a name cannot be taken by accident.
#[test]
fn two_contexts_of_one_name_are_two_contexts() {
    assert_eq!(where_am_i(), (false, false));
    WORK.run(|| assert!(WORK.is_active() && !ALSO_WORK.is_active()));
    assert_eq!(WORK.to_string(), ALSO_WORK.to_string());
    let on = ALSO_WORK.enter_process();
    assert!(!WORK.is_active_in_process());
    drop(on);
}

// catalogue 3, 25
#[test]
fn a_context_entered_in_one_thread_is_invisible_in_every_other_and_in_children() {
    WORK.run(|| {
        assert_eq!(elsewhere(where_am_i), (false, false));
        let ambient = Ambient::capture();
        assert_eq!(elsewhere(move || ambient.run(where_am_i)), (true, false));
    });
}

// catalogue 4, 19
#[test]
fn a_process_wide_context_is_seen_by_every_thread_at_once() {
    context! { static EVERYWHERE = "everywhere"; }
    World::new().run(|| {
        let late = Till::after(Duration::from_secs(10));
        let (seen, off) = (Signal::new(), Signal::new());
        let entered = EVERYWHERE.enter_process();
        let thread = thread::spawn("watcher", {
            let (seen, off) = (seen.clone(), off.clone());
            move |_| {
                let during = EVERYWHERE.is_active_in_process();
                seen.set();
                off.wait()?;
                Ok((during, EVERYWHERE.is_active_in_process()))
            }
        });
        seen.wait_until(&late).unwrap();
        drop(entered);
        off.set();
        assert_eq!(thread.join_until(&late).unwrap(), (true, false));
        // The two levels do not touch each other.
        assert!(!EVERYWHERE.is_active());
    });
}

// catalogue 20, 22
#[test]
fn contexts_nest_and_are_left_also_by_a_panic() {
    WORK.run(|| {
        PLAY.run(|| assert_eq!(where_am_i(), (true, true)));
        assert_eq!(where_am_i(), (true, false));
        assert_eq!(panic_of(|| PLAY.run(|| WORK.without(|| panic!("p")))), "p");
        assert_eq!(where_am_i(), (true, false));
        WORK.run(|| assert_eq!(where_am_i(), (true, false)));
        assert_eq!(where_am_i(), (true, false));
    });
    assert_eq!(where_am_i(), (false, false));
}

// catalogue 21
#[test]
fn without_goes_back_to_the_default_for_a_block() {
    WORK.run(|| {
        PLAY.run(|| {
            WORK.without(|| {
                assert_eq!(where_am_i(), (false, true));
                WORK.run(|| assert_eq!(where_am_i(), (true, true)));
                assert_eq!(where_am_i(), (false, true));
                let ambient = Ambient::capture();
                assert_eq!(elsewhere(move || ambient.run(where_am_i)), (false, true));
            });
            assert_eq!(where_am_i(), (true, true));
        });
    });
    // Where it was not entered, it is harmless.
    PLAY.without(|| assert_eq!(where_am_i(), (false, false)));
}

// catalogue 23
#[test]
fn leaving_a_thread_wide_context_does_not_undo_a_process_wide_one() {
    context! { static MEANWHILE = "meanwhile"; }
    World::new().run(|| {
        let (inside, switched) = (Signal::new(), Signal::new());
        let late = Till::after(Duration::from_secs(10));
        let thread = thread::spawn("worker", {
            let (inside, switched) = (inside.clone(), switched.clone());
            move |_| {
                WORK.run(|| {
                    inside.set();
                    switched.wait()
                })?;
                Ok(MEANWHILE.is_active_in_process())
            }
        });
        inside.wait_until(&late).unwrap();
        let on = MEANWHILE.enter_process();
        switched.set();
        assert!(thread.join_until(&late).unwrap());
        assert!(MEANWHILE.is_active_in_process());
        drop(on);
    });
}

// catalogue 24: what is captured is the chain; the process is looked at when it matters.
#[test]
fn a_block_prepared_before_a_process_wide_switch_runs_in_the_new_state() {
    context! { static LATER = "later"; }
    let prepared = WORK.run(Ambient::capture);
    let on = LATER.enter_process();
    prepared.run(|| assert!(WORK.is_active() && LATER.is_active_in_process()));
    drop(on);
    prepared.run(|| assert!(!LATER.is_active_in_process()));
}

// catalogue 26
#[test]
fn a_thread_that_ended_inside_a_context_leaves_it_to_nobody() {
    for _ in 0..10 {
        let inside = elsewhere(|| {
            let fresh = where_am_i();
            panic_of(|| WORK.run(|| panic!("ends inside")));
            fresh
        });
        assert_eq!(inside, (false, false));
    }
}

#[test]
fn guards_of_a_process_wide_context_count_and_go_in_any_order_on_any_thread() {
    context! { static COUNTED = "counted"; }
    let first = COUNTED.enter_process();
    let second = COUNTED.enter_process();
    drop(first);
    assert!(COUNTED.is_active_in_process());
    elsewhere(move || drop(second));
    assert!(!COUNTED.is_active_in_process());
}

#[test]
fn debug_shows_name_and_state() {
    context! { static SHOWN = "shown" isolates; }
    let on = SHOWN.enter_process();
    let text = format!("{:?}", &SHOWN);
    assert!(
        text.contains("\"shown\"") && text.contains("isolates: true"),
        "{text}"
    );
    assert!(text.contains("process: 1"), "{text}");
    drop(on);
    assert_eq!(SHOWN.name(), "shown");
}
