//! The ambient of a process: what a child process finds, and what stays behind.

use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};

use selvedge::thread::{self, Outcome};
use selvedge::{Ambient, Carry, baggage, context, local, probe, program};

mod child;
use child::{Case, Child, End, Scenario, hear, say};

local! {
    static TENANT: String, baggage = "tenant";
    static LEVEL: u8, baggage = "level";
}

context! {
    static APP = "app";
    static BATCH = "batch";
    static DRAINING = "draining";
}

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What this thread sees, on one line.
fn view() -> String {
    format!(
        "tenant {}, level {}, app {}, batch {}, draining {}",
        TENANT.with(String::clone).unwrap_or("-".to_owned()),
        LEVEL
            .copied()
            .map_or("-".to_owned(), |level| level.to_string()),
        APP.is_active(),
        BATCH.is_active_in_process(),
        DRAINING.is_active_in_process(),
    )
}

/// What the ambient sends, on one line.
fn sent(ambient: &Ambient) -> String {
    let [(_, parent), (_, state), (_, list)] = ambient.to_env();
    format!("sends [{parent}] [{state}] [{list}]")
}

fn of_thread<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
    Ok(thread::spawn("thread", move |_| Ok(f())).join()?)
}

/// The value of a pair for the environment.
fn pair(name: &'static str, value: &str) -> (&'static str, String) {
    (name, value.to_owned())
}

const SCENARIOS: &[Scenario] = &[
    ("tells", || {
        selvedge::run("child", |_| {
            say(&view());
            say(&sent(&Ambient::capture()));
            say(&of_thread(view)?);
            say(&of_thread(view.inherit())?);
            while !hear().is_empty() {
                say(&view());
            }
            Ok(())
        })
    }),
    ("changes", || {
        let status = selvedge::run("child", |_| {
            say(&view());
            let more = DRAINING.enter_process();
            TENANT.bind("grace".to_owned(), || APP.without(|| say(&view())));
            drop(more);
            hear();
            Ok(())
        });
        say(&view());
        status
    }),
    // Its parent's words, but its own ambient.
    ("middle", || {
        selvedge::run("middle", |_| {
            let own = TENANT.bind("grace".to_owned(), || APP.without(Ambient::capture));
            let end = Child::start_given("once", &own.to_env()).end();
            say(&end.output);
            let end = Child::start("once").end(); // the environment is inherited as it is
            say(&end.output);
            let end = Child::start_given("once", &Ambient::empty().to_env()).end();
            say(&end.output);
            let mut bare = Command::new("sh");
            bare.args(["-c", "echo ${TRACEPARENT-none} ${BAGGAGE-none}"]);
            for variable in baggage::VARIABLES {
                bare.env_remove(variable);
            }
            say(String::from_utf8(bare.output()?.stdout)?.trim_end());
            Ok(())
        })
    }),
    ("once", || {
        selvedge::run("once", |_| {
            say(&view());
            Ok(())
        })
    }),
    ("installed", || {
        let program = program::install("child").unwrap();
        say(&view());
        Ambient::from_env().run(|| say(&view()));
        let status = program.finish();
        say(&view());
        status
    }),
    ("complaints", || {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = probe::subscribe({
            let lines = Arc::clone(&lines);
            move |event| lines.lock().unwrap().push(event.to_string())
        });
        let status = selvedge::run("child", |_| {
            say(&view());
            say(&sent(&Ambient::capture()));
            Ok(())
        });
        drop(heard);
        for line in lines.lock().unwrap().iter() {
            say(line);
        }
        status
    }),
    ("unbound", || {
        selvedge::run("child", |_| {
            say(&TENANT.get().unwrap_err().to_string());
            Ok(())
        })
    }),
];

#[track_caller]
fn ended(scenario: &str, variables: &[(&str, String)]) -> End {
    let end = Child::start_given(scenario, variables).end();
    end.assert_code(0);
    end.assert_quiet();
    end
}

const CASES: &[Case] = &[
    // catalogue 42
    ("a_child_finds_names_and_values_and_nothing_later", || {
        let batch = BATCH.enter_process();
        let ambient = TENANT.bind("ada".to_owned(), || APP.run(Ambient::capture));
        let mut child = Child::start_given("tells", &ambient.to_env());
        let whole = "tenant ada, level -, app true, batch true, draining false";
        assert_eq!(child.next_line(), whole);
        assert_eq!(
            child.next_line(),
            "sends [] [] [selvedge-contexts=app,selvedge-process-contexts=batch,tenant=ada]"
        );
        assert_eq!(
            child.next_line(),
            "tenant -, level -, app false, batch true, draining false",
            "a thread has what is process-wide, and no more unless it is carried"
        );
        assert_eq!(child.next_line(), whole);
        // Switches and bindings of the parent that come later stay in the parent.
        drop(batch);
        let draining = DRAINING.enter_process();
        TENANT.bind("grace".to_owned(), || child.tell("again"));
        assert_eq!(child.next_line(), whole);
        drop(draining);
        child.end().assert_code(0);
    }),
    ("what_a_child_changes_stays_in_the_child", || {
        let _batch = BATCH.enter_process();
        TENANT.bind("ada".to_owned(), || {
            APP.run(|| {
                let before = view();
                let mut child = Child::start_given("changes", &Ambient::capture().to_env());
                assert_eq!(child.next_line(), before);
                let changed = "tenant grace, level -, app false, batch true, draining true";
                assert_eq!(child.next_line(), changed);
                assert_eq!(view(), before);
                let end = child.end();
                end.assert_says("tenant -, level -, app false, batch false, draining false");
            });
        });
    }),
    ("a_grandchild_gets_what_the_child_passes_on", || {
        let end = ended(
            "middle",
            &[
                pair("TRACEPARENT", TRACE),
                pair(
                    "BAGGAGE",
                    "tenant=ada,level=4,selvedge-contexts=app,selvedge-process-contexts=batch",
                ),
            ],
        );
        let lines: Vec<_> = end.output.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(
            lines,
            [
                "tenant grace, level 4, app false, batch true, draining false",
                "tenant ada, level 4, app true, batch true, draining false",
                "tenant -, level -, app false, batch true, draining false",
                "none none",
            ]
        );
    }),
    ("a_trace_context_passes_through_a_program_untouched", || {
        let variables = [
            pair("TRACEPARENT", TRACE),
            pair("TRACESTATE", "rojo=00f067aa0ba902b7, congo=t61"),
            pair("BAGGAGE", "x=1;p , selvedge-contexts=elsewhere"),
        ];
        let end = ended("tells", &variables);
        end.assert_says(&format!(
            "sends [{TRACE}] [rojo=00f067aa0ba902b7, congo=t61] [x=1;p,selvedge-contexts=elsewhere]"
        ));
    }),
    ("installed_programs_are_inside_what_is_process_wide", || {
        let end = ended(
            "installed",
            &[pair(
                "BAGGAGE",
                "tenant=ada,selvedge-process-contexts=batch",
            )],
        );
        assert_eq!(
            end.output.lines().collect::<Vec<_>>(),
            [
                "tenant -, level -, app false, batch true, draining false",
                "tenant ada, level -, app false, batch true, draining false",
                "tenant -, level -, app false, batch false, draining false",
            ]
        );
    }),
    ("a_program_runs_whatever_its_environment_says", || {
        let end = ended(
            "complaints",
            &[
                pair("TRACEPARENT", "00-\u{e9}"),
                pair("BAGGAGE", "tenant=ada,level=many,no value,,x=1"),
            ],
        );
        end.assert_says("tenant ada, level -, app false");
        end.assert_says("sends [] [] [tenant=ada,level=many,x=1]");
        end.assert_says("not received with the baggage: TRACEPARENT: it is not printable ASCII");
        end.assert_says(
            "not received with the baggage: no value: baggage member 3, `no value`, has no value",
        );
        end.assert_says(
            "baggage `level` is not understood by `alone_propagation::LEVEL`: invalid digit",
        );
    }),
    ("an_empty_environment_binds_nothing", || {
        let nothing = baggage::VARIABLES.map(|name| pair(name, ""));
        ended("unbound", &nothing).assert_says("(nothing is bound here)");
        ended("unbound", &[pair("BAGGAGE", "x=1")]).assert_says("alone_propagation.rs:");
    }),
];

fn main() -> ExitCode {
    child::main(SCENARIOS, CASES)
}
