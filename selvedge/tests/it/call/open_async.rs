//! `#[open] async fn`: hooks, handlers that give futures, masks across awaits.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use selvedge::call::{Condition, Own};
use selvedge::{Ambient, Wrap, bind, context, local, open};

use super::{step, trail};

context! { static OFFLINE = "offline"; static STRICT = "strict" strict; }
local! { static TRIES: u32 = 0; }

struct Client {
    base: String,
}

#[open]
async fn fetch(client: &Client, url: String) -> String {
    step("body");
    pause().await;
    format!("{}{url}", client.base)
}

#[open]
impl Client {
    async fn down(&self, n: u32) -> usize {
        match n {
            0 => 0,
            n => Box::pin(self.down(n - 1)).await + self.base.len(),
        }
    }

    async fn get(&self, n: &mut u32) -> &str {
        *n += 1;
        pause().await;
        &self.base
    }

    async fn count(self: Arc<Self>, mut by: usize) -> usize {
        by += self.base.len();
        pause().await;
        by
    }
}

#[open]
async fn first<'a, T: Clone + Send + Sync + 'static>(of: &'a [T], or: &'a T) -> &'a T {
    pause().await;
    of.first().unwrap_or(or)
}

#[open]
async fn fails(n: u32) -> u32 {
    pause().await;
    assert_ne!(n, 0, "nought");
    n
}

/// Ready at the second poll.
pub(super) fn pause() -> impl Future<Output = ()> + Send {
    let mut polled = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

pub(super) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

pub(super) fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = poll_once(future.as_mut()) {
            return result;
        }
    }
}

pub(super) fn is_send<T: Send>(value: T) -> T {
    value
}

fn client() -> Client {
    Client {
        base: "http://x/".to_owned(),
    }
}

#[test]
fn before_after_around_and_a_forced_return() {
    let client = client();
    let go = || finish(is_send(fetch(&client, "a".to_owned())));
    assert_eq!(go(), "http://x/a");
    let p = fetch::before(|call| call.args.url.push('!'));
    assert_eq!(p.run(go), "http://x/a!");
    let p = fetch::after(|returned| {
        assert!(returned.args.url.is_taken());
        returned.result.push('$');
    });
    assert_eq!(p.run(go), "http://x/a$");
    let p = fetch::around(|args, next| {
        Box::pin(async move {
            args.url.push('1');
            pause().await;
            let result = next.proceed(args).await;
            pause().await;
            format!("<{result}>")
        })
    });
    assert_eq!(p.run(go), "<http://x/a1>");
    assert_eq!(trail(), ["body"; 4]);
    let p = fetch::before(|call| call.ret("no".to_owned()));
    assert_eq!(p.run(go), "no");
    assert!(trail().is_empty(), "the body was never polled");
}

#[test]
fn what_applies_is_found_at_the_first_poll_in_the_ambient_of_that_poll() {
    let client = client();
    let after = |mark: char| fetch::after(move |returned| returned.result.push(mark));
    let (made, first, later) = (after('m'), after('f'), after('l'));
    let mut future = Box::pin(made.run(|| fetch(&client, "a".to_owned())));
    assert!(first.run(|| poll_once(future.as_mut())).is_pending());
    drop(first); // the call keeps it
    let result = later.run(|| poll_once(future.as_mut()));
    assert_eq!(result, Poll::Ready("http://x/af".to_owned()));
}

#[test]
fn handlers_nest_as_in_plain_functions() {
    let client = client();
    let outer = fetch::after(|returned| returned.result.push('o'));
    let inner = fetch::around(|args, next| Box::pin(async move { next.proceed(args).await + "i" }));
    let wide = fetch::after(|returned| returned.result.push('w')).install();
    let go = || finish(fetch(&client, "a".to_owned()));
    // The innermost block is the outermost in the call, what is installed the innermost.
    assert_eq!(outer.run(|| inner.run(go)), "http://x/awoi");
    assert_eq!(inner.run(|| outer.run(go)), "http://x/awio");
    drop(wide);
    assert_eq!(go(), "http://x/a");
}

#[test]
fn a_handlers_own_calls_skip_it_across_awaits_and_the_bodys_do_not() {
    #[open]
    async fn count(n: u32) -> u32 {
        pause().await;
        if n == 0 {
            return 0;
        }
        Box::pin(count(n - 1)).await + 1
    }
    static HITS: AtomicU32 = AtomicU32::new(0);
    let p = count::around(|args, next| {
        Box::pin(async move {
            HITS.fetch_add(1, Relaxed);
            pause().await;
            let own = count(1).await; // two calls that are not patched
            let result = next.proceed(args).await;
            pause().await;
            result + count(0).await + own - 1
        })
    });
    let plain = p.run(|| finish(count(3)));
    assert_eq!(plain, 3);
    assert_eq!(
        (HITS.load(Relaxed), p.hits()),
        (4, 4),
        "one for each level of the body"
    );
}

#[test]
fn a_call_that_is_made_between_two_polls_of_a_handler_is_patched() {
    let client = client();
    let p = fetch::around(|args, next| {
        Box::pin(async move {
            pause().await;
            next.proceed(args).await + "p"
        })
    });
    p.run(|| {
        let mut future = Box::pin(fetch(&client, "a".to_owned()));
        assert!(poll_once(future.as_mut()).is_pending());
        // The handler is half way, but we are not inside of it.
        assert_eq!(finish(fetch(&client, "b".to_owned())), "http://x/bp");
        assert_eq!(finish(future), "http://x/ap");
    });
}

#[test]
fn a_capture_made_in_a_handlers_future_is_masked_and_one_in_the_body_is_not() {
    #[open]
    async fn here() -> Ambient {
        pause().await;
        Ambient::capture()
    }
    let passes = here::around(|args, next| {
        Box::pin(async move {
            step("handler");
            next.proceed(args).await
        })
    });
    let from_body = passes.run(|| finish(here()));
    from_body.run(|| drop(finish(here())));
    assert_eq!(trail(), ["handler"; 2]);
    let replaces = here::around(|_, _| {
        Box::pin(async move {
            step("handler");
            pause().await;
            Ambient::capture()
        })
    });
    let from_handler = replaces.run(|| finish(here()));
    let elsewhere = move || {
        from_handler.run(|| drop(finish(here())));
        trail()
    };
    let seen = std::thread::scope(|s| s.spawn(elsewhere).join().unwrap());
    assert!(seen.is_empty());
    assert_eq!(trail(), ["handler"]);
}

#[test]
fn a_task_takes_its_patches_to_another_thread() {
    let p = fetch::before(|call| {
        let tries = TRIES.copied().unwrap();
        call.ret(format!("patched {tries}"));
    });
    let task = async {
        pause().await;
        fetch(&client(), "u".to_owned()).await
    };
    let task = p.and(TRIES.to(3)).wrap(task);
    let result = std::thread::scope(|s| s.spawn(move || finish(task)).join().unwrap());
    assert_eq!(result, "patched 3");
}

#[test]
fn methods_lend_their_arguments_and_results_borrow() {
    let client = client();
    let mut n = 0;
    let p = client::get::around(|args, next| {
        Box::pin(async move {
            **args.n += 10;
            let result = next.proceed(args).await;
            &result[..4]
        })
    });
    assert_eq!(p.run(|| finish(is_send(client.get(&mut n)))), "http");
    assert_eq!(n, 11);
    let (one, two) = (self::client(), self::client());
    let p = client::get::before(|call| call.ret("on")).on(&two);
    let seen = p.run(|| (finish(one.get(&mut 0)).len(), finish(two.get(&mut 0)).len()));
    assert_eq!(seen, (9, 2));
    let p = client::count::before(|call| call.args.by += 1);
    assert_eq!(p.run(|| finish(Arc::new(self::client()).count(1))), 11);
    let none: [u8; 0] = [];
    let p = first::after::<u8>(|returned| *returned.result = returned.args.or);
    assert_eq!(*finish(first(&none, &4)), 4);
    assert_eq!(*p.run(|| finish(first(&[1_u8], &4))), 4);
    assert_eq!(
        *p.run(|| finish(first(&[1_u16], &4))),
        1,
        "another instantiation"
    );
}

#[test]
fn a_panic_of_the_body_at_a_later_poll_is_seen_and_may_be_answered() {
    let go = |n| catch_unwind(AssertUnwindSafe(|| finish(fails(n))));
    let p = fails::unwound(|unwound| {
        assert!(unwound.message().contains("nought"));
        if unwound.args.n == 0 {
            unwound.ret(7);
        }
    });
    assert_eq!(p.run(|| go(0)).unwrap(), 7);
    assert_eq!(p.run(|| go(1)).unwrap(), 1);
    let p = fails::unwound(|_| step("seen"));
    assert!(p.run(|| go(0)).is_err());
    assert_eq!(trail(), ["seen"]);
    let p = fails::around(|_, _| Box::pin(async { panic!("in a handler") }));
    assert!(p.run(|| go(1)).is_err());
}

#[test]
fn limits_and_bindings() {
    let p = fails::before(|call| call.ret(100)).times(1);
    assert_eq!(p.run(|| (finish(fails(1)), finish(fails(1)))), (100, 1));
    let bound = fails::bind(&[Condition::Thread(&OFFLINE)], |args, next| {
        Box::pin(async move {
            pause().await;
            next.proceed(args).await + 1000
        })
    });
    assert_eq!(OFFLINE.run(|| finish(fails(1))), 1001);
    assert_eq!(finish(fails(1)), 1);
    bound.unbind();
    assert_eq!(OFFLINE.run(|| finish(fails(1))), 1);
}

#[bind(fetch, thread = OFFLINE)]
async fn from_disk(client: &Client, mut url: String) -> String {
    pause().await;
    url.push_str(&client.base);
    url
}

#[bind(client::get, thread = OFFLINE)]
async fn get_from_disk<'a>(this: &'a Client, n: &mut u32) -> &'a str {
    *n = 99;
    pause().await;
    &this.base[..1]
}

#[test]
fn an_async_function_is_bound_to_an_async_one() {
    let client = client();
    let (mut n, mut future) = (0, Box::pin(fetch(&client, "a:".to_owned())));
    assert!(OFFLINE.run(|| poll_once(future.as_mut())).is_pending());
    assert_eq!(finish(future), "a:http://x/", "it has begun there");
    assert_eq!(OFFLINE.run(|| finish(is_send(client.get(&mut n)))), "h");
    assert_eq!(n, 99);
    assert_eq!(finish(client.get(&mut n)), "http://x/");
}

#[test]
fn a_strict_context_refuses_a_call_when_it_is_polled_first() {
    let client = client();
    let future = fetch(&client, "a".to_owned());
    let panic = STRICT.run(|| catch_unwind(AssertUnwindSafe(|| finish(future))));
    let panic = panic.unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(
        text.contains("fetch` has no implementation for the strict context `strict`"),
        "{text}"
    );
    let answered = fetch::before(|call| call.ret(String::new()));
    assert_eq!(
        STRICT.run(|| answered.run(|| finish(fetch(&client, "a".to_owned())))),
        ""
    );
    assert_eq!(finish(fetch(&client, "a".to_owned())), "http://x/a");
}

#[test]
fn dropped_half_way_nothing_is_left_and_the_drop_is_masked_as_the_polls_were() {
    /// Calls the function when it is dropped, and notes whether the handler answers.
    struct Calls;
    impl Drop for Calls {
        fn drop(&mut self) {
            let result = poll_once(pin!(waits(0)));
            step(if result == Poll::Ready(99) {
                "patched"
            } else {
                "masked"
            });
        }
    }
    #[open]
    async fn waits(n: u32) -> u32 {
        if n > 0 {
            let _calls = Calls;
            std::future::pending::<()>().await;
        }
        n
    }
    let p = waits::around(|args, next| {
        Box::pin(async move {
            if args.n == 0 {
                return 99;
            }
            let _calls = Calls;
            next.proceed(args).await
        })
    });
    p.run(|| {
        let mut future = Box::pin(waits(1));
        assert!(poll_once(future.as_mut()).is_pending());
        assert!(trail().is_empty());
        drop(future);
    });
    assert_eq!(
        trail(),
        ["patched", "masked"],
        "the body's drop is outside of the handler"
    );
    let never = waits(1);
    drop(p.wrap(never)); // never polled: no handler ran
    assert!(trail().is_empty());
}

#[test]
fn an_argument_that_is_taken_and_not_put_back_panics_when_polled() {
    let client = client();
    let p = fetch::before(|call| drop(Own::take(&mut call.args.url)));
    let panic = p
        .run(|| catch_unwind(AssertUnwindSafe(|| finish(fetch(&client, "a".to_owned())))))
        .unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("`url`"), "{text}");
}

#[test]
fn quiet_it_is_little_more_than_the_plain_future() {
    async fn plain(client: &Client, url: String) -> String {
        pause().await;
        format!("{}{url}", client.base)
    }
    let client = client();
    let (open, plain) = (fetch(&client, String::new()), plain(&client, String::new()));
    let more = size_of_val(&open) - size_of_val(&plain);
    // The arguments, which the body's future has once more, and where it stands.
    assert!(
        more <= 3 * size_of::<(&Client, String)>(),
        "{more} bytes more"
    );
}

trait Source {
    fn next(&mut self) -> impl Future<Output = Option<u32>> + Send;
}

struct Countdown(u32);

#[open]
impl Source for Countdown {
    async fn next(&mut self) -> Option<u32> {
        pause().await;
        self.0 = self.0.checked_sub(1)?;
        Some(self.0)
    }
}

#[test]
fn an_async_method_of_a_trait_is_open() {
    async fn sum(mut source: impl Source + Send) -> u32 {
        let mut sum = 0;
        while let Some(n) = source.next().await {
            sum += n;
        }
        sum
    }
    assert_eq!(finish(is_send(sum(Countdown(4)))), 6);
    let p = countdown_source::next::after(|returned| {
        if let Some(n) = returned.result {
            *n *= 2;
        }
    });
    assert_eq!(p.run(|| finish(sum(Countdown(4)))), 12);
}

#[test]
fn a_hook_sees_the_arguments_by_name() {
    let p = fails::before(|call| assert!(format!("{call:?}").ends_with("::fails(n: 3)")));
    assert_eq!(p.run(|| finish(fails(3))), 3);
    assert_eq!(p.hits(), 1);
}

#[test]
fn an_outer_call_that_is_no_future_of_ours_is_left_alone() {
    // A handler may go on by itself, more than once, by calling the function.
    let client = Rc::new(client());
    let tries = Cell::new(0);
    let p = fetch::around(|args, next| {
        Box::pin(async move {
            let url = String::clone(&args.url);
            let once = fetch(args.client, url).await;
            once + &next.proceed(args).await
        })
    });
    let result = p.run(|| {
        finish(async {
            tries.set(tries.get() + 1);
            fetch(&client, "a".to_owned()).await
        })
    });
    assert_eq!((result.as_str(), tries.get()), ("http://x/ahttp://x/a", 1));
}
