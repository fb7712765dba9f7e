//! Nobody outlives the program, however it dies: a small shell that kills what is left.
//!
//! It reads the numbers of groups from a pipe that only this program holds open. When the program has gone, and be
//! it by SIGKILL, the pipe ends, and it kills the groups that it knows. It is in a group of its own and ignores
//! what a terminal sends.
//!
//! # Invariants
//!
//! 1. A group is taken off before its leader is reaped: the guard never signals a number that may mean another.
//! 2. A guard that died is replaced, and told all groups: when the engine hears of it, or before, when it is to be
//!    told something. One that dies again and again is not, until then.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::ioctl_fionbio;
use rustix::process::Pid;

/// What the guard does.
const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT TSTP TTIN TTOU USR1 USR2 PIPE
exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
groups=' '
while read -r act group; do
    case $act in
        +) groups="$groups$group " ;;
        -) groups="${groups%% $group *} ${groups#* $group }" ;;
    esac
done
for round in 1 2 3; do
    for group in $groups; do
        kill -s STOP -- "-$group"
        kill -s KILL -- "-$group"
    done
done
"#;

/// How often one that has died is replaced before anybody has something to tell it.
const REVIVALS: u32 = 8;

#[derive(Default)]
pub(super) struct Guard {
    shell: Option<Child>,
    revivals: u32,
    groups: BTreeSet<i32>,
}

impl Guard {
    pub(super) fn add(&mut self, leader: Pid, news: (&OwnedFd, EventData)) {
        let group = leader.as_raw_nonzero().get();
        self.groups.insert(group);
        self.tell(&format!("+ {group}\n"), news);
    }

    pub(super) fn remove(&mut self, leader: Pid, news: (&OwnedFd, EventData)) {
        let group = leader.as_raw_nonzero().get();
        self.groups.remove(&group);
        self.tell(&format!("- {group}\n"), news);
    }

    fn tell(&mut self, line: &str, news: (&OwnedFd, EventData)) {
        if let Some(pipe) = self.shell.as_mut().and_then(|shell| shell.stdin.as_mut())
            && pipe.write_all(line.as_bytes()).is_ok()
        {
            self.revivals = 0;
            return;
        }
        self.replace(news); // it does not run, does not run any more, or does not read
    }

    /// It has closed its end of the pipe.
    pub(super) fn has_died(&mut self, news: (&OwnedFd, EventData)) {
        if self.revivals < REVIVALS {
            self.revivals += 1;
            self.replace(news);
        } else {
            self.end(); // until there is something to tell
        }
    }

    /// Another one (invariant 2), if there is anybody to guard. The engine is to hear of its death.
    fn replace(&mut self, (epoll, data): (&OwnedFd, EventData)) {
        self.end();
        if self.groups.is_empty() {
            return;
        }
        let mut all = String::new();
        for group in &self.groups {
            let _ = writeln!(all, "+ {group}"); // a string takes it
        }
        self.shell = start();
        if let Some(pipe) = self.shell.as_mut().and_then(|shell| shell.stdin.as_mut()) {
            let _ = epoll::add(epoll, &*pipe, data, EventFlags::empty()); // errors are told unasked
            let _ = pipe.write_all(all.as_bytes()); // then it has died, or will be replaced
        }
    }

    /// Ends it, before it finds the end of its pipe, and kills who lives. One that was suspended ends as well.
    pub(super) fn end(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            let _ = shell.kill(); // it is ours, and not reaped
            let _ = shell.wait();
        }
    }
}

/// Without a shell in the system there is no guard: then only a death by SIGKILL leaves anybody behind.
fn start() -> Option<Child> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT, "selvedge-guard"]);
    command.env_clear().current_dir("/").process_group(0);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut shell = command.spawn().ok()?;
    // One that does not read must not hold us up.
    let pipe = shell.stdin.as_ref()?;
    if ioctl_fionbio(pipe, true).is_err() {
        let _ = shell.kill();
        let _ = shell.wait();
        return None;
    }
    Some(shell)
}
