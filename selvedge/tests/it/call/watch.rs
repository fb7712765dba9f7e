//! Watching by pattern, and logs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use selvedge::call::{self, Log, Moment};
use selvedge::{Carry, Signal, open, probe};

use super::alien;

#[open]
fn fact(n: u64) -> u64 {
    if n < 2 { 1 } else { n * fact(n - 1) }
}

#[open]
fn other(n: u64) -> u64 {
    n
}

#[open]
fn fails(n: u64) -> u64 {
    assert!(n > 0, "no {n}");
    n
}

struct Opaque;

#[open]
fn takes(text: String, opaque: Opaque, borrowed: &Opaque) -> Opaque {
    let _ = (text, borrowed);
    opaque
}

mod deep {
    use selvedge::open;

    #[open]
    pub(super) fn inner() {}

    pub(super) struct View;

    #[open]
    impl View {
        pub(super) fn dispatch(&self, path: &str) -> usize {
            path.len()
        }
    }
}

const HERE: &str = module_path!();

fn listen(pattern: &str) -> (call::Watch, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = call::watch(pattern, {
        let seen = Arc::clone(&seen);
        move |event| {
            let line = format!("{} {event}", event.depth());
            seen.lock()
                .unwrap()
                .push(line.replace(&format!("{HERE}::"), ""));
        }
    });
    (watch.unwrap(), seen)
}

fn taken(seen: &Mutex<Vec<String>>) -> Vec<String> {
    core::mem::take(&mut seen.lock().unwrap())
}

// catalogue 122, 123
#[test]
fn a_watch_sees_calls_in_its_block_and_no_others() {
    let (watch, seen) = listen("**::watch::fact");
    watch.run(|| {
        fact(2);
        other(7);
    });
    fact(3);
    assert_eq!(
        taken(&seen),
        ["0 fact(n: 2)", "1 fact(n: 1)", "1 fact -> 1", "0 fact -> 2"]
    );
}

#[test]
fn what_is_called_first_under_watch_is_seen_too() {
    mod late {
        use selvedge::open;
        #[open]
        pub(super) fn never_called_before() {}
    }
    let (watch, seen) = listen("**::never_called_before");
    watch.run(late::never_called_before);
    assert_eq!(taken(&seen).len(), 2);
    let (second, also) = listen("**::never_called_*");
    second.run(late::never_called_before);
    assert_eq!((taken(&seen).len(), taken(&also).len()), (0, 2));
}

#[test]
fn patterns() {
    let path = format!("{HERE}::deep::View::dispatch");
    for (pattern, matches) in [
        ("**", true),
        ("**::dispatch", true),
        ("**::View::*", true),
        ("**::deep::*", false),
        ("**::deep::**", true),
        ("**::d*p::**::disp*", true),
        ("**::deep::**::dispatch::**", true),
        ("**::d*x::**", false),
        ("*::dispatch", false),
        ("**::*i*p*t*h", true),
        ("**::dispatch*h", false),
        (&path, true),
        (&format!("{path}::**"), true),
        (&format!("{path}::*"), false),
    ] {
        let (watch, seen) = listen(pattern);
        watch.run(|| deep::View.dispatch("/"));
        let n = taken(&seen).len();
        assert_eq!(n, if matches { 2 } else { 0 }, "{pattern}");
    }
}

#[test]
fn patterns_that_match_nothing_are_refused() {
    for (pattern, says) in [
        ("", "it is empty"),
        ("fact", "write `**::fact`"),
        ("a::", "there is nothing between"),
        ("::a", "there is nothing between"),
        ("a::::b", "there is nothing between"),
        ("a:b::c", "':' is in no path"),
        ("a::b c", "' ' is in no path"),
        ("a::b**", "stands for whole segments"),
        ("a::***", "stands for whole segments"),
    ] {
        let refused = call::watch(pattern, |_| ()).unwrap_err();
        assert_eq!(refused.pattern(), pattern);
        let text = refused.to_string();
        assert!(text.contains(says), "{text}");
        assert_eq!(Log::record(pattern).unwrap_err(), refused);
    }
}

#[test]
fn a_watch_sees_the_call_as_its_caller_does() {
    let (watch, seen) = listen("**::watch::other");
    let patch = other::around(|args, next| {
        args.n *= 10;
        next.proceed(args) + 1
    });
    for order in [true, false] {
        let result = if order {
            watch.run(|| patch.run(|| other(2)))
        } else {
            patch.run(|| watch.run(|| other(2)))
        };
        assert_eq!(result, 21);
        assert_eq!(taken(&seen), ["0 other(n: 2)", "0 other -> 21"]);
    }
}

#[test]
fn values_without_debug_are_shown_as_their_types() {
    let (watch, seen) = listen("**::watch::takes");
    watch.run(|| takes("x".to_owned(), Opaque, &Opaque));
    assert_eq!(
        taken(&seen),
        [
            "0 takes(text: \"x\", opaque: <Opaque>, borrowed: <&Opaque>)",
            "0 takes -> <Opaque>"
        ]
    );
    let after = Arc::new(Mutex::new(String::new()));
    let watch = call::watch("**::watch::takes", {
        let after = Arc::clone(&after);
        move |event| *after.lock().unwrap() = event.args().to_string()
    });
    watch
        .unwrap()
        .run(|| takes("x".to_owned(), Opaque, &Opaque));
    let after = after.lock().unwrap();
    assert!(after.starts_with("text: <taken>, "), "{after}");
}

// catalogue 134, 135
#[test]
fn a_watchers_own_calls_are_not_shown_to_it_but_to_others() {
    let (outer, heard) = listen("**::watch::*");
    let inner = call::watch("**::watch::fact", |_| assert_eq!(fact(3), 6)).unwrap();
    outer.run(|| inner.run(|| fact(1)));
    let heard = taken(&heard);
    let own = heard
        .iter()
        .filter(|line| line.contains("fact(n: 3)"))
        .count();
    assert_eq!((own, heard.len()), (2, 2 + 2 * 6), "{heard:?}");
    // And while one watcher works, another one's calls are not shown to it either.
    let (alone, heard) = listen("**::watch::other");
    alone.run(|| other(1));
    assert_eq!(taken(&heard).len(), 2);
}

// catalogue 131
#[test]
fn a_panic_is_seen_and_goes_on() {
    let (watch, seen) = listen("**::watch::fails");
    let panic = catch_unwind(AssertUnwindSafe(|| watch.run(|| fails(0)))).unwrap_err();
    assert_eq!(*panic.downcast::<String>().unwrap(), "no 0");
    assert_eq!(taken(&seen), ["0 fails(n: 0)", "0 fails panicked: no 0"]);
    // Nothing of the call is left behind.
    watch.run(|| fails(1));
    assert_eq!(taken(&seen), ["0 fails(n: 1)", "0 fails -> 1"]);
}

#[test]
fn a_watcher_that_panics_is_reported_and_the_call_goes_on() {
    mod quiet {
        use selvedge::open;
        #[open]
        pub(super) fn poked(n: u8) -> u8 {
            n
        }
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = probe::subscribe({
        let told = Arc::clone(&told);
        move |event| {
            if let probe::Event::WatcherPanicked { function, .. } = event
                && function.ends_with("poked")
            {
                told.lock().unwrap().push(event.to_string());
            }
        }
    });
    let watch = call::watch("**::poked", |event| panic!("at {}", event.depth())).unwrap();
    assert_eq!(watch.run(|| quiet::poked(5)), 5);
    drop(listener);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("the watch `**::poked` panicked when `") && told[0].ends_with("at 0"));
}

#[test]
fn a_watch_is_carried_and_an_installed_one_is_everywhere() {
    mod carried {
        use selvedge::open;
        #[open]
        pub(super) fn travels() {}
    }
    let (watch, seen) = listen("**::travels");
    watch.run(|| {
        alien(carried::travels).join().unwrap();
        assert_eq!(taken(&seen).len(), 0);
        alien(carried::travels.inherit()).join().unwrap();
        assert_eq!(taken(&seen).len(), 2);
    });
    let (first, second) = (watch.install(), watch.install());
    drop(first);
    alien(carried::travels).join().unwrap();
    assert_eq!(taken(&seen).len(), 2);
    drop(second);
    carried::travels();
    assert_eq!(taken(&seen).len(), 0);
}

#[test]
fn a_watch_follows_a_wrapped_future() {
    use selvedge::Wrap as _;
    let (watch, seen) = listen("**::watch::other");
    let future = watch.wrap(async { other(4) });
    other(5);
    assert_eq!(selvedge::signal::block_on(future).unwrap(), 4);
    assert_eq!(taken(&seen), ["0 other(n: 4)", "0 other -> 4"]);
}

// catalogue 130
#[test]
fn a_watch_that_is_gone_leaves_the_function_quiet() {
    mod quiet {
        use selvedge::open;
        #[open]
        pub(super) fn again() {}
    }
    for _ in 0..3 {
        let (watch, seen) = listen("**::again");
        watch.run(quiet::again);
        drop(watch);
        assert_eq!(Arc::strong_count(&seen), 1);
        quiet::again();
        assert_eq!(taken(&seen).len(), 2);
    }
}

#[test]
fn watches_come_and_go_while_others_call() {
    mod busy {
        use selvedge::open;
        #[open]
        pub(super) fn spin(n: u32) -> u32 {
            n
        }
    }
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let log = Log::record("**::busy::*").unwrap();
                    let on = log.install();
                    assert_eq!(busy::spin(1), 1);
                    drop(on);
                    assert!(log.calls().iter().any(|call| call.returned() == Some("1")));
                }
            });
            scope.spawn(|| (0..2000).for_each(|n| assert_eq!(busy::spin(n), n)));
        }
    });
    let log = Log::record("**::busy::*").unwrap();
    busy::spin(3);
    assert_eq!(log.calls().len(), 0);
}

#[test]
fn a_log_keeps_calls_arguments_results_panics_and_times() {
    let log = Log::record("**::watch::f*").unwrap();
    log.run(|| {
        fact(2);
        let _ = catch_unwind(|| fails(0));
    });
    let calls = log.calls();
    let texts: Vec<_> = calls
        .iter()
        .map(|call| call.to_string().replace(&format!("{HERE}::"), ""))
        .collect();
    assert_eq!(
        texts,
        [
            "fact(n: 2) -> 2",
            "fact(n: 1) -> 1",
            "fails(n: 0) panicked: no 0"
        ]
    );
    assert_eq!(calls[1].depth(), 1);
    assert_eq!(calls[2].panicked(), Some("no 0"));
    assert_eq!(calls[0].args(), [("n", "2".to_owned())]);
    assert!(calls[0].function().path().ends_with("::fact"));
    let (outer, inner) = (calls[0].duration().unwrap(), calls[1].duration().unwrap());
    assert!(outer >= inner && calls[0].started() <= calls[1].started());
    assert_eq!((&log).into_iter().count(), 3);
    assert!(
        calls[0].thread().contains("a_log_keeps"),
        "{}",
        calls[0].thread()
    );
}

#[test]
fn a_log_is_bounded_and_completes_only_what_it_still_has() {
    let log = Log::record("**::watch::fact").unwrap().capacity(2);
    log.run(|| fact(4));
    let calls: Vec<_> = log
        .calls()
        .iter()
        .map(|call| {
            (
                call.arg("n").unwrap().to_owned(),
                call.returned().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(
        calls,
        [
            ("2".to_owned(), "2".to_owned()),
            ("1".to_owned(), "1".to_owned())
        ]
    );
    assert_eq!(log.dropped(), 2);
    let none = Log::record("**::watch::fact").unwrap().capacity(0);
    none.run(|| fact(4));
    assert_eq!((none.calls().len(), none.dropped()), (0, 4));
}

#[test]
fn a_breakpoint_gets_control_by_index_or_predicate() {
    let stops = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let stops = Arc::clone(&stops);
        move |record: &call::Record| {
            stops.lock().unwrap().push((
                what,
                record.arg("n").unwrap().to_owned(),
                record.is_running(),
            ));
        }
    };
    let log = Log::record("**::watch::fact")
        .unwrap()
        .capacity(1)
        .break_at(1, note("index"))
        .break_when(|record| record.returned() == Some("6"), note("six"));
    log.run(|| fact(3));
    // Of the call that returned 6 the record was gone by then: its end is seen all the same, as without a bound.
    assert_eq!(
        *stops.lock().unwrap(),
        [
            ("index", "2".to_owned(), true),
            ("six", "3".to_owned(), false)
        ]
    );
    stops.lock().unwrap().clear();
    let log = Log::record("**::watch::fact")
        .unwrap()
        .break_when(|record| record.returned() == Some("6"), note("six"));
    log.run(|| fact(3));
    assert_eq!(*stops.lock().unwrap(), [("six", "3".to_owned(), false)]);
}

#[test]
fn a_breakpoint_may_wait_for_another_thread() {
    mod held {
        use selvedge::open;
        #[open]
        pub(super) fn work(n: u32) -> u32 {
            n
        }
    }
    let (reached, go_on) = (Signal::named("reached"), Signal::named("go on"));
    let log = Log::record("**::held::*").unwrap().break_at(1, {
        let (reached, go_on) = (reached.clone(), go_on.clone());
        move |_| {
            reached.set();
            go_on.wait().unwrap();
        }
    });
    let worker = log.run(|| alien((|| held::work(1) + held::work(2)).inherit()));
    reached.wait().unwrap();
    let calls = log.calls();
    assert_eq!((calls.len(), calls[1].is_running()), (2, true));
    go_on.set();
    assert_eq!(worker.join().unwrap(), 3);
    assert!(!log.calls()[1].is_running());
}

#[test]
fn the_moment_of_an_event_is_data_too() {
    let results = Arc::new(Mutex::new(Vec::new()));
    let watch = call::watch("**::watch::other", {
        let results = Arc::clone(&results);
        move |event| {
            if let Moment::Returned(result) = event.moment() {
                results.lock().unwrap().push(format!("{result:?}"));
            }
            assert_eq!(event.arg("m"), None);
        }
    });
    watch.unwrap().run(|| other(8));
    assert_eq!(*results.lock().unwrap(), ["8"]);
}

#[test]
fn a_log_that_is_in_force_twice_has_one_record_of_a_call_and_it_ends() {
    #[open]
    fn once(n: u32) -> u32 {
        n
    }
    let log = Log::record("**::watch::once").unwrap();
    let on = log.install();
    log.run(|| log.run(|| once(log.run(|| once(1)))));
    drop(on);
    let calls = log.calls();
    let ends: Vec<_> = calls
        .iter()
        .map(|call| (call.returned(), call.depth()))
        .collect();
    assert_eq!(ends, [(Some("1"), 0); 2], "{calls:?}");
}
