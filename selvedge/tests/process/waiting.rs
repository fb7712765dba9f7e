//! Who waits for a process has it meanwhile; whoever wants something of it gets it all the same.

use std::process::Command as StdCommand;
use std::sync::{Arc, Mutex};
use std::thread::{ThreadId, current, yield_now};
use std::time::{Duration, Instant};

use selvedge::Signal;
use selvedge::process::{Command, JoinError, Process};
use selvedge::signal::{Till, WaitError};
use selvedge::testing::World;
use selvedge::thread;

fn sleeper() -> Process {
    let sleeper = Command::new("sleep").arg("1000").spawn();
    sleeper.expect("a process")
}

fn soon() -> Signal {
    Till::after(Duration::from_millis(1))
}

fn late() -> Signal {
    Till::after(Duration::from_secs(60))
}

/// Until so many waiters wait.
fn until_awaited(by: usize) {
    let start = Instant::now();
    loop {
        let tree = thread::tree();
        let waiting = tree
            .nodes()
            .iter()
            .filter(|node| node.path().contains("waiter") && node.waits_for().is_some());
        if waiting.count() == by {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "nobody waits");
        yield_now();
    }
}

/// Who gave up its wait had the process: nobody heard of its end, and nobody read it.
#[test]
fn who_gives_up_its_wait_gives_the_process_back() {
    World::new().run(|| {
        let asked = sleeper();
        assert!(matches!(asked.wait_until(&soon()), Err(WaitError::Expired)));
        asked.stop();
        asked
            .stopped()
            .wait_until(&late())
            .expect("it hears of the stop");
        assert_eq!(asked.wait().unwrap().signal(), Some(15));

        let killed = sleeper();
        assert!(matches!(
            killed.wait_until(&soon()),
            Err(WaitError::Expired)
        ));
        send("KILL", killed.id());
        killed
            .stopped()
            .wait_until(&late())
            .expect("its end is heard of");
        assert_eq!(killed.wait().unwrap().signal(), Some(9));

        let script = "sleep 0.1; echo late; exec sleep 1000";
        let writer = Command::new("sh").args(["-c", script]).spawn().unwrap();
        assert!(matches!(
            writer.output_until(&soon()),
            Err(JoinError::Expired { .. })
        ));
        let line = writer.stdout().pop_until(&late()).expect("it is read");
        assert_eq!(*line, *b"late");
        writer.kill();
        writer.wait().unwrap();
    });
}

/// A thread that is asked to stop gives the process back as well, and that ends with its parent.
#[test]
fn who_is_asked_to_stop_gives_the_process_back() {
    World::new().run(|| {
        let waiter = thread::spawn("waiter", |_stop| {
            let sleeper = sleeper();
            let _ = sleeper.wait(); // it may have ended by the time that the thread looks
            Ok(sleeper.stopped().clone())
        });
        until_awaited(1);
        waiter.stop();
        assert!(waiter.join().unwrap().is_set());
    });
}

/// What others want of a process comes to whoever has it.
#[test]
fn a_process_that_is_waited_for_can_be_asked_and_killed() {
    World::new().run(|| {
        for (is_asked, signal) in [(true, 15), (false, 9)] {
            let process = Arc::new(sleeper());
            let same = Arc::clone(&process);
            let waiter = thread::spawn("waiter", move |_stop| Ok(same.wait()?.signal()));
            until_awaited(1);
            match is_asked {
                true => process.stop(),
                false => process.kill(),
            }
            assert_eq!(waiter.join_until(&late()).unwrap(), Some(signal));
        }
    });
}

/// All who wait hear of the end, whoever has the process.
#[test]
fn several_wait_for_one_process() {
    World::new().run(|| {
        let process = Arc::new(sleeper());
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let same = Arc::clone(&process);
                thread::spawn("waiter", move |_stop| Ok(same.wait()?.signal()))
            })
            .collect();
        until_awaited(3);
        send("TERM", process.id());
        for waiter in waiters {
            assert_eq!(waiter.join_until(&late()).unwrap(), Some(15));
        }
    });
}

/// Who waits may hold what an action wants that hangs on a queue.
#[test]
fn an_action_on_a_queue_does_not_run_on_who_waits() {
    World::new().run(|| {
        let script = ["-c", "sleep 0.3; echo one"];
        let process = Arc::new(Command::new("sh").args(script).spawn().unwrap());
        let same = Arc::clone(&process);
        let waiter = thread::spawn("waiter", move |_stop| {
            assert!(same.wait()?.success());
            Ok(current().id())
        });
        until_awaited(1);
        let (ran, by) = (Signal::new(), Arc::new(Mutex::new(None::<ThreadId>)));
        let action = {
            let (ran, by) = (ran.clone(), Arc::clone(&by));
            move || {
                *by.lock().unwrap() = Some(current().id());
                ran.set();
            }
        };
        process.stdout().ready().on_set(action).forever();
        ran.wait_until(&late()).expect("it runs");
        assert_ne!(*by.lock().unwrap(), Some(waiter.join().unwrap()));
        assert_eq!(*process.stdout().pop().unwrap(), *b"one");
    });
}

fn send(signal: &str, id: u32) {
    let kill = StdCommand::new("kill")
        .args(["-s", signal, &id.to_string()])
        .status();
    assert!(kill.expect("`kill`").success());
}
