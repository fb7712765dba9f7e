//! Nobody outlives the program, however it dies: a small shell that kills what is left.
//!
//! It reads the numbers of groups from a pipe that only this program holds open. When the program has gone, and be
//! it by SIGKILL, the pipe ends, and it kills the groups that it knows. It is in a group of its own and ignores
//! what a terminal sends.
//!
//! # Invariants
//!
//! 1. A group is taken off before its leader is reaped: the guard never signals a number that may mean another.
//! 2. A guard that died is replaced, and told all groups, at the next that is added or taken off.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

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

#[derive(Default)]
pub(super) struct Guard {
    shell: Option<Child>,
    groups: BTreeSet<i32>,
}

impl Guard {
    pub(super) fn add(&mut self, leader: Pid) {
        let group = leader.as_raw_nonzero().get();
        self.groups.insert(group);
        self.tell(&format!("+ {group}\n"));
    }

    pub(super) fn remove(&mut self, leader: Pid) {
        let group = leader.as_raw_nonzero().get();
        self.groups.remove(&group);
        self.tell(&format!("- {group}\n"));
    }

    fn tell(&mut self, line: &str) {
        if let Some(pipe) = self.shell.as_mut().and_then(|shell| shell.stdin.as_mut())
            && pipe.write_all(line.as_bytes()).is_ok()
        {
            return;
        }
        // It does not run, does not run any more, or does not read: another one (invariant 2).
        self.end_by(true);
        if self.groups.is_empty() {
            return;
        }
        let mut all = String::new();
        for group in &self.groups {
            let _ = writeln!(all, "+ {group}"); // a string takes it
        }
        self.shell = start();
        if let Some(pipe) = self.shell.as_mut().and_then(|shell| shell.stdin.as_mut()) {
            let _ = pipe.write_all(all.as_bytes()); // one that fails is replaced by the next
        }
    }

    /// Ends it. Nobody is left for it to kill.
    pub(super) fn end(&mut self) {
        self.end_by(false);
    }

    fn end_by(&mut self, force: bool) {
        let Some(mut shell) = self.shell.take() else {
            return;
        };
        if force {
            let _ = shell.kill(); // before it finds the end of its pipe, and kills who lives
        }
        drop(shell.stdin.take());
        let _ = shell.wait(); // it is ours
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
