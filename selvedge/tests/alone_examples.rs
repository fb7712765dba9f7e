//! The examples as processes: what they print, and how they end.
#![cfg_attr(
    unix,
    allow(
        unreachable_pub,
        dead_code,
        reason = "each example is a program of its own, and this is its test"
    )
)]

#[cfg(unix)]
mod child;

#[cfg(unix)]
#[path = "../examples/alien.rs"]
mod alien;
#[cfg(unix)]
#[path = "../examples/ambient.rs"]
mod ambient;
#[cfg(unix)]
#[path = "../examples/contexts.rs"]
mod contexts;
#[cfg(unix)]
#[path = "../examples/crawler.rs"]
mod crawler;
#[cfg(unix)]
#[path = "../examples/deadline.rs"]
mod deadline;
#[cfg(unix)]
#[path = "../examples/pipeline.rs"]
mod pipeline;
#[cfg(target_os = "linux")]
#[path = "../examples/processes.rs"]
mod processes;
#[cfg(unix)]
#[path = "../examples/singleton.rs"]
mod singleton;
#[cfg(unix)]
#[path = "../examples/supervisor.rs"]
mod supervisor;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    child::main(unix::SCENARIOS, unix::CASES)
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use crate::child::{Case, Child, Scenario, end_of};
    #[cfg(target_os = "linux")]
    use crate::processes;
    use crate::{alien, ambient, contexts, crawler, deadline, pipeline, singleton, supervisor};

    const INT: i32 = 2;
    const TERM: i32 = 15;

    pub(crate) const SCENARIOS: &[Scenario] = &[
        ("crawler", || crawler::crawl(20)),
        ("crawler-of-an-empty-site", || crawler::crawl(0)),
        ("crawler-without-end", || crawler::crawl(usize::MAX)),
        ("supervisor", || supervisor::supervise(false)),
        ("supervisor-that-waits", || supervisor::supervise(true)),
        ("pipeline", pipeline::main),
        ("alien", alien::main),
        ("ambient", ambient::main),
        ("contexts", contexts::main),
        ("deadline", deadline::main),
        #[cfg(target_os = "linux")]
        ("processes", processes::main),
        ("singleton", singleton::main),
    ];

    pub(crate) const CASES: &[Case] = &[
        ("the_crawler_visits_each_page_once", || {
            let end = end_of("crawler");
            end.assert_code(0);
            end.assert_quiet();
            let visits: String = (0..20).map(|page| format!("visited {page}\n")).collect();
            assert_eq!(end.output, visits + "20 pages, 0 cut off\n");
        }),
        ("the_first_page_is_visited_whatever_the_size", || {
            let end = end_of("crawler-of-an-empty-site");
            end.assert_code(0);
            assert_eq!(end.output, "visited 0\n1 pages, 0 cut off\n");
        }),
        ("the_crawler_ends_in_good_order_on_an_os_signal", || {
            for (name, os_signal) in [("INT", INT), ("TERM", TERM)] {
                let mut child = Child::start("crawler-without-end");
                for _ in 0..10 {
                    assert!(child.next_line().starts_with("visited "));
                }
                child.signal(name);
                let end = child.end();
                end.assert_signal(os_signal);
                end.assert_quiet();
                end.assert_says(" cut off\n");
                assert!(!end.output.contains(" 0 cut off"), "{end:#?}");
            }
        }),
        (
            "the_supervisor_starts_its_worker_again_and_gives_up",
            || {
                let end = end_of("supervisor");
                end.assert_code(0);
                end.assert_errs("worse than bad"); // by the panic hook
                let again = "cannot do a bad job; start it again\n";
                let attempt = "thread `supervisor/shift/run-";
                let given_up = "thread `supervisor/shift` failed: `supervisor/shift` is given up: it ended 4 times";
                let expected = format!(
                    "  a is done\n{attempt}1` failed: {again}  b is done\n\
                     {attempt}2` panicked: worse than bad; start it again\n  \
                     c is done\nthe last worker did 1 jobs\n\
                     {attempt}1` failed: {again}{attempt}2` failed: {again}{attempt}3` failed: {again}{given_up}"
                );
                assert!(end.output.starts_with(&expected), "{end:#?}");
                assert_eq!(end.output.lines().count(), 10, "{end:#?}");
            },
        ),
        ("the_supervisor_ends_in_good_order_on_an_os_signal", || {
            for (name, os_signal) in [("INT", INT), ("TERM", TERM)] {
                let mut child = Child::start("supervisor-that-waits");
                while child.next_line() != "  d is done" {}
                child.signal(name);
                let end = child.end();
                end.assert_signal(os_signal);
                assert!(!end.errors.contains("failed"), "{end:#?}");
            }
        }),
        // 44, 45, 55, 72, 73, 74, 75
        ("the_ambient_is_what_the_document_of_xlocal_says", || {
            let end = end_of("ambient");
            end.assert_code(0);
            end.assert_quiet();
            let lines: Vec<_> = end.output.lines().collect();
            assert_eq!(lines[..2], ["hello world 1", "hello world 3"]);
            assert!(lines[2].contains("example::X` is not bound in thread `ambient`"));
            assert_eq!(
                lines[3..],
                ["<h1>/a</h1>", "<h1>/b</h1>", "no page /missing"]
            );
        }),
        // 42
        #[cfg(target_os = "linux")]
        (
            "a_child_program_finds_names_and_baggage_of_its_start",
            || {
                let end = end_of("processes");
                end.assert_code(0);
                end.assert_quiet();
                let expected = "\
                parent has:    batch true, dry run true, user ada, password known\n\
                child finds:   batch true, dry run true, user ada, password unknown\n\
                child changes: batch true, dry run true, user grace, password unknown\n\
                parent after:  batch true, dry run false, user nobody, password unknown\n";
                assert_eq!(end.output, expected);
            },
        ),
        ("the_pipeline_ends_with_its_input", || {
            let end = end_of("pipeline");
            end.assert_code(0);
            end.assert_quiet();
            let line = "the squares sum up to 385; 2 words were no numbers\n";
            assert_eq!(end.output, line);
        }),
        (
            "the_alien_thread_sees_what_was_handed_over_and_obeys",
            || {
                let end = end_of("alien");
                end.assert_code(0);
                end.assert_quiet();
                let mut lines: Vec<_> = end.output.lines().collect();
                lines.sort_unstable(); // two threads print
                assert_eq!(
                    lines,
                    [
                        "`camera` is in a tree: false",
                        "frame 0",
                        "frame 1",
                        "frame 2",
                        "it records the front door",
                        "the camera has ended; frames left: 1",
                    ]
                );
            },
        ),
        ("two_applications_serve_their_own_requests", || {
            let end = end_of("contexts");
            end.assert_code(0);
            end.assert_errs("no handler for broken"); // by the panic hook
            let mut lines: Vec<_> = end.output.lines().collect();
            lines.sort_unstable(); // two threads print
            assert_eq!(
                lines,
                [
                    "0 connections are open",
                    "blog: good morning, a row about warp",
                    "blog: good morning, a row about weft",
                    "broken: sorry",
                    "broken: sorry",
                    "resource `request.connection` is not bound in thread `contexts` (nothing is bound here)",
                    "shop: welcome, a row about warp",
                    "shop: welcome, a row about weft",
                ]
            );
        }),
        ("the_deadline_ends_a_read_that_nobody_answers", || {
            let end = end_of("deadline");
            end.assert_code(0);
            end.assert_quiet();
            let lines = "hello Ada, and welcome Ada\nno answer in 20ms\n";
            assert_eq!(end.output, lines);
        }),
        // 32, 33, 37, 38
        (
            "the_singleton_is_what_the_document_of_runtime_context_says",
            || {
                let end = end_of("singleton");
                end.assert_code(0);
                end.assert_quiet();
                let right = "x - 1 is 4, and again 4\n".repeat(2);
                let lines = "x is still 5; without the context the second answer is wrong:\nx - 1 is 4, and again 2\n";
                assert_eq!(end.output, right + lines);
            },
        ),
    ];
}
