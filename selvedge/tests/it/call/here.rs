//! Hooks that borrow: for one block, on one thread.

use std::cell::RefCell;

use selvedge::call::Patch;
use selvedge::{Ambient, open};

use crate::ambient::{elsewhere, panic_of};

#[open]
fn send(to: &str, body: String) -> bool {
    !to.is_empty() && !body.is_empty()
}

fn hi(to: &str) -> bool {
    send(to, "hi".to_owned())
}

// catalogue 124, 134
#[test]
fn a_hook_may_borrow_and_change_the_locals_of_the_test() {
    let (mut seen, mut n) = (Vec::new(), 0);
    let answers = send::before_here(
        |call| {
            seen.push(format!("{}: {}", call.args.to, *call.args.body));
            n += 1;
            assert!(hi("nested"), "its own calls skip it");
            if n == 2 {
                call.ret(false);
            }
        },
        || (hi("a"), hi("b")),
    );
    assert_eq!((answers, n), ((true, false), 2));
    assert_eq!(seen, ["a: hi", "b: hi"]);
    assert!(hi("c"));
}

#[test]
fn a_hook_that_borrows_is_not_carried_out_of_its_block() {
    let (mut n, kept) = (0, RefCell::new(None));
    let patch = send::before(|call| call.args.body.push('!'));
    let inside = patch.run(|| {
        send::before_here(
            |_| n += 1,
            || {
                assert!(hi("a"));
                let ambient = Ambient::capture();
                *kept.borrow_mut() = Some(ambient.clone());
                // Also not while the block runs, on this thread or another one.
                assert!(ambient.run(|| hi("b")));
                let elsewhere_too = ambient.clone();
                assert!(elsewhere(move || elsewhere_too.run(|| hi("c"))));
                elsewhere(|| hi("d"));
                ambient
            },
        )
    });
    assert_eq!(n, 1);
    let kept = kept.into_inner().unwrap();
    assert!(kept.run(|| hi("e")) && inside.run(|| hi("f")));
    assert_eq!(n, 1);
    assert_eq!(patch.hits(), 5, "what lies around it is carried");
}

#[test]
fn a_capture_made_inside_such_a_hook_does_not_have_it_either() {
    let mut kept = Vec::new();
    send::before_here(|_| kept.push(Ambient::capture()), || hi("a"));
    assert_eq!(kept.len(), 1);
    assert!(kept[0].run(|| hi("b")));
    assert_eq!(kept.len(), 1);
}

#[test]
fn such_hooks_nest_and_stand_where_their_blocks_do() {
    let order = RefCell::new(String::new());
    let patch: Patch = send::before(|call| call.args.body.push('?'));
    let run = || {
        send::before_here(
            |_| order.borrow_mut().push('o'),
            || {
                patch.run(|| {
                    send::before_here(
                        |call| order.borrow_mut().push_str(&call.args.body),
                        || hi("a"),
                    )
                })
            },
        )
    };
    assert!(run());
    assert_eq!(*order.borrow(), "hio");
}

#[test]
fn a_panic_of_such_a_hook_leaves_nothing_behind() {
    let mut n = 0;
    let text = panic_of(|| {
        send::before_here(
            |_| {
                n += 1;
                panic!("hook");
            },
            || {
                // Caught by the block, it may be called again.
                assert_eq!(panic_of(|| hi("a")), "hook");
                hi("b")
            },
        )
    });
    assert_eq!((&*text, n), ("hook", 2));
    assert!(hi("c"));
    assert_eq!(
        panic_of(|| send::before_here(|_| (), || panic!("block"))),
        "block"
    );
    assert!(send::__site().passes() || Ambient::empty().run(|| hi("d")));
}

#[test]
fn the_block_may_borrow_too_and_the_result_may_be_borrowed() {
    #[open]
    fn first<'a>(list: &'a [String]) -> &'a str {
        &list[0]
    }
    let list = vec!["a".to_owned(), "b".to_owned()];
    let mut calls = 0;
    let seen = first::before_here(
        |call| {
            calls += 1;
            let second = &call.args.list[1];
            call.ret(second);
        },
        || first(&list),
    );
    assert_eq!((seen, calls), ("b", 1));
}
