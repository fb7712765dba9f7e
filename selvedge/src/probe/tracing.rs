//! Events as events of the crate `tracing`, with the target `selvedge` and the thread's path as the field
//! `thread`; and the dispatcher and the span of a thread, handed to those that it starts.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::{Dispatch, Level, Span, dispatcher};

use crate::primitive::drop_caught;
use crate::probe::Event;
use crate::probe::event::Weight;

/// The level is part of what `tracing` keeps for a place in the source.
macro_rules! forward_at {
    ($level:expr, $event:ident) => {{
        let wanted = tracing::event_enabled!(target: "selvedge", $level, thread, message);
        if wanted {
            tracing::event!(target: "selvedge", $level, thread = $event.thread(), "{}", $event);
        }
        wanted
    }};
}

/// Hands the event to the thread's subscriber. Was there one that wants it?
pub(super) fn forward(event: &Event<'_>) -> bool {
    if let Some(context) = event.context() {
        // A target is part of the place too, so the name is a field.
        let wanted = tracing::event_enabled!(target: "selvedge::context", Level::DEBUG, context, thread, message);
        if wanted {
            tracing::event!(target: "selvedge::context", Level::DEBUG, context, thread = event.thread(), "{}", event);
        }
        return wanted;
    }
    match event.weight() {
        Weight::Error => forward_at!(Level::ERROR, event),
        Weight::Warning => forward_at!(Level::WARN, event),
        Weight::Info => forward_at!(Level::INFO, event),
        Weight::Detail => forward_at!(Level::DEBUG, event),
    }
}

/// What a started thread gets from the one that starts it.
pub(crate) struct Carried {
    dispatch: Dispatch,
    span: Span,
}

impl Carried {
    pub(crate) fn take() -> Self {
        Self {
            dispatch: dispatcher::get_default(Clone::clone),
            span: Span::current(),
        }
    }

    /// Runs `f`, which does not unwind, whatever the subscriber does: a thread must end by its own rules.
    pub(crate) fn run(self, f: impl FnOnce()) {
        let Self { dispatch, span } = self;
        let mut life = Some(f);
        let inside = || {
            span.in_scope(|| {
                if let Some(f) = life.take() {
                    f();
                }
            });
        };
        let entered = catch_unwind(AssertUnwindSafe(|| {
            dispatcher::with_default(&dispatch, inside)
        }));
        if let Err(payload) = entered {
            drop_caught(payload);
        }
        drop_caught((span, dispatch));
        if let Some(f) = life {
            f();
        }
    }
}
