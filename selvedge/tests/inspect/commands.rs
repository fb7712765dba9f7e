//! What a client can have done.

use selvedge::observe::inspect::AskError;
use selvedge::observe::inspect::protocol::{Body, Command, ProblemKind, WarningKind};
use selvedge::{Signal, Till, signal, thread};

use super::{Raw, connect, served, until, waiting};

fn stop(thread: &str, number: Option<u64>) -> Command {
    Command::Stop {
        thread: thread.to_owned(),
        number,
    }
}

pub(super) fn refused(answer: Result<impl std::fmt::Debug, AskError>) -> ProblemKind {
    match answer {
        Err(AskError::Refused(problem)) => {
            assert!(problem.message.len() > 10, "{problem:?}");
            problem.kind
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_thread_is_asked_to_stop_and_says_by_whom() {
    served(|serving| {
        let mut client = connect(serving);
        let worker = thread::spawn("worker", |stop: Signal| {
            stop.wait_until(&Signal::never()).map_err(|_| "asked")?;
            Ok(stop.reason().map(|reason| reason.to_string()))
        });
        let path = worker.name().to_owned();
        let path = format!("{}/{path}", thread::current().path());
        assert!(matches!(client.ask(stop(&path, None)), Ok(Body::Done(_))));
        let reason = worker.join().unwrap().expect("it was set");
        assert!(reason.contains("inspector"), "{reason}");
        assert_eq!(
            refused(client.ask(stop(&path, None))),
            ProblemKind::NotFound
        );
    });
}

#[test]
fn of_two_threads_with_one_path_the_number_says_which() {
    served(|serving| {
        let mut client = connect(serving);
        let twin = || thread::spawn("twin", |_stop| Ok(Signal::named("never").wait()?));
        let (first, second) = (twin(), twin());
        let path = format!("{}/twin", thread::current().path());
        let numbers = until(&mut client, |it| {
            let twins: Vec<_> = it
                .threads
                .iter()
                .filter(|it| it.path == path)
                .map(|it| it.number)
                .collect();
            (twins.len() == 2).then_some(twins)
        });
        assert_eq!(
            refused(client.ask(stop(&path, None))),
            ProblemKind::Ambiguous
        );
        assert!(matches!(
            client.ask(stop(&path, Some(numbers[1]))),
            Ok(Body::Done(_))
        ));
        assert!(matches!(
            second.join(),
            Err(thread::JoinError::Stopped { .. })
        ));
        assert!(!first.stopped().is_set());
        first.stop();
        let _ = first.join();
    });
}

#[test]
fn who_ignores_a_stop_is_warned_of_and_who_waits_for_children_is_not() {
    served(|serving| {
        let mut client = connect(serving);
        let enough = Signal::named("enough");
        let deaf = thread::spawn("deaf", {
            let enough = enough.clone();
            move |_stop| Ok(signal::shield(|| enough.wait())?)
        });
        waiting(&mut client, "deaf");
        let path = format!("{}/deaf", thread::current().path());
        client.ask(stop(&path, None)).unwrap();
        let warning = loop {
            let Ok(Body::Warnings(warnings)) = client.ask(Command::Warnings { after_ms: 0 }) else {
                panic!("no warnings");
            };
            if let Some(warning) = warnings.first() {
                break warning.clone();
            }
        };
        assert_eq!(
            (warning.kind, &*warning.thread),
            (WarningKind::StopIgnored, &*path)
        );
        assert!(warning.text.contains("signal `enough`"), "{}", warning.text);
        assert!(
            matches!(client.ask(stop(&path, None)), Ok(Body::Done(done)) if done.text.contains("before"))
        );
        enough.set();
        deaf.join().unwrap();
    });
}

/// An action that takes long keeps nobody from being answered.
#[test]
fn an_action_of_a_stop_does_not_run_on_the_inspectors_thread() {
    served(|serving| {
        let mut client = connect(serving);
        let (inside, go_on) = (Signal::new(), Signal::new());
        let worker = thread::spawn("worker", {
            let (inside, go_on) = (inside.clone(), go_on.clone());
            move |stop| {
                let action = move || {
                    inside.set();
                    let _ = go_on.wait();
                };
                stop.on_set(action).forever();
                Ok(Signal::named("never").wait()?)
            }
        });
        waiting(&mut client, "worker");
        client
            .ask(stop(&format!("{}/worker", thread::current().path()), None))
            .unwrap();
        inside.wait().unwrap();
        assert!(client.ask(Command::Locks).is_ok(), "it answers meanwhile");
        go_on.set();
        let _ = worker.join();
    });
}

#[test]
fn a_version_that_is_not_spoken_is_refused() {
    served(|serving| {
        let mut client = connect(serving);
        assert_eq!(
            refused(client.ask(Command::Hello { protocol: 99 })),
            ProblemKind::Version
        );
        assert!(client.ask(Command::Locks).is_ok());
    });
}

#[test]
fn the_end_of_the_guard_ends_the_connection_and_removes_the_socket() {
    let folder = super::Folder::new();
    selvedge::testing::World::new().test(|| {
        let serving = selvedge::observe::serve(folder.join("it.sock")).unwrap();
        let mut client = connect(&serving);
        let stream = client
            .begin(Command::Record {
                every_ms: 3_600_000,
                for_ms: None,
                cpu: false,
                details: false,
                after_ms: None,
            })
            .unwrap();
        drop(serving);
        let mut last = None;
        while let Ok(answer) = client.next_of(stream) {
            last = Some(answer);
        }
        assert!(
            matches!(last, Some(Body::Ended { why, .. }) if format!("{why:?}") == "Closing"),
            "{last:?}"
        );
        assert!(!folder.join("it.sock").exists());
    });
}

#[test]
fn many_requests_in_one_write_are_answered_in_order() {
    served(|serving| {
        let mut raw = Raw::connect(serving.path());
        let lines: String = (1..=2_000)
            .map(|id| format!("{{\"id\":{id},\"do\":\"locks\"}}\n"))
            .collect();
        assert!(raw.send(lines.as_bytes()));
        for id in 1..=2_000 {
            assert_eq!(raw.hear().expect("an answer").id, id);
        }
    });
}

/// A client that says all it has to say and closes its half gets its answers.
#[test]
fn half_a_connection_is_answered() {
    served(|serving| {
        let mut raw = Raw::connect(serving.path());
        raw.ask(1, Command::Locks);
        raw.ask(2, Command::Signals);
        raw.socket
            .get_ref()
            .shutdown(std::net::Shutdown::Write)
            .unwrap();
        assert_eq!(raw.hear().map(|it| it.id), Some(1));
        assert_eq!(raw.hear().map(|it| it.id), Some(2));
        assert_eq!(raw.hear(), None);
    });
}

#[test]
fn a_till_that_is_far_away_keeps_no_thread_from_being_shown() {
    served(|serving| {
        let mut client = connect(serving);
        let sleeper = thread::spawn("sleeper", |_stop| {
            Ok(Till::after(std::time::Duration::MAX).wait()?)
        });
        assert_eq!(
            waiting(&mut client, "sleeper").waits.unwrap().kind,
            "signal"
        );
        sleeper.stop();
        let _ = sleeper.join();
    });
}
