//! What a profile says of programs whose profile is known.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use selvedge::observe::profile::{self, Builder, RowKind};
use selvedge::sync::Queue;
use selvedge::testing::World;
use selvedge::{Signal, open, thread};

use super::{all, alone, profile_of, row, start};

fn pass(world: &World, millis: u64) {
    world.advance(Duration::from_millis(millis));
}

#[open]
fn leaf(world: &World, millis: u64) {
    pass(world, millis);
}

#[open]
fn middle(world: &World) {
    pass(world, 1);
    leaf(world, 3);
    leaf(world, 5);
}

#[open]
fn countdown(world: &World, n: u32) {
    pass(world, 2);
    if n > 0 {
        countdown(world, n - 1);
        leaf(world, 1);
    }
}

#[open]
fn ping(world: &World, n: u32) {
    pass(world, 1);
    if n > 0 {
        pong(world, n - 1);
    }
}

#[open]
fn pong(world: &World, n: u32) {
    pass(world, 10);
    if n > 0 {
        ping(world, n - 1);
    }
}

#[test]
fn a_known_program_has_its_counts_and_times() {
    let profile = profile_of(all(), |world| {
        middle(world);
        leaf(world, 7);
        middle(world);
        pass(world, 100); // nobody's
    });
    assert_eq!(row(&profile, "middle"), (2, 2, 2, 18, 9));
    assert_eq!(row(&profile, "leaf"), (5, 5, 23, 23, 7));
    assert_eq!(profile.lasted(), Duration::from_millis(125));
    let leaf = profile.row("leaf").unwrap();
    assert_eq!(leaf.kind(), RowKind::Function);
    assert!(
        leaf.location()
            .unwrap()
            .file()
            .ends_with("observe/profile.rs")
    );
    assert!(leaf.name().ends_with("observe::profile::leaf"));
}

#[test]
fn recursion_counts_no_time_twice() {
    let profile = profile_of(all(), |world| {
        countdown(world, 3);
        countdown(world, 0);
    });
    // 4 calls of 2 ms around 3 of 1 ms, then one of 2 ms.
    assert_eq!(row(&profile, "countdown"), (5, 2, 10, 13, 11));
    assert_eq!(row(&profile, "leaf"), (3, 3, 3, 3, 1));

    let profile = profile_of(all(), |world| ping(world, 3));
    // ping(3) -> pong(2) -> ping(1) -> pong(0)
    assert_eq!(row(&profile, "ping"), (2, 1, 2, 22, 22));
    assert_eq!(row(&profile, "pong"), (2, 1, 20, 21, 21));
}

#[test]
fn a_recursion_deeper_than_the_tree_of_calls_is_exact() {
    let profile = profile_of(all(), |world| countdown(world, 600));
    assert_eq!(row(&profile, "countdown"), (601, 1, 1202, 1802, 1802));
    assert_eq!(row(&profile, "leaf"), (600, 600, 600, 600, 1));
}

#[open]
fn fails(world: &World) {
    leaf(world, 1);
    let _block = profile::block("in vain");
    pass(world, 2);
    panic!("on purpose");
}

#[test]
fn a_call_that_panics_is_one_that_ends() {
    let profile = profile_of(all(), |world| {
        assert!(catch_unwind(AssertUnwindSafe(|| fails(world))).is_err());
        leaf(world, 4);
    });
    assert_eq!(row(&profile, "fails"), (1, 1, 0, 3, 3));
    assert_eq!(row(&profile, "in vain"), (1, 1, 2, 2, 2));
    assert_eq!(row(&profile, "leaf"), (2, 2, 5, 5, 4)); // not inside of the other any more
    assert!(
        !profile
            .to_folded()
            .contains("fails;observe::profile::leaf 4000")
    );
}

#[test]
fn threads_are_added_up_and_kept_apart() {
    let _alone = alone();
    let world = World::with_mock_clock();
    let profile = world.run(|| {
        let profiling = start();
        thread::scope("crowd", |s| {
            // One after the other: they share the clock.
            for (name, calls) in [("a", 1), ("b", 2), ("a", 4)] {
                let world = &world;
                s.spawn(name, move |_| {
                    (0..calls).for_each(|_| leaf(world, 10));
                    Ok(())
                })
                .join()?;
            }
            Ok(())
        })
        .unwrap();
        leaf(&world, 1000);
        profiling.stop()
    });
    assert_eq!(row(&profile, "leaf"), (8, 8, 1070, 1070, 1000));
    let of = |name: &str| {
        let mut threads = profile.threads().iter();
        threads
            .find(|thread| thread.path().ends_with(name))
            .unwrap()
    };
    let (a, b) = (of("/a"), of("/b"));
    assert_eq!((a.threads(), a.row("leaf").unwrap().calls()), (2, 5));
    assert_eq!((b.threads(), b.row("leaf").unwrap().calls()), (1, 2));
    assert_eq!(b.row("leaf").unwrap().total(), Duration::from_millis(20));
    let body = b.row(b.path()).unwrap();
    assert_eq!((body.kind(), body.calls()), (RowKind::Thread, 1));
    assert_eq!(
        (body.own(), body.total()),
        (Duration::ZERO, Duration::from_millis(20))
    );
    let by_hand: u64 = profile
        .threads()
        .iter()
        .filter_map(|t| t.row("leaf"))
        .map(|row| row.calls())
        .sum();
    assert_eq!(by_hand, 8);
}

#[test]
fn an_alien_thread_is_measured_too() {
    let profile = profile_of(all(), |world| {
        std::thread::scope(|s| {
            let alien = std::thread::Builder::new().name("measured-alien".to_owned());
            alien.spawn_scoped(s, || leaf(world, 0)).unwrap();
        });
    });
    let alien = profile.thread("measured-alien").unwrap();
    assert_eq!(alien.row("leaf").unwrap().calls(), 1);
}

#[test]
fn sleep_is_nobodys_own_time() {
    #[open]
    fn take(queue: &Queue<u8>) -> u8 {
        queue.pop().unwrap()
    }
    let profile = profile_of(all(), |world| {
        let queue = Queue::named("measured-queue", 1);
        let taker = thread::spawn("taker", {
            let queue = queue.clone();
            move |_| Ok(take(&queue))
        });
        while !thread::tree().to_string().contains("measured-queue") {
            std::thread::yield_now();
        }
        pass(world, 50);
        queue.push(1).unwrap();
        taker.join().unwrap();
    });
    assert_eq!(row(&profile, "take"), (1, 1, 0, 50, 50));
    let taker = profile
        .threads()
        .iter()
        .find(|t| t.path().ends_with("/taker"))
        .unwrap();
    let wait = taker.row("queue").unwrap();
    assert_eq!((wait.kind(), wait.calls()), (RowKind::Wait, 1));
    assert_eq!(wait.own(), Duration::from_millis(50));
}

#[open]
fn serve(world: &World, queue: &Queue<u32>) -> u32 {
    let n = queue.pop().unwrap();
    pass(world, n.into());
    n
}

#[test]
fn work_and_waits_are_told_apart() {
    let profile = profile_of(all(), |world| {
        let queue = Queue::named("told-apart", 1);
        thread::scope("scope", |s| {
            let server = s.spawn("server", |_| Ok(serve(world, &queue)));
            while !thread::tree().to_string().contains("told-apart") {
                std::thread::yield_now();
            }
            pass(world, 50);
            queue.push(7)?;
            server.join()?;
            Ok(())
        })
        .unwrap();
    });
    let of_server = |folded: String| -> Vec<String> {
        let stacks = folded
            .lines()
            .filter_map(|line| line.split_once("/server;"));
        let mut stacks: Vec<_> = stacks.map(|(_, stack)| stack.to_owned()).collect();
        stacks.sort_unstable();
        stacks
    };
    let here = module_path!();
    let work = format!("{here}::serve 7000");
    let wait = format!("{here}::serve;wait for a queue 50000");
    assert_eq!(of_server(profile.to_folded()), [&*work, &*wait]);
    assert_eq!(of_server(profile.to_folded_work()), [&*work]);
    let table = profile.to_string();
    assert!(
        table.contains("/server`: 7.0 ms of work, 50.0 ms of waits"),
        "{table}"
    );
}

struct Yields<'w>(&'w World, u32);

impl Future for Yields<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        pass(self.0, 2);
        self.1 -= 1;
        if self.1 == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

#[open]
async fn fetch(world: &World, polls: u32) {
    Yields(world, polls).await;
}

#[test]
fn an_async_call_is_its_polls() {
    let profile = profile_of(all(), |world| {
        let mut context = Context::from_waker(Waker::noop());
        let mut fetching = Box::pin(fetch(world, 3));
        while fetching.as_mut().poll(&mut context).is_pending() {
            pass(world, 100); // it does not run
        }
        let mut dropped = Box::pin(fetch(world, 3));
        assert!(dropped.as_mut().poll(&mut context).is_pending());
        drop(fetch(world, 3)); // never polled: not called
    });
    assert_eq!(row(&profile, "fetch"), (2, 2, 8, 8, 2));
    assert_eq!(profile.row("fetch").unwrap().polls(), 4);
}

#[test]
fn of_short_functions_some_calls_are_timed_and_all_are_counted() {
    #[open]
    fn short(world: &World) {
        world.advance(Duration::from_micros(1));
    }
    let profile = profile_of(all().sample(10), |world| {
        let _block = profile::block("around");
        (0..10_000).for_each(|_| short(world));
    });
    assert_eq!(row(&profile, "short"), (10_000, 10_000, 10, 10, 0));
    // It is not short, and timed: what it calls is taken off by what it is taken to be.
    assert_eq!(row(&profile, "around"), (1, 1, 0, 10, 10));
}

fn spin(time: Duration) -> Duration {
    let start = Instant::now();
    while start.elapsed() < time {}
    start.elapsed()
}

#[open]
fn busy() -> Duration {
    spin(Duration::from_millis(30))
}

#[open]
fn busy_around() -> (Duration, Duration) {
    (spin(Duration::from_millis(20)), busy())
}

/// Each lies between what was measured inside of it and around it: somebody else may have had the processor in between.
#[test]
fn times_of_the_real_clock_are_within_a_tenth() {
    let _alone = alone();
    World::new().run(|| {
        let profiling = start();
        let begin = Instant::now();
        let (own, within) = busy_around();
        let first = begin.elapsed();
        let begin = Instant::now();
        let apart = busy();
        let second = begin.elapsed();
        let profile = profiling.stop();
        let is_between = |ours: Duration, least: Duration, most: Duration| {
            assert!(
                least * 9 / 10 <= ours && ours <= most * 11 / 10,
                "{ours:?} is not from {least:?} to {most:?}\n{profile}"
            );
        };
        let (around, busy) = (
            profile.row("busy_around").unwrap(),
            profile.row("busy").unwrap(),
        );
        is_between(around.total(), own + within, first);
        is_between(around.own(), own, first - within);
        is_between(busy.total(), within + apart, first - own + second);
        is_between(busy.max(), within.max(apart), (first - own).max(second));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_tells_who_was_on_a_processor() {
    let _alone = alone();
    World::new().run(|| {
        let profiling = start();
        let (burnt, wait) = (Signal::new(), Signal::new());
        let idle = thread::spawn("idle", {
            let (burnt, wait) = (burnt.clone(), wait.clone());
            move |_| {
                burnt.set();
                Ok(wait.wait()?)
            }
        });
        burnt.wait().unwrap();
        let burner = thread::spawn("burner", |_| Ok(busy()));
        burner.join().unwrap();
        let now = profiling.snapshot();
        wait.set();
        idle.join().unwrap();
        let cpu = |name: &str| {
            let mut threads = now.threads().iter();
            threads
                .find(|t| t.path().ends_with(name))
                .unwrap()
                .cpu()
                .unwrap()
        };
        // Others may have had the processor for a part of the 30 ms.
        assert!(cpu("/burner") > Duration::from_millis(1), "{now}");
        assert!(cpu("/idle") < cpu("/burner"), "{now}");
    });
}

#[test]
fn a_pattern_chooses_functions_and_one_that_matches_nothing_is_refused() {
    let profile = profile_of(Builder::new().functions("observe::profile::mid*"), middle);
    assert_eq!(row(&profile, "middle"), (1, 1, 9, 9, 9));
    assert!(profile.row("leaf").is_none());
    let _alone = alone();
    let refused = Builder::new().functions("leaf").start().unwrap_err();
    let source = std::error::Error::source(&refused).unwrap().to_string();
    assert!(source.contains("`**::leaf`"), "{source}");
    drop(start()); // the refused one has left nothing
}
