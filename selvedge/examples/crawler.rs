//! Crawl a site with a pool of workers, and end in good order on Ctrl-C, in the middle of requests.
//!
//! `cargo run --example crawler [pages]`. The site is made up: page `n` links to `2n + 1` and `2n + 2`.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use selvedge::thread::{Outcome, Pool};
use selvedge::{Stopped, Till};

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
        let pool = Pool::new("fetcher", WORKERS);
        let order = |page| pool.run(move |_stop| Ok((page, fetch(page, pages)?)));
        let mut underway = VecDeque::from([order(0)?]);
        let mut visited = 0;
        // In the order of the orders; both errors that end it say that the program was asked to stop.
        'site: while let Some(request) = underway.front() {
            match request.join() {
                Ok((page, links)) => {
                    println!("visited {page}");
                    for link in links {
                        let Ok(request) = order(link) else {
                            break 'site;
                        };
                        underway.push_back(request);
                    }
                }
                Err(error) if error.is_failure() => println!("{error}"),
                Err(_stopped) => break,
            }
            underway.pop_front();
            visited += 1;
        }
        println!("{visited} pages, {} cut off", underway.len());
        Ok(())
    })
}

fn main() -> ExitCode {
    let pages = std::env::args().nth(1).and_then(|text| text.parse().ok());
    crawl(pages.unwrap_or(20))
}
