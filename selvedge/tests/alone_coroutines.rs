//! Stackful coroutines of somebody else: what works, and that a block left in the wrong order ends the process.
//!
//! Processes of their own: an abort is what is tested.

#[cfg(unix)]
mod child;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    child::main(unix::SCENARIOS, unix::CASES)
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use std::process::ExitCode;

    use corosensei::{Coroutine, CoroutineResult};
    use selvedge::call::Groutines;
    use selvedge::{Ambient, Wrap, local, open};

    use crate::child::{Case, Scenario, end_of, say};

    local! { static A: u32; static B: u32; }

    fn both() -> (Option<u32>, Option<u32>) {
        (A.copied().ok(), B.copied().ok())
    }

    /// Pauses whoever calls it, if nobody else does.
    #[open]
    fn pausing(pause: &dyn Fn()) {
        pause();
    }

    /// One that pauses while it is polled.
    fn pauses() -> Groutines {
        Groutines::new().with(|| async {
            let mut call = pausing::called().await;
            call.with(|call| {
                (call.args.pause)();
                call.ret(());
            });
        })
    }

    fn calls() -> Coroutine<(), (), ()> {
        Coroutine::new(|yielder: &corosensei::Yielder<(), ()>, ()| {
            pausing(&|| yielder.suspend(()));
        })
    }

    /// Enters a block, and says in which line first.
    macro_rules! said {
        ($block:expr) => {{
            say(&format!("block {}:{}", file!(), line!()));
            $block
        }};
    }

    pub(crate) const SCENARIOS: &[Scenario] = &[
        ("blocks-inside-a-run-of-the-coroutine", || {
            // Entered and left between two suspensions: as in a plain call.
            let mut coroutine = Coroutine::new(|yielder, ()| {
                for n in 0..3 {
                    assert_eq!(A.bind(n, both), (Some(n), Some(7)));
                    yielder.suspend(());
                    let carried = A.bind(n, Ambient::capture);
                    assert_eq!(carried.run(both), (Some(n), Some(7)));
                }
            });
            while let CoroutineResult::Yield(()) = B.bind(7, || coroutine.resume(())) {
                assert_eq!(both(), (None, None));
            }
            say("done");
            ExitCode::SUCCESS
        }),
        ("interleaved", || {
            let body = |n| {
                move |yielder: &corosensei::Yielder<(), ()>, ()| {
                    A.bind(n, || yielder.suspend(()));
                }
            };
            let mut one = Coroutine::new(body(1));
            let mut two = Coroutine::new(body(2));
            let _ = (one.resume(()), two.resume(()));
            let _ = one.resume(()); // its block is not the innermost one
            say("it went on");
            ExitCode::SUCCESS
        }),
        ("resumed-in-another-block", || {
            let mut coroutine = Coroutine::new(|yielder: &corosensei::Yielder<(), ()>, ()| {
                said!(A.bind_copy(1, || yielder.suspend(())));
            });
            let _ = coroutine.resume(());
            B.bind(2, || coroutine.resume(()));
            say("it went on");
            ExitCode::SUCCESS
        }),
        ("the-caller-leaves-first", || {
            let mut coroutine = Coroutine::new(|yielder: &corosensei::Yielder<(), ()>, ()| {
                A.bind_copy(1, || yielder.suspend(()));
            });
            said!(B.bind(2, || {
                let _ = coroutine.resume(());
            }));
            say("it went on");
            std::mem::forget(coroutine);
            ExitCode::SUCCESS
        }),
        ("an-ambient-left-first", || {
            let mut coroutine = Coroutine::new(|yielder: &corosensei::Yielder<(), ()>, ()| {
                A.bind_copy(1, || yielder.suspend(()));
            });
            let carried = B.bind(2, Ambient::capture);
            said!(carried.run(|| {
                let _ = coroutine.resume(());
            }));
            say("it went on");
            std::mem::forget(coroutine);
            ExitCode::SUCCESS
        }),
        ("a-polled-future-left-first", || {
            let work = std::future::poll_fn(|_| {
                let mut coroutine = Coroutine::new(|yielder: &corosensei::Yielder<(), ()>, ()| {
                    A.bind_copy(1, || yielder.suspend(()));
                });
                let _ = coroutine.resume(());
                std::mem::forget(coroutine);
                std::task::Poll::Ready(())
            });
            let future = said!(B.bind(2, Ambient::capture).wrap(work));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = std::pin::pin!(future).as_mut().poll(&mut context);
            say("it went on");
            ExitCode::SUCCESS
        }),
        ("a-groutine-polled-in-one-run-of-its-block", || {
            let mut coroutine = calls();
            pauses().run(|| {
                let _ = coroutine.resume(());
                let _ = coroutine.resume(());
            });
            assert!(coroutine.done());
            say("done");
            ExitCode::SUCCESS
        }),
        ("groutines-left-before-one-that-is-polled", || {
            let mut coroutine = calls();
            said!(pauses().run(|| {
                let _ = coroutine.resume(());
            }));
            say("it went on");
            std::mem::forget(coroutine);
            ExitCode::SUCCESS
        }),
        ("a-poll-that-ends-in-another-block", || {
            let mut coroutine = calls();
            said!(pauses().run(|| {
                let _ = coroutine.resume(());
                B.bind(2, || coroutine.resume(()));
            }));
            say("it went on");
            ExitCode::SUCCESS
        }),
    ];

    const ABORT: i32 = 6;

    /// It aborts, and names the block.
    fn aborts(scenario: &str) {
        let end = end_of(scenario);
        end.assert_signal(ABORT);
        assert!(!end.output.contains("it went on"), "{end:#?}");
        let said = end
            .output
            .lines()
            .find_map(|line| line.strip_prefix("block "));
        let block = said.unwrap_or(file!());
        end.assert_errs(&format!("selvedge: the block entered at {block}"));
        end.assert_errs("stackful coroutines must not be suspended inside a block");
    }

    pub(crate) const CASES: &[Case] = &[
        (
            "a_coroutine_may_use_blocks_that_it_leaves_before_it_is_suspended",
            || {
                let end = end_of("blocks-inside-a-run-of-the-coroutine");
                end.assert_code(0);
                end.assert_quiet();
                end.assert_says("done");
            },
        ),
        // 53, 66, 67, 69: the originals unbind somebody else's value, or leak this one.
        (
            "two_coroutines_that_are_suspended_inside_blocks_abort",
            || aborts("interleaved"),
        ),
        ("a_block_that_is_left_inside_another_one_aborts", || {
            aborts("resumed-in-another-block");
        }),
        ("a_block_that_is_left_before_a_suspended_one_aborts", || {
            aborts("the-caller-leaves-first");
        }),
        (
            "an_ambient_that_is_left_before_a_suspended_block_aborts",
            || {
                aborts("an-ambient-left-first");
            },
        ),
        ("a_poll_that_ends_before_a_suspended_block_aborts", || {
            aborts("a-polled-future-left-first");
        }),
        ("a_poll_may_be_suspended_and_go_on_in_its_block", || {
            let end = end_of("a-groutine-polled-in-one-run-of-its-block");
            end.assert_code(0);
            end.assert_quiet();
            end.assert_says("done");
        }),
        (
            "groutines_that_are_left_before_a_suspended_poll_abort",
            || {
                aborts("groutines-left-before-one-that-is-polled");
            },
        ),
        ("a_suspended_poll_that_ends_in_another_block_aborts", || {
            aborts("a-poll-that-ends-in-another-block");
        }),
    ];
}
