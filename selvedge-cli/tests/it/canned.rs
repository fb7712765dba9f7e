//! A program that answers what a test has laid down, and what is true of it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use selvedge::observe::inspect::protocol::{Answer, Hello, Request};
use tempfile::TempDir;

/// The program under test.
pub(crate) const SELVEDGE: &str = env!("CARGO_BIN_EXE_selvedge");

pub(crate) const HELLO: &str =
    r#"{"hello":{"protocol":1,"selvedge":"0.1.0","program":"mill","pid":4711,"since_us":1000000}}"#;

/// Three threads, a queue, two locks and a warning.
pub(crate) const PICTURE: &str = r#"{"snapshot":{"at_us":9000000,
    "threads":[
        {"number":1,"name":"mill","path":"mill","depth":0,"scope":false,"state":"running","age_us":9000000,"os_id":4711,
         "cpu":{"used_us":100000,"ready_us":10},"waits":{"kind":"signal","what":"mill/loom","at":"src/mill.rs:9:5","for_us":8000000,"on":90,"thread":"mill/loom"}},
        {"number":2,"name":"loom","path":"mill/loom","depth":1,"scope":true,"state":"running","age_us":8900000},
        {"number":3,"name":"worker-1","path":"mill/loom/worker-1","depth":2,"scope":false,"state":"running","age_us":8000000,"os_id":4712,
         "cpu":{"used_us":4000000,"ready_us":10}},
        {"number":4,"name":"worker-2","path":"mill/loom/worker-2","depth":2,"scope":false,"state":"running","age_us":7000000,"os_id":4713,
         "cpu":{"used_us":1000,"ready_us":10},"asked":"SIGTERM","asked_us":1500000,
         "waits":{"kind":"lock","what":"ledger","at":"src/mill.rs:40:7","for_us":6500000,"on":91,"thread":"mill/loom/worker-1"}},
        {"number":5,"name":"clock","path":"mill/clock","depth":1,"scope":false,"state":"running","age_us":61000000,"os_id":4714,
         "cpu":{"used_us":0,"ready_us":0},"waits":{"kind":"queue","what":"jobs","at":"src/mill.rs:77:3","for_us":250,"on":92}}],
    "signals":[{"id":90,"signal":"src/x.rs:1:1","end_of":"mill/loom","waiting":["mill"]}],
    "queues":[{"id":92,"queue":"jobs","len":0,"capacity":8,"popping":["mill/clock"],"pushing":[]}],
    "locks":[{"id":91,"lock":"ledger","holder":"mill/loom/worker-1","entered":"src/mill.rs:30:1","entering":["mill/loom/worker-2"],"waiting":[]}],
    "warnings":[{"kind":"long_wait","thread":"mill/loom/worker-2","for_us":6500000,"text":"`mill/loom/worker-2` has waited 6.5s for lock `ledger`"}]}}"#;

/// What `top` makes of [`PICTURE`] on a terminal of 104 by 10.
pub(crate) const TREE: &str = "\
mill  pid 4711  4 threads  processor 0%  after 9.0s  1 warning
 1:threads  2:queues 1  3:locks 1  4:signals 1  5:calls  6:warnings 1  7:events  8:processes
THREAD          OS ID    STATE      CPU% AGE    WAITS FOR
mill            4711     running         9.0s     8.0s signal `mill/loom`, the end of `mill/loom`
├─ loom                  scope           8.9s
│  ├─ worker-1  4712     running         8.0s
│  └─ worker-2  4713     asked           7.0s     6.5s lock `ledger`, held by `mill/loom/worker-1`
└─ clock        4714     running         1m01s   250us queue `jobs`

q quit  ? help  s sort  / find  p hold  w watch  c count  x stop  r record";

/// An answer from its body.
pub(crate) fn answer(id: u64, body: &str) -> Answer {
    Answer::parse(&format!(r#"{{"id":{id},"is":{body}}}"#)).unwrap()
}

pub(crate) fn hello() -> Hello {
    match answer(0, HELLO).body {
        selvedge::observe::inspect::protocol::Body::Hello(hello) => hello,
        other => panic!("{other:?}"),
    }
}

/// A folder of its own, which goes with it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A program at `name` in it, which answers each line by what `answers` makes of it, a line each, without the
    /// end of the line; and hangs up when that is none.
    pub(crate) fn serve(
        &self,
        name: &str,
        answers: impl Fn(&str) -> Option<Vec<String>> + Send + Sync + 'static,
    ) -> PathBuf {
        let path = self.path().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let answers = std::sync::Arc::new(answers);
        let serve = move || {
            for client in listener.incoming().map_while(Result::ok) {
                let answers = std::sync::Arc::clone(&answers);
                let talk = move || talk(client, &*answers);
                thread::Builder::new().spawn(talk).unwrap();
            }
        };
        thread::Builder::new().spawn(serve).unwrap();
        path
    }

    /// One that says `hello`, and then to every request the bodies that `bodies` makes of it.
    pub(crate) fn program(
        &self,
        name: &str,
        bodies: impl Fn(&Request) -> Option<Vec<String>> + Send + Sync + 'static,
    ) -> PathBuf {
        self.serve(name, move |line| {
            let request = Request::parse(line).unwrap();
            let bodies = match line.contains("\"hello\"") {
                true => vec![HELLO.to_owned()],
                false => bodies(&request)?,
            };
            let line = |body: &String| {
                format!(
                    r#"{{"id":{},"is":{}}}"#,
                    request.id,
                    body.replace('\n', " ")
                )
            };
            Some(bodies.iter().map(line).collect())
        })
    }

    /// Runs `selvedge` with the folder as that of the sockets, to its end.
    pub(crate) fn selvedge(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SELVEDGE);
        command
            .args(arguments)
            .env("SELVEDGE_INSPECT", self.path())
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }
}

fn talk(client: UnixStream, answers: &dyn Fn(&str) -> Option<Vec<String>>) {
    let mut out = client.try_clone().unwrap();
    for line in BufReader::new(client).lines().map_while(Result::ok) {
        let Some(answers) = answers(&line) else {
            return;
        };
        for answer in answers {
            // A client that has gone needs no answer.
            if out.write_all(format!("{answer}\n").as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// What was printed: status, standard output, standard error.
pub(crate) fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}
