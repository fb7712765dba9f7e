//! Input and output of whole processes: standard input, the number of descriptors, the echo server.

#[cfg(unix)]
mod child;
#[cfg(unix)]
#[path = "../examples/echo.rs"]
#[allow(
    unreachable_pub,
    reason = "it is a program of its own, and this is its test"
)]
mod echo;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    child::main(unix::SCENARIOS, unix::CASES)
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{BufRead, BufReader, ErrorKind, Read, Write, pipe, stdin};
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, ExitCode};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use selvedge::io::{self, Stoppable, interruption};
    use selvedge::thread::{self, Outcome};
    use selvedge::{Signal, signal};

    use crate::child::{Case, Child, Scenario, end_of, say};
    use crate::echo;

    const INT: i32 = 2;
    const TERM: i32 = 15;
    const USR1: i32 = 10;

    /// Waits until this thread of the tree waits.
    fn until_it_waits(name: &str) {
        loop {
            let tree = thread::tree();
            let mut nodes = tree.nodes().iter();
            if nodes.any(|node| node.name() == name && node.waits_for().is_some()) {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// A thread outside every tree.
    fn outside<T: Send + 'static>(
        body: impl FnOnce() -> T + Send + 'static,
    ) -> std::thread::JoinHandle<T> {
        std::thread::Builder::new().spawn(body).unwrap()
    }

    fn open_descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    pub(crate) const SCENARIOS: &[Scenario] = &[
        ("echo", echo::main),
        ("stdin", || {
            selvedge::run("prog", |stop| {
                let reader = thread::spawn("reader", |_| -> Outcome<()> {
                    for line in BufReader::new(Stoppable::new(stdin())).lines() {
                        match line {
                            Ok(line) => say(&format!("got {line}")),
                            Err(error) => {
                                say(&format!("ended: {error}"));
                                return Err(error.into());
                            }
                        }
                    }
                    Err("the input has ended".into())
                });
                until_it_waits("reader");
                say("waiting");
                let joined = reader.join();
                stop.wait()?; // the child was asked first
                Ok(joined?)
            })
        }),
        ("eintr", || {
            let seen = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register(USR1, Arc::clone(&seen)).unwrap();
            say("ready");
            let mut byte = [0];
            // Not of the tree, and with a signal that can be set: both ways to wait.
            assert_eq!(io::read(stdin(), &mut byte).unwrap(), 1);
            say("one");
            let unset = Signal::new();
            assert_eq!(io::read_until(stdin(), &mut byte, &unset).unwrap(), 1);
            say(&format!("seen: {}", seen.load(SeqCst)));
            ExitCode::from(7)
        }),
        ("no-leak", || {
            let (here, mut there) = UnixStream::pair().unwrap();
            let (reader, _writer) = pipe().unwrap();
            let mut buffer = [0; 8];
            let before = open_descriptors();
            for _ in 0..1000 {
                let signal = Signal::new();
                let _descriptor = signal.descriptor().unwrap();
                let _again = (&signal | &Signal::new()).descriptor().unwrap();
                let setter = outside(move || signal.set());
                drop(_descriptor);
                let late = Signal::new();
                let set = late.clone();
                let writer = outside(move || set.set());
                let error = io::read_until(&reader, &mut buffer, &late).unwrap_err();
                assert!(interruption(&error).is_some());
                there.write_all(b"x").unwrap();
                assert_eq!(Stoppable::new(&here).read(&mut buffer).unwrap(), 1);
                setter.join().unwrap();
                writer.join().unwrap();
            }
            assert_eq!(open_descriptors(), before);
            ExitCode::from(7)
        }),
        ("late-sets", || {
            for round in 0..1000 {
                let signal = Signal::new();
                let mut descriptors: Vec<_> =
                    (0..200).map(|_| signal.descriptor().unwrap()).collect();
                let setter = outside({
                    let signal = signal.clone();
                    move || signal.set()
                });
                // Now the setter has taken them all off the signal, and raises one after the other.
                io::readable(&descriptors[0]).unwrap();
                descriptors.truncate(192);
                // These get the numbers that have become free.
                let pairs = [(); 4].map(|()| UnixStream::pair().unwrap());
                assert!(setter.join().unwrap());
                for (a, b) in &pairs {
                    for end in [a, b] {
                        let read = io::try_read(end, &mut [0; 8]);
                        let kind = read.map_err(|error| error.kind());
                        assert_eq!(kind, Err(ErrorKind::WouldBlock), "round {round}");
                    }
                }
            }
            ExitCode::from(7)
        }),
        ("no-descriptor-left", || {
            const AGAIN: &str = "SELVEDGE_TEST_FEW_FILES";
            if std::env::var_os(AGAIN).is_none() {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", r#"ulimit -n 64; exec "$0""#])
                    .arg(std::env::current_exe().unwrap());
                panic!("{}", shell.env(AGAIN, "").exec());
            }
            let signal = Signal::new();
            let (here, mut there) = UnixStream::pair().unwrap();
            let mut files = Vec::new();
            while let Ok(file) = File::open("/dev/null") {
                files.push(file);
            }
            let error = signal.descriptor().unwrap_err();
            assert!(error.to_string().contains("ulimit -n"), "{error}");
            assert_eq!(signal.links(), 0);
            // A read that has to wait says so too, and takes nothing; one that has not works.
            let error = io::read_until(&here, &mut [0; 8], &signal).unwrap_err();
            assert!(error.to_string().contains("ulimit -n"), "{error}");
            assert!(interruption(&error).is_none());
            there.write_all(b"abc").unwrap();
            assert_eq!(io::read_until(&here, &mut [0; 8], &signal).unwrap(), 3);
            files.truncate(files.len() - 2); // an eventfd is one, a pipe is two
            let descriptor = signal.descriptor().unwrap();
            signal.set();
            io::readable(&descriptor).unwrap();
            assert!(!signal::stop().is_set());
            ExitCode::from(7)
        }),
    ];

    pub(crate) const CASES: &[Case] = &[
        (
            "a_stop_ends_a_read_of_standard_input_that_stays_open",
            || {
                let mut child = Child::start("stdin");
                child.wait_for("waiting");
                child.tell("one");
                child.wait_for("got one");
                let info = std::fs::read_to_string(format!("/proc/{}/fdinfo/0", child.pid()));
                let info = info.unwrap();
                let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
                let flags = u32::from_str_radix(flags.unwrap().trim(), 8).unwrap();
                assert_eq!(flags & 0o4000, 0, "O_NONBLOCK is set");
                child.signal("TERM");
                child.wait_for("ended: asked to stop: SIGTERM"); // while its input is still open
                let end = child.end();
                end.assert_signal(TERM);
                end.assert_quiet();
            },
        ),
        ("an_os_signal_in_between_does_not_end_a_read", || {
            let mut child = Child::start("eintr");
            child.wait_for("ready");
            for answer in ["one", "seen: true"] {
                for _ in 0..20 {
                    child.signal("USR1");
                }
                child.tell("");
                child.wait_for(answer);
            }
            child.end().assert_code(7);
        }),
        ("descriptors_are_all_closed", || {
            end_of("no-leak").assert_code(7)
        }),
        (
            "a_late_set_never_writes_to_a_number_that_was_used_again",
            || end_of("late-sets").assert_code(7),
        ),
        ("without_descriptors_the_error_says_what_to_do", || {
            end_of("no-descriptor-left").assert_code(7);
        }),
        ("the_echo_server_ends_on_an_interrupt", || {
            let mut child = Child::start("echo");
            let listening = child.next_line();
            let address = listening.strip_prefix("listening on ").unwrap();
            let mut clients: Vec<_> = (0..3)
                .map(|_| BufReader::new(TcpStream::connect(address).unwrap()))
                .collect();
            for client in &mut clients {
                let mut line = String::new();
                client.get_mut().write_all(b"hello\n").unwrap();
                client.read_line(&mut line).unwrap();
                assert_eq!(line, "hello\n");
            }
            child.signal("INT");
            for client in &mut clients {
                assert_eq!(client.read_line(&mut String::new()).unwrap(), 0);
            }
            let end = child.end();
            end.assert_signal(INT);
            end.assert_quiet();
        }),
    ];
}
