//! `#[open(?Send)]`: async functions whose futures stay on their thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use selvedge::call::{Condition, Groutines, LocalBoxFuture, Log};
use selvedge::{Wrap, bind, context, open};

use super::open_async::{finish, pause, poll_once};

context! { static MIRRORED = "mirrored"; }

#[open(?Send)]
async fn push(list: Rc<RefCell<Vec<u32>>>, n: u32) -> Rc<str> {
    let guard = list.borrow();
    let before = guard.len();
    drop(guard);
    pause().await;
    list.borrow_mut().push(n);
    let kept = Rc::clone(&list);
    pause().await;
    format!("{before}, {}", kept.borrow().len()).into()
}

struct Counter {
    n: Cell<u32>,
}

#[open(?Send, as = counting)]
impl Counter {
    async fn add(&self, by: &Cell<u32>) -> u32 {
        pause().await;
        self.n.set(self.n.get() + by.get());
        self.n.get()
    }

    fn get(&self) -> u32 {
        self.n.get()
    }
}

#[bind(counting::add, thread = MIRRORED)]
async fn add_twice(this: &Counter, by: &Cell<u32>, next: Next) -> u32 {
    let kept = Rc::new(by.get());
    by.set(*kept * 2);
    let sum = next.proceed((this, by)).await;
    by.set(*kept);
    sum
}

/// What somebody else might have written.
async fn doubled(n: Rc<Cell<u32>>) -> Rc<u32> {
    pause().await;
    Rc::new(n.get() * 2)
}

selvedge::open_use! {
    /// Its futures stay on their thread, as the other function's do.
    #[open(?Send)]
    async fn double(n: Rc<Cell<u32>>) -> Rc<u32> = doubled;
}

#[open(?Send)]
async fn each<T: 'static>(of: Vec<T>, f: impl Fn(&T) + 'static) -> usize {
    for item in &of {
        pause().await;
        f(item);
    }
    of.len()
}

#[test]
fn what_stays_on_its_thread_is_open_with_all_hooks() {
    let list = || Rc::new(RefCell::new(vec![1]));
    let go = || finish(push(list(), 5)).to_string();
    assert_eq!(go(), "1, 2");
    let before = push::before(|call| call.args.list.borrow_mut().push(0));
    assert_eq!(before.run(go), "2, 3");
    let after = push::after(|returned| *returned.result = Rc::from("after"));
    assert_eq!(after.run(go), "after");
    let around = push::around(|args, next| -> LocalBoxFuture<'_, _> {
        Box::pin(async move {
            let more = Rc::new(args.n);
            pause().await;
            args.list.borrow_mut().push(*more);
            let result = next.proceed(args).await;
            assert_eq!(Rc::strong_count(&more), 1);
            result
        })
    });
    assert_eq!(around.run(go), "2, 3");
    assert_eq!(finish(around.wrap(push(list(), 1))).as_ref(), "2, 3");
}

#[test]
fn it_is_bound_with_next_and_at_run_time() {
    let counter = Counter { n: Cell::new(0) };
    let by = Cell::new(3);
    assert_eq!(finish(counter.add(&by)), 3);
    assert_eq!(MIRRORED.run(|| finish(counter.add(&by))), 9);
    assert_eq!((by.get(), counter.get()), (3, 9));
    let bound = counting::get::bind(&[Condition::Thread(&MIRRORED)], |_, _| 1);
    assert_eq!(
        MIRRORED.run(|| counter.get()),
        1,
        "the others of the block are open as ever"
    );
    bound.unbind();
}

#[test]
fn it_is_watched_expected_and_heard() {
    let list = || Rc::new(RefCell::new(vec![]));
    let log = Log::record("**::async_local::push").unwrap();
    let expected = push::expect(2).with(|args| args.n < 9).passing();
    let hears = || async {
        push::returned()
            .await
            .with(|end| *end.result = Rc::from("heard"));
        push::dropped().await.with(|end| end.args.n = 0);
    };
    let seen = log.run(|| {
        expected.run(|| {
            Groutines::new().with(hears).run(|| {
                let heard = finish(push(list(), 1));
                let mut left = Box::pin(push(list(), 2));
                assert!(poll_once(left.as_mut()).is_pending());
                heard
            })
        })
    });
    assert_eq!(&*seen, "heard");
    let calls = log.calls();
    assert_eq!(calls[0].returned(), Some("\"heard\""));
    assert!(calls[1].was_dropped());
}

#[test]
fn generic_and_with_closures() {
    let sum = Rc::new(Cell::new(0));
    let adds = Rc::clone(&sum);
    let n = finish(each(vec![1, 2], move |n| adds.set(adds.get() + n)));
    assert_eq!((n, sum.get()), (2, 3));
}

#[test]
fn a_function_of_others_may_stay_on_its_thread_too() {
    let n = Rc::new(Cell::new(3));
    assert_eq!(finish(double(Rc::clone(&n))), Rc::new(6));
    let kept = Rc::clone(&n);
    let patch = double::after(|returned| *returned.result = Rc::new(**returned.result + 1));
    let ends = patch.clone().wrap(async move { double(kept).await });
    assert_eq!(finish(ends), Rc::new(7));
    assert_eq!(patch.hits(), 1);
}
