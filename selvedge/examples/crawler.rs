//! Crawl a site with a bounded pool of workers, and end in good order on Ctrl-C, in the middle of requests.
//!
//! `cargo run --example crawler [pages]`. The site is made up: page `n` links to `2n + 1` and `2n + 2`.

use std::process::ExitCode;
use std::time::Duration;

use selvedge::sync::Queue;
use selvedge::thread::{self, Outcome, Thread};
use selvedge::{Stopped, Till, signal};

const WORKERS: usize = 3;

/// Stands for a request; it obeys the thread's stop, as everything that waits does.
fn fetch(page: usize, pages: usize) -> Result<Vec<usize>, Stopped> {
    Till::after(Duration::from_millis(2)).wait()?;
    let links = [1, 2].map(|i| page.saturating_mul(2).saturating_add(i));
    Ok(links.into_iter().filter(|link| *link < pages).collect())
}

/// Crawls a site of this size.
pub fn crawl(pages: usize) -> ExitCode {
    selvedge::run("crawler", |_stop| -> Outcome<()> {
        let orders = Queue::named("orders", WORKERS); // what to fetch
        let found = Queue::named("found", WORKERS); // what was fetched, with its links
        let workers: Vec<Thread<usize>> = (0..WORKERS)
            .map(|i| {
                let (orders, found) = (orders.clone(), found.clone());
                thread::spawn(&format!("worker-{i}"), move |_stop| {
                    let mut n = 0;
                    for page in &orders {
                        found.push((page, fetch(page, pages)?))?;
                        n += 1;
                    }
                    Ok(n)
                })
            })
            .collect();

        // A worker ends before its time if it is stopped or failed; its page must not be waited for.
        let gone = signal::any(workers.iter().map(Thread::stopped));
        // No more orders than workers are under way, so no push waits for another.
        let (mut frontier, mut underway, mut visited) = (vec![0], 0, 0);
        loop {
            while underway < WORKERS
                && let Some(page) = frontier.pop()
            {
                orders.push(page)?;
                underway += 1;
            }
            if underway == 0 {
                break;
            }
            let Ok((page, links)) = found.pop_until(&gone) else {
                break; // asked to stop, or a worker is gone: `join` says which
            };
            println!("visited {page}");
            (underway, visited) = (underway - 1, visited + 1);
            frontier.extend(links);
        }

        println!("{visited} pages, {underway} cut off");
        orders.close(); // the workers' loops end
        for worker in workers {
            println!("{} fetched {}", worker.name(), worker.join()?);
        }
        Ok(())
    })
}

fn main() -> ExitCode {
    let pages = std::env::args().nth(1).and_then(|text| text.parse().ok());
    crawl(pages.unwrap_or(20))
}
