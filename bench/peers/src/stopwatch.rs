//! The processor time of this thread.
//!
//! All contestants of a bench run on the calling thread. Its processor time counts the work and not the moments
//! in which the machine did something else, which on a shared machine are most of a clock's noise.

use cpu_time::ThreadTime;
use std::time::Duration;

/// Counts from its start, on the thread that started it.
///
/// # Examples
///
/// ```
/// use backstay_peers::stopwatch::Stopwatch;
///
/// let watch = Stopwatch::start();
/// let sum: u64 = std::hint::black_box(0..1_000_000_u64).map(std::hint::black_box).sum();
/// assert_eq!(sum, 499_999_500_000);
/// assert!(!watch.read().is_zero());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Duration);

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        Self(thread_time())
    }

    /// What this thread has worked since the start.
    pub fn read(self) -> Duration {
        thread_time() - self.0
    }
}

/// The processor time of this thread so far, in nanoseconds: a meter.
pub fn thread_nanoseconds() -> u64 {
    u64::try_from(thread_time().as_nanos()).unwrap_or(u64::MAX)
}

// A `ThreadTime` itself can't be held by a task that could be sent.
fn thread_time() -> Duration {
    ThreadTime::now().as_duration()
}
