//! Singletons, flyweights, isolating blocks, their changes, and how deep a copy is.

mod changes;
mod derive;
mod flyweight;
mod isolation;
mod references;
mod seeded;
mod singleton;

use std::sync::{Arc, Mutex};

use selvedge::probe::{self, Event, Subscription};

/// The discarded writes whose singleton's path ends with `suffix`, as they happen; other tests have theirs.
pub(crate) struct Discards {
    heard: Arc<Mutex<Vec<String>>>,
    _subscription: Subscription,
}

impl Discards {
    pub(crate) fn of(suffix: &'static str) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&heard);
        let subscription = probe::subscribe(move |event| {
            if let Event::Discarded { singleton, context } = event
                && let Some((_, name)) = singleton.rsplit_once("::")
                && name.starts_with(suffix)
            {
                list.lock().unwrap().push(format!("{name} in {context}"));
            }
        });
        Self {
            heard,
            _subscription: subscription,
        }
    }

    /// What was heard since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}
