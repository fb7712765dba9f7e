//! What the kernel knows of a thread of this process.

/// How many nanoseconds the thread with this number was on a processor, and how many it was ready and had none.
/// None if it has ended, or the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn times_of(thread: u32) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn times_of(_thread: u32) -> Option<(u64, u64)> {
    None
}
