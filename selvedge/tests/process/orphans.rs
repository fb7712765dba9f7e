//! A program that adopts orphans. It is the whole program's business: so this is a child's part.

use std::path::Path;
use std::process::Command as StdCommand;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use selvedge::process::{self, Command, Stdin};
use selvedge::testing::World;
use selvedge::thread::Outcome;

use crate::child::{heard, playing};

/// Who left the group, and whose parent has ended, is found, ended and reaped.
#[test]
fn adopted_orphans_end_with_their_process() {
    World::new().run(|| {
        let adopter = playing("adopter").spawn().unwrap();
        assert_eq!(heard(&adopter), "true 1 false false");
        adopter.join().unwrap();
    });
}

/// One without a mark is known by where it was when its process was asked to stop.
#[test]
fn an_orphan_without_a_mark_ends_with_who_is_stopped() {
    World::new().run(|| {
        let adopter = playing("nameless").spawn().unwrap();
        assert_eq!(heard(&adopter), "true 1 false");
        adopter.join().unwrap();
    });
}

/// One that begins a program has no environment for a moment, and was not found.
#[test]
fn an_orphan_that_begins_one_program_after_the_other_is_found() {
    World::new().run(|| {
        let adopter = playing("restless").spawn().unwrap();
        assert_eq!(heard(&adopter), "50 0");
        adopter.join().unwrap();
    });
}

/// One that ends before its process, or lives on, was a zombie until the program ended.
#[test]
fn an_orphan_is_reaped_when_it_ends() {
    World::new().run(|| {
        let adopter = playing("outliving").spawn().unwrap();
        adopter.join().unwrap();
    });
}

/// The part of a program that outlives its orphans.
pub(crate) fn outlive() -> Outcome<()> {
    process::adopt_orphans()?;
    // Children that the program waits for by itself, if it ever does: one leads a session, as orphans do.
    let strangers = ["true", "setsid"].map(|program| StdCommand::new(program).arg("true").spawn());

    // A family that ends all at once, so that its last is an orphan when it is dead.
    let script = "setsid sh -c 'echo $$; sleep 1000 & echo $!; wait' & read line; exit 0";
    let first = Command::new("sh").args(["-c", script]).stdin(Stdin::Pipe);
    let first = first.spawn()?;
    let parent = first.stdout().pop()?.to_string_lossy().into_owned();
    let child = first.stdout().pop()?.to_string_lossy().into_owned();

    let script = "(setsid sh -c 'echo $$; exec sleep 1000' &); read line; exit 0";
    let second = Command::new("sh").args(["-c", script]).stdin(Stdin::Pipe);
    let second = second.spawn()?;
    let orphan = second.stdout().pop()?.to_string_lossy().into_owned();
    until("the orphan is known", || is_held(&orphan)); // by a look that has found the family
    kill(&orphan);
    until("the orphan is reaped", || !exists(&orphan));
    kill(&format!("-{parent}"));
    until("the family is reaped", || !exists(&child));
    for process in [first, second] {
        assert!(process.try_wait().is_none(), "it runs");
        process.stdin().close();
        process.join()?;
    }

    // One that is left by the last process that there is.
    let script = "setsid sleep 1000 >/dev/null 2>&1 & echo $!";
    let third = Command::new("sh").args(["-c", script]).leave_group();
    let left = third.spawn()?.output()?.stdout;
    let left = String::from_utf8(left)?.trim().to_owned();
    until("the one that is left is known", || is_held(&left));
    kill(&left);
    until("the one that is left is reaped", || !exists(&left));
    for stranger in strangers {
        assert!(stranger?.wait()?.success(), "nobody else has reaped it");
    }
    Ok(())
}

fn exists(process: &str) -> bool {
    Path::new("/proc").join(process).exists()
}

/// Has this program a descriptor of that process?
fn is_held(process: &str) -> bool {
    let line = format!("Pid:\t{process}\n");
    let fds = std::fs::read_dir("/proc/self/fdinfo").expect("Linux");
    let mut infos = fds.flatten().map(|fd| std::fs::read_to_string(fd.path()));
    infos.any(|info| info.is_ok_and(|info| info.contains(&line)))
}

fn kill(process: &str) {
    let status = StdCommand::new("kill")
        .args(["-KILL", "--", process])
        .status();
    assert!(status.expect("`kill`").success());
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it never was so: {what}"
        );
        yield_now();
    }
}
