//! Leaks.

use selvedge::Signal;

use super::Alive;

#[test]
fn an_action_is_dropped_when_its_signal_goes_unset() {
    let alive = Alive::default();
    let signal = Signal::new();
    let captured = alive.clone();
    signal.on_set(move || drop(captured)).forever();
    assert_eq!(alive.others(), 1);
    drop(signal);
    assert_eq!(alive.others(), 0);
}

#[test]
fn a_combination_that_is_never_set_frees_its_action_when_its_operands_go() {
    for and in [false, true] {
        let alive = Alive::default();
        let (a, b) = (Signal::new(), Signal::new());
        let combined = if and { &a & &b } else { &a | &b };
        let captured = alive.clone();
        combined.on_set(move || drop(captured)).forever();
        drop(combined);
        drop(a);
        assert_eq!(alive.others(), 1, "b can still set it, or holds it");
        drop(b);
        assert_eq!(alive.others(), 0);
    }
}

#[test]
fn an_action_that_holds_its_own_operand_is_freed_by_the_set_or_the_unhook() {
    let alive = Alive::default();
    for unhook in [false, true] {
        let (a, b) = (Signal::new(), Signal::new());
        let (captured, own) = (alive.clone(), a.clone());
        let hook = (&a | &b).on_set(move || drop((captured, own)));
        if unhook {
            drop(hook);
        } else {
            hook.forever();
            b.set();
        }
        assert_eq!(alive.others(), 0);
    }
}

#[test]
fn a_child_is_set_with_its_parent_and_alone_and_leaves_nothing() {
    let parent = Signal::new();
    let (first, second) = (parent.child(), parent.child());
    assert!(first.set());
    assert!(first.is_set() && !second.is_set() && !parent.is_set());
    parent.set_because("all of you");
    assert!(second.is_set());
    assert_eq!(second.reason().unwrap().text(), Some("all of you"));
    assert_eq!(parent.links(), 0);
}
