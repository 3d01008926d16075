//! What a process used: memory, processor time, switches, threads.

use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};
use std::fs;

/// Fewer tasks than this say nothing of the memory of one: what else grows meanwhile, stacks, pages of code, the
/// allocator's reserve, is two megabytes or so, more where nothing is optimised.
const ENOUGH: u64 = 10_000;

/// What a process used, as far as the system tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The most memory that it had at once (`VmHWM`).
    pub peak_memory_bytes: Option<f64>,
    /// What the work added to the memory that was resident before it, at its peak, for each task that is alive at
    /// once: of 10,000 tasks or more. Everything is in it, the work's own values too, and of 10,000 tasks up to 200
    /// bytes of each are the process's stacks, code and reserve: of a million, two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_task: Option<f64>,
    /// Seconds of processor time for a million operations, of all threads together; the warm-up is one of the runs.
    /// Operations are units or latencies: a quantity has none.
    pub cpu_seconds_per_million: Option<f64>,
    /// How often a thread gave its core up or lost it, for an operation; threads that have ended don't count.
    pub switches_per_operation: Option<f64>,
    /// Threads, the runtime's own and the main one, at the end.
    pub threads: Option<f64>,
}

/// The beginning of what is counted; the default where nothing is.
#[derive(Default)]
pub(crate) struct Start {
    cpu: Option<ProcessTime>,
    switches: Option<u64>,
    memory: Memory,
}

/// Kibibytes, now and at most.
#[derive(Default)]
struct Memory {
    resident: Option<u64>,
    peak: Option<u64>,
}

/// Begins to count.
pub(crate) fn start() -> Start {
    Start { cpu: ProcessTime::try_now().ok(), switches: switches(), memory: Memory::of(&status()) }
}

impl Start {
    /// What was used since, for so many operations, if there are any, and so many tasks at once.
    pub(crate) fn end(self, operations: Option<u64>, tasks: Option<u64>) -> Usage {
        let each = |used: f64| Some(used / operations? as f64);
        let cpu = self.cpu.and_then(|start| start.try_elapsed().ok());
        let switched = switches().zip(self.switches).map(|(end, start)| end.saturating_sub(start));
        let status = status();
        let memory = Memory::of(&status);
        Usage {
            peak_memory_bytes: memory.peak.map(|kibibytes| kibibytes as f64 * 1024.0),
            bytes_per_task: tasks.and_then(|tasks| memory.per_task(&self.memory, tasks)),
            cpu_seconds_per_million: cpu.and_then(|cpu| each(cpu.as_secs_f64() * 1e6)),
            switches_per_operation: switched.and_then(|switched| each(switched as f64)),
            threads: field(&status, "Threads").map(|threads| threads as f64),
        }
    }
}

impl Memory {
    fn of(status: &str) -> Self {
        Self { resident: field(status, "VmRSS"), peak: field(status, "VmHWM") }
    }

    /// Bytes of each; `None` where they are too few, or the peak was before them.
    fn per_task(&self, before: &Self, tasks: u64) -> Option<f64> {
        let peak =
            self.peak.filter(|&peak| tasks >= ENOUGH && before.peak.is_some_and(|before| peak > before))?;
        Some(peak.checked_sub(before.resident?)? as f64 * 1024.0 / tasks as f64)
    }
}

fn status() -> String {
    fs::read_to_string("/proc/self/status").unwrap_or_default()
}

/// Of all threads that there are.
fn switches() -> Option<u64> {
    let threads = fs::read_dir("/proc/self/task").ok()?;
    let of = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("status")).ok()?;
        Some(field(&status, "voluntary_ctxt_switches")? + field(&status, "nonvoluntary_ctxt_switches")?)
    };
    Some(threads.filter_map(|thread| of(thread.ok()?)).sum())
}

/// The number in a line such as `VmHWM:   1234 kB`.
fn field(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;
    use std::thread;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status =
            "Name:\tx\nVmHWM:\t  1234 kB\nnonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t3\n";
        assert_eq!(field(status, "VmHWM"), Some(1234));
        assert_eq!(field(status, "voluntary_ctxt_switches"), Some(3));
        assert_eq!(field(status, "Vm"), None);
    }

    #[test]
    fn memory_is_shown_for_each_of_enough_tasks_whose_peak_it_was() {
        let before = Memory { resident: Some(1_000), peak: Some(2_000) };
        let of = |peak, tasks| Memory { resident: None, peak }.per_task(&before, tasks);
        assert_eq!(of(Some(5_000), 10_000), Some(409.6));
        assert_eq!(of(Some(5_000), 9_999), None);
        assert_eq!((of(Some(2_000), 10_000), of(None, 10_000)), (None, None));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn work_is_seen() {
        let start = start();
        let mut sum = 0_u64;
        while start.cpu.unwrap().elapsed().as_millis() < 20 {
            sum = black_box(sum + 1);
            thread::yield_now();
        }
        let usage = start.end(Some(1_000_000), None);
        assert!(usage.cpu_seconds_per_million.unwrap() >= 0.02, "{usage:?}");
        assert!(usage.peak_memory_bytes.unwrap() > 100_000.0, "{usage:?}");
        assert!(usage.threads.unwrap() >= 1.0 && usage.switches_per_operation.is_some(), "{usage:?}");
    }
}
