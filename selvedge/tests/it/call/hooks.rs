//! Hooks: before, after, around, and after a panic; what they see, change and answer.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use selvedge::call::Patch;
use selvedge::probe::{self, Event};
use selvedge::{Ambient, local, open};

use super::{is_quiet, step, trail};
use crate::ambient::{elsewhere, panic_of};

#[open]
fn add(a: i32, b: i32) -> i32 {
    step("body");
    a + b
}

#[open]
fn greet(name: &str, mark: String, log: &mut Vec<String>) -> usize {
    log.push(format!("hello {name}{mark}"));
    log.len()
}

// catalogue 115, 116, 122, 124
#[test]
fn a_before_hook_sees_changes_and_answers() {
    let patch = add::before(|call| {
        call.args.a *= 10;
        if call.args.b == 99 {
            call.ret(-1);
        }
    });
    trail();
    assert_eq!(patch.run(|| (add(1, 2), add(1, 99))), (12, -1));
    assert_eq!(trail(), ["body"], "an answered call does not run the body");
    assert_eq!(add(1, 2), 3);
    assert_eq!(patch.hits(), 2);
}

// catalogue 124, 125, 127, 147: any value is an answer, also those that look like none.
#[test]
fn an_answer_may_be_any_value() {
    #[open]
    fn maybe(n: u32) -> Option<u32> {
        Some(n)
    }
    #[open]
    fn truth() -> bool {
        true
    }
    #[open]
    fn nothing(calls: &AtomicU32) {
        calls.fetch_add(1, SeqCst);
    }
    assert_eq!(add::before(|call| call.ret(0)).run(|| add(1, 2)), 0);
    assert_eq!(maybe::before(|call| call.ret(None)).run(|| maybe(1)), None);
    assert!(!truth::before(|call| call.ret(false)).run(truth));
    let calls = AtomicU32::new(0);
    nothing::before(|call| call.ret(())).run(|| nothing(&calls));
    assert_eq!(calls.load(SeqCst), 0);
    assert_eq!(add::after(|r| *r.result = 0).run(|| add(1, 2)), 0);
    assert_eq!(maybe::after(|r| *r.result = None).run(|| maybe(1)), None);
    assert!(!truth::after(|r| *r.result = false).run(truth));
    // The last answer of a hook counts.
    let twice = add::before(|call| {
        call.ret(1);
        call.ret(2);
    });
    assert_eq!(twice.run(|| add(5, 5)), 2);
}

// catalogue 120, 123, 126
#[test]
fn an_after_hook_changes_the_result_and_still_sees_the_arguments() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let patch = greet::after({
        let seen = Arc::clone(&seen);
        move |returned| {
            assert!(returned.function().path().ends_with("::hooks::greet"));
            let args = &mut returned.args;
            let line = (args.name.to_owned(), args.mark.is_taken(), args.log.len());
            seen.lock().unwrap().push(line);
            args.log.push("later".to_owned());
            *returned.result += 100;
        }
    });
    let mut log = Vec::new();
    let result = patch.run(|| greet("bob", "!".to_owned(), &mut log));
    assert_eq!(
        (result, log),
        (101, vec!["hello bob!".to_owned(), "later".to_owned()])
    );
    assert_eq!(*seen.lock().unwrap(), [("bob".to_owned(), true, 1)]);
}

#[test]
fn borrowed_results_and_invariant_lifetimes_pass_through_hooks() {
    #[open]
    fn longest<'a>(a: &'a str, b: &'a str) -> &'a str {
        if a.len() >= b.len() { a } else { b }
    }
    #[open]
    fn first<'x>(v: &'x mut Vec<String>, _n: usize) -> Option<&'x mut String> {
        if v.is_empty() {
            v.push(String::new());
        }
        v.first_mut()
    }
    #[open]
    fn push<'a>(out: &mut Vec<&'a str>, s: &'a str) {
        out.push(s);
    }
    let local = String::from("longer one");
    let shorter = longest::before(|call| {
        let b = call.args.b;
        call.ret(b);
    });
    assert_eq!(shorter.run(|| longest(&local, "b")), "b");
    let mut v = vec!["a".to_owned()];
    let marked = first::after(|returned| {
        if let Some(s) = returned.result {
            s.push('!');
        }
    });
    marked.run(|| first(&mut v, 0).unwrap().push('?'));
    assert_eq!(v, ["a!?"]);
    let mut out = Vec::new();
    let twice = push::before(|call| {
        let s = call.args.s;
        call.args.out.push(s);
    });
    twice.run(|| push(&mut out, &local));
    assert_eq!(out.len(), 2);
}

#[test]
fn a_generic_function_is_hooked_per_instantiation() {
    #[open]
    fn show<T: std::fmt::Debug + 'static>(t: &T) -> String {
        format!("{t:?}")
    }
    let patch = show::before::<u8>(|call| call.ret("u8!".to_owned())).times(1);
    let seen = patch.run(|| (show(&1_u16), show(&1_u8), show(&1_u8)));
    // A call of another type passes by, and is none of the times.
    assert_eq!(seen, ("1".to_owned(), "u8!".to_owned(), "1".to_owned()));
    let mut lengths = Vec::new();
    show::before_here::<String, ()>(
        |call| lengths.push(call.args.t.len()),
        || {
            show(&"abc".to_owned());
            show(&3_u8);
        },
    );
    assert_eq!(lengths, [3]);
}

struct Repo<T> {
    items: Vec<T>,
}

#[open]
impl<T: Clone + 'static> Repo<T> {
    pub fn get(&self, i: usize) -> Option<&T> {
        self.items.get(i)
    }
    pub fn put(&mut self, t: T) -> &mut Self {
        self.items.push(t);
        self
    }
    pub fn into_items(self) -> Vec<T> {
        self.items
    }
    pub fn fresh() -> Self {
        Self { items: Vec::new() }
    }
}

// catalogue 122, 137, 138, 139: methods by every receiver, and functions of a type without one.
#[test]
fn methods_are_hooked_by_every_receiver() {
    let mut repo = Repo { items: vec![1, 2] };
    let second = repo::get::before::<i32>(|call| call.args.i = 1);
    assert_eq!(second.run(|| repo.get(0).copied()), Some(2));
    let more = repo::put::around::<i32>(|args, next| {
        *args.t += 1;
        next.proceed(args)
    });
    more.run(|| {
        repo.put(5).put(6);
    });
    let reversed = repo::into_items::after::<i32>(|returned| returned.result.reverse());
    assert_eq!(reversed.run(|| repo.into_items()), [7, 6, 2, 1]);
    let nine = repo::fresh::after::<u8>(|returned| returned.result.items.push(9));
    assert_eq!(nine.run(Repo::<u8>::fresh).items, [9]);
    assert_eq!(Repo::<u8>::fresh().items, [0; 0]);
}

/// Each hook stands where its block does; an answer is seen by the hooks further out, and by them alone.
#[test]
fn hooks_stand_in_the_order_of_their_blocks() {
    let (before, after) = (
        add::before(|_| step("before")),
        add::after(|_| step("after")),
    );
    let around = add::around(|args, next| {
        step("in");
        let result = next.proceed(args);
        step("out");
        result
    });
    trail();
    around.run(|| after.run(|| before.run(|| add(1, 1))));
    assert_eq!(trail(), ["before", "in", "body", "out", "after"]);
    let answer = add::before(|call| {
        step("answer");
        call.ret(9);
    });
    let result = before.run(|| answer.run(|| after.run(|| around.run(|| add(1, 1)))));
    assert_eq!((result, trail()), (9, vec!["in", "answer", "after", "out"]));
}

// catalogue 131, 133
#[test]
fn a_panic_of_the_function_is_told_and_goes_on_and_the_hook_stays() {
    #[open]
    fn parse(text: &str) -> u32 {
        text.parse().expect("a number")
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let patch = parse::unwound({
        let told = Arc::clone(&told);
        move |unwound| {
            assert!(unwound.panic().is::<String>());
            told.lock().unwrap().push(format!("{unwound:?}"));
            if unwound.args.text == "zero" {
                unwound.ret(0);
            }
        }
    });
    let after = parse::after(|_| step("after"));
    trail();
    patch.run(|| {
        after.run(|| {
            for _ in 0..2 {
                assert!(panic_of(|| parse("x")).contains("a number"));
            }
            assert_eq!((parse("7"), parse("zero")), (7, 0));
        });
    });
    assert_eq!(
        trail(),
        ["after"; 2],
        "for calls that return, if by an answer"
    );
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 3);
    assert!(
        told[0].contains("::parse(text: \"x\") panicked: a number"),
        "{}",
        told[0]
    );
}

#[test]
fn a_panic_that_was_answered_is_a_result_for_the_hooks_further_out() {
    #[open]
    fn fails() -> u32 {
        panic!("always")
    }
    let answered = fails::unwound(|unwound| unwound.ret(1));
    let doubled = fails::after(|returned| *returned.result *= 2);
    // The innermost block is the outermost in a call.
    assert_eq!(answered.run(|| doubled.run(fails)), 2);
    assert_eq!(doubled.run(|| answered.run(fails)), 1);
    assert_eq!(doubled.run(|| panic_of(fails)), "always");
}

/// What panics in hooks: the call panics, nothing stays masked, other hooks stay in force.
// catalogue 132 (for hooks), 133
#[test]
fn a_panic_in_a_hook_is_the_function_panicking() {
    let before = add::before(|call| assert!(call.args.a >= 0, "negative"));
    let after = add::after(|returned| assert!(*returned.result < 100, "large"));
    let around = add::around(|args, next| {
        let sum = next.proceed(args);
        assert!(sum != 50, "fifty");
        sum
    });
    let all = |f: fn() -> i32| before.run(|| after.run(|| around.run(f)));
    assert_eq!(panic_of(|| all(|| add(-1, 0))), "negative");
    assert_eq!(panic_of(|| all(|| add(99, 1))), "large");
    assert_eq!(panic_of(|| all(|| add(49, 1))), "fifty");
    assert_eq!(all(|| panic_of(|| add(-1, 0)).len() as i32 + add(1, 1)), 10);
    assert_eq!((add(-1, 0), add(99, 1)), (-1, 100));
}

#[test]
fn a_panic_in_a_hook_that_hears_of_a_panic_is_reported_and_the_first_goes_on() {
    #[open]
    fn fails_first() {
        panic!("the function")
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let _subscription = probe::subscribe({
        let heard = Arc::clone(&heard);
        move |event| {
            if let Event::HookPanicked { function, .. } = event
                && function.ends_with("::fails_first")
            {
                heard.lock().unwrap().push(event.to_string());
            }
        }
    });
    let patch = fails_first::unwound(|_| panic!("the hook"));
    assert_eq!(panic_of(|| patch.run(fails_first)), "the function");
    let heard = heard.lock().unwrap().join("\n");
    assert!(
        heard.contains("the hook") && heard.contains("fails_first"),
        "{heard}"
    );
}

/// A result that a later step could not deliver is dropped, once.
#[test]
fn a_result_is_dropped_once_whatever_happens_to_the_call() {
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    #[open]
    fn make(drops: &Arc<AtomicUsize>) -> Count {
        Count(Arc::clone(drops))
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let late = make::after(|_| panic!("late"));
    assert_eq!(late.run(|| panic_of(|| make(&drops))), "late");
    assert_eq!(drops.load(SeqCst), 1);
    let replaced = make::unwound(|unwound| {
        let count = Count(Arc::clone(unwound.args.drops));
        unwound.ret(count);
    });
    drop(late.run(|| replaced.run(|| make(&drops))));
    assert_eq!(
        drops.load(SeqCst),
        3,
        "that of the body, and the replacement"
    );
    let twice = make::before(|call| {
        for _ in 0..2 {
            let count = Count(Arc::clone(call.args.drops));
            call.ret(count);
        }
    });
    drop(twice.run(|| make(&drops)));
    assert_eq!(drops.load(SeqCst), 5);
}

#[test]
fn a_handler_may_bind_locals_for_the_body() {
    local! { static DEPTH: u32 = 0; }
    #[open]
    fn fact(n: u64) -> u64 {
        if n == 0 { 1 } else { n * fact(n - 1) }
    }
    let deeper = fact::around(|args, next| {
        let depth = DEPTH.copied().unwrap();
        DEPTH.bind(depth + 1, || next.proceed(args))
    });
    let at_the_end = fact::after(|returned| {
        if returned.args.n == 0 {
            *returned.result = DEPTH.copied().unwrap().into();
        }
    });
    assert_eq!(at_the_end.run(|| deeper.run(|| fact(2))), 6); // 3 * 2 * 1
}

/// Hooks that do not stand around the call are not around the body: its own calls find them as the first did.
// catalogue 134
#[test]
fn a_hook_s_own_calls_skip_it_and_recursive_ones_of_the_body_do_not() {
    #[open]
    fn fact(n: u64) -> u64 {
        if n == 0 { 1 } else { n * fact(n - 1) }
    }
    let patches: [Patch; 3] = [
        fact::before(|_| {
            step("hook");
            assert_eq!(fact(3), 6);
        }),
        fact::after(|_| {
            step("hook");
            assert_eq!(fact(3), 6);
        }),
        fact::around(|args, next| {
            step("hook");
            assert_eq!(fact(3), 6);
            next.proceed(args)
        }),
    ];
    for patch in &patches {
        trail();
        assert_eq!(patch.run(|| fact(4)), 24);
        assert_eq!(trail().len(), 5);
    }
    #[open]
    fn fails(n: u32) {
        assert!(n == 0, "not 0");
    }
    let unwound = fails::unwound(|_| {
        step("hook");
        assert_eq!(panic_of(|| fails(1)), "not 0");
    });
    trail();
    assert_eq!(unwound.run(|| panic_of(|| fails(2))), "not 0");
    assert_eq!(trail(), ["hook"]);
}

// catalogue 135
#[test]
fn other_threads_call_the_function_itself_while_a_hook_runs() {
    let patch = add::before(|call| {
        let other = elsewhere(|| add(2, 2));
        call.ret(other * 100);
    });
    assert_eq!(patch.run(|| add(1, 1)), 400);
    let carried = patch.run(Ambient::capture);
    assert_eq!(elsewhere(move || carried.run(|| add(1, 1))), 400);
}

// catalogue 136: through whatever reference a function is called, it is the same function.
#[test]
fn a_reference_taken_before_is_hooked_too() {
    let before: fn(i32, i32) -> i32 = add;
    add::before(|call| call.ret(7)).run(|| assert_eq!((before(1, 1), add(1, 1)), (7, 7)));
}

// catalogue 121, 140: there is one function, by whatever path.
#[test]
fn a_function_that_is_re_exported_is_one_function() {
    mod outer {
        pub(super) use super::add as sum;
    }
    outer::sum::before(|call| call.ret(7)).run(|| assert_eq!(add(1, 1), 7));
    let both = add::before(|_| step("one")).and(outer::sum::before(|_| step("two")));
    trail();
    both.run(|| add(1, 1));
    assert_eq!(trail(), ["two", "one", "body"]);
}

/// Nothing is between a call that nobody looks at and its body.
// catalogue 130
#[test]
fn the_last_patch_that_goes_leaves_the_function_as_it_was() {
    #[open]
    fn quiet() -> u32 {
        1
    }
    assert_eq!(quiet(), 1);
    let patch = quiet::before(|call| call.ret(2));
    let clone = patch.clone();
    assert_eq!(patch.run(quiet), 2);
    drop(patch);
    assert_eq!(clone.run(quiet), 2);
    drop(clone);
    assert!(is_quiet(quiet::__site()));
    assert_eq!(quiet(), 1);
}

#[test]
fn arguments_are_shown_by_name_whether_or_not_they_can_be() {
    struct Opaque;
    #[open]
    fn mixed(_opaque: &Opaque, text: &str, owned: Vec<u8>) -> Opaque {
        let _ = (text, owned);
        Opaque
    }
    let shown = Arc::new(Mutex::new(Vec::new()));
    let note = |shown: &Arc<Mutex<Vec<String>>>| Arc::clone(shown);
    let (b, a) = (note(&shown), note(&shown));
    let before = mixed::before(move |call| b.lock().unwrap().push(format!("{call:?}")));
    let after = mixed::after(move |ret| a.lock().unwrap().push(format!("{ret:?}")));
    before.and(after).run(|| mixed(&Opaque, "x", vec![1]));
    let shown = shown.lock().unwrap();
    assert!(
        shown[0].ends_with("Opaque>, text: \"x\", owned: [1])") && shown[0].contains("(_opaque: <"),
        "{shown:?}"
    );
    assert!(
        shown[1].contains("owned: <taken>) -> <") && shown[1].ends_with("Opaque>"),
        "{shown:?}"
    );
}
