//! One file per part of the library.

mod ambient;
mod call;
mod signal;
mod sync;
mod thread;

use crate::measure::Report;

type Part = (&'static str, fn(&mut Report));

/// Every part, in the order of the layers.
pub const ALL: [Part; 7] = [
    ("signal", signal::rows),
    ("sync", sync::rows),
    ("thread", thread::rows),
    ("ambient", ambient::rows),
    ("call", call::rows),
    ("process", none),
    ("observe", none),
];

/// A part of which nothing is built yet.
fn none(report: &mut Report) {
    eprintln!("bench-compare: part `{}` has no rows yet", report.part);
}
