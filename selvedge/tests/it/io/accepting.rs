//! Accepting connections until a signal says otherwise.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;

use selvedge::io::Acceptor;
use selvedge::testing::World;
use selvedge::{Signal, thread};

use super::{is_expired, is_stopped, stop_waiting};

#[test]
fn a_stop_ends_an_accept() {
    World::new().run(|| {
        let acceptor = Acceptor::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let address = acceptor.get_ref().local_addr().unwrap();
        let server = thread::spawn("tcp", move |_| Ok(acceptor.accept()?));
        let site = stop_waiting(&server, "tcp");
        assert!(
            site.starts_with(&format!("connection to `tcp {address}` at ")),
            "{site}"
        );

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let acceptor = Acceptor::new(UnixListener::bind(&path).unwrap()).unwrap();
        let server = thread::spawn("unix", move |_| Ok(acceptor.accept()?));
        let site = stop_waiting(&server, "unix");
        let expected = format!("connection to `unix {}` at ", path.display());
        assert!(site.starts_with(&expected), "{site}");
    });
}

/// One connection wakes every acceptor; those that do not get it must not be stuck inside `accept`.
#[test]
fn many_threads_accept_from_one_listener_and_each_can_be_stopped() {
    World::new().run(|| {
        let acceptor = Acceptor::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let address = acceptor.get_ref().local_addr().unwrap();
        let acceptor = std::sync::Arc::new(acceptor);
        let served = selvedge::sync::Queue::new();
        let servers = ["a", "b", "c"].map(|name| {
            let (acceptor, served) = (acceptor.clone(), served.clone());
            thread::spawn(name, move |_| {
                for connection in acceptor.incoming() {
                    let mut word = String::new();
                    connection?.read_to_string(&mut word)?; // it blocks, though the listener does not
                    served.push(word)?;
                }
                Ok(())
            })
        });
        for i in 0..100 {
            let mut client = TcpStream::connect(address).unwrap();
            write!(client, "{i}").unwrap();
        }
        let mut words: Vec<usize> = (0..100)
            .map(|_| served.pop().unwrap().parse().unwrap())
            .collect();
        words.sort_unstable();
        assert_eq!(words, (0..100).collect::<Vec<_>>());
        for server in &servers {
            server.stop();
        }
        for server in &servers {
            server.join().unwrap();
        }
    });
}

#[test]
fn a_connection_comes_before_the_signals() {
    World::new().run(|| {
        let server = thread::spawn("server", |stop| {
            let acceptor = Acceptor::new(TcpListener::bind("127.0.0.1:0")?)?;
            let client = TcpStream::connect(acceptor.get_ref().local_addr()?)?;
            stop.set();
            let (_, address) = acceptor.accept_until(&Signal::always())?;
            assert_eq!(address, client.local_addr()?);
            let error = acceptor.accept_until(&Signal::always()).unwrap_err();
            assert!(is_expired(&error));
            assert!(is_stopped(&acceptor.accept().unwrap_err()));
            Ok(())
        });
        server.join().unwrap();
    });
}
