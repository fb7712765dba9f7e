//! Random trees of up to eight threads, which do to one another what threads do.
//!
//! Each thread has a list of steps: it starts children, also after it was asked to stop, or gives them to others,
//! which may be about to end; waits, pushes and pops;
//! asks others to stop; joins others or drops their handles. It ends well, with an error, or by a panic. The
//! invariants, whatever the steps and the schedule:
//!
//! 1. A thread's `stopped` is set after those of its children.
//! 2. Every failure is announced once, and received once: by a joiner, by a parent whose own body was fine
//!    (and then on from there), or by nobody, which is reported.
//! 3. A thread fails only by its own flaw or by a descendant's: to be stopped is no failure.
//! 4. A thread that has ended has no children, at any moment; a value that nobody takes is dropped.
//! 5. Nothing of the tree runs when `World::run` has returned, destructors of thread-locals included.
//! 6. What was pushed was popped or is in the queue.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use selvedge::probe::{self, Event};
use selvedge::sync::Queue;
use selvedge::testing::World;
use selvedge::thread::{Builder, JoinError, Outcome, SpawnError, State, Thread};
use selvedge::{Signal, thread};

use crate::{check, pause, random};

const MOST: usize = 8;

/// What a thread is to do.
struct Plan {
    number: usize,
    steps: Vec<Step>,
    end: End,
    /// Does it return as soon as it notices a stop? If not it goes on, and starts children all the same.
    obeys: bool,
}

enum Step {
    /// Starts a child and keeps the handle where others find it.
    Spawn(Plan),
    /// The same, as a child of somebody, who may have ended.
    SpawnBelow(Plan),
    Wait,
    Push,
    Pop,
    StopOne,
    JoinOne,
    DropOne,
    Look,
}

impl Step {
    /// May it wait for others?
    fn waits(&self) -> bool {
        matches!(self, Self::Wait | Self::Push | Self::Pop | Self::JoinOne)
    }
}

#[derive(Clone, Copy, Debug)]
enum End {
    Fine,
    Error,
    Panic,
    /// With a payload that is not text.
    Number,
}

impl Plan {
    fn random(next: &mut usize) -> Self {
        let number = *next;
        *next += 1;
        let steps = (0..1 + random(5))
            .map(|_| match random(10) {
                0 => Step::Wait,
                1 => Step::Push,
                2 => Step::Pop,
                3 => Step::StopOne,
                4 => Step::JoinOne,
                5 => Step::DropOne,
                6 => Step::Look,
                7 if *next < MOST => Step::SpawnBelow(Self::random(next)),
                _ if *next < MOST => Step::Spawn(Self::random(next)),
                _ => Step::JoinOne,
            })
            .collect();
        let end = [End::Fine, End::Fine, End::Error, End::Panic, End::Number][random(5)];
        Self {
            number,
            steps,
            end,
            obeys: random(2) == 0,
        }
    }
}

/// A thread's value; there are as many as the count says.
type Value = Arc<()>;

/// What the threads share and what was seen of them.
struct Bough {
    handles: Mutex<Vec<Thread<Value>>>,
    stopped: Mutex<Vec<(String, Signal)>>,
    failed: Mutex<Vec<String>>,
    /// The texts of failures, each from one receiver.
    received: Mutex<Vec<String>>,
    wrong: Mutex<Vec<String>>,
    queue: Queue<usize>,
    pushed: AtomicUsize,
    popped: AtomicUsize,
    /// OS threads that have begun and not ended.
    alive: Arc<AtomicUsize>,
    value: Value,
}

/// Says at the end of the OS thread that it has ended.
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        for _ in 0..5 {
            pause(); // a chance for others to be too early
        }
        self.0.fetch_sub(1, SeqCst);
    }
}

#[cfg(selvedge_shuttle)]
shuttle::thread_local! { static ALIVE: RefCell<Option<Alive>> = RefCell::new(None) }
#[cfg(not(selvedge_shuttle))]
std::thread_local! { static ALIVE: RefCell<Option<Alive>> = const { RefCell::new(None) } }

impl Bough {
    fn new() -> Self {
        Self {
            handles: Mutex::default(),
            stopped: Mutex::default(),
            failed: Mutex::default(),
            received: Mutex::default(),
            wrong: Mutex::default(),
            queue: Queue::bounded(2).quiet(),
            pushed: AtomicUsize::new(0),
            popped: AtomicUsize::new(0),
            alive: Arc::default(),
            value: Value::default(),
        }
    }

    /// Somebody's handle, for whoever is first.
    fn take_one(&self) -> Option<Thread<Value>> {
        let mut handles = self.handles.lock().unwrap();
        let n = handles.len();
        (n > 0).then(|| handles.swap_remove(random(n)))
    }

    fn put_back(&self, handle: Thread<Value>) {
        self.handles.lock().unwrap().push(handle);
    }

    /// Takes what came of a thread.
    fn receive(&self, result: Result<Value, JoinError>) {
        if let Err(error) = result
            && error.is_failure()
        {
            self.received.lock().unwrap().push(error.to_string());
        }
    }

    /// Invariant 1, at the moment when a thread's `stopped` is set.
    fn see_stopped(&self, path: &str) {
        let below = format!("{path}/");
        // A copy: the lock is std's, and looking at a signal may let others run.
        let stopped = self.stopped.lock().unwrap().clone();
        let late = stopped
            .iter()
            .find(|(other, stopped)| other.starts_with(&below) && !stopped.is_set());
        if let Some((late, _)) = late {
            let mut wrong = self.wrong.lock().unwrap();
            wrong.push(format!("invariant 1: {path} has ended before {late}"));
        }
    }

    /// Invariant 4, at any moment.
    fn see_tree(&self) {
        let tree = thread::tree();
        let has_children = tree
            .nodes()
            .windows(2)
            .any(|pair| pair[0].state() == State::Stopped && pair[1].depth() > pair[0].depth());
        if has_children {
            let mut wrong = self.wrong.lock().unwrap();
            wrong.push(format!("invariant 4: {tree}"));
        }
    }
}

fn start(plan: Plan, bough: &Arc<Bough>) -> Thread<Value> {
    let started = start_below(None, plan, bough);
    started.expect("who runs is not sealed")
}

fn start_below(
    parent: Option<&Thread<Value>>,
    plan: Plan,
    bough: &Arc<Bough>,
) -> Result<Thread<Value>, SpawnError> {
    let mut builder = Builder::new(&format!("bough{}", plan.number));
    if let Some(parent) = parent {
        builder = builder.parent(parent);
    }
    let thread = builder.spawn({
        let bough = Arc::clone(bough);
        move |_stop| live(plan, &bough)
    })?;
    let (path, stopped) = (thread.path().to_owned(), thread.stopped().clone());
    let entry = (path.clone(), stopped.clone());
    bough.stopped.lock().unwrap().push(entry);
    let bough = Arc::clone(bough);
    stopped.on_set(move || bough.see_stopped(&path)).forever();
    Ok(thread)
}

fn live(plan: Plan, bough: &Arc<Bough>) -> Outcome<Value> {
    bough.alive.fetch_add(1, SeqCst);
    ALIVE.with(|alive| *alive.borrow_mut() = Some(Alive(Arc::clone(&bough.alive))));
    for step in plan.steps {
        match act(step, bough) {
            Err(stopped) if plan.obeys => return Err(stopped),
            _ => {}
        }
    }
    if !matches!(plan.end, End::Fine) {
        let path = thread::current().path().to_owned();
        bough.failed.lock().unwrap().push(path);
    }
    match plan.end {
        End::Fine => Ok(Arc::clone(&bough.value)),
        End::Error => Err("a flaw".into()),
        // Without the panic hook, which would print it.
        End::Panic => resume_unwind(Box::new("a flaw".to_owned())),
        End::Number => resume_unwind(Box::new(7)),
    }
}

/// Does a step; an error says that the thread was asked to stop.
fn act(step: Step, bough: &Arc<Bough>) -> Outcome<()> {
    match step {
        Step::Spawn(plan) => bough.put_back(start(plan, bough)),
        Step::SpawnBelow(plan) => {
            if let Some(parent) = bough.take_one() {
                let started = start_below(Some(&parent), plan, bough);
                let (path, has_ended) = (parent.path().to_owned(), parent.stopped().is_set());
                bough.put_back(parent);
                match started {
                    Ok(child) => {
                        if has_ended && !child.stopped().is_set() {
                            let mut wrong = bough.wrong.lock().unwrap();
                            wrong.push(format!("invariant 1: {path} has ended before its child"));
                        }
                        bough.put_back(child);
                    }
                    Err(SpawnError::Sealed { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Step::Wait => Signal::never().wait()?,
        Step::Push => {
            bough.queue.push(1)?;
            bough.pushed.fetch_add(1, SeqCst);
        }
        Step::Pop => {
            bough.queue.pop()?;
            bough.popped.fetch_add(1, SeqCst);
        }
        Step::StopOne => {
            if let Some(handle) = bough.take_one() {
                handle.stop();
                bough.put_back(handle);
            }
        }
        Step::JoinOne => {
            if let Some(handle) = bough.take_one() {
                match handle.join() {
                    Err(JoinError::Interrupted(stopped)) => {
                        bough.put_back(handle);
                        return Err(stopped.into());
                    }
                    Err(JoinError::Itself { .. }) => bough.put_back(handle),
                    result => bough.receive(result),
                }
            }
        }
        Step::DropOne => drop(bough.take_one()),
        Step::Look => bough.see_tree(),
    }
    Ok(())
}

#[test]
fn random_trees_end_children_first_lose_nothing_and_leave_nothing() {
    check(|| {
        let bough = Arc::new(Bough::new());
        let heard = probe::subscribe({
            let bough = Arc::clone(&bough);
            move |event| {
                // Other models have no threads of this name.
                if let Event::Unreceived {
                    thread, failure, ..
                } = event
                    && thread.contains("/bough")
                {
                    let failure = failure.to_string();
                    let told = match failure.strip_prefix("it panicked: ") {
                        Some(message) => format!("thread `{thread}` panicked: {message}"),
                        None => format!("thread `{thread}` failed: {failure}"),
                    };
                    bough.received.lock().unwrap().push(told);
                }
            }
        });
        let world = World::new();
        world.run(|| {
            let plan = Plan::random(&mut 0);
            let waits = plan.steps.iter().any(Step::waits);
            let top = start(plan, &bough);
            if random(2) == 0 {
                pause();
            }
            // If it ends by itself, its end asks the others.
            if waits || random(2) == 0 {
                top.stop();
            }
            top.stopped().wait().unwrap();
            assert_eq!(thread::tree().len(), 2, "invariant 4: {}", thread::tree());
            bough.receive(top.join());
            assert_eq!(thread::tree().len(), 1, "invariant 4: {}", thread::tree());
        });
        assert_eq!(bough.alive.load(SeqCst), 0, "invariant 5");
        let left = std::mem::take(&mut *bough.handles.lock().unwrap());
        assert!(left.iter().all(|thread| thread.stopped().is_set()));
        drop(heard); // whatever failed has been received by now
        drop(left);
        assert_eq!(Arc::strong_count(&bough.value), 1, "invariant 4");
        let wrong = bough.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
        let moved = bough.popped.load(SeqCst) + bough.queue.len();
        assert_eq!(bough.pushed.load(SeqCst), moved, "invariant 6");
        assert_received(&bough, &world.events());
    });
}

/// Invariants 2 and 3.
fn assert_received(bough: &Bough, events: &[String]) {
    let (failed, received) = (
        bough.failed.lock().unwrap(),
        bough.received.lock().unwrap().concat(),
    );
    for path in failed.iter() {
        let times = [" failed: a flaw", " panicked: "]
            .map(|how| received.matches(&format!("thread `{path}`{how}")).count());
        assert_eq!(times[0] + times[1], 1, "{path} in {received}: {events:?}");
    }
    for event in events {
        let (path, is_end) = match event.strip_suffix(" ended: failed") {
            Some(path) => (path, true),
            None => match event.strip_suffix(" failed") {
                Some(path) => (path, false),
                None => continue,
            },
        };
        let flawed = failed.iter().any(|it| {
            let below = it.split_once('/').expect("the world's name").1;
            below == path
                || below
                    .strip_prefix(path)
                    .is_some_and(|it| it.starts_with('/'))
        });
        assert!(flawed, "{path} has no flaw: {events:?}");
        let other = format!(
            "{path}{}",
            if is_end { " failed" } else { " ended: failed" }
        );
        let times = events.iter().filter(|it| **it == other).count();
        assert_eq!(times, 1, "{other}: {events:?}");
    }
}

#[test]
fn a_parent_that_passes_on_the_stop_of_its_child_has_not_failed() {
    check(|| {
        let world = World::new();
        world.run(|| {
            let parent = thread::spawn("parent", |_stop| {
                let child = thread::spawn("child", |_stop| Ok(Signal::never().wait()?));
                pause();
                Ok(child.join()?)
            });
            pause();
            parent.stop();
            // The child is asked first, and may end before its parent's own signal is set.
            let ended = parent.join().unwrap_err();
            assert!(matches!(ended, JoinError::Stopped { .. }), "{ended}");
        });
    });
}

#[test]
fn a_child_that_is_given_to_a_parent_that_ends_is_refused_or_ends_before_it() {
    check(|| {
        let world = World::new();
        world.run(|| {
            let parent = thread::spawn("parent", |_stop| {
                thread::spawn("child", |_stop| Ok(())).release();
                Ok(())
            });
            pause();
            let late = Builder::new("late").parent(&parent).spawn(|_stop| Ok(()));
            parent.stopped().wait().unwrap();
            match late {
                Ok(late) => assert!(late.stopped().is_set(), "its parent has ended"),
                Err(SpawnError::Sealed { .. }) => {}
                Err(other) => panic!("{other}"),
            }
            parent.join().unwrap();
            assert_eq!(thread::tree().len(), 1, "{}", thread::tree());
        });
    });
}
