//! This test program, started again as a child that plays a part.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use selvedge::process::{Command, Line, SpawnError, Unread};
use selvedge::{Ambient, Signal};

/// By which a child knows its part.
const PART: &str = "SELVEDGE_TEST_PART";

/// The number of the user without rights.
const NOBODY: u32 = 65534;

selvedge::local! { pub(crate) static TENANT: String, baggage = "tenant"; }
selvedge::context! { pub(crate) static DRY_RUN = "dry-run"; }

/// A script of the shell.
pub(crate) fn sh(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

/// This program in a part.
pub(crate) fn playing(part: &str) -> Command {
    part_of(Command::new(program()), part)
}

/// The same, without the rights of root.
pub(crate) fn playing_as_nobody(part: &str) -> Command {
    part_of(as_nobody().arg(program()), part)
}

fn as_nobody() -> Command {
    let user = format!("--reuid={NOBODY}");
    Command::new("setpriv").args([&user, "--clear-groups"])
}

/// The same as nobody, with room for so many more processes and threads. Only root can become nobody.
pub(crate) fn playing_among(more: usize, part: &str) -> Option<Command> {
    let us = std::fs::metadata("/proc/self").expect("it is there").uid();
    let limit = format!("--nproc={}", tasks_of(NOBODY) + more);
    let limited = as_nobody().args(["prlimit", &limit]).arg(program());
    (us == 0).then(|| part_of(limited, part))
}

/// How many threads a user has.
fn tasks_of(user: u32) -> usize {
    let entries = std::fs::read_dir("/proc").expect("processes").flatten();
    let of_user = entries.filter(|entry| entry.metadata().is_ok_and(|it| it.uid() == user));
    let tasks = of_user.filter_map(|entry| std::fs::read_dir(entry.path().join("task")).ok());
    tasks.map(Iterator::count).sum()
}

/// The same, with a disk on which no file can be longer than 200 KiB.
pub(crate) fn playing_on_a_small_disk(part: &str) -> Command {
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"";
    let limited = Command::new("sh").args(["-c", script]);
    part_of(limited.arg(program()), part)
}

fn program() -> PathBuf {
    std::env::current_exe().expect("a test program")
}

fn part_of(program: Command, part: &str) -> Command {
    let test = [
        "child::a_part",
        "--exact",
        "--nocapture",
        "--test-threads=1",
    ];
    program.args(test).env(PART, part).named(part)
}

/// Says it so that it is found between the lines of the test harness.
fn say(what: impl std::fmt::Display) {
    println!("\nsaid: {what}");
}

/// What the child said next.
pub(crate) fn heard(child: &selvedge::process::Process) -> String {
    loop {
        let line = child.stdout().pop().expect("it says something");
        if let Some(said) = line.to_string_lossy().strip_prefix("said: ") {
            return said.to_owned();
        }
    }
}

/// No test: a child's main function, if this is one.
#[test]
fn a_part() {
    let Ok(part) = std::env::var(PART) else {
        return;
    };
    // The handlers of signals stay, with the pipe that they write to.
    let _ = selvedge::program::Builder::new("first")
        .ignore_environment()
        .run(|_stop| Ok(()));
    let before = resources();
    let status = selvedge::run("child", |_stop| {
        match part.as_str() {
            "clean" => {
                for _ in 0..10 {
                    assert_eq!(Command::new("echo").spawn()?.output()?.stdout, b"\n");
                }
                let left = Command::new("sleep").arg("1000").spawn()?;
                left.release();
            }
            "diskless" => {
                let told = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
                let _heard = selvedge::probe::subscribe({
                    let told = told.clone();
                    move |event| {
                        if let selvedge::probe::Event::OutputLost { .. } = event {
                            *told.lock().unwrap() = event.to_string();
                        }
                    }
                });
                let chatty = Command::new("seq").arg("300000").spawn()?;
                let lines = chatty.stdout();
                let lost = chatty.join()?.lost();
                let read: usize = lines
                    .iter()
                    .map(|line| line.len() + usize::from(line.has_newline()))
                    .sum();
                let all: usize = (1..=300_000_u32).map(|n| n.to_string().len() + 1).sum();
                say(read as u64 + lost == all as u64 && lost > 0);
                say(told.lock().unwrap());
            }
            "names-taken" => {
                for n in 0..20 {
                    let name = format!("selvedge-{}-{n}", std::process::id());
                    std::fs::write(std::env::temp_dir().join(name), "another's")?;
                }
                let chatty = Command::new("seq")
                    .arg("300000")
                    .unread(Unread::Spill { memory: 100_000 })
                    .spawn()?;
                let lines = chatty.stdout();
                chatty.stopped().wait()?; // nobody reads before that
                say(lines.iter().count() == 300_000 && chatty.join()?.lost() == 0);
            }
            "small-disk" => {
                let chatty = Command::new("seq")
                    .args(["-w", "300000"])
                    .unread(Unread::Spill { memory: 100_000 })
                    .spawn()?;
                let lines = chatty.stdout();
                chatty.stopped().wait()?; // nobody reads before that
                let lost = chatty.join()?.lost();
                let lines: Vec<_> = lines.iter().collect();
                let bytes = |line: &Line| line.len() + usize::from(line.has_newline());
                let read: usize = lines.iter().map(bytes).sum();
                say(lost > 0 && read > 100_000 && read as u64 + lost == 300_000 * 7);
                say(lines.iter().filter(|line| bytes(line) != 7).count() <= 1);
            }
            "poor" | "crowded" => {
                let mut held = Vec::new();
                let error = loop {
                    match Command::new("sleep").arg("1000").spawn() {
                        Ok(sleeper) => held.push(sleeper),
                        Err(error) => break error,
                    }
                };
                say(matches!(error, SpawnError::Exhausted { .. }));
                say(error);
                if part == "crowded" {
                    let n_started = held.len();
                    // Nor is there a thread to keep the time: it ends all the same.
                    let stopped = held.pop().expect("there was room for some");
                    stopped.stop();
                    say(stopped.wait()?.signal().is_some());
                    for sleeper in held {
                        sleeper.kill();
                        sleeper.wait()?;
                    }
                    Command::new("true").spawn()?.join()?;
                    say(format!("{n_started} started, and on it goes"));
                }
            }
            "deaf" => {
                let mask = |id: &str| {
                    let path = format!("/proc/{id}/status");
                    let status = std::fs::read_to_string(path).expect("it runs");
                    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
                    u64::from_str_radix(mask.expect("a mask").trim(), 16).expect("a number")
                };
                let before = mask("thread-self");
                let child = Command::new("sleep").arg("1000").spawn()?;
                say(mask(&child.id().to_string()));
                child.stop();
                say(child.wait()?);
                let shell = selvedge::process::Shell::new().run(["sleep", "1000"])?;
                say(mask(&shell.id().to_string()));
                shell.kill();
                shell.wait()?;
                assert_eq!(mask("thread-self"), before);
                assert_ne!(before & 1 << 14, 0, "we are deaf ourselves");
            }
            "leaver" => {
                let script = "sleep 1000 >/dev/null 2>&1 & echo $!";
                let leaver = Command::new("sh").args(["-c", script]).leave_group();
                let left = leaver.spawn()?.output()?.stdout;
                let left = String::from_utf8_lossy(&left);
                say(format!(
                    "{} {}",
                    guard().expect("there is one"),
                    left.trim()
                ));
                Signal::new().wait()?;
            }
            "unguarded" => {
                let child = Command::new("sleep").arg("1000").spawn()?;
                let first = loop {
                    match guard() {
                        Some(guard) => break guard,
                        // It has no arguments yet, as far as the system tells.
                        None => std::thread::yield_now(),
                    }
                };
                Command::new("kill").args(["-9", &first]).spawn()?.join()?;
                while guard().is_none_or(|guard| guard == first) {
                    std::thread::yield_now();
                }
                say(child.id());
                Signal::new().wait()?;
            }
            "parent" => {
                // Deaf to all but SIGKILL, and nothing that it has ends with us.
                let script =
                    "trap '' TERM HUP INT; sleep 1000 & echo $!; while :; do sleep 1000; done";
                let child = Command::new("sh").args(["-c", script]).spawn()?;
                let grandchild = child.stdout().pop()?;
                say(format!("{} {}", child.id(), grandchild.to_string_lossy()));
                Signal::new().wait()?;
            }
            "adopter" => {
                selvedge::process::adopt_orphans()?;
                // Forks twice, with a session of its own: nothing but its mark leads to its origin.
                let script =
                    "(setsid sh -c 'echo $$; exec sleep 1000' >&2 &) 2>&1 | head -n 1; exit 0";
                let daemon = Command::new("sh").args(["-c", script]).spawn()?;
                let id = daemon.stdout().pop()?.to_string_lossy().into_owned();
                let exit = daemon.join()?;
                let found = exit.descendants();
                let is_it = found.iter().all(|left| left.id().to_string() == id);
                let is_there = std::path::Path::new(&format!("/proc/{id}")).exists();
                say(format!(
                    "{is_it} {} {} {is_there}",
                    found.len(),
                    exit.is_held()
                ));
            }
            "outliving" => crate::orphans::outlive()?,
            "restless" => {
                selvedge::process::adopt_orphans()?;
                let script = "(setsid sh -c \"echo; $AGAIN\" >&2 &) 2>&1 | head -n 1; exit 0";
                let daemon = Command::new("sh").args(["-c", script]);
                let daemon = daemon.env("AGAIN", "exec sh -c \"$AGAIN\"");
                let (mut found, mut missed) = (0, 0);
                for _ in 0..50 {
                    let exit = daemon.spawn()?.join()?;
                    found += exit.descendants().len();
                    missed += usize::from(exit.is_held());
                }
                say(format!("{found} {missed}"));
            }
            "nameless" => {
                selvedge::process::adopt_orphans()?;
                let script = "setsid env -i sh -c 'echo $$; exec sleep 1000' & wait";
                let daemon = Command::new("sh").args(["-c", script]).spawn()?;
                let id = daemon.stdout().pop()?.to_string_lossy().into_owned();
                daemon.stop();
                let exit = daemon.wait()?;
                let found = exit.descendants();
                let is_it = found.iter().all(|left| left.id().to_string() == id);
                let is_there = std::path::Path::new(&format!("/proc/{id}")).exists();
                say(format!("{is_it} {} {is_there}", found.len()));
            }
            "ambient" => {
                say(TENANT.with(String::clone)?);
                say(DRY_RUN.is_active());
                say(Ambient::capture().to_baggage());
            }
            "stranger" => {
                let error_in = |place| Command::new("./no-such-program").cwd(place).spawn();
                let locked = error_in("locked").unwrap_err();
                let is_said = matches!(locked, SpawnError::NoDirectory { .. });
                say(format!("locked {is_said}"));
                let unlisted = error_in("unlisted").unwrap_err();
                let is_said = matches!(unlisted, SpawnError::NoProgram { .. });
                say(format!("unlisted {is_said}"));
            }
            other => panic!("no part `{other}`"),
        }
        Ok(())
    });
    assert_eq!(status, ExitCode::SUCCESS);
    let start = Instant::now();
    while resources() != before && start.elapsed() < Duration::from_secs(20) {
        std::thread::yield_now(); // a thread that was joined may still be on its way out
    }
    assert_eq!(resources(), before, "threads, descriptors, children");
}

/// How many threads, descriptors and children this process has.
fn resources() -> [usize; 3] {
    let entries = |path| std::fs::read_dir(path).map_or(0, Iterator::count);
    [
        entries("/proc/self/task"),
        entries("/proc/self/fd"),
        children().len(),
    ]
}

/// The children of this process, by number.
fn children() -> Vec<String> {
    let me = std::process::id().to_string();
    let all = std::fs::read_dir("/proc").expect("Linux").flatten();
    let ids = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
    ids.filter(|id| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(&me))
    })
    .collect()
}

/// The number of the guard.
fn guard() -> Option<String> {
    let is_guard = |id: &String| {
        let line = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.contains("selvedge-guard")
    };
    children().into_iter().find(is_guard)
}
