//! Hooks that borrow, of async functions, and around futures.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use selvedge::call::{Groutines, Log};
use selvedge::{Ambient, Wrap, open};

use super::is_quiet;
use super::open_async::{finish, is_send, pause, poll_once};
use crate::ambient::panic_of;

#[open]
async fn fetch(url: &str, tries: u32) -> usize {
    pause().await;
    url.len() + tries as usize
}

#[open]
fn now(at: &str) -> usize {
    at.len()
}

struct Shop {
    base: String,
}

#[open]
impl Shop {
    async fn get(&self, n: &mut u32) -> &str {
        *n += 1;
        pause().await;
        &self.base
    }
}

#[test]
fn a_hook_of_an_async_function_may_borrow_and_change_the_locals_of_the_test() {
    let (mut seen, mut n) = (Vec::new(), 0);
    let answers = fetch::before_here(
        |call| {
            seen.push(call.args.url.to_owned());
            n += 1;
            call.args.tries += 1;
            assert_eq!(finish(fetch("nested", 0)), 6, "its own calls skip it");
            if n == 2 {
                call.ret(0);
            }
        },
        || finish(async { (fetch("a", 1).await, fetch("b", 1).await) }),
    );
    assert_eq!((answers, n), ((3, 0), 2));
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(finish(fetch("a", 1)), 2);
}

#[test]
fn around_a_future_such_a_hook_is_there_in_each_poll_and_between_them_nobody_sees_it() {
    let urls = Mutex::new(Vec::new());
    let hook = fetch::before_lent(|call| urls.lock().unwrap().push(call.args.url.to_owned()));
    let mut both = pin!(is_send(hook.wrap(async {
        let mut other = String::from("b");
        let sum = fetch("a", 0).await;
        other.push('c');
        pause().await;
        sum + fetch(&other, 0).await
    })));
    let mut polls = 0;
    let sum = loop {
        polls += 1;
        if let Poll::Ready(sum) = poll_once(both.as_mut()) {
            break sum;
        }
        assert_eq!(finish(fetch("between", 0)), 7);
    };
    assert_eq!((sum, polls), (3, 4));
    assert_eq!(*urls.lock().unwrap(), ["a", "bc"]);
}

#[test]
fn a_plain_function_has_such_a_hook_around_a_future_too() {
    let mut seen = Vec::new();
    let sum = now::before_lent(|call| seen.push(call.args.at.to_owned()))
        .and(fetch::before_lent(|call| call.args.tries = 0))
        .wrap(async {
            let before = now("a");
            before + fetch("b", 9).await + now("cd")
        });
    assert_eq!(finish(sum), 4);
    assert_eq!(seen, ["a", "cd"]);
    let mut n = 0;
    let block = now::before_lent(|_| n += 1).on_exit(|| assert_eq!(now("last"), 4));
    assert_eq!(block.run(|| now("a")), 1);
    assert_eq!(n, 2, "last actions run in the block");
}

#[test]
fn such_hooks_stand_where_their_blocks_do() {
    let order = RefCell::new(String::new());
    let say = |c| order.borrow_mut().push(c);
    let patch = fetch::around(|args, next| {
        Box::pin(async move {
            pause().await; // what stands behind it has its turn in a later poll
            next.proceed(args).await
        })
    });
    let inner = fetch::before_lent(|_| say('i'));
    let outer = fetch::before_lent(|_| say('o'));
    let page = outer.and(patch).and(inner).wrap(fetch("abc", 0));
    assert_eq!(finish(page), 3);
    assert_eq!(*order.borrow(), "io");
    let explain = || fetch::before_here(|_| (), || fetch::explain().to_string());
    let explained = fetch::before_lent(|_| ()).run(explain);
    let lines: Vec<_> = explained.lines().map(str::trim).collect();
    assert_eq!(
        lines[1..3],
        [
            "1. the hook `before_here` of a block around us",
            "2. the hook `before_lent` of a block around us"
        ]
    );
}

#[test]
fn a_call_that_leaves_the_block_leaves_its_hook_behind() {
    let (n, patch) = (
        Cell::new(0),
        fetch::around(|args, next| {
            Box::pin(async move {
                pause().await;
                next.proceed(args).await
            })
        }),
    );
    let begin = || {
        // The patch is inside of the hook's block, but innermost: the hook's turn comes at the second poll.
        let mut call = Box::pin(fetch("ab", 0));
        assert!(patch.run(|| poll_once(call.as_mut())).is_pending());
        call
    };
    let left = fetch::before_here(|_| n.set(n.get() + 1), begin);
    assert_eq!((finish(left), n.get()), (2, 0), "it passes by");
    let stays = || finish(begin());
    assert_eq!(fetch::before_here(|_| n.set(n.get() + 1), stays), 2);
    assert_eq!(n.get(), 1);
    // Another block of the same function is not that block.
    let left = fetch::before_here(|_| n.set(n.get() + 10), begin);
    fetch::before_here(|_| n.set(n.get() + 100), || finish(left));
    assert_eq!(n.get(), 1);
}

#[test]
fn a_capture_does_not_carry_such_a_hook_to_a_task_or_a_thread() {
    let (mut n, patch) = (0, fetch::before(|call| call.args.tries += 1));
    let inside = patch.and(fetch::before_lent(|_| n += 1)).wrap(async {
        let ambient = Ambient::capture();
        assert_eq!(ambient.clone().wrap(fetch("a", 0)).await, 2);
        let spawned = ambient.wrap(|| finish(fetch("b", 0)));
        assert_eq!(super::alien(spawned).join().unwrap(), 2);
        fetch("c", 0).await
    });
    assert_eq!(finish(inside), 2);
    assert_eq!(n, 1);
}

#[test]
fn a_future_with_such_a_hook_goes_on_on_another_thread() {
    let (mut threads, mut sums) = (Vec::new(), Vec::new());
    let me = std::thread::current().id();
    {
        let hook = fetch::before_lent(|_| threads.push(std::thread::current().id()));
        let mut work = Box::pin(is_send(hook.wrap(async {
            sums.push(fetch("a", 0).await);
            sums.push(fetch("bc", 0).await);
        })));
        assert!(poll_once(work.as_mut()).is_pending());
        std::thread::scope(|scope| {
            let other = scope.spawn(move || {
                assert!(poll_once(work.as_mut()).is_pending());
                assert_eq!(finish(fetch("beside", 0)), 6);
                work
            });
            finish(other.join().unwrap());
        });
    }
    assert_eq!((threads.len(), threads[0] == me), (2, true));
    assert_ne!(threads[1], me, "the second call began there");
    assert_eq!(sums, [1, 2]);
}

#[test]
fn a_panic_of_such_a_hook_is_the_call_panicking_and_it_may_be_called_again() {
    let mut n = 0;
    let text = panic_of(|| {
        let hook = fetch::before_lent(|_| {
            n += 1;
            panic!("hook {n}");
        });
        finish(hook.wrap(async {
            assert_eq!(panic_of(|| finish(fetch("a", 0))), "hook 1");
            fetch("b", 0).await
        }))
    });
    assert_eq!((&*text, n), ("hook 2", 2));
    assert_eq!(finish(fetch("c", 0)), 1);
}

/// Calls the function when it is dropped.
struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        now("last");
    }
}

#[test]
fn dropped_or_leaked_half_way_such_a_future_leaves_nothing_behind() {
    #[open]
    async fn slow() -> usize {
        let _last = Last;
        pause().await;
        1
    }
    let (calls, drops) = (Cell::new(0), Cell::new(0));
    let work = || {
        let hook = slow::before_lent(|_| calls.set(calls.get() + 1));
        let drops = now::before_lent(|_| drops.set(drops.get() + 1));
        let mut work = Box::pin(hook.and(drops).wrap(async { slow().await }));
        assert!(poll_once(work.as_mut()).is_pending());
        work
    };
    drop(work());
    assert_eq!((calls.get(), drops.get()), (1, 1), "destructors run inside");
    assert!(is_quiet(slow::__site()));
    std::mem::forget(work());
    assert_eq!(finish(slow()), 1);
    now("outside");
    assert_eq!((calls.get(), drops.get()), (2, 1));
}

#[test]
fn recursive_calls_of_the_body_have_such_a_hook_each() {
    #[open]
    async fn down(n: u32) -> u32 {
        pause().await;
        match n {
            0 => 0,
            n => Box::pin(down(n - 1)).await + 1,
        }
    }
    let mut seen = Vec::new();
    let hook = down::before_lent(|call| {
        seen.push(call.args.n);
        if call.args.n == 2 {
            assert_eq!(finish(down(3)), 3, "not those of the handler");
        }
    });
    assert_eq!(finish(hook.wrap(down(3))), 3);
    assert_eq!(seen, [3, 2, 1, 0]);
}

#[test]
fn a_method_a_generic_function_and_one_that_stays_on_its_thread_have_such_hooks() {
    #[open(?Send)]
    async fn add(to: Rc<Cell<u32>>, by: &Cell<u32>) -> u32 {
        pause().await;
        to.get() + by.get()
    }
    #[open]
    async fn first<'a, T: Clone + Send + Sync + 'static>(of: &'a [T]) -> Option<&'a T> {
        pause().await;
        of.first()
    }
    let shop = Shop {
        base: "x".to_owned(),
    };
    let (mut n, mut bases) = (0, Vec::new());
    let hook = shop::get::before_lent(|call| bases.push(call.args.this.base.clone()));
    assert_eq!(finish(hook.wrap(shop.get(&mut n))), "x");
    assert_eq!((n, &bases[..]), (1, &["x".to_owned()][..]));

    let (to, by) = (Rc::new(Cell::new(1)), Cell::new(2));
    let hook = add::before_lent(|call| call.args.to.set(by.get()));
    assert_eq!(finish(hook.wrap(add(Rc::clone(&to), &by))), 4);

    let (list, other) = ([1_u8, 2], [3_u16]);
    let mut lengths = Vec::new();
    let both = first::before_here::<u8, _>(
        |call| {
            lengths.push(call.args.of.len());
            let last = call.args.of.last();
            call.ret(last);
        },
        || finish(async { (first(&list).await, first(&other).await) }),
    );
    assert_eq!(both, (Some(&2), Some(&3)));
    assert_eq!(lengths, [2]);
}

#[test]
fn watches_and_groutines_are_told_of_a_call_that_such_a_hook_answers() {
    let log = Log::record("**::here_async::fetch").unwrap();
    let (n, heard) = (Cell::new(0), Arc::new(AtomicUsize::new(0)));
    let listening = || {
        let tell = Arc::clone(&heard);
        Groutines::new().with(move || {
            let tell = Arc::clone(&tell);
            async move {
                let mut call = fetch::returned().await;
                tell.fetch_add(call.with(|returned| *returned.result), Relaxed);
            }
        })
    };
    let hook = || {
        fetch::before_lent(|call| {
            n.set(n.get() + 1);
            call.ret(77);
        })
    };
    let outside = || finish(hook().wrap(fetch("a", 0)));
    assert_eq!(log.run(|| listening().run(outside)), 77);
    assert_eq!(heard.load(Relaxed), 0, "the call does not come to it");
    let inside = || listening().run(|| finish(fetch("b", 0)));
    assert_eq!(log.run(|| hook().run(inside)), 77);
    assert_eq!((heard.load(Relaxed), n.get()), (77, 2));
    let calls = log.calls();
    assert_eq!(
        calls
            .iter()
            .filter(|call| call.returned() == Some("77"))
            .count(),
        2
    );
}

#[test]
fn what_takes_any_block_takes_such_a_hook() {
    fn twice(block: impl selvedge::Enter, f: impl Fn() -> usize) -> usize {
        block.run(|| f() + f())
    }
    let mut n = 0;
    assert_eq!(twice(now::before_lent(|_| n += 1), || now("ab")), 4);
    assert_eq!(n, 2);
}
