//! Groups of threads: their contexts, their stop, who is in them.

use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{self, Builder, JoinAllError, JoinError, Thread};
use selvedge::{Ambient, Group, Signal, Till, context};

use super::elsewhere;

context! {
    static DRAINING = "draining";
    static PAUSED = "paused";
}

fn late() -> Signal {
    Till::after(Duration::from_secs(10))
}

fn waiter(name: &str, group: &Group) -> Thread<()> {
    let builder = Builder::new(name).group(group);
    builder.spawn(|_| Ok(Signal::new().wait()?)).unwrap()
}

fn paths(group: &Group) -> Vec<String> {
    let names = group.threads().into_iter().map(|it| it.name().to_owned());
    names.collect()
}

/// 40: a group has contexts, for all its threads at once and for nobody else.
#[test]
fn a_context_is_activated_for_all_threads_of_a_group_at_once() {
    World::new().run(|| {
        let group = Group::new("g");
        let (seen, changed) = (Signal::new(), Signal::new());
        let member = |name: &str| {
            let (seen, changed) = (seen.clone(), changed.clone());
            let builder = Builder::new(name).group(&group);
            let body = move |_| {
                seen.wait()?;
                let before = DRAINING.is_active_in_group();
                changed.wait()?;
                Ok((before, DRAINING.is_active_in_group()))
            };
            builder.spawn(body).unwrap()
        };
        let members = [member("a"), member("b")];
        let on = group.activate(&DRAINING);
        assert!(group.is_active(&DRAINING) && !group.is_active(&PAUSED));
        assert!(!DRAINING.is_active_in_group(), "main is of no group");
        assert!(!DRAINING.is_active_in_process() && !DRAINING.is_active());
        let stranger = thread::spawn("stranger", |_| Ok(DRAINING.is_active_in_group()));
        assert!(!stranger.join_until(&late()).unwrap());
        seen.set();
        let shown = Builder::new("c")
            .group(&group)
            .spawn(|_| Ok(DRAINING.to_string()));
        let shown = shown.unwrap().join_until(&late()).unwrap(); // 109
        assert_eq!(shown, "draining (active in group g)");
        for member in &members {
            // They have looked before the guard goes: the group shows them.
            assert!(paths(&group).contains(&member.name().to_owned()));
        }
        let probe = Builder::new("d")
            .group(&group)
            .spawn(|_| Ok(DRAINING.is_active_in_group()));
        assert!(probe.unwrap().join_until(&late()).unwrap());
        drop(on);
        changed.set();
        for member in &members {
            assert!(!member.join_until(&late()).unwrap().1);
        }
    });
}

/// 7: guards count, and go in any order on any thread.
#[test]
fn guards_of_a_group_count_and_go_in_any_order_on_any_thread() {
    let (one, other) = (Group::new("g"), Group::new("g"));
    assert_ne!(one, other, "a group is not its name");
    let guards = [
        one.activate(&DRAINING),
        one.activate(&PAUSED),
        one.activate(&DRAINING),
    ];
    let elsewhere_on = other.activate(&DRAINING);
    let [first, paused, second] = guards;
    drop(first);
    assert!(one.is_active(&DRAINING) && one.is_active(&PAUSED));
    elsewhere(move || drop(second));
    assert!(!one.is_active(&DRAINING) && one.is_active(&PAUSED) && other.is_active(&DRAINING));
    drop(elsewhere_on);
    drop(paused);
    assert!(!one.is_active(&PAUSED) && !other.is_active(&DRAINING));
}

/// 40: membership is inherited by request only, and no capture carries it.
#[test]
fn a_child_is_of_its_parents_group_only_if_it_asks() {
    World::new().run(|| {
        let group = Group::new("family");
        let of_parent = group.clone();
        let parent = Builder::new("parent").group(&group).spawn(move |_| {
            assert_eq!(Group::current(), Some(of_parent.clone()));
            let current = |_: Signal| Ok(Group::current());
            let plain = thread::spawn("plain", current).join()?;
            let carried = Builder::new("carried").ambient(Ambient::capture());
            let carried = carried.spawn(current)?.join()?;
            let asked = Builder::new("asked")
                .inherit_group()
                .spawn(current)?
                .join()?;
            let scoped = thread::scope("scope", |s| {
                Ok(s.spawn("scoped", |_| Ok(Group::current())).join()?)
            })?;
            assert_eq!((plain, carried, scoped), (None, None, None));
            assert_eq!(asked, Some(of_parent));
            Ok(())
        });
        parent.unwrap().join_until(&late()).unwrap();
        // Whoever is of none has none to give.
        let child = Builder::new("child")
            .inherit_group()
            .spawn(|_| Ok(Group::current()));
        assert_eq!(child.unwrap().join_until(&late()).unwrap(), None);
    });
}

#[test]
fn a_group_is_asked_to_stop_with_the_children_of_its_threads_and_nobody_else() {
    let world = World::new();
    world.run(|| {
        let group = Group::new("g");
        let up = Signal::new();
        let parent = Builder::new("parent").group(&group).spawn({
            let up = up.clone();
            move |_| {
                let child = thread::spawn("child", |_| Ok(Signal::new().wait()?));
                up.set();
                Ok(child.join()?) // it hands on what its child says
            }
        });
        let (parent, other) = (parent.unwrap(), waiter("other", &group));
        let stranger = thread::spawn("stranger", |stop| Ok(stop.wait()?));
        up.wait_until(&late()).unwrap();
        assert_eq!(paths(&group), ["other", "parent"]);
        group.stop_because("the disk is full");
        group.stop_because("a later reason");
        group.join_all_until(&late()).unwrap();
        assert!(group.try_join_all() && group.threads().is_empty());
        for ended in [parent.join().unwrap_err(), other.join().unwrap_err()] {
            let text = ended.stop_reason().unwrap().text().map(str::to_owned);
            assert_eq!(text.as_deref(), Some("the disk is full"));
        }
        assert!(!stranger.stopped().is_set());
        stranger.stop();
        stranger.join_until(&late()).unwrap();
    });
    assert!(world.events().iter().all(|event| !event.contains("failed")));
}

#[test]
fn a_thread_that_comes_to_a_stopped_group_runs_with_its_stop_set() {
    World::new().run(|| {
        let group = Group::new("g");
        group.stop_because("closed");
        let late_comer = Builder::new("late").group(&group);
        let seen = late_comer.spawn(|stop| Ok(stop.is_set())).unwrap();
        assert!(seen.join_until(&late()).unwrap());
        let prepared = Builder::new("prepared").group(&group);
        let prepared = prepared.prepare(|_| Ok(())).unwrap();
        assert!(prepared.start().is_err(), "asked before it was started");
        assert!(group.try_join_all());
    });
}

#[test]
fn waiting_for_a_group_includes_who_comes_meanwhile_and_obeys_stop_and_the_signal() {
    World::new().run(|| {
        let group = Group::new("g");
        assert!(group.join_all().is_ok(), "an empty group has ended");
        let first = Builder::new("first").group(&group).spawn(|_| {
            let heir = Builder::new("heir").inherit_group();
            heir.spawn(|stop| Ok(stop.wait_until(&stop)?))?.release();
            Ok(())
        });
        group.join_all_until(&late()).unwrap();
        assert!(first.unwrap().stopped().is_set());

        let waits = waiter("waits", &group);
        assert!(!group.try_join_all());
        let expired = group.join_all_until(&Till::after(Duration::from_millis(1)));
        assert!(matches!(expired, Err(JoinAllError::Expired)));
        let joiner = thread::spawn("joiner", {
            let group = group.clone();
            move |_| {
                Ok(matches!(
                    group.join_all(),
                    Err(JoinAllError::Interrupted(_))
                ))
            }
        });
        joiner.stop();
        assert!(joiner.join_until(&late()).unwrap());
        assert!(!waits.stopped().is_set());
        group.stop();
        group.join_all_until(&late()).unwrap();
        assert!(waits.join().unwrap_err().stop_reason().is_some());
    });
}

#[test]
fn a_group_cannot_be_waited_for_from_within() {
    World::new().run(|| {
        let group = Group::new("g");
        let of_member = group.clone();
        let member = Builder::new("member").group(&group).spawn(move |_| {
            let of_child = of_member.clone();
            let child = thread::spawn("child", move |_| Ok(of_child.join_all().unwrap_err()));
            Ok([of_member.join_all().unwrap_err(), child.join()?])
        });
        for error in member.unwrap().join_until(&late()).unwrap() {
            let JoinAllError::Failed(failures) = &error else {
                panic!("{error}")
            };
            let [JoinError::Itself { thread }] = failures.all() else {
                panic!("{error}")
            };
            assert!(thread.ends_with("/member"));
        }
    });
}

#[test]
fn a_group_keeps_no_threads_that_have_ended() {
    World::new().run(|| {
        let group = Group::new("many");
        for _ in 0..100 {
            let threads: Vec<_> = (0..100)
                .map(|_| {
                    Builder::new("short")
                        .group(&group)
                        .spawn(|_| Ok(()))
                        .unwrap()
                })
                .collect();
            thread::join_all_until(&threads, &Till::after(Duration::from_secs(60))).unwrap();
        }
        group.join_all_until(&late()).unwrap();
        assert!(group.threads().is_empty());
        assert!(format!("{group:?}").contains("\"many\""));
        assert_eq!((group.to_string().as_str(), group.name()), ("many", "many"));
    });
}

#[test]
fn an_alien_thread_that_registers_may_be_of_a_group() {
    World::new().run(|| {
        let (group, world) = (Group::new("g"), thread::current());
        let alien = || {
            let builder = Builder::new("alien").parent(&world).group(&group);
            let during = builder.register(|_| Ok((Group::current(), paths(&group))));
            (during.unwrap(), Group::current())
        };
        let ((inside, members), after) = std::thread::scope(|s| s.spawn(alien).join().unwrap());
        assert_eq!((inside, after), (Some(group.clone()), None));
        assert_eq!(members, ["alien"]);
        assert!(group.try_join_all());
    });
}
