//! Where a shell comes from, and where it goes when its command has ended.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{PathBuf, absolute};
use std::time::Duration;

use crate::primitive::{Arc, Weak};
use crate::process::command::Parts;
use crate::process::linux::Host;
use crate::process::shell::pool::Pool;
use crate::signal::Timer;

/// What a shell was started with. Another command gets it only if all of that is the same.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::process) struct Key {
    pub(in crate::process) program: OsString,
    pub(in crate::process) cwd: PathBuf,
    /// All variables, the inherited ones too: they may have been others before.
    pub(in crate::process) env: BTreeMap<OsString, OsString>,
}

impl Key {
    pub(super) fn of(parts: &Parts) -> io::Result<Self> {
        let cwd = match &parts.cwd {
            Some(cwd) => absolute(cwd)?, // by the directory of this process as it is now
            None => env::current_dir()?,
        };
        let inherited = (!parts.is_env_clear).then(env::vars_os);
        let mut env: BTreeMap<_, _> = inherited.into_iter().flatten().collect();
        for (name, value) in &parts.env {
            match value {
                Some(value) => env.insert(name.clone(), value.clone()),
                None => env.remove(name),
            };
        }
        let program = parts.program.clone();
        Ok(Self { program, cwd, env })
    }
}

/// How long shells are kept, and how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    pub(super) most: usize,
    pub(super) time: Duration,
}

/// The place of one shell in a pool.
pub(in crate::process) struct Home {
    pool: Weak<Pool<Key, Host>>,
    key: Arc<Key>,
    keeping: Keeping,
}

impl Home {
    pub(super) fn new(pool: &Arc<Pool<Key, Host>>, key: Key, keeping: Keeping) -> Self {
        Self {
            pool: Arc::downgrade(pool),
            key: Arc::new(key),
            keeping,
        }
    }

    pub(in crate::process) fn key(&self) -> &Key {
        &self.key
    }

    /// One that is kept.
    pub(in crate::process) fn take(&self) -> Option<Host> {
        self.pool.upgrade()?.take(&self.key)
    }

    /// Keeps it, by the clock of `timer`; it ends if there is no pool any more.
    pub(in crate::process) fn put(self, host: Host, timer: &Timer) {
        if let Some(pool) = self.pool.upgrade() {
            let Keeping { most, time } = self.keeping;
            pool.put(self.key, host, most, time, timer);
        }
    }
}
