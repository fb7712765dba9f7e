//! A thread of somebody else: how values, and the request to stop, reach it.
//!
//! A camera library has a thread of its own, and calls us on it. Such a thread is in no tree: nobody asks it
//! to stop, and nothing is bound on it. What it should see is captured here and entered there.

use std::process::ExitCode;
use std::thread as foreign; // stands for the library's own

use selvedge::sync::Queue;
use selvedge::thread::{self, Outcome};
use selvedge::{Ambient, Signal, local, signal};

local! { static CAMERA: &'static str; }

/// The library: calls `on_frame` for each frame until it gives `false`, then drops it.
fn start_camera(mut on_frame: impl FnMut(u32) -> bool + Send + 'static) {
    let camera = foreign::Builder::new().name("camera".to_owned());
    let _ = camera.spawn(move || (0..).find(|number| !on_frame(*number)));
}

/// Our callback, on the library's thread: waits for room, and gives up when it should stop.
fn on_frame(number: u32, frames: &Queue<u32>) -> bool {
    if number == 0 {
        let alien = thread::current();
        println!("`{alien}` is in a tree: {}", alien.is_member());
        let told = CAMERA.with(|name| println!("it records the {name}"));
        told.expect("it was carried here");
    }
    frames.push(number).is_ok()
}

/// Public for its test.
pub fn main() -> ExitCode {
    selvedge::run("alien", |stop| -> Outcome<()> {
        let frames = Queue::named("frames", 1);
        let (enough, ended) = (Signal::named("enough"), Signal::named("camera ended"));

        // The hand-over: what is bound, and as a deadline the stop and what else should end it.
        let over = &stop | &enough;
        let here = CAMERA.bind("front door", || signal::deadline(&over, Ambient::capture));
        start_camera({
            let (frames, alive) = (frames.clone(), ended.set_on_drop());
            move |number| {
                let _alive = &alive; // dropped with this closure, however the library ends
                here.run(|| on_frame(number, &frames))
            }
        });

        for _ in 0..3 {
            println!("frame {}", frames.pop()?);
        }
        enough.set_because("three frames are enough");
        ended.wait()?; // a push that waited for room has ended, and did not happen
        println!("the camera has ended; frames left: {}", frames.len());
        Ok(())
    })
}
