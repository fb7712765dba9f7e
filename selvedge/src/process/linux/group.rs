//! Process groups: signals to them, and who is in them.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::process::exit::Descendant;

/// How often a group is looked at again after it was killed.
const ROUNDS: usize = 3;

/// Sends a signal to the group. The caller holds its leader unreaped, so that the number is the group's.
pub(super) fn signal(leader: Pid, signal: Signal) {
    let _ = kill_process_group(leader, signal); // there is nobody left to tell
}

/// Looks again at a group that was killed, while anybody new is found in it.
pub(super) fn kill_again(leader: Pid) {
    let mut known = Vec::new();
    for _ in 0..ROUNDS {
        let members = members(leader);
        if members.iter().all(|member| known.contains(member)) {
            return;
        }
        signal(leader, Signal::KILL);
        known = members;
    }
}

/// A process, as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    pub(super) id: u32,
    parent: u32,
    group: u32,
    session: u32,
    /// When it was started, by which it differs from a later one with the same number.
    since: u64,
    pub(super) is_dead: bool,
    /// How long it is. A program that is being begun has none yet.
    environment: Option<u64>,
    name: Box<str>,
}

impl Seen {
    pub(super) fn read(id: u32) -> Option<Self> {
        Self::look(id).ok()?
    }

    /// The same, or why it is not known.
    pub(super) fn look(id: u32) -> io::Result<Option<Self>> {
        match fs::read(format!("/proc/{id}/stat")) {
            Ok(stat) => Ok(Self::of(id, &stat)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(id: u32, stat: &[u8]) -> Option<Self> {
        let stat = String::from_utf8_lossy(stat);
        let (before, after) = stat.rsplit_once(") ")?;
        let (_, name) = before.split_once(" (")?;
        let mut fields = after.split(' ');
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        let since = fields.nth(15)?.parse().ok()?;
        let code: u64 = fields.nth(3)?.parse().ok()?; // set when all the rest is
        let start: u64 = fields.nth(23)?.parse().ok()?;
        let end: u64 = fields.next()?.parse().ok()?;
        Some(Self {
            id,
            parent,
            group,
            session,
            since,
            is_dead: matches!(state, "Z" | "X"),
            environment: (code > 0).then(|| end.saturating_sub(start)),
            name: name.into(),
        })
    }

    /// Does it still run?
    pub(super) fn is_alive(&self) -> bool {
        Self::read(self.id).is_some_and(|now| now.since == self.since && !now.is_dead)
    }

    /// Is it still there, dead or alive?
    pub(super) fn is_there(&self) -> bool {
        Self::read(self.id).is_some_and(|now| now.since == self.since)
    }

    /// Is it the same process, perhaps at another time?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    /// What no other process has.
    pub(super) fn identity(&self) -> (u32, u64) {
        (self.id, self.since)
    }

    /// A descriptor of it, if it is still there, dead or alive.
    pub(super) fn open(&self) -> Option<OwnedFd> {
        let pid = Pid::from_raw(i32::try_from(self.id).ok()?)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        self.is_there().then_some(pidfd) // the same still, while it is held
    }

    /// Is this in its environment? `None`: it begins a program at this moment, and it cannot be told yet.
    pub(super) fn has_in_environment(&self, text: &[u8]) -> Option<bool> {
        let environment = match fs::read(format!("/proc/{}/environ", self.id)) {
            Ok(environment) => environment,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Some(false),
            Err(_) => Vec::new(),
        };
        if contains(&environment, text) {
            return Some(true);
        }
        let now = Self::read(self.id).filter(|now| now.is_same(self) && !now.is_dead);
        let Some(now) = now else {
            return Some(false);
        };
        // One that begins a program while it is read ends early.
        let is_whole = now.environment == Some(environment.len() as u64);
        is_whole.then_some(false)
    }

    /// Is it our child?
    pub(super) fn is_ours(&self) -> bool {
        self.parent == std::process::id()
    }

    pub(super) fn is_child_of(&self, process: Pid) -> bool {
        self.parent == number(process)
    }

    /// Does it look as a process that we start: in our session, with a group of its own?
    pub(super) fn may_be_started(&self) -> bool {
        // As `/proc` has it: 0 for both of us where our session was begun outside of our PID namespace.
        let is_of_our_session = |us: Self| us.session == self.session;
        self.is_leader() && Self::read(std::process::id()).is_some_and(is_of_our_session)
    }

    pub(super) fn is(&self, process: Pid) -> bool {
        self.id == number(process)
    }

    /// Is it of this group?
    pub(super) fn is_of(&self, leader: Pid) -> bool {
        self.group == number(leader)
    }

    pub(super) fn is_leader(&self) -> bool {
        self.group == self.id
    }

    pub(super) fn into_descendant(self) -> Descendant {
        let (id, name) = (self.id, self.name);
        Descendant { id, name }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// All processes that we may see.
fn all() -> Vec<Seen> {
    numbers()
        .unwrap_or_default()
        .into_iter()
        .filter_map(Seen::read)
        .collect()
}

/// The numbers of all processes that we may see.
pub(super) fn numbers() -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir("/proc")? {
        numbers.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok()),
        );
    }
    Ok(numbers)
}

/// Who is below a process at this moment, it not included.
pub(super) fn below(leader: Pid) -> Vec<Seen> {
    let mut parents = vec![number(leader)];
    let mut found = Vec::new();
    while let Some(parent) = parents.pop() {
        let Some(children) = children_of(parent) else {
            return below_slowly(leader); // a kernel that does not tell
        };
        parents.extend(&children);
        let children = children.into_iter().filter_map(Seen::read);
        // Whose children they were when they were found.
        found.extend(children.map(|child| Seen { parent, ..child }));
    }
    found
}

/// The children of a process, if the kernel tells: each thread has its own.
fn children_of(parent: u32) -> Option<Vec<u32>> {
    let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else {
        return Some(Vec::new()); // it has gone
    };
    let mut children = Vec::new();
    for thread in threads.flatten() {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(listed) => {
                children.extend(listed.split(' ').filter_map(|id| id.parse::<u32>().ok()))
            }
            Err(_) if !thread.path().exists() => {} // it has gone
            Err(_) => return None,
        }
    }
    Some(children)
}

fn below_slowly(leader: Pid) -> Vec<Seen> {
    let (all, mut found) = (all(), Vec::new());
    let mut parents = vec![number(leader)];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            parents.push(process.id);
            found.push(process.clone());
        }
    }
    found
}

/// Who can write to a pipe of which this process has the other end.
pub(super) fn holders(pipe: &OwnedFd) -> Vec<Seen> {
    let Ok(name) = fs::read_link(format!("/proc/self/fd/{}", pipe.as_raw_fd())) else {
        return Vec::new();
    };
    let holds = |process: &Seen| {
        let Ok(fds) = fs::read_dir(format!("/proc/{}/fd", process.id)) else {
            return false; // not ours
        };
        let mut same = fds.flatten().filter(|fd| {
            let target = fs::read_link(fd.path());
            target.is_ok_and(|target| target == name)
        });
        same.any(|fd| is_writer(process.id, &fd.file_name()))
    };
    let mut all = all();
    all.retain(|process| process.id != std::process::id() && holds(process));
    all
}

/// Is this descriptor for writing? A process that is being started has, for a moment, what we have: our end.
fn is_writer(id: u32, fd: &OsStr) -> bool {
    let path = Path::new("/proc")
        .join(id.to_string())
        .join("fdinfo")
        .join(fd);
    let info = fs::read_to_string(path).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let mode = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    mode.is_some_and(|mode| mode & 3 != 0) // O_ACCMODE, O_RDONLY
}

/// Who is in a group and alive, its leader not included.
pub(super) fn members(leader: Pid) -> Vec<Seen> {
    let mut all = all();
    all.retain(|it| it.is_of(leader) && it.id != number(leader) && !it.is_dead);
    all
}

/// Our own children, dead or alive, but for this one.
pub(super) fn children(leader: Pid) -> Vec<Seen> {
    let mut all = all();
    all.retain(|it| it.is_ours() && it.id != number(leader));
    all
}

fn number(leader: Pid) -> u32 {
    leader.as_raw_nonzero().get().unsigned_abs()
}
