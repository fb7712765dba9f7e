//! A pool: threads of the tree that run jobs, one after the other.
//!
//! # Invariants
//!
//! 1. A job that was queued is run or given up, by whoever takes it out of the queue, or by a worker that
//!    waits for it.
//! 2. The queue is closed before it is emptied for good, so no job is left in it: [`Shared::end`] takes out
//!    what there is until the queue says that it is closed *and* empty.
//! 3. A worker never waits for a job that nobody runs: it runs it itself. It never waits for room in the queue.

use core::fmt;

use crate::primitive::{Arc, OnceLock};
use crate::signal::{self, Signal, Stopped};
use crate::sync::{PopError, PushError, PushUntilError, Queue, TryPushError};
use crate::thread::error::{JoinError, Outcome, SpawnError};
use crate::thread::handle::Thread;
use crate::thread::job::{self, Job, RunError, Runnable};
use crate::thread::spawn::Builder;
use crate::thread::tree::Node;

/// How many jobs wait before `run` does.
const BOUND: usize = 1024;

/// A number of threads, children of the one that makes the pool, that run what they are given.
///
/// A job is given its worker's stop, and fails like a thread: its error or panic goes to who joins it, and
/// does not end the worker. Threads that a job starts are children of its worker: a job should join them. Like
/// a thread, a job starts with nothing of the caller's ambient; it is carried, deadlines included, by
/// [`Ambient`](crate::Ambient): `let ambient = Ambient::capture(); pool.run(move |stop| ambient.run(|| ..))`.
///
/// Jobs must own what they use (`'static`): share it by `Arc`, or borrow in a [`scope`](super::scope) with a
/// [`limit`](super::Scope::limit), which starts a thread for each part. A pool itself is shared by `Arc` as well;
/// jobs may give jobs to their own pool and join them.
///
/// # The end
///
/// When the pool is dropped, or the thread that made it ends or is asked to stop, jobs that have not begun never
/// run, and their joiners are told so ([`JoinError::NeverRan`]). Those that run are asked to stop; dropping the
/// pool waits for them, through a stop of the calling thread, unless a job of the pool drops it.
/// [`finish`](Self::finish) runs what was given first.
///
/// # Examples
///
/// ```
/// use selvedge::thread::Pool;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let pool = Pool::new("pool", 4);
///     let answer = pool.run(|_stop| Ok(6 * 7))?;
///     assert_eq!(pool.map(1..=3, |n| Ok(n * n))?, [1, 4, 9]);
///     assert_eq!(answer.join()?, 42);
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[doc(alias = "ThreadPool")]
#[doc(alias = "executor")]
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<Thread<()>>,
}

/// What a worker runs.
type Work = Arc<dyn Runnable>;

/// What workers and jobs know of their pool.
pub(super) struct Shared {
    path: Arc<str>,
    parent: Arc<Node>,
    jobs: Queue<Work>,
    /// The workers; filled before the first job.
    nodes: OnceLock<Box<[Arc<Node>]>>,
}

impl Pool {
    /// Starts a pool of `workers` threads, called `name-1` and so on, and a queue of 1024 jobs.
    ///
    /// # Panics
    ///
    /// If `workers` is 0, and where [`spawn`](super::spawn) does; [`PoolBuilder::start`] returns the latter as errors.
    #[must_use]
    #[track_caller]
    pub fn new(name: &str, workers: usize) -> Self {
        match Self::builder(name, workers).start() {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// A pool to be, with more choices.
    ///
    /// # Panics
    ///
    /// If `workers` is 0.
    ///
    /// ```
    /// use selvedge::thread::Pool;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let pool = Pool::builder("deep", 2).queue(16).stack_size(16 << 20).start()?;
    ///     assert_eq!(pool.run(|_stop| Ok("done"))?.join()?, "done");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn builder(name: &str, workers: usize) -> PoolBuilder {
        assert!(workers > 0, "a pool has a worker");
        PoolBuilder {
            name: name.into(),
            workers,
            queue: BOUND,
            stack_size: None,
        }
    }

    /// Gives `body` to the pool. If the queue is full, waits for room; a worker of this pool runs `body` itself
    /// instead, before `run` returns.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while there is no room.
    ///
    /// # Errors
    ///
    /// [`RunError::Stopped`], see above, and [`RunError::Ended`]: `body` did not run and is dropped.
    #[track_caller]
    pub fn run<T: Send + 'static>(
        &self,
        body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
    ) -> Result<Job<T>, RunError> {
        let (job, work) = match self.offer(body, true)? {
            (job, None) => return Ok(job),
            (job, Some(work)) => (job, work),
        };
        match self.shared.jobs.push(work) {
            Ok(()) => Ok(job),
            Err(PushError::Closed(_)) => Err(self.ended()),
            Err(PushError::Stopped(_, stopped)) => Err(RunError::Stopped(stopped)),
        }
    }

    /// The same, but never waits and never runs `body` here.
    ///
    /// # Errors
    ///
    /// [`RunError::Full`] and [`RunError::Ended`]: `body` did not run and is dropped.
    pub fn try_run<T: Send + 'static>(
        &self,
        body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
    ) -> Result<Job<T>, RunError> {
        match self.offer(body, false)? {
            (job, None) => Ok(job),
            (_, Some(_)) => Err(RunError::Full),
        }
    }

    /// The same as [`run`](Self::run), but waits for room only until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run), and [`RunError::Expired`]: `body` did not run and is dropped.
    #[track_caller]
    pub fn run_until<T: Send + 'static>(
        &self,
        body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
        signal: &Signal,
    ) -> Result<Job<T>, RunError> {
        let (job, work) = match self.offer(body, true)? {
            (job, None) => return Ok(job),
            (job, Some(work)) => (job, work),
        };
        match self.shared.jobs.push_until(work, signal) {
            Ok(()) => Ok(job),
            Err(PushUntilError::Closed(_)) => Err(self.ended()),
            Err(PushUntilError::Expired(_)) => Err(RunError::Expired),
            Err(PushUntilError::Stopped(_, stopped)) => Err(RunError::Stopped(stopped)),
        }
    }

    /// Queues a job if there is room. Otherwise a worker runs it, if it may; else it comes back.
    fn offer<T: Send + 'static>(
        &self,
        body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
        may_run: bool,
    ) -> Result<(Job<T>, Option<Work>), RunError> {
        let (work, job) = job::make(&self.shared, body);
        let work = match self.shared.jobs.try_push(work) {
            Ok(()) => return Ok((job, None)),
            Err(TryPushError::Full(work)) => work,
            Err(TryPushError::Closed(_)) => return Err(self.ended()),
        };
        match self.shared.worker() {
            Some(worker) if may_run => {
                work.run(&worker); // invariant 3
                Ok((job, None))
            }
            _ => Ok((job, Some(work))),
        }
    }

    /// While somebody has the pool, only a worker that was asked to stop closes the queue.
    fn ended(&self) -> RunError {
        let mut workers = self.workers.iter();
        let asked = workers.find(|worker| worker.node.stop_signal().is_set());
        RunError::Ended {
            pool: Arc::clone(&self.shared.path),
            stopped: Stopped::by(asked.expect("a worker was asked").node.stop_signal()),
        }
    }

    /// Takes no more jobs, runs those that were given, and ends the workers.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, the pool ends as if it had been dropped.
    ///
    /// # Errors
    ///
    /// - [`JoinError::Interrupted`] – see above.
    /// - What a worker failed with: children that its jobs left behind.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread::Pool;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let pool = Pool::new("pool", 1);
    ///     let jobs: Vec<_> = (0..100).map(|n| pool.run(move |_stop| Ok(n))).collect::<Result<_, _>>()?;
    ///     pool.finish()?;
    ///     assert!(jobs.iter().all(|job| job.is_done()));
    ///     assert_eq!(jobs[99].join()?, 99);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn finish(mut self) -> Result<(), JoinError> {
        self.shared.jobs.close();
        while let Some(worker) = self.workers.last() {
            match worker.join() {
                Err(error @ JoinError::Interrupted(_)) => return Err(error),
                joined => joined?,
            }
            self.workers.pop();
        }
        Ok(())
    }

    /// How many threads there are.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// How many jobs have not begun, just now.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.jobs.len()
    }

    /// The path of the thread that made the pool, and the pool's name.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.shared.path
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.jobs.close();
        for worker in &self.workers {
            worker.stop_because("its pool was dropped");
        }
        // Without a worker there is no job either: each has seen the queue closed and empty.
        if let Some(worker) = self.workers.first() {
            self.shared.end(worker.node.stop_signal());
        }
        if self.shared.worker().is_none() {
            for worker in &self.workers {
                worker.stopped().wait_through();
            }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("path", &self.shared.path)
            .field("workers", &self.workers.len())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

/// A [`Pool`] to be; made by [`Pool::builder`].
#[derive(Debug)]
#[must_use = "nothing starts until `start`"]
pub struct PoolBuilder {
    name: Box<str>,
    workers: usize,
    queue: usize,
    stack_size: Option<usize>,
}

impl PoolBuilder {
    /// How many jobs wait before [`Pool::run`] does; 1024 otherwise. With 0 a job is handed to a worker.
    pub fn queue(mut self, jobs: usize) -> Self {
        self.queue = jobs;
        self
    }

    /// The size of each worker's stack in bytes; std's default otherwise.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts the workers as children of the calling thread.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::spawn`](super::Builder::spawn); workers that were started have ended then.
    #[track_caller]
    pub fn start(self) -> Result<Pool, SpawnError> {
        let Some(parent) = Node::current() else {
            return Err(SpawnError::NoTree { name: self.name });
        };
        let path: Arc<str> = format!("{}/{}", parent.path(), self.name).into();
        let shared = Arc::new(Shared {
            jobs: Queue::named(&path, self.queue).quiet(),
            path,
            parent,
            nodes: OnceLock::new(),
        });
        let mut pool = Pool {
            shared: Arc::clone(&shared),
            workers: Vec::with_capacity(self.workers),
        };
        for i in 1..=self.workers {
            let mut builder = Builder::new(&format!("{}-{i}", self.name));
            if let Some(bytes) = self.stack_size {
                builder = builder.stack_size(bytes);
            }
            let shared = Arc::clone(&shared);
            pool.workers
                .push(builder.spawn(move |stop| shared.work(&stop))?);
        }
        let nodes = pool.workers.iter().map(|worker| Arc::clone(&worker.node));
        let _ = shared.nodes.set(nodes.collect()); // once
        Ok(pool)
    }
}

impl Shared {
    pub(super) fn path(&self) -> &Arc<str> {
        &self.path
    }

    pub(super) fn parent(&self) -> &Node {
        &self.parent
    }

    /// The calling thread, if it is a worker of this pool.
    pub(super) fn worker(&self) -> Option<Arc<Node>> {
        let here = Node::current()?;
        let mut nodes = self.nodes.get()?.iter();
        nodes.any(|node| Arc::ptr_eq(node, &here)).then_some(here)
    }

    /// The life of a worker.
    fn work(&self, stop: &Signal) -> Outcome<()> {
        let worker = Node::current().expect("a worker is a thread of the tree");
        loop {
            if stop.is_set() {
                self.end(stop);
                return Err(Stopped::by(stop).into());
            }
            match self.jobs.pop() {
                Ok(job) => job.run(&worker),
                Err(PopError::Closed) => return Ok(()),
                Err(PopError::Stopped(_)) => {} // seen above
            }
        }
    }

    /// Gives up what has not begun (invariant 2), because `stop` is set.
    fn end(&self, stop: &Signal) {
        self.jobs.close();
        signal::shield(|| {
            while let Ok(job) = self.jobs.pop() {
                job.give_up(Stopped::by(stop));
            }
        });
    }
}
