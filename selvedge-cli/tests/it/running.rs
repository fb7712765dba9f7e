//! The example, in a process of its own.

use std::env;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::canned::{Folder, told};
use crate::inspected;

/// Says to a process of a test that it is to be the example.
const BE_IT: &str = "SELVEDGE_CLI_INSPECTED";

/// Runs the example, if this process was started for that.
pub(crate) fn be_it() -> bool {
    let is_it = env::var_os(BE_IT).is_some();
    if is_it {
        let _ = inspected::main();
    }
    is_it
}

/// The example, running.
pub(crate) struct Inspected {
    pub(crate) child: Child,
    pub(crate) folder: Folder,
}

impl Inspected {
    /// Starts this test's program with `arguments`, with which it comes to [`be_it`].
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let child = Command::new(env::current_exe().unwrap())
            .args(arguments)
            .env(BE_IT, "1")
            .env("SELVEDGE_INSPECT", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self { child, folder };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !told(&program.folder.selvedge(&["tree"]))
            .1
            .contains("held by `inspected/loom/keeper`")
        {
            assert!(Instant::now() < deadline, "it does not get going");
        }
        program
    }

    pub(crate) fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Inspected {
    fn drop(&mut self) {
        self.end();
    }
}
