//! timing
use selvedge::process::{Command, Stdio};
use std::time::Instant;
fn main() -> std::process::ExitCode {
    selvedge::run("t", |_stop| {
        let n = 1000;
        for round in 0..3 {
            let t = Instant::now();
            for _ in 0..n {
                std::process::Command::new("/bin/true").status()?;
            }
            let s = t.elapsed() / n;
            let c = Command::new("/bin/true")
                .stdout(Stdio::Inherit)
                .stderr(Stdio::Inherit);
            let t = Instant::now();
            for _ in 0..n {
                c.spawn()?.join()?;
            }
            let o = t.elapsed() / n;
            println!(
                "{round} true std {s:?} ours {o:?} {:.2}",
                o.as_secs_f64() / s.as_secs_f64()
            );
            let t = Instant::now();
            for _ in 0..n {
                std::process::Command::new("/bin/echo")
                    .arg("hello")
                    .output()?;
            }
            let s = t.elapsed() / n;
            let c = Command::new("/bin/echo").arg("hello");
            let t = Instant::now();
            for _ in 0..n {
                assert_eq!(c.spawn()?.output()?.stdout, b"hello\n");
            }
            let o = t.elapsed() / n;
            println!(
                "{round} echo std {s:?} ours {o:?} {:.2}",
                o.as_secs_f64() / s.as_secs_f64()
            );
        }
        Ok(())
    })
}
