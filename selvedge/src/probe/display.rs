//! Each event as one readable line.

use core::fmt;

use crate::probe::event::Event;

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { kind, thread } => write!(f, "{kind} `{thread}` started"),
            Self::StopAsked {
                kind,
                thread,
                reason,
            } => {
                write!(f, "{kind} `{thread}` was asked to stop: {reason}")
            }
            Self::Failed {
                kind,
                thread,
                failure,
            } => write!(f, "{kind} `{thread}` failed: {failure}"),
            Self::Stopped { kind, thread, how } => write!(f, "{kind} `{thread}` ended: {how}"),
            Self::Overdue {
                kind,
                thread,
                asked,
                waits_for,
            } => {
                write!(f, "{kind} `{thread}` has not ended")?;
                if let Some(asked) = asked {
                    write!(f, " {asked:.1?} after it was asked to stop")?;
                }
                match waits_for {
                    Some(site) => write!(f, ", it waits for {site}"),
                    None => Ok(()),
                }
            }
            Self::Unreceived {
                kind,
                thread,
                failure,
            } => {
                write!(f, "{kind} `{thread}` failed and nobody joins it: {failure}")
            }
            Self::Restarted {
                thread,
                failure,
                restarts,
                after,
            } => write!(
                f,
                "`{thread}` is started again in {after:?}, for the {restarts}. time: {failure}"
            ),
            Self::RunFailed { schedule, failure } => {
                write!(f, "a run of the schedule `{schedule}` failed: {failure}")
            }
            Self::RunOverdue { thread, limit } => write!(
                f,
                "`{thread}` may take {limit:?}, was asked to stop, and does not end"
            ),
            Self::CallbackPanicked { signal, message } => {
                write!(f, "a callback of {signal} panicked: {message}")
            }
            Self::Entered { context, thread } => write!(f, "`{context}` entered in `{thread}`"),
            Self::Left {
                context,
                thread,
                panicking,
            } => {
                let how = if *panicking { " by a panic" } else { "" };
                write!(f, "`{context}` left in `{thread}`{how}")
            }
            Self::ExitPanicked { block, message } => write!(
                f,
                "leaving the block of {block} panicked after another panic: {message}"
            ),
            Self::QueueFull { queue, len, waited } => write!(
                f,
                "{queue} is full ({len} elements): a push has waited for {waited:?}"
            ),
            Self::SinkFailed {
                queue,
                failure,
                items,
            } => write!(
                f,
                "the sink of {queue} failed with {items} items left: {failure}"
            ),
            Self::Undelivered { queue, items } => {
                write!(
                    f,
                    "{items} items of {queue} were not delivered and are dropped"
                )
            }
            Self::OutputLost { process, bytes } => {
                write!(
                    f,
                    "{bytes} bytes of output of process `{process}` were thrown away unread"
                )
            }
            Self::Unguarded { why } => write!(
                f,
                "the processes will live on if this program is killed: {why}; see that there is a `/bin/sh` that may be \
                 run, and room for one more process"
            ),
            Self::Discarded { singleton, context } => {
                write!(f, "a write to `{singleton}` in `{context}` was thrown away")
            }
            Self::HookPanicked { function, message } => write!(
                f,
                "a hook that heard of the panic of `{function}` panicked itself: {message}"
            ),
            Self::WatcherPanicked {
                function,
                pattern,
                message,
            } => write!(
                f,
                "the watch `{pattern}` panicked when `{function}` was called: {message}"
            ),
            Self::NotUnderstood { member, local, why } => {
                write!(
                    f,
                    "baggage `{member}` is not understood by `{local}`: {why}"
                )
            }
            Self::NotReceived { members, why } => {
                write!(f, "not received with the baggage: {members}: {why}")
            }
            Self::NotSent { members, why } => {
                write!(f, "not sent with the baggage: {members}: {why}")
            }
            Self::WorkerLogged {
                worker,
                level,
                logger,
                message,
            } => write!(f, "worker `{worker}`: {level} {logger}: {message}"),
            Self::WorkerPrinted { worker, line } => write!(f, "worker `{worker}` prints: {line}"),
            Self::WorkerMalformed { worker, line, why } => {
                write!(
                    f,
                    "worker `{worker}` sent what cannot be understood, `{line}`: {why}"
                )
            }
            Self::Tie { function } => write!(
                f,
                "two bindings of `{function}` are equally specific, the later one wins"
            ),
        }
    }
}
