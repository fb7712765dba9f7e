//! This test program, started again as a child that plays a part.

use std::process::ExitCode;

use selvedge::process::Command;
use selvedge::{Ambient, Signal};

/// By which a child knows its part.
const PART: &str = "SELVEDGE_TEST_PART";

selvedge::local! { pub(crate) static TENANT: String, baggage = "tenant"; }
selvedge::context! { pub(crate) static DRY_RUN = "dry-run"; }

/// This program in a part.
pub(crate) fn playing(part: &str) -> Command {
    Command::new(std::env::current_exe().expect("a test program"))
        .args([
            "child::a_part",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(PART, part)
        .named(part)
}

/// Says it so that it is found between the lines of the test harness.
fn say(what: impl std::fmt::Display) {
    println!("\nsaid: {what}");
}

/// What the child said next.
pub(crate) fn heard(child: &selvedge::process::Process) -> String {
    loop {
        let line = child.stdout().pop().expect("it says something");
        if let Some(said) = line.to_string_lossy().strip_prefix("said: ") {
            return said.to_owned();
        }
    }
}

/// No test: a child's main function, if this is one.
#[test]
fn a_part() {
    let Ok(part) = std::env::var(PART) else {
        return;
    };
    let status = selvedge::run("child", |_stop| {
        match part.as_str() {
            "parent" => {
                let child = Command::new("sh").args([
                    "-c",
                    "sleep 1000 & echo $!; trap '' TERM HUP; read line; wait",
                ]);
                let child = child.stdin(selvedge::process::Stdin::Pipe).spawn()?;
                let grandchild = child.stdout().pop()?;
                say(format!("{} {}", child.id(), grandchild.to_string_lossy()));
                Signal::new().wait()?;
            }
            "adopter" => {
                selvedge::process::adopt_orphans()?;
                // Forks twice, with a session of its own: nothing but its mark leads to its origin.
                let script =
                    "(setsid sh -c 'echo $$; exec sleep 1000' >&2 &) 2>&1 | head -n 1; exit 0";
                let daemon = Command::new("sh").args(["-c", script]).spawn()?;
                let id = daemon.stdout().pop()?.to_string_lossy().into_owned();
                let exit = daemon.join()?;
                let found = exit.descendants();
                let is_it = found.iter().all(|left| left.id().to_string() == id);
                let is_there = std::path::Path::new(&format!("/proc/{id}")).exists();
                say(format!(
                    "{is_it} {} {} {is_there}",
                    found.len(),
                    exit.is_held()
                ));
            }
            "ambient" => {
                say(TENANT.with(String::clone)?);
                say(DRY_RUN.is_active());
                say(Ambient::capture().to_baggage());
            }
            other => panic!("no part `{other}`"),
        }
        Ok(())
    });
    assert_eq!(status, ExitCode::SUCCESS);
}
