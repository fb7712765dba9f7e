//! Many processes at once, or one after the other, and no room for more.

use std::time::Duration;

use selvedge::process::{Command, JoinError, SpawnError, Stdin};
use selvedge::thread;

use crate::child::{Case, Child, Scenario, say};
use crate::proc::{self, Held, until};
use crate::streams::{run, sh};

/// One process after the other; `SELVEDGE_ROUNDS` changes how many.
fn rounds() -> usize {
    let given = std::env::var("SELVEDGE_ROUNDS").ok();
    given.map_or(300, |rounds| rounds.parse().expect("a number of rounds"))
}

/// Starts one, lets it run or not, and ends it in one of many ways.
fn one(round: usize) -> thread::Outcome<()> {
    let cat = Command::new("cat")
        .stdin(Stdin::Pipe)
        .grace(Duration::from_secs(5))
        .spawn()?;
    match round % 6 {
        0 => cat.kill(),
        1 => cat.stop(),
        2 => {
            let _ = cat.stdin().push(vec![b'\n'; 1000]); // closed, if its parent was asked
            cat.stop();
        }
        3 => {
            let _ = cat.stdin().push(vec![b'\n'; 1 << 20]);
            let _ = cat.stdout().pop();
            cat.kill();
        }
        4 => cat.stdin().close(),
        _ => {
            let _ = cat.stdin().push(vec![b'\n'; 1000]);
            let _ = cat.stdout().pop();
            return Ok(()); // who starts it ends, and it with him
        }
    }
    match cat.join() {
        Ok(_) | Err(JoinError::Stopped { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[("exhausted", || {
    selvedge::run("exhausted", |_stop| {
        let mut all = Vec::new();
        let error = loop {
            match Command::new("sleep").arg("1000").cwd("/").spawn() {
                Ok(process) => all.push(process),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SpawnError::Exhausted { .. }), "{error:?}");
        say(&error.to_string());
        say(&format!("{} started", all.len()));
        let enough = all.pop().expect("some were started");
        enough.kill();
        enough.wait()?;
        Command::new("true").spawn()?.join()?;
        say("and on it goes");
        for process in &all {
            process.kill();
            process.wait()?;
        }
        Ok(())
    })
})];

pub(crate) const CASES: &[Case] = &[
    (
        "without_descriptors_the_error_says_so_and_it_goes_on_later",
        || {
            let end = Child::start_limited("exhausted", "-n 40").end();
            end.assert_says("process `sleep` was not started in `/`: ");
            end.assert_says("ulimit -n");
            end.assert_says("and on it goes");
            end.assert_code(0);
            end.assert_quiet();
        },
    ),
    ("the_end_wakes_who_waits_and_not_the_engine", || {
        run(|| {
            const ALL: u64 = 20;
            Command::new("true").spawn()?.join()?;
            let sleeps = || proc::sleeps("selvedge-procs");
            until("the engine is there", || sleeps().is_some());
            let before = sleeps();
            for n in 0..ALL {
                // One that ends before it is waited for wakes the engine: not each of them does.
                let output = sh("sleep 0.05; echo one").spawn()?.output()?;
                assert_eq!(output.stdout, b"one\n", "number {n}");
            }
            let more = sleeps().unwrap() - before.unwrap();
            assert!(more < ALL, "the engine was woken {more} times");
            Ok(())
        });
    }),
    ("two_hundred_at_once", || {
        run(|| {
            let all: Vec<_> = (0..200)
                .map(|n| {
                    sh("read line; echo $line")
                        .stdin(Stdin::Bytes(format!("{n}\n").into()))
                        .spawn()
                })
                .collect::<Result<_, _>>()?;
            for (n, process) in all.iter().enumerate() {
                assert_eq!(process.output()?.stdout, format!("{n}\n").into_bytes());
            }
            Ok(())
        });
    }),
    ("two_hundred_are_stopped_with_their_parent", || {
        run(|| {
            let parent = thread::spawn("parent", |stop| {
                let all: Vec<_> = (0..200)
                    .map(|_| Command::new("sleep").arg("1000").spawn())
                    .collect::<Result<_, _>>()?;
                let ids: Vec<_> = all.iter().map(selvedge::process::Process::id).collect();
                stop.wait()?;
                Ok(ids)
            });
            until("all have started", || thread::tree().nodes().len() > 200);
            parent.stop();
            for id in parent.join()? {
                assert!(!proc::is_alive(id));
            }
            Ok(())
        });
    }),
    ("a_stop_in_the_middle_of_anything_leaves_nothing", || {
        run(|| {
            for round in 0..rounds() {
                let parent = thread::spawn("parent", move |_stop| one(round));
                if round % 7 == 0 {
                    parent.stop();
                }
                match parent.join() {
                    Ok(()) => {}
                    Err(error) if error.stop_reason().is_some() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        });
    }),
    ("the_memory_of_many_short_ones_is_given_back", || {
        run(|| {
            let all = |rounds: usize| -> thread::Outcome<()> {
                for _ in 0..rounds {
                    Command::new("true").spawn()?.join()?;
                }
                Ok(())
            };
            all(rounds())?;
            let (before, held) = (proc::status("VmRSS"), Held::now());
            all(rounds())?;
            let more = proc::status("VmRSS").saturating_sub(before);
            assert!(more < 512, "{more} KiB for {} processes", rounds());
            // The last one's descriptors go after its join.
            until("everything was given back", || Held::now().is_within(&held));
            Ok(())
        });
    }),
];
