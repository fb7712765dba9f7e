//! What a Python worker does with modules, names, values, prints and errors.

use std::collections::BTreeMap;
use std::error::Error;

use selvedge::process::Command;
use selvedge::process::worker::{Builder, CallError};
use serde_json::{Value, json};

use crate::child::Case;
use crate::{Heard, program, python, started};

pub(crate) const CASES: &[Case] = &[
    ("config_first_then_calls", config_first_then_calls),
    ("modules_names_and_scripts", modules_names_and_scripts),
    (
        "a_remote_error_is_raised_here",
        a_remote_error_is_raised_here,
    ),
    ("every_json_value_comes_back", every_json_value_comes_back),
    (
        "set_works_and_a_bad_value_blocks_nobody",
        set_works_and_a_bad_value_blocks_nobody,
    ),
    ("prints_are_no_answers", prints_are_no_answers),
    (
        "logs_arrive_with_the_name_of_the_worker",
        logs_arrive_with_the_name_of_the_worker,
    ),
    ("it_starts_from_any_directory", it_starts_from_any_directory),
    (
        "calls_of_many_threads_are_serialised",
        calls_of_many_threads_are_serialised,
    ),
    ("a_pool_runs_calls_at_once", a_pool_runs_calls_at_once),
    (
        "the_baggage_of_the_caller_is_found_there",
        the_baggage_of_the_caller_is_found_there,
    ),
    (
        "arguments_that_are_no_list_are_refused",
        arguments_that_are_no_list_are_refused,
    ),
    (
        "a_result_of_another_type_is_an_error",
        a_result_of_another_type_is_an_error,
    ),
    (
        "a_line_that_is_too_long_is_an_error_of_its_call",
        a_line_that_is_too_long_is_an_error_of_its_call,
    ),
];

/// 298: the configuration is the first line, the answer to it is the first line back, and then come calls by name with a
/// list or a map.
fn config_first_then_calls() {
    program(|_| {
        let worker = python().config(&json!({"tenant": "ada"})).start()?;
        worker.exec("import selvedge_worker\ndef f(a, b=2, *, c=3): return [a, b, c]")?;
        let tenant: Value = worker.call("selvedge_worker.config", ())?;
        assert_eq!(tenant, json!({"tenant": "ada"}));
        assert_eq!(worker.call::<Vec<i64>>("f", (1,))?, [1, 2, 3]);
        assert_eq!(
            worker.call::<Vec<i64>>("f", json!({"a": 5, "c": 6}))?,
            [5, 2, 6]
        );
        let both = worker.begin_with::<Vec<i64>>("f", [7], json!({"c": 8}))?;
        assert_eq!(both.wait()?, [7, 2, 8]);
        Ok(())
    });
}

/// 299: `import_module` takes all names, `import_names` some; what a script defines stays and sees what was set.
fn modules_names_and_scripts() {
    program(|_| {
        let worker = started();
        worker.import_names("math", &["sqrt"])?;
        assert_eq!(worker.call::<f64>("sqrt", (9,))?, 3.0);
        assert!(worker.call::<f64>("floor", (9,)).is_err());
        worker.import_module("math")?;
        assert_eq!(worker.call::<i64>("floor", (2.5,))?, 2);
        assert_eq!(worker.call::<i64>("math.floor", (2.5,))?, 2);
        assert_eq!(worker.get::<f64>("math.pi")?, std::f64::consts::PI);
        worker.exec("x = 1")?;
        worker.exec("def plus(n):\n    return x + n")?;
        assert_eq!(worker.call::<i64>("plus", (1,))?, 2);
        worker.set("x", 40)?;
        assert_eq!(worker.call::<i64>("plus", (2,))?, 42);
        worker.exec("y = plus(3)")?;
        assert_eq!(worker.get::<i64>("y")?, 43);
        let error = worker.import_module("no_such_module").unwrap_err();
        assert_eq!(error.remote().unwrap().kind(), "ModuleNotFoundError");
        assert!(worker.import_names("math", &["sqroot"]).is_err());
        Ok(())
    });
}

/// 300: with the remote text as its cause, and the worker lives on.
fn a_remote_error_is_raised_here() {
    program(|_| {
        let worker = started();
        worker.exec("def inner(n):\n    return 1 / n\ndef outer(n):\n    return inner(n)")?;
        let error = worker.call::<f64>("outer", (0,)).unwrap_err();
        let text = "`outer` failed in the worker `test/py`: ZeroDivisionError: division by zero";
        assert_eq!(error.to_string(), text);
        let cause = error.source().expect("the traceback").to_string();
        assert!(
            cause.contains("in outer") && cause.contains("in inner"),
            "{cause}"
        );
        assert!(!cause.contains("selvedge_worker"), "{cause}");
        assert_eq!(worker.call::<f64>("outer", (4,))?, 0.25);
        for raised in [
            "KeyboardInterrupt()",
            "BaseException('x')",
            "GeneratorExit()",
        ] {
            worker.exec(&format!("def f(): raise {raised}"))?;
            assert!(
                worker.call::<()>("f", ()).unwrap_err().remote().is_some(),
                "{raised}"
            );
        }
        worker.exec(
            "class E(Exception):\n  def __str__(self): raise ValueError()\ndef f(): raise E()",
        )?;
        let error = worker.call::<()>("f", ()).unwrap_err();
        assert_eq!(error.remote().unwrap().kind(), "E");
        Ok(())
    });
}

/// 301: results and arguments of every JSON value work.
fn every_json_value_comes_back() {
    program(|_| {
        let worker = started();
        worker.exec("def same(value):\n    return value")?;
        for value in [
            json!(null),
            json!(0),
            json!(false),
            json!(true),
            json!(""),
            json!([]),
            json!({}),
            json!(-1.5e-300),
            json!(u64::MAX),
            json!("é😀\u{0}\u{7f}\u{2028}\n\"\\"),
            json!({"a": [null, {"b": [0, "", false]}]}),
        ] {
            assert_eq!(worker.call::<Value>("same", (&value,))?, value);
            worker.set("v", &value)?;
            assert_eq!(worker.get::<Value>("v")?, value);
            let named = BTreeMap::from([("value", &value)]);
            assert_eq!(worker.call::<Value>("same", named)?, value);
        }
        assert_eq!(worker.call::<Option<i64>>("same", (None::<i64>,))?, None);
        worker.call::<()>("print", ())?;
        Ok(())
    });
}

/// 302: and neither a result nor an argument that has no JSON form blocks later calls.
fn set_works_and_a_bad_value_blocks_nobody() {
    program(|_| {
        let worker = started();
        worker.set("n", 7)?;
        assert_eq!(worker.get::<i64>("n")?, 7);
        let bad = BTreeMap::from([(vec![1, 2], 3)]); // no key of a JSON map
        assert!(matches!(
            worker.set("m", &bad),
            Err(CallError::Arguments(_))
        ));
        for script in [
            "v = object()",
            "v = {1, 2}",
            "v = float('nan')",
            "v = b'x'",
            "v = '\\ud800'",
            "v = []; v.append(v)",
            "v = {(1, 2): 3}",
            "v = lambda: 1",
            "v = []\nfor _ in range(100_000): v = [v]",
        ] {
            worker.exec(script)?;
            let error = worker.get::<Value>("v").unwrap_err();
            assert!(error.remote().is_some(), "{script}: {error}");
            assert_eq!(worker.get::<i64>("n")?, 7, "after {script}");
        }
        Ok(())
    });
}

/// 304: neither what Python prints, nor what a child of it or C code writes to descriptor 1.
fn prints_are_no_answers() {
    program(|_| {
        let worker = started();
        let heard = Heard::until("prints: last");
        worker.exec(
            "import os, sys, subprocess
def f():
    print('{\"id\":2,\"out\":42}')
    os.write(1, b'{\"id\":2,\"out\":43}\\n')
    sys.__stdout__.write('half a line')
    subprocess.run(['echo', '{\"id\":2,\"out\":44}'])
    assert sys.stdin.read() == ''
    print()
    print('last')
    return 1",
        )?;
        assert_eq!(worker.call::<i64>("f", ())?, 1);
        heard.heard.wait()?;
        let printed = "worker `test/py` prints: ";
        let texts = heard.texts();
        let lines: Vec<_> = texts
            .iter()
            .filter_map(|text| text.strip_prefix(printed))
            .collect();
        let mut expected = [
            "{\"id\":2,\"out\":42}",
            "{\"id\":2,\"out\":43}",
            "half a line",
        ]
        .to_vec();
        expected.push("{\"id\":2,\"out\":44}");
        for line in expected {
            assert!(
                lines.iter().any(|said| said.contains(line)),
                "{line}: {lines:?}"
            );
        }
        Ok(())
    });
}

/// 305: log records, also while no call runs, and lines of standard error.
fn logs_arrive_with_the_name_of_the_worker() {
    program(|_| {
        let worker = started();
        let heard = Heard::until("later");
        worker.exec(
            "import logging, sys, threading
logging.getLogger('a.b').warning('seen %s', 'é')
logging.info('info')
logging.debug('hidden')
def later():
    print('on stderr', file=sys.stderr)
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception('later')
threading.Timer(0.05, later).start()",
        )?;
        heard.heard.wait()?; // no call runs
        let texts = heard.texts();
        let has = |text: &str| texts.iter().any(|said| said.contains(text));
        assert!(has("worker `test/py`: WARNING a.b: seen é"), "{texts:?}");
        assert!(has("worker `test/py`: INFO root: info"), "{texts:?}");
        assert!(
            has("worker `test/py`: ERROR root: later\nTraceback"),
            "{texts:?}"
        );
        assert!(!has("hidden"), "{texts:?}");
        let printed = Heard::until("on stderr again");
        worker.exec("print('on stderr again', file=sys.stderr)")?;
        printed.heard.wait()?;
        Ok(())
    });
}

/// 307: it is part of the program, not a file beside it.
fn it_starts_from_any_directory() {
    program(|_| {
        for directory in ["/", "/tmp", "/proc/self"] {
            let python = Command::new("python3").cwd(directory);
            let worker = Builder::python("py", python).start()?;
            worker.import_module("os")?;
            assert!(worker.call::<String>("getcwd", ())?.starts_with('/'));
        }
        Ok(())
    });
}

/// 308: one after another, each with its own answer.
fn calls_of_many_threads_are_serialised() {
    program(|_| {
        let worker = started();
        worker.exec(
            "inside = 0
def f(n):
    global inside
    inside += 1
    assert inside == 1
    for _ in range(50): pass
    inside -= 1
    return n",
        )?;
        selvedge::thread::scope("callers", |scope| {
            for first in 0..8 {
                let worker = &worker;
                scope.spawn(&format!("caller-{first}"), move |_| {
                    for n in (first * 1000)..(first * 1000 + 50) {
                        assert_eq!(worker.call::<i64>("f", (n,))?, n);
                    }
                    Ok(())
                });
            }
            Ok(())
        })?;
        // And several in flight from one thread.
        let calls: Vec<_> = (0..200).map(|n| worker.begin::<i64>("f", (n,))).collect();
        for (n, call) in calls.into_iter().enumerate().rev() {
            assert_eq!(call?.wait()?, n as i64);
        }
        Ok(())
    });
}

/// Three calls that only end together.
fn a_pool_runs_calls_at_once() {
    program(|_| {
        let worker = python().threads(3).start()?;
        worker.exec(
            "import threading\nbarrier = threading.Barrier(3)\ndef f(): barrier.wait(30); return 1",
        )?;
        let calls: Vec<_> = (0..3).map(|_| worker.begin::<i64>("f", ())).collect();
        for call in calls {
            assert_eq!(call?.wait()?, 1);
        }
        Ok(())
    });
}

selvedge::local! { static TENANT: String, baggage = "tenant"; }

/// The scoped values of the caller, and its contexts.
fn the_baggage_of_the_caller_is_found_there() {
    program(|_| {
        let worker = started();
        worker.import_module("selvedge_worker")?;
        let here = || worker.call::<BTreeMap<String, String>>("selvedge_worker.baggage", ());
        assert_eq!(here()?, BTreeMap::new());
        let inside = TENANT.bind("Ada & Co, ü".to_owned(), here)?;
        assert_eq!(inside["tenant"], "Ada & Co, ü");
        assert_eq!(here()?, BTreeMap::new());
        Ok(())
    });
}

/// One argument is a tuple of one.
fn arguments_that_are_no_list_are_refused() {
    program(|_| {
        let worker = started();
        let error = worker.call::<i64>("len", "abc").unwrap_err();
        assert!(error.to_string().contains("write `(value,)`"), "{error}");
        assert_eq!(worker.call::<i64>("len", ("abc",))?, 3);
        Ok(())
    });
}

/// It names the call, and the next one works.
fn a_result_of_another_type_is_an_error() {
    program(|_| {
        let worker = started();
        let error = worker.call::<u8>("abs", (-300,)).unwrap_err();
        assert!(matches!(error, CallError::Result(_)), "{error}");
        assert!(
            error
                .to_string()
                .starts_with("the result of `abs` cannot be taken: ")
        );
        assert!(worker.call::<i64>("pow", (2, 100)).is_err());
        assert_eq!(worker.call::<f64>("pow", (2, 100))?, 2_f64.powi(100));
        Ok(())
    });
}

/// Of arguments and of results; what fits the limit goes through, many times a pipe's size.
fn a_line_that_is_too_long_is_an_error_of_its_call() {
    program(|_| {
        let worker = python().longest_line(4 << 20).start()?;
        worker.exec("def xs(n): return 'x' * n")?;
        let big = "y".repeat(4 << 20);
        let error = worker.call::<i64>("len", (&big,)).unwrap_err();
        assert!(matches!(error, CallError::Arguments(_)), "{error}");
        assert_eq!(
            worker.call::<usize>("len", (&big[100..],))?,
            big.len() - 100
        );
        let error = worker.call::<String>("xs", (4 << 20,)).unwrap_err();
        assert_eq!(error.remote().unwrap().kind(), "OverflowError");
        assert_eq!(worker.call::<String>("xs", (3 << 20,))?.len(), 3 << 20);
        Ok(())
    });
}
