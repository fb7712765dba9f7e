//! Processes that leave others behind.

use std::time::Duration;

use selvedge::process::{self, JoinError, Stdin};

use crate::child::{Case, Child, Scenario, end_of};
use crate::proc::{is_alive, members, until};
use crate::streams::{run, sh};

fn end(pid: u32) {
    let kill = format!("kill -KILL {pid}");
    let ended = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(ended.unwrap().success());
}

pub(crate) const SCENARIOS: &[Scenario] = &[("adopting", || {
    selvedge::run("adopting", |_stop| {
        process::adopt_orphans()?;
        let script = "(setsid sh -c 'echo $$; exec sleep 1000' 2>/dev/null &); read line";
        let leaver = sh(script).stdin(Stdin::Pipe).spawn()?;
        let orphan: u32 = leaver.stdout().pop()?.to_str()?.parse()?;
        leaver.stdin().close();
        let exit = leaver.wait()?;
        assert!(!is_alive(orphan));
        let left = exit.descendants();
        assert!(left.iter().any(|left| left.id() == orphan), "{left:?}");
        Ok(())
    })
})];

pub(crate) const CASES: &[Case] = &[
    // P1, golang/go#23019: a join hung for as long as the grandchild lived
    ("a_grandchild_in_the_group_does_not_keep_the_output", || {
        run(|| {
            let leaver = sh("sleep 1000 & echo $!").spawn()?;
            let grandchild = leaver.stdout().pop()?.to_str()?.parse()?;
            let exit = leaver.join()?;
            assert!(!exit.is_held());
            until("the grandchild has ended", || !is_alive(grandchild));
            Ok(())
        });
    }),
    (
        "a_grandchild_outside_that_holds_the_output_is_named",
        || {
            run(|| {
                let leaver = sh("setsid sleep 1000 & echo $!; read line; exit 0");
                let leaver = leaver.stdin(Stdin::Pipe).spawn()?;
                let grandchild: u32 = leaver.stdout().pop()?.to_str()?.parse()?;
                until("it is in a session of its own", || {
                    members(grandchild) == [grandchild]
                });
                leaver.stdin().close();
                let exit = leaver.join()?;
                assert!(exit.is_held(), "{exit:?}");
                let left = exit.descendants();
                assert!(
                    left.iter()
                        .any(|left| left.id() == grandchild && left.name() == "sleep"),
                    "{left:?}"
                );
                assert!(is_alive(grandchild));
                end(grandchild);
                Ok(())
            });
        },
    ),
    (
        "who_made_a_session_of_its_own_is_named_when_its_parent_is_stopped",
        || {
            run(|| {
                let leaver = sh("setsid sleep 1000 >/dev/null 2>&1 & echo $!; wait").spawn()?;
                let grandchild: u32 = leaver.stdout().pop()?.to_str()?.parse()?;
                until("it is in a session of its own", || {
                    members(grandchild) == [grandchild]
                });
                leaver.stop();
                let Err(JoinError::Stopped { exit, .. }) = leaver.join() else {
                    panic!("it was asked");
                };
                let left = exit.descendants();
                assert!(left.iter().any(|left| left.id() == grandchild), "{left:?}");
                end(grandchild);
                Ok(())
            });
        },
    ),
    // Below its parent first, and then without one.
    ("who_left_and_holds_the_output_is_named_once", || {
        run(|| {
            let leaver = sh("setsid sleep 1000 & echo $!; wait").spawn()?;
            let grandchild: u32 = leaver.stdout().pop()?.to_str()?.parse()?;
            until("it is in a session of its own", || {
                members(grandchild) == [grandchild]
            });
            leaver.stop();
            let exit = leaver.wait()?;
            let left: Vec<_> = exit.descendants().iter().map(|it| it.id()).collect();
            assert_eq!(left, [grandchild]);
            assert!(exit.is_held());
            end(grandchild);
            Ok(())
        });
    }),
    ("who_forks_while_it_is_killed_is_killed_whole", || {
        run(|| {
            for _ in 0..10 {
                let bomb = sh("trap '' TERM; echo go; i=0
                    while [ $i -lt 300 ]; do sleep 1000 & i=$((i+1)); done; wait");
                let bomb = bomb.grace(Duration::from_millis(5)).spawn()?;
                bomb.stdout().pop()?;
                bomb.stop();
                assert_eq!(bomb.wait()?.code(), -9);
                let group = bomb.id();
                until("nobody of the group is left", || members(group).is_empty());
            }
            Ok(())
        });
    }),
    ("a_whole_family_that_ignores_the_request_is_killed", || {
        run(|| {
            let deaf =
                sh("trap '' TERM; sh -c \"trap '' TERM; echo ready; sleep 1000\" & wait; wait");
            let deaf = deaf
                .grace(Duration::from_millis(20))
                .stdin(Stdin::Pipe)
                .spawn()?;
            deaf.stdout().pop()?;
            deaf.stop();
            assert_eq!(deaf.wait()?.code(), -9);
            let group = deaf.id();
            until("nobody of the group is left", || members(group).is_empty());
            Ok(())
        });
    }),
    ("a_program_that_adopts_orphans_ends_those_who_left", || {
        let end = end_of("adopting");
        end.assert_code(0);
        end.assert_quiet();
    }),
    ("a_program_in_a_container_adopts_orphans", || {
        let Some(contained) = Child::start_contained("adopting") else {
            eprintln!("skipped: the system allows no namespaces");
            return;
        };
        let end = contained.end();
        end.assert_code(0);
        end.assert_quiet();
    }),
];
