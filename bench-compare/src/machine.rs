//! What rows need of the machine: cores, processor time, switches of threads, and a count of bytes.
//!
//! # Invariants
//!
//! 1. `Counting` hands every request on as it came, and counts beside it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// On which cores the two threads of a row run.
#[derive(Clone, Copy)]
pub enum Cores {
    Two,
    One,
    Any,
}

/// Which of the two.
#[derive(Clone, Copy)]
pub enum Seat {
    First,
    Second,
}

impl Cores {
    /// Keeps the calling thread on its core until the guard is dropped.
    ///
    /// A thread inherits the cores of the one that starts it, so each of the two says its own.
    pub fn pin(self, seat: Seat) -> Pinned {
        let before = sched_getaffinity(None).expect("the cores of this thread");
        let all = *ALL.get_or_init(|| before);
        let mut cpus = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu));
        let first = cpus.next().expect("there is a core");
        let cpu = match (self, seat) {
            (Self::Any, _) => None,
            (Self::Two, Seat::Second) => Some(cpus.next().expect("there are two cores")),
            _ => Some(first),
        };
        let set = cpu.map_or(all, |cpu| {
            let mut only = CpuSet::new();
            only.set(cpu);
            only
        });
        sched_setaffinity(None, &set).expect("a core that we have");
        Pinned { before }
    }
}

/// The cores of the first thread that was pinned: those of the program.
static ALL: OnceLock<CpuSet> = OnceLock::new();

/// Gives a thread its cores back.
pub struct Pinned {
    before: CpuSet,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        sched_setaffinity(None, &self.before).expect("the cores that we had");
    }
}

/// Processor time of the whole process so far, in nanoseconds.
pub fn cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// How often the other threads of this process went to sleep of their own so far, all together.
pub fn voluntary_switches() -> f64 {
    let own = gettid().as_raw_nonzero().to_string();
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    tasks
        .flatten()
        .filter(|task| task.file_name().to_str() != Some(&own))
        .map(|task| {
            let status = fs::read_to_string(task.path().join("status")).expect("a live thread");
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            let count: u64 = line.and_then(|n| n.trim().parse().ok()).expect("a count");
            count as f64
        })
        .sum()
}

/// How many KiB of this process are in memory.
pub fn resident() -> f64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("Linux");
    let rss = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = rss.and_then(|rest| rest.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse().ok()).expect("a count")
}

/// Bytes that `make` leaves allocated, on any thread, for as long as its value lives.
pub fn bytes_kept<T>(make: impl FnOnce() -> T) -> (f64, T) {
    LIVE.store(0, Relaxed);
    COUNTS.store(true, Relaxed);
    let value = make();
    COUNTS.store(false, Relaxed);
    (LIVE.load(Relaxed) as f64, value)
}

static COUNTS: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator; it counts while it is asked to, and otherwise costs one load.
pub struct Counting;

impl Counting {
    fn count(bytes: i64) {
        if COUNTS.load(Relaxed) {
            LIVE.fetch_add(bytes, Relaxed);
        }
    }
}

// SAFETY: invariant 1: what `System` promises, this does.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size() as i64);
        // SAFETY: invariant 1.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size() as i64);
        // SAFETY: invariant 1.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        Self::count(-(layout.size() as i64));
        // SAFETY: invariant 1.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(size as i64 - layout.size() as i64);
        // SAFETY: invariant 1.
        unsafe { System.realloc(at, layout, size) }
    }
}
