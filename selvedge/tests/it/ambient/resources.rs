//! Contexts with resources: bound together, hidden together, left together.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context as Task, Poll, Waker};

use selvedge::probe::{self, Event};
use selvedge::{Ambient, Context, Resource, Unbound, Wrap, context, local, singleton};

use super::{elsewhere, panic_of};

context! {
    /// An application.
    static APP = "app" {
        /// How it is set up.
        config: &'static str,
        /// Its numbers.
        numbers: Vec<u32>,
        nothing: Option<u8>,
    }
    static OTHER = "other" { config: &'static str }
    static PLAIN = "plain";
    static ISOLATED = "isolated" isolates { owner: &'static str };
}

fn config() -> Result<&'static str, Unbound> {
    APP.config.copied()
}

/// 76, 85, 87, 94: one scope for related resources; a nested one hides what it does not mention.
#[test]
fn an_entry_binds_its_resources_and_hides_the_others_until_it_is_left() {
    assert!(config().is_err() && !APP.is_active());
    APP.enter().config("outer").numbers(vec![1, 2]).run(|| {
        assert!(APP.is_active());
        assert_eq!(config(), Ok("outer"));
        assert_eq!(APP.numbers.with(Vec::len), Ok(2));
        let hidden = APP.enter().config("inner").run(|| {
            assert_eq!(config(), Ok("inner"));
            APP.numbers.is_bound()
        });
        assert!(!hidden);
        let message = panic_of(|| APP.enter().run(|| panic!("{:?}", APP.config.is_bound())));
        assert_eq!(message, "false");
        assert_eq!(config(), Ok("outer")); // 86
    });
    assert!(config().is_err() && !APP.is_active());
}

/// 77, 78: a resource is there at any time, and is itself; one of the same name of another context is another one.
#[test]
fn a_resource_can_be_named_before_it_is_bound_and_follows_each_block() {
    let resource: &Resource<&'static str> = &APP.config;
    assert!(!resource.is_bound());
    for value in ["a", "b"] {
        APP.enter()
            .config(value)
            .run(|| assert_eq!(resource.copied(), Ok(value)));
    }
    OTHER.enter().config("other").run(|| {
        assert!(!resource.is_bound());
        assert_eq!(OTHER.config.copied(), Ok("other"));
    });
    assert_eq!(
        (APP.config.name(), OTHER.config.name()),
        ("app.config", "other.config")
    );
    assert!(format!("{:?}", APP.config).contains("app.config"));
}

/// 79, 91: two applications that are set up differently, at the same time, one to each thread.
#[test]
fn two_threads_see_their_own_application_at_the_same_time() {
    let together = Barrier::new(2);
    let serve = &|name| {
        APP.enter().config(name).run(|| {
            together.wait();
            let seen = config().unwrap();
            together.wait();
            seen
        })
    };
    let seen = std::thread::scope(|s| {
        let threads = ["blog", "shop"].map(|name| s.spawn(move || serve(name)));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(seen, ["blog", "shop"]);
}

/// 80, 81: the error names the resource, what is wrong, and the thread.
#[test]
fn reading_an_unbound_resource_is_an_error_that_names_it() {
    let error = config().unwrap_err();
    assert_eq!(error.name(), "app.config");
    assert!(
        error
            .to_string()
            .starts_with("resource `app.config` is not bound in thread")
    );
    assert!(
        error.to_string().ends_with("(nothing is bound here)"),
        "{error}"
    );
    assert!(APP.config.get().is_err() && APP.config.with(|_| ()).is_err());
    let error = APP.enter().numbers(vec![]).run(|| config().unwrap_err());
    assert!(
        error
            .to_string()
            .ends_with("(`app` is entered here without it)"),
        "{error}"
    );
    // 81: whether something else is bound makes no difference to the name.
    let error = PLAIN.run(|| config().unwrap_err());
    assert!(error.to_string().contains("`app.config`"));
}

/// 82, 95: what is bound to nothing much is bound.
#[test]
fn a_resource_that_is_none_is_bound() {
    assert!(!APP.nothing.is_bound());
    APP.enter().nothing(None).run(|| {
        assert!(APP.nothing.is_bound());
        assert_eq!(APP.nothing.copied(), Ok(None));
    });
}

/// 88, 89: an overlay keeps the rest; of nothing, it is a plain entry.
#[test]
fn an_overlay_keeps_what_it_does_not_mention() {
    APP.enter().config("base").numbers(vec![7]).run(|| {
        APP.overlay().config("over").run(|| {
            assert_eq!(config(), Ok("over"));
            assert_eq!(APP.numbers.with(Clone::clone), Ok(vec![7]));
            APP.overlay().run(|| assert_eq!(config(), Ok("over")));
        });
        assert_eq!(config(), Ok("base"));
        APP.without(|| {
            APP.overlay().nothing(None).run(|| {
                assert!(APP.is_active() && APP.nothing.is_bound() && !APP.config.is_bound());
            });
        });
    });
    APP.overlay().config("alone").run(|| {
        assert_eq!(config(), Ok("alone"));
        assert!(!APP.numbers.is_bound());
    });
}

/// 90: the base is taken at entry, so nothing comes back that was left in the meantime.
#[test]
fn an_overlay_takes_its_base_when_it_is_entered() {
    let made_inside = APP
        .enter()
        .config("gone")
        .run(|| APP.overlay().numbers(vec![1]));
    made_inside.clone().run(|| assert!(!APP.config.is_bound()));
    let outside = APP.overlay().numbers(vec![2]);
    APP.enter().config("here").run(|| {
        outside.run(|| assert_eq!(config(), Ok("here")));
        made_inside.run(|| assert_eq!(config(), Ok("here")));
    });
}

#[test]
fn an_overlay_around_a_future_takes_its_base_at_the_first_poll_and_keeps_it() {
    let mut task = Task::from_waker(Waker::noop());
    let mut first = true;
    let mut future = pin!(
        APP.overlay()
            .numbers(vec![1])
            .wrap(std::future::poll_fn(move |_| {
                match std::mem::take(&mut first) {
                    true => {
                        assert_eq!(config(), Ok("first"));
                        Poll::Pending
                    }
                    false => Poll::Ready(config()),
                }
            }))
    );
    let polled = APP
        .enter()
        .config("first")
        .run(|| future.as_mut().poll(&mut task));
    assert!(polled.is_pending());
    let polled = APP
        .enter()
        .config("second")
        .run(|| future.as_mut().poll(&mut task));
    assert_eq!(polled, Poll::Ready(Ok("first")));
}

/// 92, 110: a thread that is started inside sees nothing, unless the ambient is carried there; one that ends inside
/// leaves nothing.
#[test]
fn another_thread_sees_resources_only_if_they_are_carried_there() {
    APP.enter().config("mine").numbers(vec![3]).run(|| {
        assert!(elsewhere(|| config().is_err()));
        let ambient = Ambient::capture();
        let carried = elsewhere(move || {
            ambient.run(|| {
                let overlaid = APP
                    .overlay()
                    .config("theirs")
                    .run(|| APP.numbers.with(|it| it[0]));
                (config(), overlaid)
            })
        });
        assert_eq!(carried, (Ok("mine"), Ok(3)));
    });
    for _ in 0..10 {
        let fresh = elsewhere(|| {
            let fresh = config().is_err();
            panic_of(|| APP.enter().config("ends").run(|| panic!("inside")));
            fresh
        });
        assert!(fresh);
    }
}

/// 93: two flows on one thread do not see each other's, whatever the order in which they go on.
#[test]
fn futures_on_one_thread_are_isolated_from_each_other() {
    let step = || {
        let mut steps = 0;
        std::future::poll_fn(move |_| {
            steps += 1;
            if steps < 3 {
                Poll::Pending
            } else {
                Poll::Ready(config())
            }
        })
    };
    let mut task = Task::from_waker(Waker::noop());
    let mut a = pin!(APP.enter().config("a").wrap(step()));
    let mut b = pin!(APP.enter().config("b").wrap(step()));
    for _ in 0..2 {
        assert!(a.as_mut().poll(&mut task).is_pending());
        assert!(b.as_mut().poll(&mut task).is_pending());
        assert!(config().is_err());
    }
    assert_eq!(a.as_mut().poll(&mut task), Poll::Ready(Ok("a")));
    assert_eq!(b.as_mut().poll(&mut task), Poll::Ready(Ok("b")));
}

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

/// 98: a block may be entered again, and within itself; 99: `get` gives the object itself.
#[test]
fn a_block_can_be_entered_again_and_its_clones_share_the_values() {
    let block = APP.enter().numbers(vec![1]);
    let first = block.clone().run(|| APP.numbers.get()).unwrap();
    let again = block.clone();
    block.clone().run(|| {
        block.run(|| assert!(Arc::ptr_eq(&first, &APP.numbers.get().unwrap())));
    });
    // A clone that is changed leaves the original alone.
    let changed = again.clone().numbers(vec![2]);
    assert_eq!(changed.run(|| APP.numbers.with(|it| it[0])), Ok(2));
    assert_eq!(again.run(|| APP.numbers.with(|it| it[0])), Ok(1));
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

/// 107: names that the original kept for itself, and ours.
#[test]
fn a_resource_may_have_the_name_of_a_method() {
    context! {
        static NAMES = "names" {
            name: u8, values: u8, log: u8, proxies: u8, cleanup: u8, overlay: u8, enter: u8, context: u8, set: u8,
            without: u8, begin: u8, finish: u8, clone: u8, new: u8, with: u8, get: u8, is_active: u8, r#type: u8,
        }
    }
    let block = NAMES
        .enter()
        .name(1)
        .overlay(2)
        .enter(3)
        .begin(4)
        .clone(5)
        .finish(6)
        .r#type(7);
    block.run(|| {
        assert_eq!(NAMES.name(), "names");
        let read = [
            NAMES.name.copied(),
            NAMES.overlay.copied(),
            NAMES.enter.copied(),
            NAMES.begin.copied(),
            NAMES.clone.copied(),
            NAMES.finish.copied(),
            NAMES.r#type.copied(),
        ];
        assert_eq!(read, [1, 2, 3, 4, 5, 6, 7].map(Ok));
        assert!(!NAMES.values.is_bound());
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

/// 111: a block is a closure; there is nothing to leave without entering. What is left is what was entered.
#[test]
fn blocks_of_several_kinds_combine() {
    local! { static USER: &'static str; }
    let order = RefCell::new(Vec::new());
    let seen = APP
        .enter()
        .config("c")
        .on_exit(|| order.borrow_mut().push("app"))
        .and(USER.to("ada").on_exit(|| order.borrow_mut().push("user")))
        .and(PLAIN.enter())
        .run(|| (config(), USER.copied(), PLAIN.is_active()));
    assert_eq!(seen, (Ok("c"), Ok("ada"), true));
    assert_eq!(*order.borrow(), ["user", "app"]);
    // An overlay inside `and` sees what the outer part binds.
    let seen = APP
        .enter()
        .config("outer")
        .and(APP.overlay().numbers(vec![1]))
        .run(config);
    assert_eq!(seen, Ok("outer"));
}

#[test]
fn a_context_with_resources_is_a_context() {
    let context: &'static Context = &APP;
    context.run(|| {
        assert!(APP.is_active() && !APP.config.is_bound());
        APP.without(|| assert!(!APP.is_active()));
    });
    APP.enter().config("c").run(|| {
        APP.without(|| assert!(!APP.is_active() && !APP.config.is_bound()));
        context.run(|| assert!(!APP.config.is_bound()));
        assert!(APP.config.is_bound());
    });
    assert_eq!(APP.name(), "app");
    assert!(format!("{:?}", *APP).contains("\"app\""));
}

#[test]
fn a_context_with_resources_isolates_each_entry_anew() {
    singleton! { static TOTAL: u32 = 1; }
    let block = ISOLATED.enter().owner("plugin");
    for _ in 0..2 {
        block.clone().run(|| {
            TOTAL.update(|total| *total += 1);
            assert_eq!((*TOTAL.get(), ISOLATED.owner.copied()), (2, Ok("plugin")));
            ISOLATED.overlay().run(|| {
                assert_eq!((*TOTAL.get(), ISOLATED.owner.copied()), (2, Ok("plugin")));
            });
        });
        assert_eq!(*TOTAL.get(), 1);
    }
}

/// 109: whether it is entered here, and how.
#[test]
fn a_context_says_whether_it_is_entered_here() {
    context! { static SHOWN = "shown" { x: u8 } }
    assert_eq!(SHOWN.to_string(), "shown");
    SHOWN.enter().x(1).run(|| {
        assert_eq!(SHOWN.to_string(), "shown (entered)");
        SHOWN.without(|| assert_eq!(SHOWN.to_string(), "shown"));
        assert_eq!(elsewhere(|| SHOWN.to_string()), "shown");
    });
    let on = SHOWN.enter_process();
    assert_eq!(SHOWN.to_string(), "shown (entered by the process)");
    assert_eq!(
        elsewhere(|| SHOWN.to_string()),
        "shown (entered by the process)"
    );
    drop(on);
    assert_eq!(SHOWN.to_string(), "shown");
}
