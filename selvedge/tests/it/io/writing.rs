//! Writes that a stop ends.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use selvedge::io::Stoppable;
use selvedge::testing::World;
use selvedge::thread;

use super::{is_stopped, tcp_pair, wait_site};

#[test]
fn a_stop_ends_a_write_that_is_larger_than_all_room_and_nothing_is_lost() {
    fn check(name: &str, mut sink: impl Write + AsFd + Send + 'static, mut source: impl Read) {
        let written = thread::spawn(name, move |_| {
            let mut n = 0;
            let bytes = [7; 1 << 20];
            Ok(loop {
                match Stoppable::new(&sink).write(&bytes) {
                    Ok(some) => n += some,
                    Err(error) => {
                        assert!(is_stopped(&error), "{error}");
                        sink.flush()?;
                        break n;
                    }
                }
            })
        });
        let site = wait_site(name);
        assert!(site.starts_with("write to `"), "{site}");
        written.stop();
        let n = written.join().unwrap();
        let mut all = Vec::new();
        source.read_to_end(&mut all).unwrap(); // the thread has dropped the other end
        assert!(n > 0);
        assert_eq!(all.len(), n);
    }
    World::new().run(|| {
        let (here, there) = UnixStream::pair().unwrap();
        check("unix", here, there);
        let (here, there) = tcp_pair();
        check("tcp", here, there);
        let (reader, writer): (PipeReader, PipeWriter) = pipe().unwrap();
        check("pipe", writer, reader);
    });
}
