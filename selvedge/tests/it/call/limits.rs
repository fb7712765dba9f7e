//! Which calls a patch is for, and where it is in force: times, signals, objects, suites, the whole process.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use selvedge::call::{Condition, Installed, Suite};
use selvedge::testing::World;
use selvedge::{Ambient, Group, Signal, context, local, open, thread};

use super::{step, trail};
use crate::ambient::{elsewhere, panic_of};

#[open]
fn number(n: u32) -> u32 {
    step("body");
    n
}

// catalogue 128, 129: once, or for every call.
#[test]
fn a_patch_may_be_for_some_calls_only() {
    let once = number::before(|call| call.ret(0)).times(1);
    assert_eq!(once.run(|| [number(1), number(2), number(3)]), [0, 2, 3]);
    assert_eq!(once.run(|| number(4)), 4, "used up, in later blocks too");
    assert_eq!(once.hits(), 1);
    let never = number::before(|_| panic!("never")).times(0);
    assert_eq!(never.run(|| number(1)), 1);
    // Clones share what is left; another limit makes another patch, of the same handler.
    let twice = number::before(|call| call.ret(0)).times(2);
    let (clone, more) = (twice.clone(), twice.clone().times(1));
    assert_eq!(clone.run(|| [number(1), number(1)]), [0, 0]);
    assert_eq!(twice.run(|| number(1)), 1);
    assert_eq!(more.run(|| [number(1), number(1)]), [0, 1]);
    assert_eq!((twice.hits(), more.hits()), (2, 1));
}

/// The handler is one, whatever has become of the patch that it was made for.
#[test]
fn patches_of_one_handler_keep_it_and_are_skipped_together_by_its_own_calls() {
    let token = Arc::new(());
    let kept = Arc::downgrade(&token);
    let first = number::before(move |call| {
        let _token = &token;
        call.ret(number(call.args.n) + 10);
    });
    let second = first.clone().times(2);
    let third = second.clone().times(1);
    drop(first);
    let results = third.run(|| second.run(|| [1, 2, 3, 4].map(number)));
    assert_eq!(results, [11, 12, 13, 4]);
    assert_eq!((second.hits(), third.hits()), (2, 1));
    drop(second);
    assert!(kept.upgrade().is_some());
    drop(third);
    assert!(kept.upgrade().is_none());
}

#[test]
fn a_patch_that_is_passed_by_does_not_count() {
    let inner = number::before(|call| call.ret(0)).times(1);
    let outer = number::before(|call| call.ret(1)).times(1);
    // The first call is answered by `inner`: `outer` has its time still.
    assert_eq!(
        outer.run(|| inner.run(|| [number(9), number(9), number(9)])),
        [0, 1, 9]
    );
}

#[test]
fn a_patch_may_wait_for_a_signal() {
    let down = Signal::named("down");
    let patch = number::before(|call| call.ret(0)).when(&down).times(1);
    patch.run(|| {
        assert_eq!(number(1), 1);
        assert_eq!(patch.hits(), 0);
        down.set();
        assert_eq!([number(1), number(1)], [0, 1]);
    });
}

struct Door {
    open: bool,
}

#[open]
impl Door {
    fn is_open(&self) -> bool {
        self.open
    }
    fn set_open(&mut self, open: bool) -> &mut Self {
        self.open = open;
        self
    }
    fn take(self) -> bool {
        self.open
    }
    fn closed() -> Self {
        Self { open: false }
    }
}

// catalogue 121, 139: (object, attribute)
#[test]
fn a_patch_may_be_for_one_object() {
    let (front, mut back) = (Door::closed(), Door::closed());
    let patch = door::is_open::before(|call| call.ret(true)).on(&front);
    patch.run(|| assert_eq!((front.is_open(), back.is_open()), (true, false)));
    assert_eq!(patch.hits(), 1);
    let inverted = door::set_open::before(|call| call.args.open = !call.args.open).on(&back);
    let mut other = Door::closed();
    inverted.run(|| {
        back.set_open(false);
        other.set_open(false);
    });
    assert_eq!((back.open, other.open), (true, false));
}

#[test]
fn a_patch_on_something_that_the_function_is_not_called_on_is_refused() {
    let door = Door::closed();
    let text = panic_of(|| door::is_open::before(|_| {}).on(&door.open));
    assert!(
        text.contains("is called on a `") && text.contains("Door`"),
        "{text}"
    );
    for text in [
        panic_of(|| door::take::before(|_| {}).on(&door)),
        panic_of(|| door::closed::before(|_| {}).on(&door)),
        panic_of(|| number::before(|_| {}).on(&door)),
    ] {
        assert!(text.contains("not called on an object"), "{text}");
    }
    assert!(!door.take());
}

struct Reader<'t>(&'t str);
#[open]
impl<'t> Reader<'t> {
    fn all(&self) -> &'t str {
        self.0
    }
}

#[test]
fn an_object_with_a_lifetime_is_known_too() {
    let text = "text".to_owned();
    let (one, two) = (Reader(&text), Reader(&text));
    let patch = reader::all::before(|call| call.ret("patched")).on(&one);
    patch.run(|| assert_eq!((one.all(), two.all()), ("patched", "text")));
}

// catalogue 79 (`GlobalPatches`)
#[test]
fn an_installed_patch_is_in_force_on_every_thread_until_its_guard_goes() {
    #[open]
    fn shared(n: u32) -> u32 {
        n
    }
    let one = shared::after(|r| *r.result += 1).install();
    let ten = shared::after(|r| *r.result *= 10).install();
    // The newest is the outermost.
    assert_eq!(elsewhere(|| shared(1)), 20);
    assert_eq!(Ambient::empty().run(|| shared(1)), 20);
    // Any order, any thread.
    elsewhere(move || drop(one));
    assert_eq!(shared(1), 10);
    drop(ten);
    assert_eq!((shared(1), elsewhere(|| shared(1))), (1, 1));
}

// catalogue 40
#[test]
fn a_patch_of_a_group_is_for_its_threads_and_stands_before_those_of_the_process() {
    #[open]
    fn who() -> String {
        "body".to_owned()
    }
    let says = |text: &'static str| {
        who::around(move |args, next| format!("{text}>{}", next.proceed(args)))
    };
    let (testers, others) = (Group::new("testers"), Group::new("others"));
    let old = testers.install(&says("old"));
    let process = says("process").install();
    let new = testers.install(&says("new"));
    let in_group = |group: &Group| {
        World::new().run(|| {
            let member = thread::Builder::new("member").group(group);
            member.spawn(|_stop| Ok(who())).unwrap().join().unwrap()
        })
    };
    assert_eq!(in_group(&testers), "new>old>process>body");
    assert_eq!(in_group(&others), "process>body");
    assert_eq!(who(), "process>body");
    assert_eq!(says("block").run(who), "block>process>body");
    drop(old); // in any order
    assert_eq!(in_group(&testers), "new>process>body");
    drop((new, process));
    assert_eq!(in_group(&testers), "body");
}

#[test]
fn one_patch_may_be_installed_twice() {
    #[open]
    fn twice(n: u32) -> u32 {
        n
    }
    let patch = twice::after(|r| *r.result += 1);
    let (first, second) = (patch.install(), patch.install());
    drop(patch);
    assert_eq!(twice(0), 2);
    drop(first);
    assert_eq!(twice(0), 1);
    drop(second);
    assert_eq!(twice(0), 0);
}

#[test]
fn the_order_is_blocks_then_installed_then_bindings_then_the_body() {
    context! { static T = "t"; }
    #[open]
    fn list(seen: Vec<&'static str>) -> Vec<&'static str> {
        [seen, vec!["body"]].concat()
    }
    list::bind(&[Condition::Thread(&T)], |args, next| {
        args.seen.push("binding");
        next.proceed(args)
    });
    let patch = |name| list::before(move |call| call.args.seen.push(name));
    let _old = patch("old").install();
    let _new = patch("new").install();
    let seen = patch("outer").run(|| T.run(|| patch("inner").run(|| list(Vec::new()))));
    assert_eq!(seen, ["inner", "outer", "new", "old", "binding", "body"]);
    // More than a few.
    let suite: Suite = (0..5).map(|_| patch("more")).collect();
    let _more = suite.install();
    assert_eq!(T.run(|| list(Vec::new())).len(), 9);
}

/// The guard of a patch, for its own handler.
type Slot = Arc<Mutex<Option<Installed>>>;

#[test]
fn a_patch_may_be_taken_off_by_its_own_handler_and_the_call_goes_on_with_it() {
    #[open]
    fn itself(n: u32) -> u32 {
        n
    }
    let (slot, alive) = (Slot::default(), Arc::new(()));
    let patch = itself::around({
        let (slot, alive) = (Arc::clone(&slot), Arc::clone(&alive));
        move |args, next| {
            drop(slot.lock().unwrap().take());
            let result = next.proceed(args);
            result + u32::try_from(Arc::strong_count(&alive)).unwrap()
        }
    });
    *slot.lock().unwrap() = Some(patch.install());
    drop(patch);
    assert_eq!(itself(1), 3, "it is alive to the end of the call");
    assert_eq!(Arc::strong_count(&alive), 1, "and no longer");
    assert_eq!(itself(1), 1);
}

#[test]
fn a_patch_that_is_installed_by_a_handler_begins_with_the_next_call() {
    #[open]
    fn later(n: u32) -> u32 {
        n
    }
    let slot = Slot::default();
    let patch = later::before({
        let slot = Arc::clone(&slot);
        move |_| *slot.lock().unwrap() = Some(later::after(|r| *r.result += 1).install())
    });
    assert_eq!(patch.times(1).run(|| (later(1), later(1))), (1, 2));
}

/// A destructor of a handler is the user's: it may call, patch, and take its time.
#[test]
fn handlers_are_dropped_where_no_lock_is_held() {
    #[open]
    fn locked() -> u32 {
        1
    }
    struct Calls;
    impl Drop for Calls {
        fn drop(&mut self) {
            step(if locked() == 1 { "plain" } else { "patched" });
            drop(locked::before(|call| call.ret(9)).install());
            locked::bind(&[Condition::Thread(&DROPPING)], |_, _| 5).unbind();
        }
    }
    context! { static DROPPING = "dropping"; }
    let calls = Calls;
    let on = locked::before(move |call| {
        let _ = &calls;
        call.ret(2);
    })
    .install();
    assert_eq!(locked(), 2);
    trail();
    drop(on);
    assert_eq!(trail(), ["plain"]);
    let calls = Calls;
    let bound = locked::bind(&[Condition::Thread(&DROPPING)], move |_, _| {
        let _ = &calls;
        3
    });
    assert!(bound.unbind());
    drop(bound);
    assert_eq!(trail(), ["plain"]);
}

#[test]
fn a_suite_is_a_stack_and_suites_are_added() {
    #[open]
    fn list(seen: Vec<&'static str>) -> Vec<&'static str> {
        seen
    }
    #[open]
    fn other() -> u32 {
        1
    }
    let patch = |name| list::before(move |call| call.args.seen.push(name));
    let lower = Suite::new().with(patch("a")).with(patch("b"));
    let upper = Suite::new().with(other::before(|call| call.ret(2)).times(1)) + patch("c").into();
    let both = lower.clone() + upper;
    assert_eq!(both.patches().len(), 4);
    for seconds in [2, 1] {
        both.run(|| {
            assert_eq!(list(Vec::new()), ["c", "b", "a"]);
            assert_eq!(other(), seconds, "each patch has its own limits");
        });
    }
    assert_eq!(lower.run(|| list(Vec::new())), ["b", "a"]);
    assert_eq!(list(Vec::new()), [""; 0]);
    assert_eq!(panic_of(|| both.run(|| panic!("block"))), "block");
    assert_eq!(Suite::new().run(|| list(Vec::new())), [""; 0]);
    let on = both.install();
    assert_eq!(elsewhere(|| list(Vec::new())), ["c", "b", "a"]);
    drop(on);
    assert_eq!(list(Vec::new()), [""; 0]);
}

#[test]
fn patches_and_suites_combine_with_other_blocks_and_wrap_work() {
    use selvedge::Wrap as _;
    local! { static FACTOR: u32; }
    let times = number::after(|r| *r.result *= FACTOR.copied().unwrap());
    let mut left = false;
    FACTOR
        .to(3)
        .and(times.clone())
        .on_exit(|| left = number(1) == 3)
        .run(|| assert_eq!(number(2), 6));
    assert!(left, "in force in the last action");
    let closure = times.clone().and(FACTOR.to(4)).wrap(|| number(2));
    assert_eq!(elsewhere(closure), 8);

    fn in_block(block: impl selvedge::Enter) -> u32 {
        block.run(|| number(1))
    }
    let suite = Suite::new().with(number::before(|call| call.args.n += 1));
    assert_eq!(in_block(suite.clone()), 2);

    // A future is patched whenever it is polled, and nowhere else.
    let (go, waker) = (Signal::new(), Waker::noop());
    let mut work = pin!(suite.wrap({
        let go = go.clone();
        async move {
            let first = number(1);
            go.await;
            (first, number(1))
        }
    }));
    let mut poll = || work.as_mut().poll(&mut Context::from_waker(waker));
    assert_eq!(poll(), Poll::Pending);
    assert_eq!(number(1), 1, "between the polls");
    go.set();
    assert_eq!(poll(), Poll::Ready((2, 2)));
}

// catalogue 39
#[test]
fn what_was_bound_can_be_unbound() {
    context! { static A = "a"; static B = "b"; }
    #[open]
    fn version() -> u32 {
        0
    }
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let first = version::bind(&[Condition::Thread(&A)], move |_, _| {
        let _ = &held;
        1
    });
    let second = version::bind(&[Condition::Thread(&B)], |_, _| 2);
    assert_eq!((A.run(version), B.run(version)), (1, 2));
    assert!(first.unbind());
    assert!(!first.unbind(), "once");
    assert_eq!((A.run(version), B.run(version)), (0, 2));
    drop(first);
    assert_eq!(Arc::strong_count(&alive), 1);
    // What has replaced a binding stays.
    let third = version::bind(&[Condition::Thread(&B)], |_, _| 3);
    assert!(!second.unbind());
    assert_eq!(B.run(version), 3);
    assert!(third.unbind());
    assert_eq!(B.run(version), 0);
    assert!(version::__site().passes());
    let again = version::bind(&[Condition::Thread(&B)], |_, _| 4);
    assert_eq!(B.run(version), 4);
    // A binding may take itself off.
    let slot = Arc::new(Mutex::new(Some(again)));
    let inner = Arc::clone(&slot);
    let itself = version::bind(&[Condition::Thread(&A)], move |args, next| {
        let bound: Option<selvedge::call::Binding> = inner.lock().unwrap().take();
        bound.map_or(0, |bound| u32::from(bound.unbind())) + next.proceed(args)
    });
    *slot.lock().unwrap() = Some(itself);
    assert_eq!(A.run(|| (version(), version())), (1, 0));
}

// catalogue 13
#[test]
fn bindings_that_may_tie_are_listed() {
    context! { static A = "tie-a"; static B = "tie-b"; static PP = "tie-p"; static QQ = "tie-q"; }
    use Condition::{Process, Thread};
    #[open]
    fn listed() -> u32 {
        0
    }
    let mine = || {
        let ties = selvedge::call::check();
        let mine = |tie: &selvedge::call::Tie| tie.function().path().ends_with("::listed");
        ties.into_iter().filter(mine).collect::<Vec<_>>()
    };
    // Of two contexts that are entered on a thread, one is the innermost.
    listed::bind(&[Thread(&A)], |_, _| 1);
    listed::bind(&[Thread(&B)], |_, _| 2);
    listed::bind(&[Thread(&A), Process(&PP)], |_, _| 3);
    listed::bind(&[Process(&PP)], |_, _| 4);
    assert_eq!(mine().len(), 0);
    let line = line!() + 1;
    let qq = listed::bind(&[Process(&QQ)], |_, _| 5);
    let ties = mine();
    assert_eq!(ties.len(), 1);
    let (when, at) = ties[0].later();
    assert_eq!(
        (format!("{when:?}"), at.line()),
        ("[Process(tie-q)]".to_owned(), line)
    );
    assert_eq!(format!("{:?}", ties[0].earlier().0), "[Process(tie-p)]");
    qq.unbind();
    assert_eq!(mine().len(), 0);
    let pair = listed::bind(&[Thread(&A), Process(&QQ)], |_, _| 6);
    assert_eq!(mine().len(), 1);
    pair.unbind();
}
