//! What a client is told of again and again: calls, counts, what happens.

use core::fmt;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::look::{Look, functions, micros};
use super::outbox::{Matter, Outbox, text_of};
use super::protocol::{
    Body, CallEvent, CallMoment, Command, EndReason, FunctionInfo, Happening, Problem, ProblemKind,
    ProfileFormat, TRACE_CALLS,
};
use super::server::{Alarm, Shared};
use crate::ambient;
use crate::call::{self, Moment, Watch, Watching};
use crate::observe::profile::{self, Profiling};
use crate::primitive::{Arc, Mutex, clock};
use crate::probe::{self, Subscription, Weight};

/// The shortest time between two snapshots of a recording.
const SHORTEST: Duration = Duration::from_millis(10);

/// One stream of a connection; dropped, it ends.
pub(super) struct Stream {
    pub(super) id: u64,
    kind: Kind,
    until: Option<Alarm>,
}

enum Kind {
    Watch {
        outbox: Arc<Outbox>,
        _watching: Watching,
    },
    Count {
        counts: Arc<Counts>,
        _watching: Watching,
    },
    Record {
        outbox: Arc<Outbox>,
        _subscription: Subscription,
        every: Duration,
        next: Alarm,
        sight: Sight,
    },
    Profile {
        profiling: Profiling,
        format: ProfileFormat,
    },
}

/// What the snapshots of a recording have.
struct Sight {
    cpu: bool,
    after_ms: Option<u64>,
}

/// By the function's path: calls, and how many of them ended by a panic.
#[derive(Default)]
struct Counts(Mutex<HashMap<&'static str, (u64, u64)>>);

/// Refuses a request.
pub(super) fn problem(kind: ProblemKind, message: impl fmt::Display) -> Problem {
    Problem {
        kind,
        message: message.to_string(),
    }
}

impl Stream {
    /// Begins what `command` asks for.
    pub(super) fn begin(id: u64, command: Command, shared: &Shared) -> Result<Self, Problem> {
        match command {
            Command::Watch {
                glob,
                max,
                per_second,
                for_ms,
            } => Self::watch(id, &glob, (max, per_second, for_ms), shared),
            Command::Count { glob, for_ms } => Self::count(id, &glob, for_ms, shared),
            Command::Record {
                every_ms,
                for_ms,
                cpu,
                details,
                after_ms,
            } => {
                let sight = Sight { cpu, after_ms };
                Ok(Self::record(id, (every_ms, for_ms), sight, details, shared))
            }
            Command::Profile {
                functions,
                sample,
                for_ms,
                format,
            } => Self::profile(id, functions.as_deref(), (sample, for_ms, format), shared),
            _ => Err(problem(ProblemKind::Unsupported, "this is no stream")),
        }
    }

    fn watch(
        id: u64,
        glob: &str,
        (max, per_second, for_ms): (Option<u64>, Option<u32>, Option<u64>),
        shared: &Shared,
    ) -> Result<Self, Problem> {
        let unlimited = |message: &str| Err(problem(ProblemKind::Unlimited, message));
        let outbox = Arc::new(Outbox::new(max, per_second, &shared.wake));
        let begin = shared.begin;
        let watch = watch(glob, {
            let outbox = Arc::clone(&outbox);
            move |event| outbox.offer(Matter::Little, |dropped| told(event, begin, dropped))
        })?;
        match max {
            Some(0) => return unlimited("`max` is 0: nothing would be seen"),
            None if watch.sees_all() => {
                return unlimited(
                    "this pattern matches every function: say `max`, how many events",
                );
            }
            None if per_second.is_none() || for_ms.is_none() => {
                return unlimited(
                    "say `max`, how many events, or `per_second` and `for_ms`, how fast and how long",
                );
            }
            _ => {}
        }
        let kind = Kind::Watch {
            outbox,
            _watching: watch.install(),
        };
        Ok(Self::new(id, kind, for_ms, shared))
    }

    fn count(id: u64, glob: &str, for_ms: Option<u64>, shared: &Shared) -> Result<Self, Problem> {
        let counts = Arc::new(Counts::default());
        let watch = watch(glob, {
            let counts = Arc::clone(&counts);
            move |event| {
                let mut counts = counts.0.lock();
                let counted = counts.entry(event.function().path()).or_default();
                match event.moment() {
                    Moment::Called => counted.0 += 1,
                    Moment::Panicked(_) => counted.1 += 1,
                    Moment::Returned(_) | Moment::Dropped => {}
                }
            }
        })?;
        if for_ms.is_none() && watch.sees_all() {
            let message = "this pattern matches every function: say `for_ms`, how long";
            return Err(problem(ProblemKind::Unlimited, message));
        }
        let kind = Kind::Count {
            counts,
            _watching: watch.install(),
        };
        Ok(Self::new(id, kind, for_ms, shared))
    }

    fn record(
        id: u64,
        (every_ms, for_ms): (u64, Option<u64>),
        sight: Sight,
        details: bool,
        shared: &Shared,
    ) -> Self {
        let outbox = Arc::new(Outbox::new(None, None, &shared.wake));
        let begin = shared.begin;
        let subscription = probe::look_on(details, {
            let outbox = Arc::clone(&outbox);
            move |event| {
                // Somebody else may want contexts.
                if !details && event.context().is_some() {
                    return;
                }
                let matter = match event.weight() {
                    Weight::Error | Weight::Warning => Matter::Much,
                    Weight::Info | Weight::Detail => Matter::Little,
                };
                outbox.offer(matter, |dropped| {
                    Body::Happened(Happening {
                        at_us: since(begin),
                        thread: ambient::thread_path().to_string(),
                        text: text_of(event),
                        dropped,
                    })
                });
            }
        });
        let kind = Kind::Record {
            outbox,
            _subscription: subscription,
            every: Duration::from_millis(every_ms).max(SHORTEST),
            next: shared.alarm(Duration::ZERO), // the first at once
            sight,
        };
        Self::new(id, kind, for_ms, shared)
    }

    fn profile(
        id: u64,
        functions: Option<&str>,
        (sample, for_ms, format): (Option<u32>, Option<u64>, ProfileFormat),
        shared: &Shared,
    ) -> Result<Self, Problem> {
        let mut profile = profile::Builder::new().sample(sample.unwrap_or(1));
        if let Some(functions) = functions {
            profile = profile.functions(functions);
        }
        if format == ProfileFormat::Trace {
            profile = profile.record(TRACE_CALLS);
        }
        let profiling = profile.start().map_err(|error| {
            let kind = match error {
                profile::StartError::Pattern(_) => ProblemKind::Pattern,
                _ => ProblemKind::Busy,
            };
            problem(kind, error)
        })?;
        let kind = Kind::Profile { profiling, format };
        Ok(Self::new(id, kind, for_ms, shared))
    }

    fn new(id: u64, kind: Kind, for_ms: Option<u64>, shared: &Shared) -> Self {
        let until = for_ms.map(|ms| shared.alarm(Duration::from_millis(ms)));
        Self { id, kind, until }
    }

    fn outbox(&self) -> Option<&Outbox> {
        match &self.kind {
            Kind::Watch { outbox, .. } | Kind::Record { outbox, .. } => Some(outbox),
            Kind::Count { .. } | Kind::Profile { .. } => None,
        }
    }

    /// The next thing to say, if there is one.
    pub(super) fn next(&mut self, shared: &Shared) -> Option<Body> {
        if let Kind::Record {
            outbox,
            every,
            next,
            sight,
            ..
        } = &mut self.kind
            && next.is_over()
        {
            *next = shared.alarm(*every);
            let mut snapshot =
                Look::at(&shared.root).snapshot(shared.begin, sight.cpu, sight.after_ms);
            snapshot.dropped = outbox.dropped();
            return Some(Body::Snapshot(Box::new(snapshot)));
        }
        self.outbox()?.take()
    }

    /// Is there nothing more to come, and why? For when [`next`](Self::next) had nothing.
    pub(super) fn end(&self) -> Option<EndReason> {
        let is_late = self.until.as_ref().is_some_and(Alarm::is_over);
        match self.outbox() {
            Some(outbox) if outbox.is_over() => Some(EndReason::Limit),
            _ if is_late => Some(EndReason::Time),
            _ => None,
        }
    }

    /// Ends it; the last that it says. What it has not said yet is dropped.
    pub(super) fn ended(self, why: EndReason) -> [Option<Body>; 2] {
        let dropped = self.outbox().map_or(0, Outbox::lost);
        match self.kind {
            Kind::Profile { profiling, format } => {
                let profile = profiling.stop();
                let text = match format {
                    ProfileFormat::Table => profile.to_string(),
                    ProfileFormat::Tab => profile.to_tab(),
                    ProfileFormat::Folded => profile.to_folded(),
                    ProfileFormat::FoldedWork => profile.to_folded_work(),
                    ProfileFormat::Trace => profile.to_trace(),
                };
                let dropped = profile.dropped();
                [
                    Some(Body::Profile(text)),
                    Some(Body::Ended { why, dropped }),
                ]
            }
            _ => [Some(Body::Ended { why, dropped }), None],
        }
    }

    /// Adds what it has counted.
    fn add_to(&self, functions: &mut [FunctionInfo]) {
        if let Kind::Count { counts, .. } = &self.kind {
            let counts = counts.0.lock();
            for function in functions {
                if let Some((calls, panics)) = counts.get(&*function.function) {
                    function.calls = function.calls.max(Some(*calls));
                    function.panics = function.panics.max(Some(*panics));
                }
            }
        }
    }
}

/// The open functions, with what these streams have counted.
pub(super) fn counted(streams: &[Stream]) -> Vec<FunctionInfo> {
    let mut functions = functions();
    for stream in streams {
        stream.add_to(&mut functions);
    }
    functions
}

fn watch(
    glob: &str,
    f: impl Fn(&call::Event<'_>) + Send + Sync + 'static,
) -> Result<Watch, Problem> {
    call::watch(glob, f).map_err(|error| problem(ProblemKind::Pattern, error))
}

/// An event of a watch.
fn told(event: &call::Event<'_>, begin: Instant, dropped: u64) -> Body {
    Body::Call(CallEvent {
        at_us: since(begin),
        thread: ambient::thread_path().to_string(),
        number: event.number(),
        depth: event.depth(),
        function: event.function().path().to_owned(),
        moment: match event.moment() {
            Moment::Called => CallMoment::Called,
            Moment::Returned(_) => CallMoment::Returned,
            Moment::Panicked(_) => CallMoment::Panicked,
            Moment::Dropped => CallMoment::Dropped,
        },
        text: text_of(event),
        dropped,
    })
}

fn since(begin: Instant) -> u64 {
    micros(clock::now().saturating_duration_since(begin))
}
