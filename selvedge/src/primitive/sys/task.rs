//! What the kernel knows of a thread of this process, and of its children.

/// How many nanoseconds the thread with this number was on a processor, and how many it was ready and had none.
/// None if it has ended, or the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn times_of(thread: u32) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The words of a process's command line, with blanks between them. None if it has ended, or the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn command_of(process: u32) -> Option<String> {
    let words = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let words = words.strip_suffix(b"\0")?;
    let words = words.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    Some(words.collect::<Vec<_>>().join(" "))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn command_of(_process: u32) -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn times_of(_thread: u32) -> Option<(u64, u64)> {
    None
}
