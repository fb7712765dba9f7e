//! The same for many items, on all workers of a pool.
//!
//! # Invariants
//!
//! 1. Results are in the order of the items: portions are consecutive, and joined in their order.
//! 2. Every portion that failed is in the error.
//!
//! # Orderings
//!
//! That nobody wants the results any more is a hint: who sees it late does a call too many. `Relaxed`.

use crate::primitive::Arc;
use crate::primitive::atomic::{AtomicBool, Ordering::Relaxed};
use crate::thread::error::{Failures, JoinError, Outcome};
use crate::thread::job::RunError;
use crate::thread::pool::Pool;

impl Pool {
    /// Calls `f` with each of `items`, on all workers, and gives the results in the order of the items.
    ///
    /// Items are handed out in portions, four to a worker. After the first failure no further call begins.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop: no further call begins, and what was computed is dropped. Calls
    /// that run go on; their failures are reported.
    ///
    /// # Errors
    ///
    /// - [`JoinError::Children`] – the failures of all portions that failed, as one group.
    /// - [`JoinError::Interrupted`] – the calling thread was asked to stop.
    /// - [`JoinError::Stopped`], [`JoinError::NeverRan`] – the pool ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread::Pool;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let pool = Pool::new("pool", 2);
    ///     assert_eq!(pool.map(["1", "2"], |text| Ok(text.parse::<u8>()?))?, [1, 2]);
    ///     let failed = pool.map(["1", "two"], |text| Ok(text.parse::<u8>()?)).unwrap_err();
    ///     assert!(failed.to_string().contains("invalid digit"), "{failed}");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn map<I, R>(
        &self,
        items: impl IntoIterator<Item = I>,
        f: impl Fn(I) -> Outcome<R> + Send + Sync + 'static,
    ) -> Result<Vec<R>, JoinError>
    where
        I: Send + 'static,
        R: Send + 'static,
    {
        let mut items: Vec<I> = items.into_iter().collect();
        let len = items.len();
        let portion = len.div_ceil(self.workers() * 4).max(1);
        let shared = Arc::new((AtomicBool::new(false), f));
        let abandon = Abandon(Arc::clone(&shared));
        let mut jobs = Vec::with_capacity(len.div_ceil(portion));
        while !items.is_empty() {
            let rest = items.split_off(portion.min(items.len()));
            let these = core::mem::replace(&mut items, rest);
            let shared = Arc::clone(&shared);
            let job = self.run(move |_stop| portion_of(these, &shared.0, &shared.1));
            jobs.push(job.map_err(RunError::into_join_error)?);
        }
        let (mut results, mut failures, mut other) = (Vec::with_capacity(len), Vec::new(), None);
        for job in jobs {
            match job.join() {
                Ok(Some(part)) => results.extend(part),
                Ok(None) => {} // another portion has failed
                Err(error @ JoinError::Interrupted(_)) => return Err(error),
                Err(error) if error.is_failure() => failures.push(error),
                Err(error) => other = Some(error),
            }
        }
        drop(abandon);
        if !failures.is_empty() {
            let thread = Arc::from(self.path());
            let all = failures;
            return Err(JoinError::Children(Failures {
                thread,
                all,
                of_scope: false,
            }));
        }
        other.map_or(Ok(results), Err)
    }
}

/// Tells the portions of a `map` that nobody wants their results.
struct Abandon<F>(Arc<(AtomicBool, F)>);

impl<F> Drop for Abandon<F> {
    fn drop(&mut self) {
        self.0.0.store(true, Relaxed);
    }
}

/// The results of a portion; `None` if nobody wants them any more.
fn portion_of<I, R>(
    items: Vec<I>,
    abandoned: &AtomicBool,
    f: &impl Fn(I) -> Outcome<R>,
) -> Outcome<Option<Vec<R>>> {
    /// Unless the portion is done when this goes, it has failed, perhaps by a panic.
    struct Failing<'a>(&'a AtomicBool, bool);
    impl Drop for Failing<'_> {
        fn drop(&mut self) {
            if self.1 {
                self.0.store(true, Relaxed);
            }
        }
    }
    let mut failing = Failing(abandoned, true);
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        if abandoned.load(Relaxed) {
            return Ok(None);
        }
        results.push(f(item)?);
    }
    failing.1 = false;
    Ok(Some(results))
}
