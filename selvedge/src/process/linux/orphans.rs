//! Orphans that this program adopts: descendants that left their group, whose parent has ended.
//!
//! # Invariants
//!
//! 1. Who is signalled or reaped is our child, and carries the mark of the process that is over, or is of its group,
//!    or was seen below it: a child that the user started by other means is never touched.
//! 2. It is held by a pidfd while that is looked at: its number cannot be another's.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, pidfd_send_signal, set_child_subreaper, waitid,
};

use crate::primitive::{clock, yield_now};
use crate::process::linux::group::{self, Seen};

/// The variable that says whose descendant a process is.
pub(super) const MARK: &str = "SELVEDGE_PROCESS";

/// How often it is looked for more: who is killed may leave children.
const ROUNDS: usize = 64;

/// How long it is looked at one that begins a program, and may be one of those when it has.
const PATIENCE: Duration = Duration::from_millis(500);

/// Does the program adopt?
static ADOPTS: AtomicBool = AtomicBool::new(false);

/// Makes this program the parent of the orphans among its descendants, from here on: so that those which left the
/// group of a process are found, and ended with it, like the others.
///
/// A process that is started from here on has a variable `SELVEDGE_PROCESS` in its environment, by which its
/// descendants are known. When it has ended, those whose parent has ended are killed and reaped. One that has left
/// the group and cleared its environment is found only if it was still below its process when that was asked to
/// stop, or killed.
///
/// It is the whole program's business: the system has it reap whoever it adopts. These live on, and are reaped when
/// they end:
///
/// - those of a `std::process::Command`, whose descendants carry no mark;
/// - those that were not found, see above;
/// - those of a process that ended by itself and [left its group](super::super::Command::leave_group) behind, and of
///   processes that were started before.
///
/// So are those that end before their process. The system does not say whom it gives to this program: while there are
/// processes, or orphans, it looks for new ones five times a second. One of which no look has found more than a
/// zombie stays that to the end of the program, because nothing tells it from a child that somebody else waits for;
/// and so does one that leads a group of its own in the session of this program, unless a look has seen it as the
/// child of another.
///
/// # Errors
///
/// If the system refuses.
///
/// # Examples
///
/// ```
/// use selvedge::process::{self, Command};
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     process::adopt_orphans()?;
///     let script = "(setsid sh -c 'echo up; exec sleep 1000' &) | head -n 1";
///     let daemon = Command::new("sh").args(["-c", script]).spawn()?;
///     let exit = daemon.join()?;
///     assert_eq!(exit.descendants().len(), 1); // the `sleep` was found, and killed
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[doc(alias = "subreaper")]
pub fn adopt_orphans() -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    ADOPTS.store(true, Relaxed); // a start that does not see it yet was before
    Ok(())
}

/// Does the program adopt?
pub(super) fn adopts() -> bool {
    ADOPTS.load(Relaxed)
}

/// The mark of a process, if it is to have one.
pub(super) fn mark(key: u64) -> Option<String> {
    adopts().then(|| format!("{}.{key}", std::process::id()))
}

/// Ends, and reaps, who is left of a process that is over, and not reaped. Says who was found alive outside its
/// group.
pub(super) fn sweep(leader: Pid, key: u64, below: &[Seen]) -> Vec<Seen> {
    let Some(mark) = mark(key) else {
        return Vec::new();
    };
    let mark = format!("{MARK}={mark}\0");
    let (mut found, mut rounds) = (Vec::new(), 0);
    let begin = clock::now();
    while rounds < ROUNDS {
        let (mut ended, mut is_unsure) = (Vec::new(), false);
        for child in group::children(leader) {
            match end(&child, leader, &mark, below) {
                Some(true) => ended.push(child),
                Some(false) => {}
                None => is_unsure = true,
            }
        }
        is_unsure &= clock::now() - begin < PATIENCE;
        if ended.is_empty() && !is_unsure {
            break;
        }
        rounds += usize::from(!ended.is_empty());
        let outside = ended.into_iter().filter(|child| !child.is_of(leader));
        found.extend(outside);
        if is_unsure {
            yield_now();
        }
    }
    found
}

/// Ends it if it is one of those (invariant 1). `None`: that cannot be told yet.
fn end(child: &Seen, leader: Pid, mark: &str, below: &[Seen]) -> Option<bool> {
    let Some(pidfd) = child.open() else {
        return Some(false); // it has gone
    };
    let was_below = || below.iter().any(|seen| seen.is_same(child));
    let is_one = match child.is_of(leader) || was_below() {
        true => true,
        false => child.has_in_environment(mark.as_bytes())?,
    };
    if !is_one || !child.is_there() {
        return Some(false);
    }
    let _ = pidfd_send_signal(&pidfd, Signal::KILL); // a zombie is dead already
    Some(waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED).is_ok())
}

/// Has a process of this program left it?
pub(super) fn is_marked_by_us(child: &Seen) -> bool {
    let mark = format!("{MARK}={}.", std::process::id());
    child.has_in_environment(mark.as_bytes()) == Some(true)
}
