//! Three stages with a bounded queue between each two: the end of the input closes them one after another.
//!
//! ```text
//! reader ──lines──> parsers (2) ──numbers──> squarer ──squares──> main
//! ```
//!
//! A slow stage slows those before it, because a push waits for room. A stage that ends, however it does,
//! drops its producer; when all producers of a queue are gone, it closes, and who pops sees the end.

use std::process::ExitCode;

use selvedge::sync::Queue;
use selvedge::thread::{self, Outcome, Thread};

const TEXT: &str = "1 2 3 x 4\n5 6\n\n7 y 8 9 10";

/// Public for its test.
pub fn main() -> ExitCode {
    selvedge::run("pipeline", |_stop| -> Outcome<()> {
        let lines = Queue::named("lines", 2);
        let numbers = Queue::named("numbers", 4);
        let squares = Queue::named("squares", 4);

        let reader = thread::spawn("reader", {
            let lines = lines.producer();
            move |_stop| {
                for line in TEXT.lines() {
                    lines.push(line)?;
                }
                Ok(()) // drops the only producer: `lines` closes
            }
        });
        let parsers: Vec<Thread<usize>> = (0..2)
            .map(|i| {
                let (lines, numbers) = (lines.clone(), numbers.producer());
                thread::spawn(&format!("parser-{i}"), move |_stop| {
                    let mut refused = 0;
                    for word in lines.iter().flat_map(str::split_whitespace) {
                        match word.parse::<u64>() {
                            Ok(number) => numbers.push(number)?,
                            Err(_) => refused += 1,
                        }
                    }
                    Ok(refused) // `numbers` closes when both parsers are done
                })
            })
            .collect();
        let squarer = thread::spawn("squarer", {
            let (numbers, squares) = (numbers.clone(), squares.producer());
            move |_stop| {
                for number in &numbers {
                    squares.push(number * number)?;
                }
                Ok(())
            }
        });

        let sum: u64 = squares.iter().sum(); // until `squares` closes, or the program is asked to stop
        reader.join()?;
        let refused = parsers.iter().map(Thread::join).sum::<Result<usize, _>>()?;
        squarer.join()?;
        println!("the squares sum up to {sum}; {refused} words were no numbers");
        Ok(())
    })
}
