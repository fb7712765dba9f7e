//! Output that nobody reads, or not yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use selvedge::process::{Command, JoinError, Stdin, Unread};
use selvedge::sync::TryPopError;
use selvedge::testing::World;
use selvedge::thread;
use selvedge::{Signal, Till};

use crate::child::{heard, playing, playing_on_a_small_disk, sh};

/// Writes this many bytes: the number of them is even.
fn zeros(bytes: u64) -> Command {
    sh(&format!("head -c {bytes} /dev/zero"))
}

/// 286: output that nobody reads does not keep a process from ending: a join drains it, and says what is unread.
#[test]
fn unread_output_does_not_block_a_join() {
    World::new().run(|| {
        let chatty = zeros(20 << 20).longest_line(100).spawn().unwrap();
        let exit = chatty.join().unwrap();
        assert_eq!(exit.unread(), 20 << 20);
        assert!(exit.lost() > 10 << 20, "{} are lost", exit.lost());
    });
}

/// P2: the original gave up after ten minutes, and lost what was not read when it joined first.
#[test]
fn a_join_before_the_reading_loses_nothing() {
    World::new().run(|| {
        let chatty = sh("seq 300000").spawn().unwrap();
        let lines = chatty.stdout();
        let exit = chatty.join().unwrap();
        assert_eq!(exit.lost(), 0);
        let numbers = lines
            .iter()
            .map(|line| line.to_str().unwrap().parse::<u32>().unwrap());
        assert!(numbers.eq(1..=300_000));
    });
}

/// Without a reader, and without anybody who waits for its end, a process waits, and little memory is used.
#[test]
fn a_process_waits_for_its_reader() {
    World::new().run(|| {
        let chatty = sh("seq 300000; echo done >&2")
            .unread(Unread::Pressure { bytes: 100 })
            .spawn()
            .unwrap();
        let lines = chatty.stdout();
        for expected in 1..=300_000 {
            let line = lines.pop().unwrap();
            assert_eq!(line.to_str().unwrap().parse(), Ok(expected));
            if expected == 1000 {
                assert_eq!(
                    chatty.stderr().try_pop(),
                    Err(TryPopError::Empty),
                    "it cannot have come to its end"
                );
            }
        }
        assert_eq!(*chatty.stderr().pop().unwrap(), *b"done");
        chatty.join().unwrap();
    });
}

/// With a file to go to, output does not keep the process.
#[test]
fn spilled_output_comes_in_its_order() {
    World::new().run(|| {
        let chatty = sh("seq 100000; echo done >&2")
            .unread(Unread::Spill { memory: 1000 })
            .spawn()
            .unwrap();
        assert_eq!(*chatty.stderr().pop().unwrap(), *b"done"); // nobody has read a line of the other
        let numbers = chatty
            .stdout()
            .iter()
            .map(|line| line.to_str().unwrap().parse::<u32>().unwrap());
        assert!(numbers.eq(1..=100_000));
        chatty.join().unwrap();
    });
}

/// Who reads while another joins gets all.
#[test]
fn a_reader_beside_a_joiner_gets_everything() {
    World::new().run(|| {
        let chatty = sh("seq 200000").spawn().unwrap();
        let lines = chatty.stdout().clone();
        let reader = thread::spawn("reader", move |_stop| Ok(lines.iter().count()));
        chatty.join().unwrap();
        assert_eq!(reader.join().unwrap(), 200_000);
    });
}

/// A released process whose output nobody holds is not kept by it.
#[test]
fn a_released_process_is_not_kept_by_its_output() {
    World::new().run(|| {
        let chatty = zeros(4 << 20).spawn().unwrap();
        let stopped = chatty.stopped().clone();
        chatty.release();
        stopped.wait().unwrap();
    });
}

/// Closing the queue closes the pipe, as `head` does.
#[test]
fn closing_the_output_ends_who_writes_to_it() {
    World::new().run(|| {
        let endless = Command::new("yes").spawn().unwrap();
        assert_eq!(*endless.stdout().pop().unwrap(), *b"y");
        endless.stdout().close();
        assert_eq!(endless.wait().unwrap().signal(), Some(13));
    });
}

/// A line of a megabyte arrives whole, one beyond the limit in parts.
#[test]
fn long_lines_arrive() {
    World::new().run(|| {
        let long = sh("head -c 1000000 /dev/zero; echo; echo end")
            .spawn()
            .unwrap();
        let lines: Vec<_> = long
            .stdout()
            .iter()
            .map(|line| (line.len(), line.has_newline()))
            .collect();
        assert_eq!(lines, [(1_000_000, true), (3, true)]);
        long.join().unwrap();
        let parts = sh("head -c 1000 /dev/zero; echo; printf abc")
            .longest_line(500)
            .spawn()
            .unwrap();
        let parts: Vec<_> = parts
            .stdout()
            .iter()
            .map(|line| (line.len(), line.goes_on(), line.has_newline()))
            .collect();
        assert_eq!(
            parts,
            [(500, true, false), (500, false, true), (3, false, false)]
        );
    });
}

/// Input that was given before the handle was dropped is written all the same, and then the pipe is closed.
#[test]
fn input_is_written_after_the_handle_has_gone() {
    World::new().run(|| {
        let cat = sh("sleep 0.05; wc -c").stdin(Stdin::Pipe).spawn().unwrap();
        for _ in 0..4 {
            cat.stdin().push(vec![0; 100_000]).unwrap(); // more than the pipe takes
        }
        let counted = cat.stdout().clone();
        cat.release();
        assert_eq!(counted.pop().unwrap().to_str().unwrap().trim(), "400000");
    });
}

/// A queue that is full of bytes, not of lines, and is closed: the process hears of it.
#[test]
fn closing_a_full_output_ends_who_writes_to_it() {
    World::new().run(|| {
        let endless = sh("while :; do printf '%100s\\n' x; done")
            .unread(Unread::Pressure { bytes: 300 })
            .spawn()
            .unwrap();
        while endless.stdout().len() < 3 {
            std::thread::yield_now();
        }
        endless.stdout().close();
        let exit = endless.wait().unwrap();
        assert!(exit.signal() == Some(13) || exit.code() != 0, "{exit}");
        assert_eq!(exit.lost(), 0, "nobody wanted it");
    });
}

/// One that was asked to stop has things to say, and nobody reads: it ends all the same, before its grace is over.
#[test]
fn last_words_that_nobody_reads_do_not_keep_a_process() {
    World::new().run(|| {
        let wordy = sh("trap 'seq 100000; exit 7' TERM; echo ready; while :; do read line; done");
        let wordy = wordy
            .stdin(Stdin::Pipe)
            .unread(Unread::Pressure { bytes: 1000 });
        let wordy = wordy.grace(Duration::from_secs(3600)).spawn().unwrap();
        assert_eq!(*wordy.stdout().pop().unwrap(), *b"ready");
        wordy.stop();
        let late = Till::after(Duration::from_secs(60));
        let ended = wordy.stopped().wait_until(&late); // not a join: nobody says that output may go
        wordy.kill(); // one that is kept would keep the test for an hour
        ended.unwrap();
        assert_eq!(wordy.try_wait().unwrap().code(), 7);
    });
}

/// One that waits for a reader when it is asked to stop, and does not obey: what it writes goes on, so that it can end.
#[test]
fn who_is_asked_while_it_waits_for_a_reader_goes_on() {
    World::new().run(|| {
        let deaf = sh("trap '' TERM; seq 300000; exit 7").unread(Unread::Pressure { bytes: 100 });
        let deaf = deaf.grace(Duration::from_secs(3600)).spawn().unwrap();
        while deaf.stdout().len() < 10 {
            std::thread::yield_now();
        }
        deaf.stop();
        let late = Till::after(Duration::from_secs(60));
        let ended = deaf.stopped().wait_until(&late);
        deaf.kill(); // one that is kept would keep the test for an hour
        ended.unwrap();
        assert_eq!(deaf.try_wait().unwrap().code(), 7);
    });
}

/// Nobody watches a pipe while its queue is full: what comes then is read before the end is told.
#[test]
fn last_words_behind_a_full_queue_are_read() {
    World::new().run(|| {
        let wordy = sh("seq 1000 >&2; read go; echo last >&2; exit 7").stdin(Stdin::Pipe);
        let wordy = wordy.unread(Unread::Pressure { bytes: 100 });
        let wordy = wordy.spawn().unwrap();
        while wordy.stderr().len() < 10 {
            std::thread::yield_now();
        }
        wordy.stdin().push(b"go\n".to_vec()).unwrap();
        let late = Till::after(Duration::from_secs(60));
        wordy.stopped().wait_until(&late).unwrap();
        let exit = wordy.try_wait().unwrap();
        assert!(exit.stderr_tail().ends_with(b"999\n1000\nlast\n"), "{exit}");
        assert_eq!((exit.code(), exit.lost()), (7, 0));
        let lines: Vec<_> = wordy.stderr().iter().map(|line| line.to_vec()).collect();
        assert_eq!((lines.len(), &lines[1000][..]), (1001, &b"last"[..]));
    });
}

/// Lines that are read before `output`, and a part of one that is not, are not lost and not given twice.
#[test]
fn output_is_what_nobody_has_read() {
    World::new().run(|| {
        let child =
            sh("echo one; echo two; printf thr; read go; echo ee; seq 100000").stdin(Stdin::Pipe);
        let child = child.spawn().unwrap();
        assert_eq!(*child.stdout().pop().unwrap(), *b"one");
        let now = Signal::always();
        assert!(matches!(
            child.output_until(&now),
            Err(JoinError::Expired { .. })
        ));
        child.stdin().push(b"go\n".to_vec()).unwrap();
        let output = child.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.starts_with("two\nthree\n1\n2\n") && text.ends_with("\n100000\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 100_002);
        assert_eq!(output.exit.lost(), 0);
    });
}

/// Megabytes on both streams, taken at once.
#[test]
fn much_output_is_taken_on_both_streams() {
    World::new().run(|| {
        let child = sh("head -c 3000000 /dev/zero; head -c 2000000 /dev/zero >&2")
            .spawn()
            .unwrap();
        let output = child.output().unwrap();
        assert_eq!(
            (output.stdout.len(), output.stderr.len()),
            (3_000_000, 2_000_000)
        );
        assert_eq!(output.exit.lost(), 0);
    });
}

/// Without a disk to spill to, output is counted, and told.
#[test]
fn without_a_disk_the_loss_is_told() {
    World::new().run(|| {
        let diskless = playing("diskless")
            .env("TMPDIR", "/no/such/directory")
            .spawn()
            .unwrap();
        assert_eq!(heard(&diskless), "true");
        let told = heard(&diskless);
        assert!(
            told.contains("bytes of output of process `child/seq` were thrown away"),
            "{told}"
        );
        diskless.join().unwrap();
    });
}

/// In a folder that is everybody's, somebody may have a file of the name.
#[test]
fn a_name_that_is_taken_costs_nothing() {
    World::new().run(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = playing("names-taken").env("TMPDIR", folder.path());
        let program = program.spawn().unwrap();
        assert_eq!(heard(&program), "true", "all is read");
        program.join().unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 20);
    });
}

/// A disk that is full costs what has no room on it, and cuts no line but the one that it ends in.
#[test]
fn a_full_disk_cuts_no_line_that_it_has() {
    World::new().run(|| {
        let program = playing_on_a_small_disk("small-disk").spawn().unwrap();
        assert_eq!(heard(&program), "true", "all is read, or told as lost");
        assert_eq!(heard(&program), "true", "only the last is cut");
        program.join().unwrap();
    });
}

/// The last words of a process are in its error, though there was no room for them.
#[test]
fn last_words_that_were_thrown_away_are_in_the_error() {
    World::new().run(|| {
        let chatty = Command::new("sh").args(["-c", "seq 300000 >&2; exit 3"]);
        let error = chatty.spawn().unwrap().join().unwrap_err();
        let exit = error.exit().unwrap();
        assert!(exit.lost() > 0, "{}", exit.lost());
        assert_eq!(exit.stderr_tail().len(), 8 << 10);
        assert!(exit.stderr_tail().ends_with(b"\n299999\n300000\n"));
    });
}

/// One that waits for a reader already goes on when somebody waits for its end.
#[test]
fn a_join_frees_who_waits_for_a_reader() {
    World::new().run(|| {
        let chatty = Command::new("seq")
            .arg("300000")
            .unread(Unread::Pressure { bytes: 100 })
            .spawn()
            .unwrap();
        let stat = format!("/proc/{}/stat", chatty.id());
        let sleeps = || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "));
        while !(chatty.stdout().len() > 10 && sleeps()) {
            std::thread::yield_now();
        }
        assert_eq!(chatty.join().unwrap().lost(), 0);
    });
}

/// An `output_until` that expired had thrown away what was written until then, and the queues stayed empty.
#[test]
fn output_that_is_given_up_comes_back_to_the_queues() {
    World::new().run(|| {
        let child = sh("echo one; seq 3000; printf thr; read go; echo ee; echo four; exit 1");
        let child = child.stdin(Stdin::Pipe).spawn().unwrap();
        assert_eq!(*child.stdout().pop().unwrap(), *b"one");
        for _ in 0..3 {
            let expired = child.output_until(&Signal::always());
            assert!(matches!(expired, Err(JoinError::Expired { .. })));
        }
        for expected in 1..=3000 {
            let line = child.stdout().pop().unwrap();
            assert_eq!(line.to_str().unwrap().parse(), Ok(expected));
        }
        let soon = Till::after(Duration::from_millis(20));
        assert!(child.output_until(&soon).is_err());
        child.stdin().push(b"go\n".to_vec()).unwrap();
        assert!(matches!(child.output(), Err(JoinError::Failed(_))));
        let rest: Vec<_> = child.stdout().iter().map(|line| line.to_vec()).collect();
        assert_eq!(rest, [&b"three"[..], b"four"]);
    });
}

/// The same for a thread that is asked to stop, at any moment of it.
#[test]
fn output_that_is_stopped_goes_on_to_who_reads() {
    World::new().run(|| {
        let child = sh("seq 50000; read go; seq 50001 100000").stdin(Stdin::Pipe);
        let child = Arc::new(child.spawn().unwrap());
        for _ in 0..5 {
            let other = Arc::clone(&child);
            let collector = thread::spawn("collector", move |_stop| Ok(other.output()?));
            collector.stop();
            assert!(collector.join().is_err());
        }
        child.stdin().push(b"go\n".to_vec()).unwrap();
        let numbers = child.stdout().iter();
        let numbers = numbers.map(|line| line.to_str().unwrap().parse::<u32>().unwrap());
        assert!(numbers.eq(1..=100_000));
        child.join().unwrap();
    });
}

/// `output` of a process that had ended gave what fitted into the queue, and not what was spilled.
#[test]
fn output_after_the_end_has_what_was_spilled() {
    World::new().run(|| {
        let chatty = sh("seq 300000").spawn().unwrap();
        let _ = chatty.stdout();
        chatty.wait().unwrap();
        let output = chatty.output().unwrap();
        assert_eq!(output.exit.lost(), 0);
        let text = String::from_utf8(output.stdout).unwrap();
        let numbers = text.lines().map(|line| line.parse::<u32>().unwrap());
        assert!(numbers.eq(1..=300_000));
    });
}

/// Output that was taken was told as lost, if its reader let go of the process in the moment of its end.
#[test]
fn output_that_was_taken_is_not_told_as_lost() {
    World::new().run(|| {
        let told = Arc::new(AtomicBool::new(false));
        let _heard = selvedge::probe::subscribe({
            let told = Arc::clone(&told);
            move |event| {
                if let selvedge::probe::Event::OutputLost { process, .. } = event
                    && process.ends_with("/short")
                {
                    told.store(true, SeqCst);
                }
            }
        });
        let short = Command::new("echo").arg("hi").named("short");
        for _ in 0..300 {
            assert_eq!(short.spawn().unwrap().output().unwrap().stdout, b"hi\n");
        }
        assert!(!told.load(SeqCst));
    });
}

/// The engine looked while the handle's queues were still being dropped, and the input stayed open.
#[test]
fn the_input_of_a_released_process_ends() {
    World::new().run(|| {
        for _ in 0..200 {
            let cat = Command::new("cat").stdin(Stdin::Pipe).spawn().unwrap();
            let stopped = cat.stopped().clone();
            cat.release();
            stopped
                .wait_until(&Till::after(Duration::from_secs(60)))
                .unwrap();
        }
    });
}

/// The engine held the full queue, and nobody told it that all others had let go of it.
#[test]
fn a_process_is_not_kept_by_a_queue_that_nobody_holds() {
    World::new().run(|| {
        let chatty = Command::new("seq").arg("300000");
        let chatty = chatty.unread(Unread::Pressure { bytes: 1000 }).spawn();
        let chatty = chatty.unwrap();
        let stat = format!("/proc/{}/stat", chatty.id());
        let sleeps = || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "));
        let (lines, stopped) = (chatty.stdout().clone(), chatty.stopped().clone());
        chatty.release();
        while !(lines.len() > 100 && sleeps()) {
            std::thread::yield_now();
        }
        drop(lines);
        let late = Till::after(Duration::from_secs(60));
        stopped.wait_until(&late).unwrap();
    });
}
