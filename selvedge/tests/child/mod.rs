//! Tests whose subject is a whole process: the binary runs itself as a child and looks at its end.
//!
//! With `SELVEDGE_TEST_CHILD=name` the binary *is* the scenario `name`; without, it runs the cases. Both
//! sides keep in step by lines on standard input and output, never by time.
#![allow(dead_code, reason = "each binary uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::panic::catch_unwind;
use std::process::{self, ChildStdin, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

const VARIABLE: &str = "SELVEDGE_TEST_CHILD";

/// How long a child may take before it is killed, which fails its test.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a child does.
pub(crate) type Scenario = (&'static str, fn() -> ExitCode);
/// What is tested about children.
pub(crate) type Case = (&'static str, fn());

/// Waits for the end of all other threads of this process: one that was joined may still be on its way out. Who waits
/// too long is killed.
pub(crate) fn others_are_gone() {
    while std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() > 1) {
        thread::yield_now();
    }
}

/// The `main` of the binary.
pub(crate) fn main(scenarios: &[Scenario], cases: &[Case]) -> ExitCode {
    if let Ok(name) = std::env::var(VARIABLE) {
        let scenario = scenarios.iter().find(|scenario| scenario.0 == name);
        return scenario.expect("a scenario of this binary").1();
    }
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen = cases.iter().filter(|(name, _)| match filter {
        Some(filter) if has("--exact") => name == filter,
        Some(filter) => name.contains(&**filter),
        None => true,
    });
    let mut failed = Vec::new();
    for (name, case) in chosen {
        if has("--list") {
            println!("{name}: test");
            continue;
        }
        let ok = catch_unwind(case).is_ok();
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        if !ok {
            failed.push(name);
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("failed: {failed:?}");
    ExitCode::from(101)
}

/// Is this process a scenario?
pub(crate) fn is_child() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// The child's side: says a line.
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The child's side: waits for a line.
pub(crate) fn hear() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// A scenario that runs.
pub(crate) struct Child {
    pid: u32,
    /// Unless it has another input.
    input: Option<ChildStdin>,
    /// What writes its input, if something does.
    writer: Option<process::Child>,
    output: BufReader<ChildStdout>,
    /// Gets the exit status and standard error.
    ended: std::sync::mpsc::Receiver<(ExitStatus, String)>,
    /// Dropped when the child has ended.
    _alive: Sender<()>,
}

/// How a child ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    /// What it said after the last line that was waited for.
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Child {
    pub(crate) fn start(scenario: &str) -> Self {
        Self::start_given(scenario, &[])
    }

    /// With more environment variables.
    pub(crate) fn start_given(scenario: &str, variables: &[(&str, String)]) -> Self {
        // As from a terminal: whoever runs the tests in the background ignores SIGINT for them, and an
        // ignored signal is inherited.
        let mut env = Command::new("env");
        env.args(["--default-signal=INT", "--default-signal=TERM"])
            .arg(std::env::current_exe().unwrap())
            .envs(variables.iter().map(|(name, value)| (name, value)));
        Self::start_by(scenario, env)
    }

    /// Ignoring these, as `INT,TERM`; the other one has its default.
    pub(crate) fn start_ignoring(scenario: &str, names: &str) -> Self {
        let mut env = Command::new("env");
        env.args(["--default-signal=INT", "--default-signal=TERM"])
            .arg(format!("--ignore-signal={names}"))
            .arg(std::env::current_exe().unwrap());
        Self::start_by(scenario, env)
    }

    /// Through a shell, with its redirections: `<&-`, `2>/dev/full`.
    pub(crate) fn start_redirected(scenario: &str, redirections: &str) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!(r#"exec "$0" {redirections}"#)])
            .arg(std::env::current_exe().unwrap());
        Self::start_by(scenario, shell)
    }

    /// With a limit of the shell's `ulimit`: `-n 20`.
    pub(crate) fn start_limited(scenario: &str, limit: &str) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!(r#"ulimit {limit} && exec "$0""#)])
            .arg(std::env::current_exe().unwrap());
        Self::start_by(scenario, shell)
    }

    /// As in a container: in a PID namespace of its own, with its session outside of it. `None`: the system refuses.
    pub(crate) fn start_contained(scenario: &str) -> Option<Self> {
        let contained = || {
            let mut unshare = Command::new("unshare");
            unshare.args(["--user", "--map-root-user", "--pid", "--fork"]);
            unshare.arg("--mount-proc");
            unshare
        };
        let probe = contained().arg("true").stderr(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            return None;
        }
        // The first process of the namespace is a shell, to which orphans fall that nobody adopts.
        let mut unshare = contained();
        unshare.args(["sh", "-c", r#""$0"; exit $?"#]);
        unshare.arg(std::env::current_exe().unwrap());
        Some(Self::start_by(scenario, unshare))
    }

    /// Where `/bin/sh` is this file, in a mount namespace of its own. `None`: the system refuses.
    pub(crate) fn start_with_sh(scenario: &str, sh: &str) -> Option<Self> {
        let elsewhere = || {
            let mut unshare = Command::new("unshare");
            unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
            unshare.args([r#"mount --bind "$1" /bin/sh && exec "$0""#]);
            unshare
        };
        let mut probe = elsewhere();
        probe.args(["true", sh]).stderr(Stdio::null());
        if !probe.status().is_ok_and(|status| status.success()) {
            return None;
        }
        let mut unshare = elsewhere();
        unshare.arg(std::env::current_exe().unwrap()).arg(sh);
        Some(Self::start_by(scenario, unshare))
    }

    /// Its input is what this script writes.
    pub(crate) fn start_reading(scenario: &str, script: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        let writer = shell.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Self::start_with(
            scenario,
            Command::new(std::env::current_exe().unwrap()),
            writer.ok(),
        )
    }

    /// Through a shell that ignores SIGINT, as `nohup` or `&` in a script would.
    pub(crate) fn start_with_interrupts_ignored(scenario: &str) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", r#"trap "" INT; exec "$0""#])
            .arg(std::env::current_exe().unwrap());
        Self::start_by(scenario, shell)
    }

    fn start_by(scenario: &str, command: Command) -> Self {
        Self::start_with(scenario, command, None)
    }

    fn start_with(
        scenario: &str,
        mut command: Command,
        mut writer: Option<process::Child>,
    ) -> Self {
        let given = writer.as_mut().and_then(|writer| writer.stdout.take());
        command.env(VARIABLE, scenario).env_remove("RUST_BACKTRACE");
        command
            .stdin(given.map_or_else(Stdio::piped, Stdio::from))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let pid = process.id();
        let (input, output) = (process.stdin.take(), process.stdout.take().unwrap());
        let mut errors = process.stderr.take().unwrap();
        let (alive, watch) = channel::<()>();
        let (end, ended) = channel();
        thread::Builder::new()
            .spawn(move || {
                let mut text = String::new();
                let _ = errors.read_to_string(&mut text);
                let _ = end.send((process.wait().unwrap(), text));
            })
            .unwrap();
        thread::Builder::new()
            .spawn(move || {
                // An error that is not a timeout: the test has gone on.
                if watch.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                    kill(pid, "KILL");
                }
            })
            .unwrap();
        Self {
            pid,
            input,
            writer,
            output: BufReader::new(output),
            ended,
            _alive: alive,
        }
    }

    /// Waits until the child says this.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, line: &str) {
        let mut said = String::new();
        loop {
            let mut next = String::new();
            if self.output.read_line(&mut next).unwrap() == 0 {
                let (status, errors) = self.ended.recv().unwrap();
                panic!("no `{line}`, but {status}: {said}{errors}");
            }
            if next.trim_end() == line {
                return;
            }
            said.push_str(&next);
        }
    }

    /// The next line that the child says.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> String {
        let mut line = String::new();
        assert!(
            self.output.read_line(&mut line).unwrap() > 0,
            "it has ended"
        );
        line.trim_end().to_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input.as_ref().unwrap(), "{line}").unwrap();
    }

    /// Sends it an OS signal.
    pub(crate) fn signal(&self, name: &str) {
        kill(self.pid, name);
    }

    /// Waits until it has ended.
    pub(crate) fn end(mut self) -> End {
        drop(self.input.take());
        self.end_with_input_open()
    }

    /// The same for one that is not told that there is no more input.
    pub(crate) fn end_with_input_open(mut self) -> End {
        let mut output = Vec::new();
        self.output.read_to_end(&mut output).unwrap();
        let (status, errors) = self.ended.recv().unwrap();
        if let Some(mut writer) = self.writer {
            writer.wait().unwrap(); // nobody reads what it writes any more
        }
        End {
            status,
            output: String::from_utf8(output).unwrap(),
            errors,
        }
    }
}

/// By a shell's own `kill`, which every system has.
fn kill(pid: u32, name: &str) {
    let script = format!("kill -s {name} {pid}");
    let status = Command::new("sh")
        .args(["-c", &script])
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success() || name == "KILL", "{script}");
}

/// Runs a scenario that needs nothing from outside.
pub(crate) fn end_of(scenario: &str) -> End {
    Child::start(scenario).end()
}

impl End {
    /// Of a program that is no scenario.
    pub(crate) fn of(output: process::Output) -> Self {
        Self {
            status: output.status,
            output: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
    }

    #[track_caller]
    pub(crate) fn assert_signal(&self, signal: i32) {
        assert_eq!(self.status.signal(), Some(signal), "{self:#?}");
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, text: &str) {
        assert!(self.output.contains(text), "no `{text}` in {self:#?}");
    }

    #[track_caller]
    pub(crate) fn assert_errs(&self, text: &str) {
        assert!(self.errors.contains(text), "no `{text}` in {self:#?}");
    }

    #[track_caller]
    pub(crate) fn assert_quiet(&self) {
        assert_eq!(self.errors, "");
    }
}
