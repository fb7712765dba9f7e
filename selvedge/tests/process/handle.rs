//! What a handle can do beside waiting and stopping.

use std::io::ErrorKind;
use std::time::Duration;

use selvedge::Till;
use selvedge::process::{Command, Unread};
use selvedge::signal::any;
use selvedge::testing::World;

use crate::child::{heard, playing_among, sh};

/// The numbers of SIGUSR1, which nobody ignores who starts the tests, and of SIGKILL.
const OWN: i32 = 10;
const KILL: i32 = 9;

/// Nobody reads what one of them writes: who waited for the first of several waited for ever.
#[test]
fn the_first_of_several_ends_though_nobody_reads_it() {
    World::new().run(|| {
        let chatty = sh("exec seq 300000")
            .unread(Unread::Pressure { bytes: 100 })
            .spawn()
            .unwrap();
        let quiet = Command::new("sleep").arg("1000").spawn().unwrap();
        let stat = format!("/proc/{}/stat", chatty.id());
        let sleeps = || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "));
        while !(chatty.stdout().len() > 10 && sleeps()) {
            std::thread::yield_now();
        }
        chatty.let_end();
        let first = any([chatty.stopped(), quiet.stopped()]);
        let limit = Till::after(Duration::from_secs(100));
        first.wait_until(&limit).unwrap();
        assert!(chatty.try_join().unwrap().unwrap().success());
        assert!(quiet.try_wait().is_none());
        quiet.kill();
        quiet.wait().unwrap();
    });
}

/// A signal goes to the process, and not to its group.
#[test]
fn a_signal_arrives_at_the_process_alone() {
    World::new().run(|| {
        let child = "trap 'echo child hears' USR1; trap 'echo child ends; exit' TERM
            echo ready; while :; do sleep 0.01; done";
        let script = "trap 'echo parent hears; kill -s TERM $!' USR1; sh -c \"$0\" & wait; wait";
        let family = sh(script).arg(child).spawn().unwrap();
        assert_eq!(*family.stdout().pop().unwrap(), *b"ready");
        assert!(family.signal(OWN).unwrap());
        let rest: Vec<_> = family.stdout().iter().collect();
        assert_eq!(rest, ["parent hears", "child ends"]);
        family.wait().unwrap();
    });
}

/// Its number may be another's by then.
#[test]
fn who_has_ended_gets_no_signal() {
    World::new().run(|| {
        let ended = Command::new("true").spawn().unwrap();
        ended.join().unwrap();
        assert!(!ended.signal(KILL).unwrap());
    });
}

#[test]
fn what_is_no_signal_is_an_error() {
    World::new().run(|| {
        let sleeper = Command::new("sleep").arg("1000").spawn().unwrap();
        for number in [-1, 0, 64, 65, i32::MAX] {
            let error = sleeper.signal(number).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&number.to_string()), "{error}");
        }
        assert!(sleeper.try_wait().is_none());
        assert!(sleeper.signal(KILL).unwrap());
        assert_eq!(sleeper.wait().unwrap().code(), -9);
    });
}

/// Without room for one more process: an error that says what to do, nothing started, and the others go on.
#[test]
fn out_of_processes_is_an_error() {
    World::new().run(|| {
        let Some(crowded) = playing_among(60, "crowded") else {
            eprintln!("skipped: another user is needed, whose other programs do not count");
            return;
        };
        let crowded = crowded.spawn().unwrap();
        assert_eq!(heard(&crowded), "true");
        let said = heard(&crowded);
        assert!(
            said.contains("`sleep` was not started") && said.contains("ulimit -u"),
            "{said}"
        );
        assert_eq!(heard(&crowded), "true"); // one was stopped
        let said = heard(&crowded);
        let started = said.strip_suffix(" started, and on it goes").unwrap();
        assert!((1..=60).contains(&started.parse().unwrap()), "{said}");
        crowded.join().unwrap();
    });
}
