//! Bindings: bodies that contexts choose, and the order in which they stand.

use std::sync::{Arc, Mutex};

use selvedge::call::Condition::{Process, Thread};
use selvedge::probe::{self, Event};
use selvedge::{Ambient, bind, context, open};

use crate::ambient::{elsewhere, panic_of};

context! {
    static T = "t";
    static U = "u";
    static P = "p";
}

#[open]
fn who(x: u32) -> String {
    format!("default {x}")
}

#[bind(who, thread = T)]
fn thread_bound(x: u32) -> String {
    format!("t {x}")
}

#[bind(who, process = P)]
fn process_bound(x: u32, next: Next) -> String {
    format!("p, {}", next.proceed((x + 1,)))
}

#[bind(who, process = P, thread = T)]
fn context_bound(x: u32, next: Next) -> String {
    format!("pair, {}", next.proceed((x + 1,)))
}

/// All in one test: the process-wide context is everybody's.
// catalogue 7, 9, 10, 11, 12, 13, 14, 16, 19
#[test]
fn a_pair_stands_before_a_thread_before_a_process_before_the_default() {
    assert_eq!(who(1), "default 1");
    assert_eq!(T.run(|| who(1)), "t 1");
    assert_eq!(
        U.run(|| who(1)),
        "default 1",
        "DESIGN: falling back is the default (15, 17)"
    );
    let on = P.enter_process();
    assert_eq!(who(1), "p, default 2");
    assert_eq!(U.run(|| who(1)), "p, default 2");
    // The pair's `next` is the thread's body, which has none.
    assert_eq!(T.run(|| who(1)), "pair, t 2");
    assert_eq!(elsewhere(|| who(1)), "p, default 2");
    // In one call the order is read once; in the next it is new.
    assert_eq!(T.run(|| T.without(|| who(1))), "p, default 2");
    drop(on);
    assert_eq!(T.run(|| who(1)), "t 1");
    assert_eq!(who(1), "default 1");
}

// catalogue 27: the choice is made at each call, also through a handle taken before the switch.
#[test]
fn a_function_pointer_taken_before_a_switch_chooses_when_called() {
    #[open]
    fn here() -> &'static str {
        "outside"
    }
    context! { static IN = "in"; }
    here::bind(&[Thread(&IN)], |_, _| "inside");
    let handle: fn() -> &'static str = here;
    assert_eq!(
        [handle(), IN.run(handle), handle()],
        ["outside", "inside", "outside"]
    );
}

mod left {
    #[selvedge::open]
    pub(super) fn same() -> u32 {
        1
    }
}
mod right {
    #[selvedge::open]
    pub(super) fn same() -> u32 {
        2
    }
}

// catalogue 8
#[test]
fn two_modules_with_functions_of_one_name_do_not_touch_each_other() {
    context! { static ONLY_LEFT = "only-left"; }
    left::same::bind(&[Thread(&ONLY_LEFT)], |_, next| {
        assert!(next.function().path().ends_with("bindings::left::same"));
        10
    });
    ONLY_LEFT.run(|| assert_eq!((left::same(), right::same()), (10, 2)));
    right::same::around(|_, _| 20).run(|| assert_eq!((left::same(), right::same()), (1, 20)));
}

// catalogue 18
#[test]
fn binding_again_to_the_same_conditions_replaces() {
    context! { static A = "a"; static B = "b"; }
    #[open]
    fn version() -> u32 {
        0
    }
    let old = Arc::new(());
    let held = Arc::clone(&old);
    version::bind(&[Thread(&A), Process(&B)], move |_, _| {
        assert_eq!(Arc::strong_count(&held), 2);
        1
    });
    let on = B.enter_process();
    assert_eq!(A.run(version), 1);
    // The order in which the conditions are named, and naming one twice, make no difference.
    version::bind(&[Process(&B), Thread(&A), Process(&B)], |_, _| 2);
    assert_eq!(A.run(version), 2);
    assert_eq!(Arc::strong_count(&old), 1, "the replaced one is gone");
    version::bind(&[Thread(&A)], |_, _| 3);
    assert_eq!(A.run(version), 2);
    drop(on);
    assert_eq!(A.run(version), 3);
    version::bind(&[], |_, _| 4);
    assert_eq!((version(), A.run(version)), (4, 3));
}

#[test]
fn more_thread_conditions_count_first_then_process_then_the_innermost_context() {
    context! { static A = "a"; static B = "b"; static C = "c"; static PP = "pp"; static QQ = "qq"; }
    #[open]
    fn rank() -> &'static str {
        "body"
    }
    rank::bind(&[], |_, _| "always");
    rank::bind(&[Thread(&A)], |_, _| "a");
    rank::bind(&[Thread(&B)], |_, _| "b");
    rank::bind(&[Process(&PP), Process(&QQ)], |_, _| "pp qq");
    assert_eq!(rank(), "always");
    let on = (PP.enter_process(), QQ.enter_process());
    assert_eq!(rank(), "pp qq");
    assert_eq!(C.run(rank), "pp qq");
    // One thread-wide condition stands before any number of process-wide ones.
    assert_eq!(A.run(rank), "a");
    // Of two threads' the one that was entered last, however they were registered.
    assert_eq!(A.run(|| B.run(rank)), "b");
    assert_eq!(B.run(|| A.run(rank)), "a");
    assert_eq!(B.run(|| A.run(|| B.run(rank))), "b");
    rank::bind(&[Thread(&A), Process(&PP)], |_, _| "a pp");
    assert_eq!(A.run(|| B.run(rank)), "a pp");
    rank::bind(&[Thread(&A), Thread(&C)], |_, _| "a c");
    assert_eq!(C.run(|| A.run(|| B.run(rank))), "a c");
    assert_eq!(C.run(|| A.run(|| A.without(|| B.run(rank)))), "b");
    drop(on);
    // Depth goes on counting in a carried ambient.
    let ambient = A.run(|| Ambient::capture());
    assert_eq!(
        elsewhere(move || ambient.run(|| (rank(), B.run(rank)))),
        ("a", "b")
    );
}

/// Every binding of the matching ones, most specific first, down to the body.
#[test]
fn proceed_walks_the_matching_bindings_in_order() {
    context! { static A = "a"; static PP = "pp"; static NEVER = "never"; }
    #[open]
    fn list(seen: Vec<&'static str>) -> Vec<&'static str> {
        [seen, vec!["body"]].concat()
    }
    let add = |name: &'static str| {
        move |args: &mut __list_args,
              next: selvedge::call::Next<'_, __list_args, Vec<&'static str>>| {
            args.seen.push(name);
            next.proceed(args)
        }
    };
    list::bind(&[Process(&PP)], add("process"));
    list::bind(&[Thread(&A), Process(&PP)], add("pair"));
    list::bind(&[], add("always"));
    list::bind(&[Thread(&NEVER)], add("never"));
    list::bind(&[Thread(&A)], add("thread"));
    let on = PP.enter_process();
    let patch = list::around(add("patch"));
    let seen = A.run(|| patch.run(|| list(Vec::new())));
    assert_eq!(
        seen,
        ["patch", "pair", "thread", "process", "always", "body"]
    );
    drop(on);
    assert_eq!(A.run(|| list(Vec::new())), ["thread", "always", "body"]);
    assert_eq!(list(Vec::new()), ["always", "body"]);
}

#[test]
fn a_tie_goes_to_the_later_registration_and_is_reported_once() {
    context! { static PP = "pp"; static QQ = "qq"; }
    #[open]
    fn tied() -> &'static str {
        "body"
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let _subscription = probe::subscribe({
        let heard = Arc::clone(&heard);
        move |event| {
            if let Event::Tie { function } = event
                && function.ends_with("tied")
            {
                heard.lock().unwrap().push(event.to_string());
            }
        }
    });
    tied::bind(&[Process(&QQ)], |_, _| "qq");
    tied::bind(&[Process(&PP)], |_, _| "pp");
    let pp = PP.enter_process();
    assert_eq!(tied(), "pp");
    assert!(heard.lock().unwrap().is_empty(), "one alone is no tie");
    let qq = QQ.enter_process();
    assert_eq!([tied(), tied()], ["pp", "pp"]);
    let reports = heard.lock().unwrap().clone();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(
        reports[0].contains("tied` are equally specific, the later one wins"),
        "{reports:?}"
    );
    // Binding the first again makes it the later one.
    tied::bind(&[Process(&QQ)], |_, _| "qq again");
    assert_eq!(tied(), "qq again");
    drop((pp, qq));
    assert_eq!(tied(), "body");
}

#[test]
fn a_panic_in_a_binding_is_the_function_panicking_and_nothing_is_left() {
    context! { static A = "a"; }
    #[open]
    fn risky(n: u32) -> u32 {
        n
    }
    risky::bind(&[Thread(&A)], |args, next| {
        assert!(args.n != 1, "before");
        let result = next.proceed(args);
        assert!(result != 2, "after");
        result
    });
    for (n, text) in [(1, "before"), (2, "after")] {
        A.run(|| {
            assert_eq!(panic_of(|| risky(n)), text);
            assert_eq!(risky(7), 7); // not masked by what was left
            assert!(A.is_active());
        });
    }
}

/// A capture made inside a handler remembers that it is inside of it. It must not mistake a later handler,
/// which may come to stand at the same address, for it.
#[test]
fn what_was_captured_inside_a_replaced_binding_does_not_hide_the_new_one() {
    context! { static A = "a"; }
    #[open]
    fn replaced() -> Option<Ambient> {
        None
    }
    for _ in 0..200 {
        replaced::bind(&[Thread(&A)], |_, _| Some(Ambient::capture()));
        let inside = A.run(replaced).expect("the binding ran");
        // Twice: the old one goes after the new one was made.
        replaced::bind(&[Thread(&A)], |_, _| Some(Ambient::empty()));
        replaced::bind(&[Thread(&A)], |_, _| Some(Ambient::empty()));
        assert!(inside.run(replaced).is_some(), "the new binding was hidden");
    }
}

/// A constructor that a context chooses: one shared by all, a copy for plugins.
// catalogue 32, 36
#[test]
fn an_open_constructor_gives_a_copy_for_each_lookup_where_it_is_bound_so() {
    context! { static PLUGIN_WORK = "plugin-work"; }
    struct Variables(Mutex<u32>);
    #[open]
    fn variables() -> Arc<Variables> {
        static SHARED: std::sync::LazyLock<Arc<Variables>> =
            std::sync::LazyLock::new(|| Arc::new(Variables(Mutex::new(5))));
        Arc::clone(&SHARED)
    }
    variables::bind(&[Thread(&PLUGIN_WORK)], |args, next| {
        let shared = next.proceed(args);
        let copy = *shared.0.lock().unwrap();
        Arc::new(Variables(Mutex::new(copy)))
    });
    let read = || *variables().0.lock().unwrap();
    PLUGIN_WORK.run(|| {
        let mine = variables();
        *mine.0.lock().unwrap() = 3;
        assert_eq!((*mine.0.lock().unwrap(), read()), (3, 5));
    });
    assert_eq!(read(), 5);
    assert!(Arc::ptr_eq(&variables(), &elsewhere(variables)));
}

#[test]
fn a_handler_that_is_replaced_or_taken_off_may_bind_and_explain_when_it_is_dropped() {
    #[open]
    fn cost() -> u32 {
        1
    }

    /// Does both when it is dropped.
    struct Busy(Arc<Mutex<Vec<usize>>>);
    impl Drop for Busy {
        fn drop(&mut self) {
            let again = cost::bind(&[Thread(&U)], |_, _| 5);
            let steps = U.run(cost::explain).steps().len();
            assert!(U.run(cost) == 5 && again.unbind());
            self.0.lock().unwrap().push(steps);
        }
    }

    let seen = Arc::default();
    let bind = |more| {
        let busy = Busy(Arc::clone(&seen));
        cost::bind(&[Thread(&T)], move |args, next| {
            let _ = &busy;
            next.proceed(args) + more
        })
    };
    drop(bind(1));
    assert_eq!(T.run(cost), 2, "a call leaves a spare count");
    let second = bind(2);
    assert_eq!((T.run(cost), seen.lock().unwrap().len()), (3, 1));
    assert!(second.unbind());
    drop(second);
    assert_eq!((T.run(cost), &seen.lock().unwrap()[..]), (1, &[2, 2][..]));
    let busy = Busy(Arc::clone(&seen));
    let owning = cost::before(move |_| {
        let _ = &busy;
    });
    let installed = owning.install();
    drop(owning);
    assert_eq!(cost(), 1);
    drop(installed);
    assert_eq!(seen.lock().unwrap().len(), 3);
}
