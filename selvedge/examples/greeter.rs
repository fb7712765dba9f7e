//! Greet by name from a worker thread, without passing the name: the README's program.

use selvedge::{Till, local, sync::Queue, thread};
use std::{process::ExitCode, time::Duration};

local! { static USER: String; }

fn greet() -> Result<(), selvedge::Unbound> {
    USER.with(|user| println!("hello {user}")) // no argument was passed
}

fn main() -> ExitCode {
    selvedge::run("greeter", |_stop| {
        let names = Queue::new();
        let mine = names.clone();
        let worker = thread::spawn("worker", move |_stop| {
            for name in &mine {
                USER.bind(name, greet)?;
            }
            Ok(())
        });
        names.push("Ada".to_owned())?;
        names.close();
        worker.join_until(&Till::after(Duration::from_secs(5)))?;
        Ok(())
    })
}
