//! Strict contexts, and bindings to groups.

use std::time::Duration;

use selvedge::call::Condition;
use selvedge::testing::World;
use selvedge::thread::Builder;
use selvedge::{Ambient, Group, Till, bind, context, open};

use crate::ambient::{elsewhere, panic_of};

context! {
    static LEVEL = "level";
    static PLUGIN = "plugin" strict;
    static SECOND = "second" strict { x: u8 }
    static NOBODYS = "nobodys" isolates strict;
    static LOOSE = "loose";
}

fn in_group<R: Send + 'static>(group: &Group, f: fn() -> R) -> R {
    let thread = Builder::new("member").group(group).spawn(move |_| Ok(f()));
    let late = Till::after(Duration::from_secs(10));
    thread.unwrap().join_until(&late).unwrap()
}

#[open]
fn ranked() -> &'static str {
    "default"
}

#[bind(ranked, thread = LEVEL, process = LEVEL)]
fn by_both() -> &'static str {
    "thread and process"
}

#[bind(ranked, thread = LEVEL)]
fn by_thread() -> &'static str {
    "thread"
}

#[bind(ranked, group = LEVEL)]
fn by_group() -> &'static str {
    "group"
}

#[bind(ranked, process = LEVEL)]
fn by_process() -> &'static str {
    "process"
}

/// 40, 13: thread and process > thread > group > process > default.
#[test]
fn bindings_rank_thread_and_process_before_thread_before_group_before_process() {
    World::new().run(|| {
        let group = Group::new("g");
        let choose = || (ranked(), LEVEL.run(ranked));
        assert_eq!(in_group(&group, choose), ("default", "thread"));
        let in_process = LEVEL.enter_process();
        assert_eq!(choose(), ("process", "thread and process"));
        let on = group.activate(&LEVEL);
        assert_eq!(in_group(&group, choose), ("group", "thread and process"));
        assert_eq!(
            choose(),
            ("process", "thread and process"),
            "main is of no group"
        );
        drop(in_process);
        assert_eq!(in_group(&group, choose), ("group", "thread"));
        drop(on);
        assert_eq!(in_group(&group, choose), ("default", "thread"));
    });
}

#[open]
fn bound() -> &'static str {
    "body"
}

#[bind(bound, thread = PLUGIN)]
fn for_plugin() -> &'static str {
    bound() // comes to the body: its own handler is skipped, and it is an implementation
}

#[bind(bound, process = LOOSE)]
fn for_loose() -> &'static str {
    "loose"
}

/// 15, 16, 17: without an implementation for a strict context a call is refused, and both are named. The default is
/// to fall back.
#[test]
fn a_strict_context_refuses_functions_without_an_implementation_for_it() {
    #[open]
    fn never_bound() -> u8 {
        1
    }
    assert_eq!((never_bound(), bound()), (1, "body")); // quiet by now
    assert_eq!(LOOSE.run(never_bound), 1);
    let message = panic_of(|| PLUGIN.run(never_bound));
    assert!(
        message.contains("never_bound` has no implementation for the strict context `plugin`"),
        "{message}"
    );
    assert_eq!(PLUGIN.run(bound), "body");
    assert!(panic_of(|| NOBODYS.run(bound)).contains("`nobodys`"));
    assert_eq!((never_bound(), bound()), (1, "body"));
    // One that is called for the first time inside.
    #[open]
    fn new() -> u8 {
        2
    }
    assert!(panic_of(|| PLUGIN.run(new)).contains("new` has no implementation"));
    assert_eq!((new(), PLUGIN.run(|| PLUGIN.without(new))), (2, 2));
}

#[test]
fn a_function_is_refused_on_every_level_and_also_where_the_ambient_was_carried() {
    #[open]
    fn refused() -> u8 {
        1
    }
    context! { static EVERYWHERE = "everywhere" strict; static HERE = "here" strict; }
    let message = || panic_of(refused);
    World::new().run(|| {
        let group = Group::new("g");
        let on = group.activate(&HERE);
        assert_eq!(refused(), 1);
        assert!(in_group(&group, || panic_of(refused)).contains("`here`"));
        drop(on);
        assert_eq!(in_group(&group, refused), 1);
    });
    let ambient = HERE.run(Ambient::capture);
    let carried = elsewhere(move || ambient.run(|| panic_of(refused)));
    assert!(carried.contains("`here`"));
    // Process-wide the context is everybody's, so nothing else in this program may be called meanwhile that is not
    // bound to it: a function of one's own, in a process of its own.
    if std::env::var_os("SELVEDGE_STRICT_CHILD").is_some() {
        let on = EVERYWHERE.enter_process();
        assert!(message().contains("`everywhere`"));
        refused::bind(&[Condition::Process(&EVERYWHERE)], |_, _| 5);
        assert_eq!(refused(), 5);
        drop(on);
        assert_eq!(refused(), 1);
        return;
    }
    let name =
        "call::strict::a_function_is_refused_on_every_level_and_also_where_the_ambient_was_carried";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env("SELVEDGE_STRICT_CHILD", "1")
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

#[test]
fn inside_several_strict_contexts_a_function_needs_an_implementation_for_each() {
    #[open]
    fn picky() -> &'static str {
        "body"
    }
    picky::bind(&[Condition::Thread(&PLUGIN)], |_, _| "plugin");
    assert_eq!(PLUGIN.run(picky), "plugin");
    let message = panic_of(|| PLUGIN.run(|| SECOND.enter().x(1).run(picky)));
    assert!(message.contains("`second`"), "{message}");
    picky::bind(&[Condition::Thread(&SECOND)], |args, next| {
        next.proceed(args)
    });
    assert_eq!(PLUGIN.run(|| SECOND.enter().x(1).run(picky)), "plugin");
    assert_eq!(SECOND.run(picky), "body");
    // A binding that names it but does not match is none.
    #[open]
    fn in_level_two() -> u8 {
        1
    }
    in_level_two::bind(
        &[Condition::Thread(&PLUGIN), Condition::Process(&LEVEL_TWO)],
        |_, _| 2,
    );
    context! { static LEVEL_TWO = "level two"; }
    assert!(panic_of(|| PLUGIN.run(in_level_two)).contains("`plugin`"));
    let on = LEVEL_TWO.enter_process();
    assert_eq!(PLUGIN.run(in_level_two), 2);
    drop(on);
}

/// A patch comes before the choice: it may answer, and is no implementation.
#[test]
fn a_patch_answers_a_call_that_a_strict_context_would_refuse() {
    #[open]
    fn patched() -> u8 {
        1
    }
    let answers = patched::around(|_, _| 7);
    assert_eq!(PLUGIN.run(|| answers.run(patched)), 7);
    let proceeds = patched::around(|args, next| next.proceed(args));
    let message = panic_of(|| PLUGIN.run(|| proceeds.run(patched)));
    assert!(message.contains("`plugin`"), "{message}");
    assert_eq!(proceeds.run(patched), 1);
}

#[test]
fn an_implementation_for_other_type_parameters_is_none() {
    fn now(future: impl Future<Output = u8>) -> u8 {
        selvedge::signal::block_on(future).unwrap()
    }
    context! { static BYTES = "bytes" strict; }

    #[open]
    fn show<T: std::fmt::Debug + 'static>(t: T) -> String {
        format!("{t:?}")
    }
    #[open]
    async fn later<T: Send + Sync + 'static>(_t: T) -> u8 {
        0
    }

    show::bind::<u8>(&[Condition::Thread(&BYTES)], |_, _| "a byte".to_owned());
    later::bind::<u8>(&[Condition::Thread(&BYTES)], |_, _| Box::pin(async { 1 }));
    BYTES.run(|| {
        assert_eq!((show(1_u8), now(later(1_u8))), ("a byte".to_owned(), 1));
        let refused = "has no implementation for the strict context `bytes`";
        assert!(panic_of(|| show(1_u16)).contains(refused));
        assert!(panic_of(|| now(later(1_u16))).contains(refused));
        let explained = show::explain::<u16>().to_string();
        assert!(explained.contains("strict context `bytes"), "{explained}");
    });
    assert_eq!((show(1_u16), now(later(1_u16))), ("1".to_owned(), 0));
}
