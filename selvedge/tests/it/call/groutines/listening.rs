//! Who hears a call, in which order, and whose answer counts.

use selvedge::call::groutine::{Exchange, any};
use selvedge::call::{Condition, Groutines};
use selvedge::{Ambient, context, open};

use super::{Notes, elsewhere, panic_of};

#[open]
pub(super) fn add(a: u32, b: u32) -> u32 {
    a + b
}

/// 115, 119, 128: made and started in one; hears one call, and the next is unhooked.
#[test]
fn a_groutine_runs_to_its_first_wait_at_once_and_hears_one_call() {
    let notes = Notes::new();
    let noting = notes.clone();
    let one = move || {
        let notes = noting.clone();
        async move {
            notes.note("started");
            add::called().await.ret(100);
            notes.note("ended");
        }
    };
    Groutines::new().with(one).run(|| {
        assert_eq!(notes.take(), ["started"]);
        assert_eq!(add(1, 2), 100);
        assert_eq!(notes.take(), ["ended"]);
        assert_eq!(add(1, 2), 3);
    });
}

/// 116: nothing runs unless the program calls something.
#[test]
fn nothing_runs_without_a_call() {
    let notes = Notes::new();
    let noting = notes.clone();
    Groutines::new()
        .with(move || {
            let notes = noting.clone();
            async move {
                add::called().await;
                notes.note(1);
            }
        })
        .run(|| ());
    assert_eq!(notes.take(), [0; 0]);
}

/// 129: a loop serves every call, and stays hooked after it has answered one.
#[test]
fn a_loop_serves_every_call() {
    let answer = || async {
        loop {
            add::called().await.ret(7);
        }
    };
    let sums = Groutines::new()
        .with(answer)
        .run(|| [add(1, 1), add(2, 2), add(3, 3)]);
    assert_eq!(sums, [7; 3]);
}

/// 120, 122, 123: before and after, with arguments and result.
#[test]
fn before_and_after_carry_arguments_and_result() {
    let notes = Notes::new();
    let noting = notes.clone();
    let spy = move || {
        let notes = noting.clone();
        async move {
            let mut call = add::called().await;
            assert!(call.function().path().ends_with("::listening::add"));
            call.with(|call| {
                notes.note((call.args.a, call.args.b));
                call.args.b = 10;
            });
            add::returned()
                .same(&call)
                .await
                .with(|returned| notes.note((returned.args.a, *returned.result)));
        }
    };
    assert_eq!(Groutines::new().with(spy).run(|| add(1, 2)), 11);
    assert_eq!(notes.take(), [(1, 2), (1, 11)]);
}

/// 124, 125, 126, 127: no answer lets the function run; 0, false and () are answers; so is a new result.
#[test]
fn any_value_is_an_answer() {
    #[open]
    fn flag() -> bool {
        true
    }
    #[open]
    fn act() {
        panic!("it is not to run");
    }
    let falsy = || async {
        add::called().await;
        flag::called().await.ret(false);
        act::called().await.ret(());
        add::returned().await.ret(0);
    };
    Groutines::new().with(falsy).run(|| {
        assert_eq!(add(1, 2), 3);
        assert!(!flag());
        act();
        assert_eq!(add(1, 2), 0);
        assert_eq!(add(1, 2), 3);
    });
}

/// 148: what a filter refuses passes by, and the groutine waits on.
#[test]
fn a_filter_lets_calls_pass() {
    let notes = Notes::new();
    let noting = notes.clone();
    let picky = move || {
        let notes = noting.clone();
        async move {
            let big = add::called().when(|call| call.args.a > 10);
            let big = big.when(|call| call.args.b.is_multiple_of(2));
            big.await
                .with(|call| notes.note((call.args.a, call.args.b)));
        }
    };
    Groutines::new().with(picky).run(|| {
        for (a, b) in [(1, 2), (11, 1), (12, 2), (13, 4)] {
            add(a, b);
        }
    });
    assert_eq!(notes.take(), [(12, 2)]);
}

/// 134: a groutine's own calls do not come back to it; recursive calls of the function are heard.
#[test]
fn a_running_groutine_hears_nothing() {
    #[open]
    fn rec(n: u32) -> u32 {
        if n == 0 { 0 } else { rec(n - 1) + 1 }
    }
    let notes = Notes::new();
    let noting = notes.clone();
    let all = move || {
        let notes = noting.clone();
        async move {
            loop {
                let mut call = rec::called().await;
                let n = call.with(|call| call.args.n);
                notes.note((n, rec(0)));
            }
        }
    };
    assert_eq!(Groutines::new().with(all).run(|| rec(2)), 2);
    assert_eq!(notes.take(), [(2, 0), (1, 0), (0, 0)]);
}

/// 134, 149: the end of the same call, under recursion, in stages.
#[test]
fn the_end_of_the_same_call_is_told_from_those_of_others() {
    #[open]
    fn rec(n: u32) -> u32 {
        if n == 0 { 0 } else { rec(n - 1) + 1 }
    }
    let notes = Notes::new();
    let noting = notes.clone();
    let stages = move || {
        let notes = noting.clone();
        async move {
            let call = rec::called().when(|call| call.args.n == 2).await;
            rec::returned()
                .await
                .with(|r| notes.note((r.args.n, *r.result)));
            rec::returned()
                .same(&call)
                .await
                .with(|r| notes.note((r.args.n, *r.result)));
            add::called().await.ret(5);
        }
    };
    Groutines::new().with(stages).run(|| {
        assert_eq!(rec(3), 3);
        assert_eq!(add(1, 1), 5);
    });
    assert_eq!(notes.take(), [(0, 0), (2, 2)]);
}

/// 150: the first of several; no listener is left on the others.
#[test]
fn any_leaves_no_listener_behind() {
    #[open]
    fn left() -> u32 {
        1
    }
    #[open]
    fn right() -> u32 {
        2
    }
    let notes = Notes::new();
    let noting = notes.clone();
    let either = move || {
        let notes = noting.clone();
        async move {
            for _ in 0..3 {
                let (place, call) = any([left_or(&notes, true), left_or(&notes, false)]).await;
                notes.note((place, call));
            }
        }
    };
    async fn left_or(_: &Notes<(usize, u32)>, is_left: bool) -> u32 {
        if is_left {
            left::called().await.with(|_| 10)
        } else {
            right::called().await.with(|_| 20)
        }
    }
    Groutines::new().with(either).run(|| {
        right();
        left();
        left();
        right();
    });
    assert_eq!(notes.take(), [(1, 20), (0, 10), (0, 10)]);
}

context! { static THERE = "there"; }

/// What a handler proceeds to in a captured ambient is told to the sets that were around the call.
#[test]
fn a_call_that_goes_on_in_a_captured_ambient_is_heard() {
    let elsewhere = Ambient::capture();
    let inner = add::around(move |args, next| elsewhere.run(|| next.proceed(args)));
    let answers = || async {
        loop {
            let mut call = add::called().await;
            let (a, b) = call.with(|call| (call.args.a, call.args.b));
            call.ret(add(a, b) + 1); // the groutine's own call: nobody hears it
        }
    };
    let set = Groutines::new().with(answers);
    let sums = set.and(inner).run(|| [add(1, 2), add(3, 4)]);
    assert_eq!(sums, [4, 8]);
    assert_eq!(add(1, 2), 3);
}

/// The order of one call: sets stand among the patches where their blocks do.
#[test]
fn sets_and_patches_stand_where_their_blocks_do() {
    #[open]
    fn way() -> u32 {
        super::super::step("body");
        0
    }
    let patch = |name| {
        way::around(move |args, next| {
            super::super::step(name);
            next.proceed(args) + 1
        })
    };
    let groutine = |name| {
        Groutines::new().with(move || async move {
            loop {
                way::called().await;
                super::super::step(name);
                way::returned().await.with(|returned| *returned.result *= 2);
            }
        })
    };
    way::bind(&[Condition::Thread(&THERE)], |args, next| {
        super::super::step("binding");
        next.proceed(args) + 1
    });
    let installed = patch("installed").install();
    let all = patch("outer patch").and(groutine("outer set"));
    let all = all.and(patch("inner patch")).and(groutine("inner set"));
    // (((0 + 1 + 1 + 1) * 2 + 1) * 2 from the inside out
    let value = THERE.run(|| all.run(way));
    assert_eq!(
        super::super::trail(),
        [
            "inner set",
            "inner patch",
            "outer set",
            "outer patch",
            "installed",
            "binding",
            "body"
        ]
    );
    assert_eq!(value, (3 * 2 + 1) * 2);
    drop(installed);
}

/// A call that was answered goes on to groutines alone, and they hear of its end.
#[test]
fn an_answered_call_runs_no_patch_of_an_outer_block() {
    let notes = Notes::new();
    let noting = notes.clone();
    let outer = move || {
        let notes = noting.clone();
        async move {
            let call = add::called().await;
            notes.note("called");
            add::returned()
                .same(&call)
                .await
                .with(|r| assert_eq!(*r.result, 1));
            notes.note("returned");
        }
    };
    let inner = || async { add::called().await.ret(1) };
    Groutines::new()
        .with(outer)
        .and(add::before(|_| panic!("answered already")))
        .and(Groutines::new().with(inner))
        .run(|| assert_eq!(add(5, 5), 1));
    assert_eq!(notes.take(), ["called", "returned"]);
}

/// 135: other threads are unaffected, also while a groutine waits here; nor does a capture take the set along.
#[test]
fn other_threads_are_not_heard() {
    let answer = || async {
        loop {
            add::called().await.ret(0);
        }
    };
    Groutines::new().with(answer).run(|| {
        assert_eq!(add(1, 2), 0);
        assert_eq!(elsewhere(|| add(1, 2)), 3);
        let here = Ambient::capture();
        assert_eq!(elsewhere(move || here.run(|| add(1, 2))), 3);
        assert_eq!(Ambient::capture().run(|| add(1, 2)), 3);
        assert_eq!(add(1, 2), 0);
    });
}

/// Values go back and forth with whoever resumes; a groutine that waits for its parent hears no calls.
#[test]
fn values_go_back_and_forth() {
    let exchange = Exchange::<String, u32>::new();
    let parent = exchange.clone();
    let counts = move || {
        let exchange = exchange.clone();
        async move {
            let first = exchange.yield_to_parent("first?".to_owned()).await;
            let second = exchange.yield_to_parent(format!("{first}, second?")).await;
            add::called().await.ret(first + second);
            exchange.yield_to_parent("done".to_owned()).await;
        }
    };
    Groutines::new().with(counts).run(|| {
        assert_eq!(parent.take().as_deref(), Some("first?"));
        assert_eq!(parent.take(), None);
        assert_eq!(parent.resume(4), Ok(Some("4, second?".to_owned())));
        assert_eq!(add(0, 0), 0);
        assert_eq!(parent.resume(3), Ok(None)); // it waits for a call
        let not_waiting = parent.resume(3).unwrap_err();
        assert_eq!(not_waiting.value, 3);
        assert_eq!(add(0, 0), 7);
        assert_eq!(parent.take().as_deref(), Some("done"));
        assert_eq!(parent.resume(0), Ok(None));
        assert!(parent.resume(0).is_err());
    });
    let two = Exchange::<(), ()>::new();
    let (a, b) = (two.clone(), two);
    let wait = |exchange: Exchange<(), ()>| move || exchange.yield_to_parent(());
    let both = Groutines::new().with(wait(a)).with(wait(b));
    assert_eq!(
        panic_of(|| both.run(|| ())),
        "two groutines wait in one exchange"
    );
}

/// 117, 136, 140: on the caller's thread, in its ambient; whatever name the function is called by, it is one.
#[test]
fn a_groutine_runs_where_the_call_is_made() {
    use add as plus;
    selvedge::local! { static WHO: &'static str; }
    let notes = Notes::new();
    let noting = notes.clone();
    let where_ = move || {
        let notes = noting.clone();
        async move {
            loop {
                add::called().await;
                notes.note((std::thread::current().id(), WHO.copied().ok()));
            }
        }
    };
    let before: fn(u32, u32) -> u32 = add;
    Groutines::new().with(where_).run(|| {
        before(1, 1);
        WHO.bind("me", || plus(1, 1));
    });
    let here = std::thread::current().id();
    assert_eq!(notes.take(), [(here, None), (here, Some("me"))]);
}

/// An instantiation of a generic function is heard for itself; a result that borrows is answered in a look.
#[test]
fn generic_functions_and_borrowed_results() {
    #[open]
    fn first<T: Clone + 'static>(of: &[T]) -> Option<T> {
        of.first().cloned()
    }
    #[open]
    fn longest<'a, 'b: 'a>(a: &'a str, b: &'b str) -> &'a str {
        if a.len() < b.len() { b } else { a }
    }
    let bytes = || async {
        loop {
            first::called::<u8>().await.ret(Some(9));
        }
    };
    let shortest = || async {
        let call = longest::called().when(|call| call.args.a.len() < call.args.b.len());
        call.await.with(|call| call.ret(call.args.a));
        let mut returned = longest::returned().await;
        returned.with(|returned| *returned.result = &returned.result[1..]);
    };
    Groutines::new().with(bytes).with(shortest).run(|| {
        assert_eq!((first(&[1_u8]), first(&[1_u16])), (Some(9), Some(1)));
        assert_eq!(longest("abc", "d"), "abc");
        assert_eq!(longest("abc", "defg"), "bc"); // answered, and told of the end
        assert_eq!(longest("abc", "d"), "abc");
    });
}

/// Deep recursion, every call of which is heard.
#[test]
fn recursion_is_heard_at_every_depth() {
    #[open]
    fn depth(n: u32) -> u32 {
        if n == 0 { 0 } else { depth(n - 1) + 1 }
    }
    let adds = || async {
        loop {
            depth::returned()
                .await
                .with(|returned| *returned.result += 1);
        }
    };
    let deep = || Groutines::new().with(adds).run(|| depth(2_000));
    let builder = std::thread::Builder::new().stack_size(32 << 20);
    std::thread::scope(|s| {
        let there = builder.spawn_scoped(s, deep).unwrap();
        assert_eq!(there.join().unwrap(), 2_000 + 2_001);
    });
}
