//! Without `tracing` a started thread gets nothing from the one that starts it.

pub(crate) struct Carried;

impl Carried {
    pub(crate) fn take() -> Self {
        Self
    }

    pub(crate) fn run(self, f: impl FnOnce()) {
        f();
    }
}
