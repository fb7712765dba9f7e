//! Futures in blocks under executors of others: tokio, smol, and one of ten lines.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::future::{join, select};
use selvedge::{Ambient, Carry, Signal, Wrap, local};

local! {
    static A: u32;
    static B: u32;
}

fn both() -> (Option<u32>, Option<u32>) {
    (A.copied().ok(), B.copied().ok())
}

/// Lets every other task run.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What a task sees before, between and after its awaits.
async fn look(times: usize) -> HashSet<(Option<u32>, Option<u32>)> {
    let mut seen = HashSet::from([both()]);
    for _ in 0..times {
        pause().await;
        seen.insert(both());
    }
    seen
}

fn only(a: Option<u32>, b: Option<u32>) -> HashSet<(Option<u32>, Option<u32>)> {
    HashSet::from([(a, b)])
}

/// A hand-written executor: polls its tasks in turn, on the thread that runs it.
#[derive(Default)]
struct Turns(VecDeque<Pin<Box<dyn Future<Output = ()>>>>);

impl Turns {
    fn spawn<T: 'static>(
        &mut self,
        task: impl Future<Output = T> + 'static,
    ) -> Arc<Mutex<Option<T>>> {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        self.0.push_back(Box::pin(async move {
            let value = task.await;
            *slot.lock().unwrap() = Some(value);
        }));
        result
    }

    fn run(mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while let Some(mut task) = self.0.pop_front() {
            if task.as_mut().poll(&mut context).is_pending() {
                self.0.push_back(task);
            }
            assert_eq!(both(), (Some(100), None), "the executor's own");
        }
    }
}

/// 54: tasks of one thread, by an executor that knows nothing of us and has a binding itself.
#[test]
fn tasks_of_a_hand_written_executor_do_not_see_each_other() {
    let mut turns = Turns::default();
    let carried: Vec<_> = (0..10)
        .map(|n| turns.spawn(A.bind(n, || look(5).inherit())))
        .collect();
    let wrapped = turns.spawn(B.to(7).wrap(look(5)));
    let plain = turns.spawn(look(5));
    let detached = turns.spawn(look(5).detached());
    A.bind(100, || turns.run());
    let take = |slot: &Arc<Mutex<Option<_>>>| slot.lock().unwrap().take().expect("it ended");
    for (n, task) in carried.iter().enumerate() {
        assert_eq!(take(task), only(Some(n as u32), None));
    }
    assert_eq!(take(&wrapped), only(Some(100), Some(7)));
    assert_eq!(take(&plain), only(Some(100), None));
    assert_eq!(take(&detached), only(None, None));
}

fn tokio(threads: usize) -> tokio::runtime::Runtime {
    let mut builder = match threads {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 0 {
        builder.worker_threads(threads);
    }
    builder.build().expect("a runtime")
}

/// 54, 55, 56: each task has its own, on one thread and on several; one that is not wrapped has nothing.
#[test]
fn tasks_of_tokio_do_not_see_each_other_and_inherit_only_when_asked() {
    for threads in [0, 2] {
        tokio(threads).block_on(A.to(1).wrap(async {
            let tasks: Vec<_> = (0..50)
                .map(|n| tokio::spawn(B.bind(n, || look(10).inherit())))
                .collect();
            let wrapped = tokio::spawn(B.to(77).wrap(look(10)));
            let plain = tokio::spawn(look(10));
            for (n, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), only(Some(1), Some(n as u32)));
                assert_eq!(both(), (Some(1), None));
            }
            assert_eq!(wrapped.await.unwrap(), only(None, Some(77)));
            assert_eq!(plain.await.unwrap(), only(None, None));
        }));
        assert_eq!(both(), (None, None));
    }
}

/// A task is woken by, and goes on on, whatever thread the runtime likes.
#[test]
fn a_value_reaches_across_awaits_of_a_signal_and_blocking_tasks() {
    tokio(2).block_on(
        async {
            let go = Signal::named("go");
            let waits = tokio::spawn({
                let go = go.clone();
                async move {
                    (&go).await;
                    both()
                }
                .inherit()
            });
            let blocking = tokio::task::spawn_blocking(both.inherit()).await;
            assert_eq!(blocking.unwrap(), (Some(1), None));
            let bare = tokio::task::spawn_blocking(both).await;
            assert_eq!(bare.unwrap(), (None, None));
            go.set();
            assert_eq!(waits.await.unwrap(), (Some(1), None));
        }
        .in_ambient(A.bind(1, Ambient::capture)),
    );
}

#[test]
fn branches_of_join_and_select_have_their_own() {
    tokio(0).block_on(A.to(1).wrap(async {
        let (left, right) = tokio::join!(B.to(2).wrap(look(3)), A.to(3).wrap(look(5)));
        assert_eq!((left, right), (only(Some(1), Some(2)), only(Some(3), None)));
        let branches = join(look(2).detached(), look(4)).await;
        assert_eq!(branches, (only(None, None), only(Some(1), None)));
        let exits = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&exits);
        let endless = B
            .to(5)
            .on_exit(move || note.lock().unwrap().push(both()))
            .wrap(std::future::pending::<()>());
        tokio::select! {
            biased;
            () = endless => unreachable!("it is never ready"),
            seen = B.to(6).wrap(look(2)) => assert_eq!(seen, only(Some(1), Some(6))),
        }
        // The branch that lost was dropped, inside its block.
        assert_eq!(*exits.lock().unwrap(), [(Some(1), Some(5))]);
        let (quick, slow) = (Box::pin(B.to(7).wrap(look(0))), Box::pin(look(9)));
        match select(quick, slow).await {
            futures_util::future::Either::Left((seen, _)) => {
                assert_eq!(seen, only(Some(1), Some(7)))
            }
            futures_util::future::Either::Right(_) => panic!("the slow one was first"),
        }
        assert_eq!(both(), (Some(1), None));
    }));
}

/// Cancellation of a task is the drop of its future, by the runtime, somewhere.
#[test]
fn a_cancelled_task_runs_its_last_action_once_with_everything_bound() {
    for threads in [0, 2] {
        let exits = Arc::new(Mutex::new(Vec::new()));
        tokio(threads).block_on(async {
            let (note, started) = (Arc::clone(&exits), Signal::named("started"));
            let begun = started.clone();
            let block = A.to(1).and(B.to(2));
            let task = tokio::spawn(
                block
                    .on_exit(move || note.lock().unwrap().push(both()))
                    .wrap(async move {
                        begun.set();
                        std::future::pending::<()>().await;
                    }),
            );
            (&started).await;
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        });
        assert_eq!(*exits.lock().unwrap(), [(Some(1), Some(2))]);
    }
}

#[test]
fn a_task_that_panics_leaves_nothing_on_its_worker() {
    tokio(1).block_on(async {
        for _ in 0..20 {
            let task = tokio::spawn(A.to(1).and(B.to(2)).wrap(async {
                pause().await;
                A.bind(3, || panic!("inside"))
            }));
            assert!(task.await.unwrap_err().is_panic());
            let after: Result<_, _> = tokio::spawn(look(1)).await;
            assert_eq!(after.unwrap(), only(None, None));
        }
    });
}

#[test]
fn tasks_of_smol_do_not_see_each_other_on_one_thread_or_two() {
    let executor = Arc::new(smol::Executor::new());
    let (done, stop) = (Signal::named("done"), Signal::named("helper ends"));
    let helper = std::thread::Builder::new()
        .spawn({
            let (executor, done, stop) = (Arc::clone(&executor), done.clone(), stop.clone());
            move || {
                smol::block_on(executor.run(async { (&done).await }));
                assert_eq!(both(), (None, None));
                stop.set();
            }
        })
        .unwrap();
    smol::block_on(executor.run(async {
        let tasks: Vec<_> = (0..50)
            .map(|n| executor.spawn(A.bind(n, || look(10).inherit())))
            .collect();
        let plain = executor.spawn(look(10));
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await, only(Some(n as u32), None));
        }
        assert_eq!(plain.await, only(None, None));
        let exits = Arc::new(Mutex::new(0));
        let note = Arc::clone(&exits);
        let started = Signal::named("started");
        let begun = started.clone();
        let endless = executor.spawn(A.to(1).on_exit(move || *note.lock().unwrap() += 1).wrap(
            async move {
                begun.set();
                std::future::pending::<()>().await;
            },
        ));
        (&started).await;
        assert!(endless.cancel().await.is_none());
        assert_eq!(*exits.lock().unwrap(), 1);
        done.set();
    }));
    helper.join().unwrap();
    assert!(stop.is_set());
}
