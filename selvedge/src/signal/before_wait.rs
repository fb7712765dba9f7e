//! What a higher layer does on a thread that is about to wait: `call` lets groutines go on whose signals are set.

use crate::primitive::OnceLock;

static BEFORE_WAIT: OnceLock<fn()> = OnceLock::new();

/// From now on `action` runs at the beginning of every wait that does not end at once, outside all locks. It may
/// panic, and may wait itself. There is one; the first counts.
pub(crate) fn before_wait(action: fn()) {
    BEFORE_WAIT.get_or_init(|| action);
}

/// Runs it, if there is one; is there?
#[inline]
pub(super) fn run() -> bool {
    let action = BEFORE_WAIT.get();
    if let Some(action) = action {
        action();
    }
    action.is_some()
}
