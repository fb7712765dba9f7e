//! How a row is measured: in turn, medians; of calibrated loops or of values that a sample gives itself.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// How many samples a median of calibrated loops is taken of.
const SAMPLES: usize = 15;
/// How long one sample runs, about.
const SAMPLE: Duration = Duration::from_millis(12);

/// Where rows go.
#[derive(Default)]
pub struct Report {
    pub json: bool,
    pub part: &'static str,
    /// Only rows whose name contains this, in lower case.
    pub only: Option<String>,
}

/// Something that does its operation `n` times.
pub type Loop<'l> = Box<dyn FnMut(u64) + 'l>;

/// Something that gives one sample: a time an element, bytes, a count.
pub type Sample<'l> = Box<dyn FnMut() -> f64 + 'l>;

/// One row: our operation and those of the peers, in nanoseconds an operation.
pub struct Row<'l> {
    pub name: &'static str,
    pub ours: Loop<'l>,
    pub peers: Vec<(&'static str, Loop<'l>)>,
}

/// One row of samples that are values already; of no peer if there is nothing to compare with.
pub struct Values<'l> {
    pub name: &'static str,
    pub unit: &'static str,
    pub samples: usize,
    pub ours: Sample<'l>,
    pub peers: Vec<(&'static str, Sample<'l>)>,
}

impl Report {
    pub fn header(&self) {
        if !self.json {
            println!(
                "{:13} {:44} {:>14}  {:34} {:>14} {:>7}",
                "part", "row", "ours", "peer", "theirs", "ratio"
            );
        }
    }

    /// Whether a row is to be measured; for what is costly to set up.
    pub fn wants(&self, name: &str) -> bool {
        let only = self.only.as_deref().unwrap_or("");
        name.to_lowercase().contains(only)
    }

    /// Measures and prints a row of calibrated loops: ours and a peer's A B A B, for each peer.
    pub fn row(&mut self, row: Row<'_>) {
        let Row {
            name,
            mut ours,
            peers,
        } = row;
        if !self.wants(name) {
            return;
        }
        let n_ours = calibrate(&mut ours);
        for (peer, mut theirs) in peers {
            let n_theirs = calibrate(&mut theirs);
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for _ in 0..SAMPLES {
                a.push(sample(&mut ours, n_ours));
                b.push(sample(&mut theirs, n_theirs));
            }
            self.print(
                name,
                median(&mut a),
                Some((peer, median(&mut b))),
                "ns",
                SAMPLES,
            );
        }
    }

    /// Takes and prints a row of values: ours and those of all peers in turn, A B C A B C.
    pub fn values(&mut self, values: Values<'_>) {
        let Values {
            name,
            unit,
            samples,
            mut ours,
            mut peers,
        } = values;
        if !self.wants(name) {
            return;
        }
        let mut a = Vec::new();
        let mut b = vec![Vec::new(); peers.len()];
        for _ in 0..samples {
            a.push(ours());
            for ((_, theirs), b) in peers.iter_mut().zip(&mut b) {
                b.push(theirs());
            }
        }
        let ours = median(&mut a);
        if peers.is_empty() {
            self.print(name, ours, None, unit, samples);
        }
        for ((peer, _), b) in peers.iter().zip(&mut b) {
            self.print(name, ours, Some((peer, median(b))), unit, samples);
        }
    }

    fn print(&self, row: &str, ours: f64, peer: Option<(&str, f64)>, unit: &str, samples: usize) {
        let part = self.part;
        let ratio = peer
            .filter(|(_, theirs)| *theirs != 0.0)
            .map(|(_, theirs)| ours / theirs);
        if self.json {
            let null = || "null".to_owned();
            let name = peer.map_or_else(null, |(peer, _)| format!("\"{peer}\""));
            let theirs = peer.map_or_else(null, |(_, theirs)| format!("{theirs:.3}"));
            let ratio = ratio.map_or_else(null, |ratio| format!("{ratio:.3}"));
            println!(
                "{{\"part\":\"{part}\",\"row\":\"{row}\",\"ours\":{ours:.3},\"peer\":{name},\
                 \"theirs\":{theirs},\"ratio\":{ratio},\"unit\":\"{unit}\",\"samples\":{samples}}}"
            );
        } else {
            let dash = || "-".to_owned();
            let name = peer.map_or("-", |(peer, _)| peer);
            let theirs = peer.map_or_else(dash, |(_, theirs)| format!("{theirs:.2} {unit}"));
            let ratio = ratio.map_or_else(dash, |ratio| format!("{ratio:.2}x"));
            let ours = format!("{ours:.2} {unit}");
            println!("{part:13} {row:44} {ours:>14}  {name:34} {theirs:>14} {ratio:>7}");
        }
    }
}

/// How often to repeat so that a sample takes its time; warms up as well.
fn calibrate(f: &mut Loop<'_>) -> u64 {
    repeats(SAMPLE, |n| {
        let start = Instant::now();
        f(n);
        start.elapsed()
    })
}

/// How often to repeat so that `run`, which says how long it took, takes about `wanted`.
pub fn repeats(wanted: Duration, mut run: impl FnMut(u64) -> Duration) -> u64 {
    let mut n = 1;
    loop {
        let took = run(n);
        if took >= wanted / 2 {
            return n;
        }
        n *= if took < wanted / 20 { 8 } else { 2 };
    }
}

/// Calls `f` with `0..n`, as no compiler can leave out.
pub fn repeat(n: u64, f: impl Fn(u64) -> u64) {
    let mut sum = 0_u64;
    for i in 0..n {
        sum = sum.wrapping_add(f(i));
    }
    black_box(sum);
}

/// When a thread began and ended its share of a sample.
pub type Span = (Instant, Instant);

/// Does a share of a sample once all threads are `ready`, and tells when.
pub fn span(ready: &Barrier, share: impl FnOnce()) -> Span {
    ready.wait();
    let began = Instant::now();
    share();
    (began, Instant::now())
}

/// From the first that began to the last that ended.
///
/// Told by those who worked: with as many threads as cores, one that only looks on wakes up late.
pub fn whole(spans: &[Span]) -> Duration {
    let began = spans.iter().map(|span| span.0).min().expect("a thread");
    let ended = spans.iter().map(|span| span.1).max().expect("a thread");
    ended - began
}

fn sample(f: &mut Loop<'_>, n: u64) -> f64 {
    let start = Instant::now();
    f(n);
    start.elapsed().as_nanos() as f64 / n as f64
}

pub fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
