//! The page of `web`, clicked through in headless Chromium.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::driver::{Browser, bytes_of};
use crate::running::Inspected;

/// `selvedge web`, and where it is.
struct Web {
    child: Child,
    address: String,
}

impl Web {
    fn start(program: &Inspected) -> Self {
        let mut web = program.folder.command(&["web", "--every", "200ms"]);
        let mut child = web.stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut address)
            .unwrap();
        Self {
            child,
            address: address.trim().to_owned(),
        }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn the_page_is_clicked_through() {
    let mut program = Inspected::start(&[]);
    let web = Web::start(&program);
    let browser = Browser::start(&program.folder.path().join("profile"));
    browser.open(&web.address);

    // The tree, with a name that would be markup.
    browser.until("document.querySelector('#threads').innerText.includes('auditor')");
    let threads = browser.text("#threads");
    assert!(
        threads.contains("<img src=x onerror=alert(1)>\\u{1b}[31m"),
        "{threads}"
    );
    assert_eq!(
        browser.value("document.images.length"),
        0,
        "a name is no markup"
    );
    assert!(
        threads.contains("lock ledger, held by inspected/loom/keeper"),
        "{threads}"
    );
    assert!(browser.text("#locks").contains("inspected/loom/auditor"));
    browser.until("document.querySelector('#queues').innerText.includes('jobs')");
    browser.until("document.querySelector('#signals').innerText.includes('the end of the day')");
    assert!(
        browser
            .value("document.title")
            .as_str()
            .unwrap()
            .starts_with("inspected (")
    );

    if cfg!(target_os = "linux") {
        let processes = browser.text("#processes");
        assert!(
            processes.contains("inspected/shuttle") && processes.contains("sleep infinity"),
            "{processes}"
        );
    }
    // Neither the scope nor the child process is a thread.
    browser.until("document.querySelector('#state').innerText.startsWith('6 threads after ')");

    // For those who do not see it.
    assert_eq!(
        browser
            .value("[...document.querySelectorAll('input')].every(it => it.labels.length === 1)"),
        true
    );
    assert_eq!(browser.value("[...document.querySelectorAll('table')].every(it => it.getAttribute('aria-labelledby'))"), true);
    assert_eq!(browser.value("document.documentElement.lang"), "en");

    // What looks wrong comes by itself.
    browser.until("document.querySelector('#warnings').innerText.includes('has waited')");
    assert_eq!(
        browser.value("document.querySelector('#no-warnings').hidden"),
        true
    );

    // Calls.
    browser.write("#glob", "**::weave");
    browser.write("#max", "6");
    browser.click("#watch button[type=submit]");
    browser.until("document.querySelector('#watching').innerText === 'over: limit'");
    let calls = browser.text("#calls");
    assert_eq!(
        calls
            .lines()
            .filter(|line| line.contains("::weave"))
            .count(),
        6,
        "{calls}"
    );
    browser.write("#glob", "**::weave");
    browser.write("#max", "100000");
    browser.click("#watch button[type=submit]");
    browser.until("!document.querySelector('#end').disabled");
    browser.click("#end");
    browser.until("document.querySelector('#watching').innerText.startsWith('over: asked')");
    browser.write("#glob", "***");
    browser.click("#watch button[type=submit]");
    browser.until("document.querySelector('#end').disabled && !/over|watching/.test(document.querySelector('#watching').innerText)");

    let picture = bytes_of(&browser.picture());
    assert!(picture.starts_with(b"\x89PNG"), "a picture");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("selvedge-web.png");
    fs::write(file, picture).unwrap();

    // Only some threads; and as they were.
    browser.write("#filter", "worker");
    browser.until("document.querySelectorAll('#threads tbody tr').length === 2");
    browser.click("#hold");
    browser.until("document.querySelector('#state').innerText.startsWith('held')");
    assert_eq!(
        browser.value("document.querySelector('#hold').getAttribute('aria-pressed')"),
        "true"
    );
    browser.click("#hold");
    browser.until("!document.querySelector('#state').innerText.startsWith('held')");

    let complaints = browser.complaints();
    assert!(
        complaints.is_empty(),
        "the page's own policy forbids something: {complaints:?}"
    );

    // Another name for this machine is refused, and so is another token.
    let elsewhere = web.address.replace("127.0.0.1", "127.0.0.2");
    assert_ne!(elsewhere, web.address);
    let wrong = format!("{}x/", web.address.trim_end_matches('/'));
    let status = format!(
        "(() => {{ const it = new XMLHttpRequest(); it.open('GET', '{wrong}', false); it.send(); return it.status }})()"
    );
    assert_eq!(browser.value(&status), 404);

    program.end();
    browser.until("document.querySelector('#state').innerText.startsWith('ended: ')");
    assert_eq!(
        browser.value("document.querySelectorAll('#threads tbody tr').length"),
        2,
        "what was last seen stays"
    );
}
