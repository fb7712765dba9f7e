//! The first call of a function while others begin to watch it, and bindings of it that race.
//!
//! ```text
//!   first call     begins to watch, installs     begins to watch, installs
//!                    |  own call: seen             |  own call: seen
//!                    |  drop                       |  drop
//! ```
//!
//! At the end nothing is left, and the function is quiet. It is another function each time.

use std::fmt;
use std::ptr::null;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use selvedge::__private::{Code, Runs, Shape, Site, Step, call};
use selvedge::call::Log;

use crate::patches::is_quiet;
use crate::{check, pause, spawn};

/// The type of its handlers: there are none.
struct Of;

impl Shape for Of {
    type Hook = ();
    type Lent<'f> = ();
}

impl Runs<u32, u32> for Of {
    fn run(_: &(), _: &mut Step<'_, u32, u32>) {
        unreachable!("nothing but watches")
    }

    fn run_lent(_: &mut (), _: &mut Step<'_, u32, u32>) {
        unreachable!("nothing but watches")
    }
}

/// As the expansion of `#[open] fn first(n: u32) -> u32 { n }`, for a function that nobody has called.
fn first(site: &'static Site, n: u32) -> u32 {
    if site.passes() {
        return n;
    }
    let look = |args: Option<&u32>,
                result: Option<&u32>,
                see: &mut dyn FnMut(&'static str, &dyn fmt::Debug)| {
        if let Some(n) = args.or(result) {
            see("n", n);
        }
    };
    let code = Code::new::<Of>(|n: &mut u32| *n, look);
    let mut args = n;
    call(site, null(), &mut args, &code)
}

#[test]
fn who_watches_a_function_sees_his_own_call_though_another_makes_the_first() {
    static FUNCTIONS: AtomicU32 = AtomicU32::new(0);
    check(|| {
        let path: &str = format!("sched::first_{}", FUNCTIONS.fetch_add(1, SeqCst)).leak();
        let site: &'static Site = Box::leak(Box::new(Site::new(path)));
        let caller = spawn(move || assert_eq!((first(site, 1), first(site, 2)), (1, 2)));
        let watchers = [7, 8].map(|n| {
            spawn(move || {
                let log = Log::record(path).unwrap();
                pause();
                let on = log.install();
                assert_eq!(first(site, n), n);
                drop(on);
                let own = n.to_string();
                let calls = log.calls();
                let seen = calls.iter().filter(|call| call.arg("n") == Some(&own));
                assert_eq!(seen.count(), 1, "{calls:?}");
            })
        });
        for thread in watchers.into_iter().chain([caller]) {
            thread.join().unwrap();
        }
        assert!(is_quiet(site), "{site:?}");
    });
}
