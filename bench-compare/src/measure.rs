//! How a row is measured: calibrated loops, in turn, medians.

use std::time::{Duration, Instant};

/// How many samples a median is taken of.
const SAMPLES: usize = 15;
/// How long one sample runs, about.
const SAMPLE: Duration = Duration::from_millis(12);

/// Where rows go.
#[derive(Default)]
pub struct Report {
    pub json: bool,
    pub part: &'static str,
}

/// Something that does its operation `n` times.
pub type Loop<'l> = Box<dyn FnMut(u64) + 'l>;

/// One row: our operation and those of the peers.
pub struct Row<'l> {
    pub name: &'static str,
    pub ours: Loop<'l>,
    pub peers: Vec<(&'static str, Loop<'l>)>,
}

impl Report {
    pub fn header(&self) {
        if !self.json {
            println!(
                "{:8} {:44} {:>10}  {:34} {:>10} {:>7}",
                "part", "row", "ours", "peer", "theirs", "ratio"
            );
        }
    }

    /// Measures and prints a row, in nanoseconds an operation.
    pub fn row(&mut self, row: Row<'_>) {
        let Row {
            name,
            mut ours,
            peers,
        } = row;
        let n_ours = calibrate(&mut ours);
        for (peer, mut theirs) in peers {
            let n_theirs = calibrate(&mut theirs);
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for _ in 0..SAMPLES {
                a.push(sample(&mut ours, n_ours));
                b.push(sample(&mut theirs, n_theirs));
            }
            self.print(name, median(a), peer, median(b), "ns");
        }
    }

    fn print(&self, row: &str, ours: f64, peer: &str, theirs: f64, unit: &str) {
        let ratio = ours / theirs;
        let part = self.part;
        if self.json {
            println!(
                "{{\"part\":\"{part}\",\"row\":\"{row}\",\"ours\":{ours:.3},\"peer\":\"{peer}\",\
                 \"theirs\":{theirs:.3},\"ratio\":{ratio:.3},\"unit\":\"{unit}\",\"samples\":{SAMPLES}}}"
            );
        } else {
            println!(
                "{part:8} {row:44} {ours:8.2}{unit}  {peer:34} {theirs:8.2}{unit} {ratio:6.2}x"
            );
        }
    }
}

/// How often to repeat so that a sample takes its time; warms up as well.
fn calibrate(f: &mut Loop<'_>) -> u64 {
    let mut n = 1;
    loop {
        let start = Instant::now();
        f(n);
        let took = start.elapsed();
        if took >= SAMPLE / 2 {
            return n;
        }
        n *= if took < SAMPLE / 20 { 8 } else { 2 };
    }
}

fn sample(f: &mut Loop<'_>, n: u64) -> f64 {
    let start = Instant::now();
    f(n);
    start.elapsed().as_nanos() as f64 / n as f64
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
