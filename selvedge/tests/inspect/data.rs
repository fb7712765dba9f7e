//! What is shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use selvedge::observe::inspect::protocol::{Body, Command, Request, VERSION, WarningKind};
use selvedge::sync::{Lock, PriorityQueue, Queue, Semaphore};
use selvedge::{Signal, thread};

use super::{connect, served, until, waiting};

/// Whoever asks, and what comes back, may go to any thread.
#[test]
fn everything_goes_anywhere() {
    fn anywhere<T: Send + Sync + Unpin + 'static>() {}
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    anywhere::<selvedge::observe::inspect::Client>();
    anywhere::<selvedge::observe::inspect::Serving>();
    anywhere::<selvedge::observe::inspect::protocol::Answer>();
    anywhere::<Request>();
    error::<selvedge::observe::inspect::AskError>();
    error::<selvedge::observe::inspect::ServeError>();
}

#[test]
fn it_says_who_it_is() {
    served(|serving| {
        let client = connect(serving);
        let hello = client.hello();
        assert_eq!((hello.protocol, hello.pid), (VERSION, std::process::id()));
        assert_eq!(hello.program, thread::current().path());
        assert_eq!(hello.selvedge, env!("CARGO_PKG_VERSION"));
    });
}

#[test]
fn threads_are_shown_with_their_numbers_places_and_processor_time() {
    served(|serving| {
        let mut client = connect(serving);
        let (go, told) = (Signal::named("go"), Queue::new());
        let worker = thread::spawn("worker", {
            let (go, told) = (go.clone(), told.clone());
            move |_stop| {
                let inner = thread::spawn("inner", move |_stop| Ok(go.wait()?));
                told.push(inner.os_id()).unwrap();
                inner.join()?;
                Ok(())
            }
        });
        waiting(&mut client, "inner");
        let Ok(Body::Tree(threads)) = client.ask(Command::Tree { cpu: true }) else {
            panic!("no tree");
        };
        let shape: Vec<_> = threads
            .iter()
            .map(|it| (&*it.name, it.depth, &*it.state))
            .collect();
        let root = thread::current().path().to_owned();
        assert_eq!(
            shape,
            [
                (&*root, 0, "running"),
                ("worker", 1, "running"),
                ("inner", 2, "running")
            ]
        );
        assert_eq!(threads[2].path, format!("{root}/worker/inner"));
        assert_eq!(threads[1].os_id, worker.os_id());
        assert!(threads[0].os_id.is_some(), "the root as well");
        if cfg!(target_os = "linux") {
            let cpu = threads[2].cpu.expect("the kernel tells");
            assert!(cpu.used_us < 60_000_000, "{cpu:?}");
        }
        let Ok(Body::Tree(plain)) = client.ask(Command::Tree { cpu: false }) else {
            panic!("no tree");
        };
        assert!(
            plain.iter().all(|thread| thread.cpu.is_none()),
            "not asked for"
        );
        // Each number belongs to one thread.
        let mut numbers: Vec<_> = threads.iter().map(|thread| thread.number).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), 3);
        go.set();
        worker.join().unwrap();
    });
}

#[test]
fn a_wait_says_on_what_where_and_for_the_end_of_whom() {
    served(|serving| {
        let mut client = connect(serving);
        let go = Signal::named("go");
        let sleeper = thread::spawn("sleeper", {
            let go = go.clone();
            move |_stop| Ok(go.wait()?)
        });
        let joiner = thread::spawn("joiner", move |_stop| Ok(sleeper.join()?));
        let wait = waiting(&mut client, "sleeper").waits.unwrap();
        assert_eq!((&*wait.kind, &*wait.what), ("signal", "go"));
        assert!(wait.at.contains("data.rs:"), "{}", wait.at);
        let joins = waiting(&mut client, "joiner").waits.unwrap();
        let root = thread::current().path().to_owned();
        assert_eq!(joins.thread, Some(format!("{root}/sleeper")));

        let Ok(Body::Signals(signals)) = client.ask(Command::Signals) else {
            panic!("no signals");
        };
        let go_info = signals.iter().find(|it| it.signal == "go").unwrap();
        assert_eq!(go_info.waiting, [format!("{root}/sleeper")]);
        assert_eq!(Some(go_info.id), wait.on);
        let end = signals.iter().find(|it| it.end_of.is_some()).unwrap();
        assert_eq!(end.end_of, Some(format!("{root}/sleeper")));
        assert_eq!(end.waiting, [format!("{root}/joiner")]);
        go.set();
        joiner.join().unwrap();
    });
}

#[test]
fn a_wait_grows_older_and_is_gone_when_it_is_over() {
    served(|serving| {
        let mut client = connect(serving);
        let go = Signal::named("go");
        let sleeper = thread::spawn("sleeper", {
            let go = go.clone();
            move |stop| {
                go.wait()?;
                while !stop.is_set() {
                    std::thread::yield_now();
                }
                Ok(())
            }
        });
        let first = waiting(&mut client, "sleeper").waits.unwrap().for_us;
        until(&mut client, |it| {
            let wait = it
                .threads
                .iter()
                .find(|it| it.name == "sleeper")?
                .waits
                .clone()?;
            (wait.for_us > first).then_some(())
        });
        go.set();
        until(&mut client, |it| {
            let sleeper = it.threads.iter().find(|it| it.name == "sleeper")?;
            sleeper.waits.is_none().then_some(())
        });
        sleeper.stop();
        sleeper.join().unwrap();
    });
}

#[test]
fn queues_are_shown_with_who_waits_for_elements_and_for_room() {
    served(|serving| {
        let mut client = connect(serving);
        let (jobs, results) = (Queue::named("jobs", 8), PriorityQueue::bounded(1, 2));
        let popper = thread::spawn("popper", {
            let jobs: Queue<u8> = jobs.clone();
            move |_stop| Ok(jobs.pop()?)
        });
        let pusher = thread::spawn("pusher", {
            let results = results.clone();
            move |_stop| {
                for n in 0..3 {
                    results.push(0, n).map_err(|_| "closed")?;
                }
                Ok(())
            }
        });
        waiting(&mut client, "popper");
        waiting(&mut client, "pusher");
        let Ok(Body::Queues(queues)) = client.ask(Command::Queues) else {
            panic!("no queues");
        };
        let root = thread::current().path().to_owned();
        let jobs_info = queues.iter().find(|it| it.queue == "jobs").unwrap();
        assert_eq!((jobs_info.len, jobs_info.capacity), (0, 8));
        assert_eq!(jobs_info.popping, [format!("{root}/popper")]);
        assert!(jobs_info.pushing.is_empty());
        let full = queues.iter().find(|it| it.queue != "jobs").unwrap();
        assert!(
            full.queue.contains("data.rs:"),
            "called by where it was made: {}",
            full.queue
        );
        assert_eq!((full.len, full.capacity), (2, 2));
        assert_eq!(full.pushing, [format!("{root}/pusher")]);

        let Ok(Body::Warnings(warnings)) = client.ask(Command::Warnings { after_ms: 0 }) else {
            panic!("no warnings");
        };
        let [warning] = &warnings[..] else {
            panic!("who waits for an element does what it should: {warnings:?}");
        };
        assert_eq!(
            (warning.kind, &*warning.thread),
            (WarningKind::QueueFull, &*format!("{root}/pusher"))
        );
        assert!(warning.text.contains("(2 in it)"), "{}", warning.text);
        assert_eq!(results.try_pop(), Ok(0));
        jobs.push(1).unwrap();
        popper.join().unwrap();
        pusher.join().unwrap();
    });
}

#[test]
fn locks_are_shown_with_their_holder_and_where_it_entered() {
    served(|serving| {
        let mut client = connect(serving);
        let (lock, go) = (Arc::new(Lock::named("totals", 0)), Signal::new());
        let holder = thread::spawn("holder", {
            let (lock, go) = (Arc::clone(&lock), go.clone());
            move |_stop| {
                let held = lock.enter();
                go.wait()?;
                drop(held);
                Ok(())
            }
        });
        waiting(&mut client, "holder");
        let other = thread::spawn("other", {
            let lock = Arc::clone(&lock);
            move |_stop| {
                *lock.enter() += 1;
                Ok(())
            }
        });
        let wait = waiting(&mut client, "other").waits.unwrap();
        let root = thread::current().path().to_owned();
        assert_eq!(
            (&*wait.kind, wait.thread),
            ("lock", Some(format!("{root}/holder")))
        );
        let Ok(Body::Locks(locks)) = client.ask(Command::Locks) else {
            panic!("no locks");
        };
        assert_eq!(locks.len(), 1);
        assert_eq!(locks[0].holder, Some(format!("{root}/holder")));
        assert!(locks[0].entered.as_ref().unwrap().contains("data.rs:"));
        assert_eq!(locks[0].entering, [format!("{root}/other")]);

        let Ok(Body::Warnings(warnings)) = client.ask(Command::Warnings { after_ms: 0 }) else {
            panic!("no warnings");
        };
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!(warnings[0].kind, WarningKind::LongWait);
        let text = &warnings[0].text;
        assert!(
            text.contains("`totals`") && text.contains(&format!("held by `{root}/holder`")),
            "{text}"
        );
        let Ok(Body::Warnings(later)) = client.ask(Command::Warnings {
            after_ms: 3_600_000,
        }) else {
            panic!("no warnings");
        };
        assert!(later.is_empty(), "an hour has not passed: {later:?}");
        let drawn = thread::tree().to_string();
        assert!(drawn.contains(&format!("held by {root}/holder")), "{drawn}");
        go.set();
        holder.join().unwrap();
        other.join().unwrap();
    });
}

/// Of pictures as of the list.
#[test]
fn from_when_on_a_wait_is_a_warning_is_for_the_client_to_say() {
    served(|serving| {
        let mut client = connect(serving);
        let full = Queue::named("full", 1);
        full.push(1).unwrap();
        let pusher = thread::spawn("pusher", {
            let full = full.clone();
            move |_stop| full.push(2).map_err(|_| "closed".into())
        });
        waiting(&mut client, "pusher");
        let mut warned = |after_ms| {
            let cpu = false;
            let Ok(Body::Snapshot(one)) = client.ask(Command::Snapshot { cpu, after_ms }) else {
                panic!("no snapshot");
            };
            let record = Command::Record {
                every_ms: 3_600_000,
                for_ms: None,
                cpu,
                details: false,
                after_ms,
            };
            let stream = client.begin(record).unwrap();
            let Ok(Body::Snapshot(other)) = client.next_of(stream) else {
                panic!("no snapshot");
            };
            client.ask(Command::End { stream }).unwrap();
            assert_eq!(one.warnings.len(), other.warnings.len());
            one.warnings.len()
        };
        assert_eq!((warned(Some(0)), warned(Some(3_600_000))), (1, 0));
        // A client that is older says nothing.
        let request = Request::parse(r#"{"id":1,"do":{"snapshot":{}}}"#).unwrap();
        let plain = Command::Snapshot {
            cpu: false,
            after_ms: None,
        };
        assert_eq!(request.command, plain);
        assert!(
            !Request {
                id: 1,
                command: plain
            }
            .line()
            .contains("after_ms")
        );
        full.pop().unwrap();
        pusher.join().unwrap();
    });
}

#[test]
fn a_thread_that_waits_in_a_lock_for_its_use_is_shown_and_is_no_warning() {
    served(|serving| {
        let mut client = connect(serving);
        let lock = Arc::new(Lock::named("ready", false));
        let waiter = thread::spawn("waiter", {
            let lock = Arc::clone(&lock);
            move |_stop| Ok(lock.enter().wait_while(|ready| !ready)?)
        });
        waiting(&mut client, "waiter");
        let snapshot = until(&mut client, |it| (!it.locks.is_empty()).then(|| it.clone()));
        assert_eq!(snapshot.locks[0].waiting.len(), 1);
        assert_eq!(
            (snapshot.locks[0].holder.as_ref(), &*snapshot.locks[0].lock),
            (None, "ready")
        );
        let Ok(Body::Warnings(warnings)) = client.ask(Command::Warnings { after_ms: 0 }) else {
            panic!("no warnings");
        };
        assert!(warnings.is_empty(), "{warnings:?}");
        *lock.enter() = true;
        waiter.join().unwrap();
    });
}

#[test]
fn a_circle_of_locks_is_a_deadlock_that_is_named_once() {
    served(|serving| {
        let mut client = connect(serving);
        let locks = [
            Arc::new(Lock::named("left", ())),
            Arc::new(Lock::named("right", ())),
        ];
        let (both, enough) = (Queue::new(), Signal::new());
        let crossed = |name: &str, first: usize| {
            let (mine, other) = (Arc::clone(&locks[first]), Arc::clone(&locks[1 - first]));
            let (both, enough) = (both.clone(), enough.clone());
            let go = Signal::new();
            let told = go.clone();
            let thread = thread::spawn(name, move |_stop| {
                let _mine = mine.enter();
                both.push(()).unwrap();
                go.wait()?;
                let _ = other.enter_until(&enough).map(drop);
                Ok(())
            });
            (thread, told)
        };
        let threads = [crossed("one", 0), crossed("two", 1)];
        both.pop().unwrap();
        both.pop().unwrap(); // each holds one
        assert!(threads.iter().all(|(_, go)| go.set()));
        let warning = until(&mut client, |it| {
            let mut dead = it
                .warnings
                .iter()
                .filter(|it| it.kind == WarningKind::Deadlock);
            let first = dead.next()?.clone();
            assert!(dead.next().is_none(), "once");
            Some(first)
        });
        let text = &warning.text;
        assert!(
            text.contains("lock `left`") && text.contains("lock `right`"),
            "{text}"
        );
        enough.set();
        for (thread, _) in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn semaphores_and_unnamed_things_are_shown_by_where_they_were_made() {
    served(|serving| {
        let mut client = connect(serving);
        let permits = Semaphore::new(1);
        let held = permits.acquire().unwrap();
        let taker = thread::spawn("taker", {
            let permits = permits.clone();
            move |_stop| Ok(permits.acquire().map(drop)?)
        });
        let wait = waiting(&mut client, "taker").waits.unwrap();
        assert_eq!(wait.kind, "semaphore");
        assert!(wait.what.contains("data.rs:"), "{}", wait.what);
        drop(held);
        taker.join().unwrap();
    });
}

#[test]
fn scopes_are_places_without_a_thread() {
    served(|serving| {
        let mut client = connect(serving);
        let go = Signal::named("go");
        thread::scope("fetch", |scope| {
            scope.spawn("a", |_stop| Ok(go.wait()?));
            waiting(&mut client, "a");
            let Ok(Body::Tree(threads)) = client.ask(Command::Tree { cpu: true }) else {
                panic!("no tree");
            };
            let fetch = threads.iter().find(|it| it.name == "fetch").unwrap();
            assert_eq!((fetch.scope, fetch.os_id, fetch.cpu), (true, None, None));
            go.set();
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn processes_have_their_place() {
    served(|serving| {
        let processes = connect(serving).ask(Command::Processes).unwrap();
        assert_eq!(processes, Body::Processes(Vec::new()));
    });
}

/// A child process stands in the tree, and in a list of its own with what was started.
#[cfg(target_os = "linux")]
#[test]
fn child_processes_are_shown_with_their_commands() {
    served(|serving| {
        let mut client = connect(serving);
        let sleeper = selvedge::process::Command::new("sleep").arg("1000");
        let sleeper = sleeper.named("sleeper").spawn().unwrap();
        let start = Instant::now();
        let all = loop {
            let Ok(Body::Processes(all)) = client.ask(Command::Processes) else {
                panic!("no processes");
            };
            assert_eq!(all.len(), 1);
            // At first the system does not know with what it was started: then its name stands there.
            if all[0].command != "sleeper" || start.elapsed() > Duration::from_secs(20) {
                break all;
            }
        };
        assert_eq!(all[0].pid, sleeper.id());
        assert_eq!(all[0].path, sleeper.path());
        assert_eq!(all[0].command, "sleep 1000");
        assert_eq!(all[0].state, "running");
        let Ok(Body::Tree(threads)) = client.ask(Command::Tree { cpu: true }) else {
            panic!("no tree");
        };
        let of_it: Vec<_> = threads.iter().filter(|it| it.process).collect();
        assert_eq!(of_it.len(), 1);
        assert_eq!(of_it[0].os_id, Some(sleeper.id()));
        sleeper.kill();
        sleeper.wait().unwrap();
        let Ok(Body::Processes(all)) = client.ask(Command::Processes) else {
            panic!("no processes");
        };
        assert!(all.is_empty(), "{all:?}");
    });
}
