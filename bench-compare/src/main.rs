//! selvedge beside its peers, in turn and in one process, as ratios.
//!
//! `bench-compare [--json] [PART]...`; parts: signal, sync, thread, ambient, call, process, observe.
//! Each row times our operation and each peer's A B A B, takes the median of at least nine samples, and
//! prints ours, theirs and the ratio ours/theirs. Lower is better for us.

mod measure;
mod parts;

use std::process::ExitCode;

use measure::Report;

fn main() -> ExitCode {
    let mut report = Report::default();
    let mut wanted = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => report.json = true,
            part if parts::ALL.iter().any(|(name, _)| *name == part) => {
                wanted.push(part.to_owned())
            }
            other => {
                let names: Vec<_> = parts::ALL.iter().map(|(name, _)| *name).collect();
                eprintln!(
                    "bench-compare: no part `{other}`; there are: {}",
                    names.join(", ")
                );
                return ExitCode::from(2);
            }
        }
    }
    report.header();
    for (name, run) in parts::ALL {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            report.part = name;
            run(&mut report);
        }
    }
    ExitCode::SUCCESS
}
