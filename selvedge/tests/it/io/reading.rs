//! Reads that signals end: what is there comes first, and nothing is left behind.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write, pipe};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use selvedge::io::{self, Stoppable};
use selvedge::testing::World;
use selvedge::{Signal, Till, signal, thread};

use super::{is_expired, is_readable, is_stopped, outside, stop_waiting, tcp_pair, wait_site};

#[test]
fn a_stop_ends_a_read_and_the_thread_counts_as_stopped() {
    let world = World::new();
    world.run(|| {
        let (tcp, _there) = tcp_pair();
        let (unix, _other) = UnixStream::pair().unwrap();
        let (pipe, _writer) = pipe().unwrap();
        let peer = tcp.peer_addr().unwrap();
        let reader = thread::spawn("tcp", move |_| Ok(io::read(&tcp, &mut [0; 8])?));
        let site = stop_waiting(&reader, "tcp");
        assert!(
            site.starts_with(&format!("read from `tcp {peer}` at ")),
            "{site}"
        );
        assert!(site.contains("io/reading.rs:"), "{site}");
        let reader = thread::spawn("unix", move |_| Ok(io::read(&unix, &mut [0; 8])?));
        assert!(stop_waiting(&reader, "unix").starts_with("read from `unix socket` at "));
        let reader = thread::spawn("pipe", move |_| Ok(io::read(&pipe, &mut [0; 8])?));
        assert!(stop_waiting(&reader, "pipe").starts_with("read from `"));
    });
    let events = world.events();
    for name in ["tcp", "unix", "pipe"] {
        assert!(
            events.contains(&format!("{name} ended: stopped")),
            "{events:?}"
        );
    }
}

#[test]
fn a_stop_ends_the_read_inside_std_s_buffered_reader() {
    let world = World::new();
    world.run(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let first = Signal::new();
        let seen = first.clone();
        let reader = thread::spawn("reader", move |_| {
            let mut lines = BufReader::new(Stoppable::new(here).named("client 7"));
            let mut line = String::new();
            lines.read_line(&mut line)?;
            assert_eq!(line, "one\n");
            seen.set();
            line.clear();
            let error = lines.read_line(&mut line).unwrap_err();
            assert_eq!(line, "tw", "what came of the line is kept");
            Err::<(), _>(error.into())
        });
        there.write_all(b"one\ntw").unwrap();
        first.wait().unwrap();
        let site = stop_waiting(&reader, "reader");
        assert!(site.starts_with("read from `client 7` at "), "{site}");
    });
}

#[test]
fn what_is_there_comes_before_the_signals_and_the_given_one_before_the_stop() {
    World::new().run(|| {
        let reader = thread::spawn("reader", |stop| {
            let (tcp, mut there) = tcp_pair();
            let (pipe, mut writer) = pipe()?;
            stop.set();
            let set = Signal::always();
            let mut buffer = [0; 8];
            writer.write_all(b"abc")?;
            assert_eq!(io::read_until(&pipe, &mut buffer, &set)?, 3);
            let error = io::read_until(&pipe, &mut buffer, &set).unwrap_err();
            assert!(is_expired(&error) && error.kind() == ErrorKind::TimedOut);
            let error = io::read(&pipe, &mut buffer).unwrap_err();
            assert!(is_stopped(&error) && error.kind() == ErrorKind::Other);
            there.write_all(b"abc")?;
            // No look at the clock: std's own read waits for it to arrive, and takes one byte.
            (&tcp).read_exact(&mut buffer[..1])?;
            assert_eq!(io::read(&tcp, &mut buffer)?, 2);
            assert!(is_stopped(&io::read(&tcp, &mut buffer).unwrap_err()));
            drop(writer);
            assert_eq!(io::read(&pipe, &mut buffer)?, 0, "the end is ready too");
            Ok(())
        });
        reader.join().unwrap();
    });
}

#[test]
fn a_till_ends_a_read_at_its_time_and_the_adaptor_works_on() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let till = Till::after(Duration::from_secs(5));
        let reader = thread::spawn("reader", move |_| {
            let mut here = Stoppable::new(here).until(till.clone());
            let error = here.read(&mut [0; 8]).unwrap_err();
            assert!(till.is_set() && is_expired(&error));
            Ok(here)
        });
        wait_site("reader");
        world.advance(Duration::from_secs(5));
        let mut here = reader.join().unwrap();
        there.write_all(b"x").unwrap();
        assert_eq!(here.read(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn an_adaptor_is_woken_each_time_anew() {
    World::new().run(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let mut here = Stoppable::new(here);
        for round in 0..200 {
            let enough = Signal::new();
            here = here.until(enough.clone());
            let setter = outside(move || enough.set());
            let error = here.read(&mut [0; 8]).unwrap_err();
            assert!(is_expired(&error), "round {round}: {error}");
            assert!(setter.join().unwrap());
        }
        // An event that was raised late does not end a wait for something else.
        here = here.until(Signal::new());
        let writer = outside(move || there.write_all(b"x"));
        assert_eq!(here.read(&mut [0; 8]).unwrap(), 1);
        writer.join().unwrap().unwrap();
    });
}

#[test]
fn a_wait_leaves_nothing_on_its_signals() {
    World::new().run(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let long_lived = Signal::new();
        let until = long_lived.clone();
        let reader = thread::spawn("reader", move |stop| {
            let before = stop.links();
            let n = io::read_until(&here, &mut [0; 8], &until)?;
            assert_eq!(stop.links(), before);
            Ok(n)
        });
        wait_site("reader");
        there.write_all(b"abc").unwrap();
        assert_eq!(reader.join().unwrap(), 3);
        assert_eq!(long_lived.links(), 0);
    });
}

#[test]
fn a_shield_hides_the_stop_from_a_read() {
    World::with_mock_clock().run(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let reader = thread::spawn("reader", move |_| {
            let n = signal::shield(|| io::read(&here, &mut [0; 8]))?;
            assert!(is_stopped(&io::read(&here, &mut [0; 8]).unwrap_err()));
            Ok(n)
        });
        wait_site("reader");
        reader.stop();
        there.write_all(b"bye").unwrap();
        assert_eq!(reader.join().unwrap(), 3);
    });
}

/// The loser of a race for the bytes of one socket waits on, and can be stopped.
#[test]
fn two_readers_of_one_socket_never_block_where_no_signal_wakes_them() {
    World::new().run(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let here = std::sync::Arc::new(here);
        let readers = ["a", "b"].map(|name| {
            let here = here.clone();
            thread::spawn(name, move |stop| {
                let mut n = 0;
                while !stop.is_set() {
                    match io::read(&here, &mut [0; 1]) {
                        Ok(_) => n += 1,
                        Err(error) => assert!(is_stopped(&error), "{error}"),
                    }
                }
                Ok(n)
            })
        });
        for _ in 0..1000 {
            there.write_all(b"x").unwrap();
        }
        while is_readable(&here) {
            std::thread::yield_now();
        }
        for reader in &readers {
            reader.stop();
        }
        let n: usize = readers.iter().map(|reader| reader.join().unwrap()).sum();
        assert_eq!(n, 1000);
    });
}

#[test]
fn the_end_of_a_stream_and_an_error_end_a_wait() {
    World::new().run(|| {
        let (here, there) = UnixStream::pair().unwrap();
        let reader = thread::spawn("reader", move |_| Ok(io::read(&here, &mut [0; 8])?));
        wait_site("reader");
        drop(there);
        assert_eq!(reader.join().unwrap(), 0);

        let (reader, writer) = pipe().unwrap();
        while io::try_write(&writer, &[0; 4096]).is_ok() {}
        let blocked = thread::spawn("writer", move |_| {
            Ok(io::write(&writer, b"x").unwrap_err().kind())
        });
        wait_site("writer");
        drop(reader);
        assert_eq!(blocked.join().unwrap(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn nothing_changes_the_flags_of_what_is_handed_in() {
    fn flags(fd: &impl AsRawFd) -> String {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()));
        let info = info.unwrap();
        info.lines()
            .find(|line| line.starts_with("flags:"))
            .unwrap()
            .to_owned()
    }
    let (here, there) = UnixStream::pair().unwrap();
    let (reader, writer) = pipe().unwrap();
    let before = (flags(&here), flags(&reader), flags(&writer));
    let set = Signal::always();
    for _ in 0..2 {
        assert!(io::read_until(&here, &mut [0; 8], &set).is_err());
        assert!(io::read_until(&reader, &mut [0; 8], &set).is_err());
        assert_eq!(io::write(&writer, b"x").unwrap(), 1);
        assert_eq!(io::write(&there, b"x").unwrap(), 1);
        assert_eq!(io::read(&reader, &mut [0; 8]).unwrap(), 1);
        assert_eq!(io::read(&here, &mut [0; 8]).unwrap(), 1);
        assert_eq!((flags(&here), flags(&reader), flags(&writer)), before);
    }
}

#[test]
fn a_descriptor_that_does_not_block_is_waited_for_as_well() {
    World::new().run(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        here.set_nonblocking(true).unwrap();
        let reader = thread::spawn("reader", move |_| Ok(io::read(&here, &mut [0; 8])?));
        wait_site("reader");
        there.write_all(b"abc").unwrap();
        assert_eq!(reader.join().unwrap(), 3);
    });
}

#[test]
fn empty_buffers_and_datagrams() {
    let (here, _there) = UnixStream::pair().unwrap();
    assert_eq!(io::read(&here, &mut []).unwrap(), 0);
    assert_eq!(io::try_write(&here, &[]).unwrap(), 0);
    let (a, b) = (
        UdpSocket::bind("127.0.0.1:0").unwrap(),
        UdpSocket::bind("127.0.0.1:0").unwrap(),
    );
    b.connect(a.local_addr().unwrap()).unwrap();
    io::write(&b, b"a long datagram").unwrap();
    assert_eq!(io::read(&a, &mut [0; 6]).unwrap(), 6); // the rest is cut off, as std does
}
