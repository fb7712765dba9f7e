//! Events as records of the crate `log`, with the target `selvedge`, or `selvedge::context::` and a context's name,
//! and the thread's path as the key `thread`.

use log::{Level, MetadataBuilder, Record};

use crate::probe::Event;
use crate::probe::event::Weight;

/// Hands the event to the program's logger. Was there one that wants it?
pub(super) fn forward(event: &Event<'_>) -> bool {
    let level = match event.weight() {
        Weight::Error => Level::Error,
        Weight::Warning => Level::Warn,
        Weight::Info => Level::Info,
        Weight::Detail => Level::Debug,
    };
    if level > log::max_level() {
        return false;
    }
    let of_context = event
        .context()
        .map(|name| format!("selvedge::context::{name}"));
    let metadata = MetadataBuilder::new()
        .target(of_context.as_deref().unwrap_or("selvedge"))
        .level(level)
        .build();
    if !log::logger().enabled(&metadata) {
        return false;
    }
    let thread = ("thread", event.thread().unwrap_or_default());
    let mut record = Record::builder();
    record
        .metadata(metadata)
        .module_path_static(Some("selvedge"));
    if event.thread().is_some() {
        record.key_values(&thread);
    }
    log::logger().log(&record.args(format_args!("{event}")).build());
    true
}
