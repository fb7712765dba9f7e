//! Tests with a world of their own: twenty of them replace the same function, beside each other.

use std::sync::Barrier;
use std::time::Duration;

use selvedge::call::Log;
use selvedge::testing::World;
use selvedge::{Carry, Signal, Till, open, thread};

/// What all these tests replace.
#[open]
fn fetch(url: &str) -> Result<u32, String> {
    Err(format!("no network to reach {url}"))
}

/// What all these tests test.
fn double(url: &str) -> Result<u32, String> {
    Ok(fetch(url)? * 2)
}

selvedge::singleton! { static WRITTEN: Vec<u32> = Vec::new(); }
selvedge::local! { static USER: u32; }

/// One test, with a number of its own: listens to a function, checks its arguments, replaces what it does.
fn one(world: &World, n: u32, meanwhile: impl Fn()) {
    assert!(!USER.is_bound() && WRITTEN.get().is_empty());
    let url = format!("http://{n}");
    let fetches = fetch::expect(2)
        .with(move |args| args.url == format!("http://{n}"))
        .returning(move |_| Ok(n));
    let log = Log::record("**::worlds::fetch").unwrap();
    USER.bind(n, || {
        WRITTEN.update(|written| written.push(n));
        log.clone().and(fetches).run(|| {
            meanwhile();
            assert_eq!(double(&url), Ok(2 * n));
            let work = |_stop: Signal| {
                WRITTEN.update(|written| written.push(USER.copied().unwrap()));
                Ok(double(&format!("http://{}", USER.copied().unwrap())).unwrap())
            };
            let other = thread::spawn("other", work.inherit());
            assert_eq!(other.join().unwrap(), 2 * n);
            meanwhile();
        });
        assert_eq!(*WRITTEN.get(), [n, n]);
    });
    let calls = log.calls();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| (call.arg("url").unwrap(), call.returned().unwrap()))
        .collect();
    let (url, result) = (format!("{url:?}"), format!("Ok({n})"));
    assert_eq!(seen, [(&*url, &*result), (&*url, &*result)]);
    assert!(
        calls[1].thread().ends_with("/other"),
        "{}",
        calls[1].thread()
    );
    assert_eq!(world.events(), ["other started", "other ended: finished"]);
    assert!(double("x").is_err());
}

#[test]
fn twenty_tests_on_one_function_run_at_the_same_time() {
    let all_inside = Barrier::new(20);
    std::thread::scope(|scope| {
        for n in 0..20 {
            let all_inside = &all_inside;
            scope.spawn(move || {
                let world = World::new();
                // All twenty are inside of their blocks at once, twice.
                world.test(|| {
                    one(&world, n, || {
                        all_inside.wait();
                    })
                });
            });
        }
    });
    assert!(WRITTEN.get().is_empty() && double("x").is_err());
}

macro_rules! twenty {
    ($($name:ident = $n:literal),*) => { $(
        #[selvedge::test]
        fn $name(world: &World) {
            one(world, $n, || ());
        }
    )* };
}

twenty! {
    test_0 = 0, test_1 = 1, test_2 = 2, test_3 = 3, test_4 = 4, test_5 = 5, test_6 = 6, test_7 = 7, test_8 = 8,
    test_9 = 9, test_10 = 10, test_11 = 11, test_12 = 12, test_13 = 13, test_14 = 14, test_15 = 15, test_16 = 16,
    test_17 = 17, test_18 = 18, test_19 = 19
}

#[selvedge::test(mock_clock)]
fn a_test_may_have_a_clock_that_it_moves(world: &World) {
    let late = Till::after(Duration::from_secs(3600));
    let sleeper = thread::spawn("sleeper", {
        let late = late.clone();
        move |_stop| Ok(late.wait()?)
    });
    assert!(!late.is_set());
    world.advance(Duration::from_secs(3600));
    sleeper.join().unwrap();
}

#[selvedge::test]
fn a_test_may_return_a_result() -> Result<(), Box<dyn std::error::Error>> {
    let answer = fetch::around(|_, _| Ok(4)).run(|| double("x"))?;
    assert_eq!(answer, 8);
    Ok(())
}

#[selvedge::test]
async fn a_test_may_be_async() {
    let answer = async { double("x") }.await;
    assert!(answer.is_err());
}

#[selvedge::test]
#[should_panic(expected = "got 0")]
fn a_test_fails_by_what_it_expected() {
    fetch::expect(1).passing().run(|| ());
}

#[test]
fn a_world_of_a_test_sees_nothing_of_its_surroundings() {
    let around = fetch::around(|_, _| Ok(1));
    USER.bind(7, || {
        around.run(|| {
            assert_eq!(double("x"), Ok(2));
            World::new().test(|| {
                assert!(!USER.is_bound() && double("x").is_err());
            });
        });
    });
}
