//! Rust programs as workers: this binary, as another scenario.

use std::process::ExitCode;
use std::time::Duration;

use selvedge::process::Command;
use selvedge::process::worker::{Builder, CallError, Server, StartError, Worker};
use selvedge::{Signal, Till};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::child::{Case, Scenario};
use crate::{Heard, program};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("adder", || serve(server())),
    ("pool", || serve(server().threads(3))),
    ("plain", || ExitCode::SUCCESS),
];

pub(crate) const CASES: &[Case] = &[
    ("a_rust_worker_answers", a_rust_worker_answers),
    ("errors_and_panics_come_back", errors_and_panics_come_back),
    (
        "prints_of_a_rust_worker_are_lines",
        prints_of_a_rust_worker_are_lines,
    ),
    (
        "baggage_is_entered_for_the_call",
        baggage_is_entered_for_the_call,
    ),
    (
        "a_cancelled_call_finds_its_stop_set",
        a_cancelled_call_finds_its_stop_set,
    ),
    ("calls_in_a_pool_run_at_once", calls_in_a_pool_run_at_once),
    (
        "json_that_has_line_ends_is_a_line",
        json_that_has_line_ends_is_a_line,
    ),
    (
        "a_program_that_is_no_worker_is_refused",
        a_program_that_is_no_worker_is_refused,
    ),
    (
        "many_threads_call_a_rust_worker",
        many_threads_call_a_rust_worker,
    ),
    (
        "more_than_the_pipes_hold_goes_both_ways_while_nobody_waits",
        more_than_the_pipes_hold_goes_both_ways_while_nobody_waits,
    ),
];

selvedge::local! { static TENANT: String, baggage = "tenant"; }

#[derive(Deserialize)]
struct Named {
    a: i64,
    #[serde(default)]
    b: i64,
}

fn server() -> Server {
    Server::new()
        .function("add", |(a, b): (i64, i64)| Ok(a + b))
        .function("sub", |named: Named| Ok(named.a - named.b))
        .function("nothing", |()| Ok(()))
        .function("fail", |()| -> selvedge::Outcome<()> {
            Err("it is broken".into())
        })
        .function("panic", |(text,): (String,)| -> selvedge::Outcome<()> {
            panic!("{text}")
        })
        .function("print", |(text,): (String,)| {
            println!("{text}");
            Ok(())
        })
        .function("tenant", |()| {
            Ok(TENANT.get().ok().map(|tenant| (*tenant).clone()))
        })
        .function("wait", |()| Ok(Signal::never().wait()?))
        .function("echo", |(text,): (String,)| Ok(text))
        .function("nap", |(millis,): (u64,)| {
            Ok(Till::after(Duration::from_millis(millis)).wait()?)
        })
        .function("lines", |(given,): (Value,)| {
            assert_eq!(given, json!({"a": [1, "\n"]}));
            Ok(RawValue::from_string("[1,\n\r\n \"\\n\"]".to_owned())?)
        })
        .function("hold", |(begun, till): (String, String)| {
            let till = std::fs::File::open(till)?;
            std::fs::write(begun, "x")?;
            Ok(std::io::read_to_string(till)?)
        })
        .function("begin_and_wait", |(begun,): (String,)| {
            std::fs::write(begun, "x")?;
            Ok(Signal::never().wait()?)
        })
        .function("fall", |()| -> selvedge::Outcome<()> {
            std::process::abort()
        })
        .function("die", |(code,): (i32,)| -> selvedge::Outcome<()> {
            std::process::exit(code)
        })
        .function("meet", {
            let arrived = selvedge::signal::Progress::new();
            move |()| {
                arrived.advance(1);
                arrived.reached(3).wait()?;
                Ok(())
            }
        })
}

pub(crate) fn serve(server: Server) -> ExitCode {
    selvedge::run("worker", |_stop| {
        server.serve()?;
        Ok(())
    })
}

/// This binary as a worker.
pub(crate) fn command(scenario: &str) -> Command {
    let program = std::env::current_exe().expect("this binary");
    let command = Command::new(program).env("SELVEDGE_TEST_CHILD", scenario);
    command.env_remove("RUST_BACKTRACE") // panics are part of it, and are printed
}

pub(crate) fn started(scenario: &str) -> Worker {
    Builder::new("rust", command(scenario))
        .start()
        .expect("it starts")
}

/// What is brought as it is may have them between its parts.
fn json_that_has_line_ends_is_a_line() {
    program(|_| {
        let worker = started("adder");
        let given = RawValue::from_string("{\n\"a\":\n[1,\r\n\"\\n\"]\n}".to_owned())?;
        assert_eq!(worker.call::<Value>("lines", (&given,))?, json!([1, "\n"]));
        let named = RawValue::from_string("{\"a\": 5,\n\"b\": 2}".to_owned())?;
        assert_eq!(worker.call::<i64>("sub", &named)?, 3);
        Ok(())
    });
}

/// A call is sent only when the worker has read those before, and it reads no further while nobody takes its answers.
fn more_than_the_pipes_hold_goes_both_ways_while_nobody_waits() {
    program(|_| {
        let worker = started("adder");
        let texts: Vec<_> = ('a'..='h').map(|c| c.to_string().repeat(1 << 20)).collect();
        let mut calls = Vec::new();
        for text in &texts {
            calls.push(worker.begin::<String>("echo", (text,))?);
        }
        for (call, text) in calls.into_iter().zip(&texts) {
            assert!(call.wait()? == *text);
        }
        Ok(())
    });
}

fn a_rust_worker_answers() {
    program(|_| {
        let worker = started("adder");
        assert_eq!(worker.path(), "test/rust");
        assert_eq!(worker.call::<i64>("add", (1, 2))?, 3);
        assert_eq!(
            worker.call::<i64>("sub", serde_json::json!({"a": 1, "b": 2}))?,
            -1
        );
        assert_eq!(worker.call::<i64>("sub", serde_json::json!({"a": 1}))?, 1);
        worker.call::<()>("nothing", ())?;
        worker.call::<Option<i64>>("nothing", [(); 0])?;
        let big = "é".repeat(1 << 20);
        let back = worker.call::<String>("echo", (&big,))?;
        assert!(
            back == big,
            "{} of {} bytes came back",
            back.len(),
            big.len()
        );
        worker.stop();
        worker.join()?;
        let error = worker.call::<i64>("add", (1, 2)).unwrap_err();
        assert!(
            matches!(&error, CallError::Ended(ended) if ended.was_asked()),
            "{error}"
        );
        Ok(())
    });
}

fn errors_and_panics_come_back() {
    program(|_| {
        let worker = started("adder");
        let error = worker.call::<()>("fail", ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`fail` failed in the worker `test/rust`: it is broken"
        );
        let error = worker.call::<()>("panic", ("ouch",)).unwrap_err();
        let remote = error.remote().unwrap();
        assert_eq!((remote.kind(), remote.message()), ("panic", "ouch"));
        let error = worker.call::<()>("add", ("a", 1)).unwrap_err();
        assert_eq!(error.remote().unwrap().kind(), "BadArguments");
        let error = worker.call::<()>("ad", (1, 1)).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("there is no `ad`; there are: add, "),
            "{error}"
        );
        assert_eq!(worker.call::<i64>("add", (1, 1))?, 2);
        Ok(())
    });
}

fn prints_of_a_rust_worker_are_lines() {
    program(|_| {
        let worker = started("adder");
        let heard = Heard::until("prints: {\"id\":1,\"out\":5}");
        worker.call::<()>("print", ("{\"id\":1,\"out\":5}",))?;
        heard.heard.wait()?;
        Ok(())
    });
}

fn baggage_is_entered_for_the_call() {
    program(|_| {
        let worker = started("adder");
        let here = || worker.call::<Option<String>>("tenant", ());
        assert_eq!(here()?, None);
        assert_eq!(TENANT.bind("ada".to_owned(), here)?.as_deref(), Some("ada"));
        assert_eq!(here()?, None);
        Ok(())
    });
}

/// It would wait for ever; and the next one works.
fn a_cancelled_call_finds_its_stop_set() {
    program(|_| {
        for scenario in ["adder", "pool"] {
            let worker = started(scenario);
            for _ in 0..3 {
                let soon = Till::after(Duration::from_millis(5));
                let waited = worker.call_until::<()>("wait", (), &soon);
                assert!(matches!(waited, Err(CallError::Expired)), "{waited:?}");
            }
            let mut call = worker.begin::<()>("wait", ())?;
            assert!(call.try_wait().is_none());
            assert!(matches!(
                call.wait_until(&Signal::always()),
                Err(CallError::Expired)
            ));
            call.cancel();
            assert_eq!(worker.call::<i64>("add", (1, 2))?, 3);
            let mut call = worker.begin::<i64>("add", (2, 2))?;
            assert_eq!(call.wait_until(&Signal::never())?, 4);
            assert!(matches!(
                call.wait_until(&Signal::never()),
                Err(CallError::Taken)
            ));
        }
        Ok(())
    });
}

fn calls_in_a_pool_run_at_once() {
    program(|_| {
        let worker = started("pool");
        let calls: Vec<_> = (0..3).map(|_| worker.begin::<()>("meet", ())).collect();
        for call in calls {
            call?.wait()?;
        }
        Ok(())
    });
}

/// One that ends, one that says something else, one that is silent, one that is not there; none is left running.
fn a_program_that_is_no_worker_is_refused() {
    program(|_| {
        let start = |command| Builder::new("no", command).start();
        let error = start(command("plain")).unwrap_err();
        assert!(matches!(&error, StartError::Ended(_)), "{error}");
        let error = start(Command::new("sh").args(["-c", "echo >&2 oops; exit 3"])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("exit status: 3") && text.contains("oops"),
            "{text}"
        );
        let error = start(Command::new("sh").args(["-c", "echo hello; cat"])).unwrap_err();
        assert!(
            error.to_string().contains("does not begin as one: `hello`"),
            "{error}"
        );
        let sleeper = Builder::new("no", Command::new("sleep").arg("1000"));
        let error = sleeper
            .hello_within(Duration::from_millis(50))
            .start()
            .unwrap_err();
        assert!(matches!(error, StartError::Silent { .. }), "{error}");
        let error = start(Command::new("no-such-program")).unwrap_err();
        assert!(matches!(error, StartError::Spawn(_)), "{error}");
        let error = start(
            Command::new("sh").args(["-c", "echo '{\"err\":{\"message\":\"not today\"}}'; cat"]),
        );
        assert!(error.unwrap_err().to_string().contains("not today"));
        Ok(())
    });
}

fn many_threads_call_a_rust_worker() {
    program(|_| {
        for scenario in ["adder", "pool"] {
            let worker = started(scenario);
            selvedge::thread::scope("callers", |scope| {
                for first in 0..8 {
                    let worker = &worker;
                    scope.spawn(&format!("caller-{first}"), move |_| {
                        for n in 0..200 {
                            assert_eq!(worker.call::<i64>("add", (first, n))?, first + n);
                        }
                        Ok(())
                    });
                }
                Ok(())
            })?;
        }
        Ok(())
    });
}
