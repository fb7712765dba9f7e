//! selvedge beside its peers, in turn and in one process, as ratios.
//!
//! `bench-compare [--json] [--only TEXT] [PART]...`; a part is `signal`, `sync`, ..., or a piece of one as
//! `sync/queue`. `--only` takes rows whose name contains the text. Each row measures our operation and each
//! peer's in turn, takes the median of at least nine samples, and prints ours, theirs and the ratio
//! ours/theirs. Lower is better for us.

mod machine;
mod measure;
mod parts;

use std::process::ExitCode;

use measure::Report;

#[global_allocator]
static ALLOCATOR: machine::Counting = machine::Counting;

fn main() -> ExitCode {
    let mut report = Report::default();
    let mut wanted = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            parts::tree::RESIDENT => {
                return parts::tree::print_resident(&arguments.next().unwrap_or_default());
            }
            parts::process_worker::WORKER => return parts::process_worker::serve(),
            parts::process_worker::PIPE => return parts::process_worker::answer(),
            "--json" => report.json = true,
            "--only" => match arguments.next() {
                Some(text) => report.only = Some(text.to_lowercase()),
                None => {
                    eprintln!("bench-compare: `--only` needs the text to look for");
                    return ExitCode::from(2);
                }
            },
            part if parts::ALL.iter().any(|(name, _)| belongs(name, part)) => {
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
        if wanted.is_empty() || wanted.iter().any(|part| belongs(name, part)) {
            report.part = name;
            run(&mut report);
        }
    }
    ExitCode::SUCCESS
}

/// Is `name` the part, or a piece of it?
fn belongs(name: &str, part: &str) -> bool {
    name == part
        || name
            .strip_prefix(part)
            .is_some_and(|rest| rest.starts_with('/'))
}
