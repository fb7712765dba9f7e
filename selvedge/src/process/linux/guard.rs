//! Nobody outlives the program, however it dies: a small shell that kills what is left.
//!
//! It sleeps until a pipe ends that only this program holds open: the program has gone, and be it by SIGKILL. Then
//! it reads the numbers of groups from a file in memory that both have, and kills them. So a process that begins or
//! ends costs a write to that file, and wakes nobody. The guard is in a group of its own and ignores what a
//! terminal sends.
//!
//! # Invariants
//!
//! 1. A group is taken off before its leader is reaped: the guard never signals a number that may mean another.
//! 2. A guard that died is replaced when the engine hears of it; one that dies again and again, when the next
//!    process begins.
//! 3. Without a shell in the system there is no guard: then a death by SIGKILL leaves the processes behind. That is
//!    told once, and tried again with each process that begins.
//! 4. The guard reads the file after the program's end, so never while it is written. Nobody moves its offset
//!    before that.

use std::fs::File;
use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::Pid;

/// What the guard does. Its standard output is the file, which it reads.
const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT TSTP TTIN TTOU USR1 USR2 PIPE
exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
while read -r nothing; do :; done
groups=
while read -r group; do groups="$groups $group"; done <&1
for round in 1 2 3; do
    for group in $groups; do
        kill -s STOP -- "-$group"
        kill -s KILL -- "-$group"
    done
done
"#;

/// How often one that has died is replaced before the next process begins.
const REVIVALS: u32 = 8;

/// How long a group's line in the file is.
const LINE: usize = 11;

#[derive(Default)]
pub(super) struct Guard {
    shell: Option<Shell>,
    revivals: u32,
    /// Why there is none, until that is told (invariant 3).
    trouble: Option<io::Error>,
    is_told: bool,
    /// By line; a free line is empty.
    groups: Vec<Option<Pid>>,
}

struct Shell {
    child: Child,
    file: File,
    /// What it waits for the end of.
    pipe: PipeWriter,
}

impl Guard {
    pub(super) fn add(&mut self, leader: Pid, news: (&OwnedFd, EventData)) {
        let free = self.groups.iter().position(Option::is_none);
        let line = free.unwrap_or(self.groups.len());
        self.groups.resize(self.groups.len().max(line + 1), None);
        self.groups[line] = Some(leader);
        self.revivals = 0;
        match &self.shell {
            Some(shell) if write(&shell.file, line, Some(leader)).is_ok() => {}
            _ => self.replace(news),
        }
    }

    pub(super) fn remove(&mut self, leader: Pid, news: (&OwnedFd, EventData)) {
        let Some(line) = self.groups.iter().position(|group| *group == Some(leader)) else {
            return;
        };
        self.groups[line] = None;
        if let Some(shell) = &self.shell
            && write(&shell.file, line, None).is_err()
        {
            self.replace(news); // it would go on to believe in this one
        }
    }

    /// It has closed its end of the pipe.
    pub(super) fn has_died(&mut self, news: (&OwnedFd, EventData)) {
        if self.revivals < REVIVALS {
            self.revivals += 1;
            self.replace(news);
        } else {
            self.end(); // until there is something to tell
            self.is_missed(io::Error::other(
                "their guard, a `/bin/sh`, ends again and again",
            ));
        }
    }

    /// What is to be told about it, once.
    pub(super) fn take_trouble(&mut self) -> Option<io::Error> {
        self.trouble.take()
    }

    fn is_missed(&mut self, why: io::Error) {
        if !core::mem::replace(&mut self.is_told, true) {
            self.trouble = Some(why);
        }
    }

    /// Another one (invariant 2), if there is anybody to guard. The engine is to hear of its death.
    fn replace(&mut self, (epoll, data): (&OwnedFd, EventData)) {
        self.end();
        if self.groups.iter().all(Option::is_none) {
            return;
        }
        match Shell::start(&self.groups) {
            Ok(shell) => {
                let _ = epoll::add(epoll, &shell.pipe, data, EventFlags::empty()); // errors are told unasked
                self.shell = Some(shell);
            }
            Err(error) => {
                let why = format!("their guard, a `/bin/sh`, cannot be started: {error}");
                self.is_missed(io::Error::new(error.kind(), why));
            }
        }
    }

    /// Ends it, before it finds the end of its pipe, and kills who lives. One that was suspended ends as well.
    pub(super) fn end(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            let _ = shell.child.kill(); // it is ours, and not reaped
            let _ = shell.child.wait();
        }
    }
}

impl Shell {
    fn start(groups: &[Option<Pid>]) -> io::Result<Self> {
        let file = File::from(memfd_create(c"selvedge-groups", MemfdFlags::CLOEXEC)?);
        let (theirs, pipe) = io::pipe()?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "selvedge-guard"]);
        command.env_clear().current_dir("/").process_group(0);
        command.stdin(theirs);
        command.stdout(file.try_clone()?).stderr(Stdio::null());
        for (line, group) in groups.iter().enumerate() {
            write(&file, line, *group)?; // before it can look
        }
        let child = command.spawn()?;
        Ok(Self { child, file, pipe })
    }
}

fn write(file: &File, line: usize, group: Option<Pid>) -> io::Result<()> {
    let group = group.map(|group| group.as_raw_nonzero().to_string());
    let text = format!("{:>10}\n", group.unwrap_or_default());
    debug_assert_eq!(text.len(), LINE);
    file.write_all_at(text.as_bytes(), (line * LINE) as u64)
}
