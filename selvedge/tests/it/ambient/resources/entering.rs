//! An entry binds what it mentions and hides the rest; an overlay keeps it.

use std::cell::RefCell;
use std::sync::Arc;

use selvedge::{Context, Resource, context, local, singleton};

use super::super::{elsewhere, panic_of};
use super::{APP, ISOLATED, OTHER, PLAIN, config};

/// 76, 85, 86, 87, 94: one scope for related resources; a nested one hides what it does not mention.
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
