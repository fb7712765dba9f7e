//! `top` and `replay` on a terminal of tmux, whose screen is compared.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::canned::{Folder, HELLO, PICTURE, SELVEDGE, TREE};
use crate::running::Inspected;

/// How long a screen may take to show what it should.
const LIMIT: Duration = Duration::from_secs(30);

/// A terminal with a shell command in it.
struct Terminal {
    socket: String,
}

impl Terminal {
    fn start(folder: &Folder, size: (u16, u16), command: &str) -> Self {
        let terminal = Self {
            socket: folder.path().join("tmux").display().to_string(),
        };
        let (width, height) = (size.0.to_string(), size.1.to_string());
        let folder = folder.path().display();
        // The screen stays when the command has ended, with the status of its end.
        let command = format!(
            "cd {folder}; SELVEDGE_INSPECT={folder} {command}; echo \"status $?\"; exec cat"
        );
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &width,
            "-y",
            &height,
            &command,
        ]);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-u", "-S", &self.socket])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        let text = self.tmux(&["capture-pane", "-p"]);
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
            .trim_end()
            .to_owned()
    }

    /// Waits for a screen of which `is_it` is true.
    #[track_caller]
    fn shows(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            let screen = self.screen();
            if is_it(&screen) {
                return screen;
            }
            assert!(
                Instant::now() < deadline,
                "wanted {what}; the screen shows\n{screen}"
            );
        }
    }

    #[track_caller]
    fn has(&self, text: &str) -> String {
        self.shows(text, |screen| screen.contains(text))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux")
            .args(["-S", &self.socket, "kill-server"])
            .output();
    }
}

pub(crate) fn top_shows_a_program() {
    let program = Inspected::start(&[]);
    let terminal = Terminal::start(
        &program.folder,
        (150, 20),
        &format!("{SELVEDGE} top --every 100ms"),
    );
    let screen = terminal.has("held by `inspected/loom/keeper`");
    assert!(screen.starts_with("inspected  pid "), "{screen}");
    assert!(screen.contains("   ├─ worker-1  "), "{screen}");
    assert!(
        screen.contains("<img src=x onerror=alert(1)>\\u{1b}[31m"),
        "a hostile name is letters: {screen}"
    );

    terminal.press(&["3"]);
    terminal.shows("the lock", |screen| {
        screen.contains("HELD BY") && screen.contains("ledger inspected/loom/keeper")
    });
    if cfg!(target_os = "linux") {
        terminal.press(&["8"]);
        terminal.shows("the child process", |screen| {
            screen.contains("COMMAND")
                && screen.contains("inspected/shuttle ")
                && screen.contains("sleep infinity")
        });
    }
    terminal.press(&["w", "**::weave", "Enter"]);
    terminal.has("weave(job: ");
    terminal.press(&["c", "Enter"]);
    terminal.shows("a count", |screen| {
        let row = screen.lines().find(|line| line.contains("::weave "));
        let count = row.and_then(|row| row.split_whitespace().nth(1)?.parse().ok());
        count.is_some_and(|count: u32| count > 2)
    });
    terminal.press(&["C"]);
    terminal.has("counting is over");
    // A stop is asked for, and obeyed.
    terminal.press(&["1", "/", "worker-1", "Enter"]);
    terminal.shows("one thread", |screen| {
        screen.contains("inspected/loom/worker-1") && !screen.contains("worker-2")
    });
    terminal.press(&["x"]);
    terminal.has("Ask `inspected/loom/worker-1` and all below it to stop? y/n");
    terminal.press(&["y"]);
    terminal.shows("no thread", |screen| !screen.contains("loom/worker-1  "));
    terminal.press(&[
        "/", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace",
        "Enter",
    ]);
    terminal.has("─ worker-2");
    // Another size, and a key at the same time.
    for (width, height) in [("70", "24"), ("90", "16"), ("60", "12"), ("120", "22")] {
        terminal.tmux(&["resize-window", "-x", width, "-y", height]);
        terminal.press(&["?"]);
        terminal.has("┌Keys");
        terminal.press(&["Escape"]);
        terminal.shows("no help, and the last line", |screen| {
            let last = screen.lines().nth(height.parse::<usize>().unwrap() - 1);
            !screen.contains("┌Keys") && last.is_some_and(|line| line.starts_with("q quit"))
        });
    }
    // A recording, by a key.
    terminal.press(&["r"]);
    terminal.has("RECORDING selvedge-inspected-");
    let recording = || {
        let names = fs::read_dir(program.folder.path()).unwrap();
        let mut paths = names.map(|it| it.unwrap().path());
        let path = paths.find(|path| path.extension().is_some_and(|it| it == "jsonl"));
        path.map(|path| fs::read_to_string(path).unwrap())
            .unwrap_or_default()
    };
    terminal.shows("open functions in the file", |_| {
        recording().contains(r#"{"calls":[{"function":"#)
    });
    terminal.press(&["r"]);
    terminal.has(" in `selvedge-inspected-");
    terminal.press(&["q"]);
    terminal.has("status 0");
}

pub(crate) fn a_program_that_ends_stays_on_the_screen() {
    let mut program = Inspected::start(&[]);
    let terminal = Terminal::start(
        &program.folder,
        (150, 20),
        &format!("NO_COLOR=1 {SELVEDGE} top --every 100ms"),
    );
    terminal.has("held by `inspected/loom/keeper`");
    program.end();
    let screen = terminal.has("ENDED: the program at ");
    assert!(
        screen.contains("worker-1"),
        "what was last seen stays: {screen}"
    );
    let coloured = terminal.tmux(&["capture-pane", "-p", "-e"]);
    let codes = coloured
        .split("\u{1b}[")
        .skip(1)
        .filter_map(|rest| rest.split('m').next());
    let codes: Vec<&str> = codes.flat_map(|codes| codes.split(';')).collect();
    assert!(codes.contains(&"7"), "what was chosen is seen: {codes:?}");
    let is_colour = |code: &&str| matches!(code.as_bytes(), [b'3' | b'4' | b'9', b'0'..=b'8']);
    assert!(!codes.iter().any(is_colour), "NO_COLOR: {codes:?}");
    terminal.press(&["q"]);
    terminal.has("status 0");
}

pub(crate) fn a_recording_is_played() {
    let folder = Folder::new();
    let line = |body: &str| format!("{{\"id\":1,\"is\":{}}}\n", body.replace('\n', " "));
    let later = PICTURE
        .replace("\"at_us\":9000000", "\"at_us\":109000000")
        .replace("worker-1", "weaver-9");
    fs::write(
        folder.path().join("load.jsonl"),
        [HELLO, PICTURE, &later].map(line).concat(),
    )
    .unwrap();
    let terminal = Terminal::start(&folder, (104, 10), &format!("{SELVEDGE} replay load.jsonl"));
    let keys = "space play/hold  left/right step  +/- speed  s sort  / find  ? help  q quit";
    let first = TREE.replace("1 warning\n", "1 warning  recording 1/2 x1\n");
    let first = first.replace(first.lines().last().unwrap(), keys);
    terminal.shows(&first, |screen| screen == first);
    terminal.press(&["Space", "Right"]);
    let screen = terminal.has("recording 2/2 x1  HELD");
    assert!(
        screen.contains("weaver-9") && !screen.contains("worker-1"),
        "{screen}"
    );
    terminal.press(&["+", "Left"]);
    let screen = terminal.has("recording 1/2 x2  HELD");
    assert!(screen.contains("worker-1"), "{screen}");
    terminal.press(&["w"]);
    terminal.has("a recording cannot be asked");
    terminal.press(&["C-c"]);
    terminal.has("status 0");
}

/// Nobody tells it: it is started so that it does not hear of a hang-up.
pub(crate) fn a_terminal_that_goes_ends_it() {
    let folder = Folder::new();
    folder.program("a.sock", |_| Some(vec![PICTURE.to_owned()]));
    let script =
        format!("trap '' HUP\nsh -c 'echo $$ > pid; exec {SELVEDGE} top'\necho $? > status\n");
    fs::write(folder.path().join("script"), script).unwrap();
    let terminal = Terminal::start(&folder, (104, 10), "sh script");
    terminal.shows(TREE, |screen| screen == TREE);
    drop(terminal);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let deadline = Instant::now() + LIMIT;
    while read("status").trim().is_empty() {
        if Instant::now() > deadline {
            let _ = Command::new("kill")
                .args(["-9", read("pid").trim()])
                .status();
            panic!("it runs on without a terminal");
        }
    }
}

pub(crate) fn a_stop_gives_the_terminal_back() {
    let folder = Folder::new();
    folder.program("a.sock", |_| Some(vec![PICTURE.to_owned()]));
    let terminal = Terminal::start(
        &folder,
        (104, 10),
        &format!("sh -c 'echo $$ > pid; exec {SELVEDGE} top'"),
    );
    terminal.shows(TREE, |screen| screen == TREE);
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
    assert!(
        Command::new("kill")
            .arg(pid.trim())
            .status()
            .unwrap()
            .success()
    );
    // The screen of before is back, and the terminal shows what is typed.
    let screen = terminal.has("status 143");
    assert!(!screen.contains("worker-1"), "{screen}");
    terminal.press(&["echoed"]);
    terminal.has("echoed");
}
