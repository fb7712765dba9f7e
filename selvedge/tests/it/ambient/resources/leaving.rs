//! The end of a block: last actions, destructors, and who is told.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context as Task, Waker};

use selvedge::probe::{self, Event};
use selvedge::{Wrap, context};

use super::super::panic_of;
use super::{APP, ISOLATED, PLAIN, config};

/// 96: once, in reverse order, before unbinding; also if the body failed.
#[test]
fn last_actions_run_once_in_reverse_order_while_the_resources_resolve() {
    let log = RefCell::new(Vec::new());
    let block = || {
        APP.enter()
            .config("c")
            .on_exit(|| log.borrow_mut().push(("first", config())))
            .on_exit(|| log.borrow_mut().push(("second", config())))
    };
    let expected = vec![("second", Ok("c")), ("first", Ok("c"))];
    block().run(|| assert!(log.borrow().is_empty()));
    assert_eq!(log.take(), expected);
    assert_eq!(panic_of(|| block().run(|| panic!("body"))), "body");
    assert_eq!(log.take(), expected);
    drop(block()); // never entered
    assert!(log.borrow().is_empty());
}

/// 96: also when a wrapped future is dropped half-way.
#[test]
fn last_actions_run_when_a_wrapped_future_is_dropped() {
    let seen = Cell::new(None);
    {
        let mut task = Task::from_waker(Waker::noop());
        let block = APP.enter().config("c").on_exit(|| seen.set(config().ok()));
        let mut future = Box::pin(block.wrap(std::future::pending::<()>()));
        assert!(future.as_mut().poll(&mut task).is_pending());
        assert_eq!(seen.get(), None);
    }
    assert_eq!(seen.get(), Some("c"));
    assert!(config().is_err());
}

/// 97: a last action that fails does not keep the binding, and its panic goes on, or is told.
#[test]
fn a_last_action_that_panics_unbinds_all_the_same() {
    let others = Cell::new(0);
    let block = || {
        APP.enter()
            .config("c")
            .on_exit(|| others.set(others.get() + 1))
            .on_exit(|| panic!("clean-up"))
    };
    assert_eq!(panic_of(|| block().run(|| ())), "clean-up");
    assert!(config().is_err() && !APP.is_active());
    assert_eq!(others.get(), 1);

    let told = Arc::new(Mutex::new(Vec::new()));
    let _heard = probe::subscribe({
        let (told, me) = (Arc::clone(&told), std::thread::current().id());
        move |event| {
            if let Event::ExitPanicked { message, .. } = event
                && std::thread::current().id() == me
            {
                told.lock().unwrap().push((*message).to_owned());
            }
        }
    });
    assert_eq!(panic_of(|| block().run(|| panic!("body"))), "body");
    assert_eq!(*told.lock().unwrap(), ["clean-up"]);
    assert!(config().is_err());
}

#[test]
fn a_resource_that_is_given_twice_has_the_later_value_and_the_earlier_is_dropped() {
    struct Counted(&'static AtomicUsize);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    context! { static HOLDS = "holds" { counted: Counted } }

    let block = HOLDS
        .enter()
        .counted(Counted(&DROPPED))
        .counted(Counted(&DROPPED));
    assert_eq!(DROPPED.load(Relaxed), 1);
    block.run(|| assert!(HOLDS.counted.is_bound()));
    assert_eq!(DROPPED.load(Relaxed), 2);
}

/// The destructor of a resource runs with the outer block current.
#[test]
fn a_resource_is_dropped_when_it_is_unbound_and_may_read_and_enter() {
    struct Reads;
    impl Drop for Reads {
        fn drop(&mut self) {
            SEEN.with(|seen| seen.set(Some((config().ok(), READS.reads.is_bound()))));
            READS.enter().run(|| assert!(READS.is_active()));
        }
    }
    context! { static READS = "reads" { reads: Reads } }
    thread_local! { static SEEN: Cell<Option<(Option<&'static str>, bool)>> = const { Cell::new(None) } }
    APP.enter().config("outer").run(|| {
        READS
            .enter()
            .reads(Reads)
            .run(|| assert!(READS.reads.is_bound()));
        assert_eq!(SEEN.take(), Some((Some("outer"), false)));
    });
}

/// 108: entering and leaving are events with the context's name, for contexts that are only a name too.
#[test]
fn entering_and_leaving_are_events() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = probe::subscribe({
        let (lines, me) = (Arc::clone(&lines), std::thread::current().id());
        move |event| {
            if std::thread::current().id() != me {
                return;
            }
            let line = match event {
                Event::Entered { context, .. } => format!("> {context}"),
                Event::Left {
                    context, panicking, ..
                } => format!("< {context} {panicking}"),
                _ => return,
            };
            lines.lock().unwrap().push(line);
        }
    });
    let take = || std::mem::take(&mut *lines.lock().unwrap());
    APP.enter()
        .on_exit(|| PLAIN.run(|| ()))
        .run(|| ISOLATED.run(|| ()));
    let all = [
        "> app",
        "> isolated",
        "< isolated false",
        "> plain",
        "< plain false",
        "< app false",
    ];
    assert_eq!(take(), all);

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        PLAIN.run(|| APP.enter().run(|| panic!("p")))
    }));
    assert!(panicked.is_err());
    assert_eq!(take(), ["> plain", "> app", "< app true", "< plain true"]);

    // A future begins once, however often it is polled.
    let mut task = Task::from_waker(Waker::noop());
    {
        let mut future = Box::pin(APP.enter().wrap(std::future::pending::<()>()));
        for _ in 0..3 {
            assert!(future.as_mut().poll(&mut task).is_pending());
        }
        assert_eq!(take(), ["> app"]);
    }
    assert_eq!(take(), ["< app false"]);
    let text = Event::Entered {
        context: "app",
        thread: "main",
    };
    assert_eq!(text.to_string(), "`app` entered in `main`");

    // Who stops listening half-way hears no more, and who comes half-way does not hear of an end alone.
    drop(heard);
    PLAIN.run(|| ());
    assert!(take().is_empty());
}
