//! What a process used: memory, processor time, switches, threads.

use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};
use std::fs;

/// What a process used, as far as the system tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The most memory that it had at once (`VmHWM`).
    pub peak_memory_bytes: Option<f64>,
    /// Seconds of processor time for a million operations, of all threads together; the warm-up is one of the runs.
    pub cpu_seconds_per_million: Option<f64>,
    /// How often a thread gave its core up or lost it, for an operation; threads that have ended don't count.
    pub switches_per_operation: Option<f64>,
    /// Threads, the runtime's own and the main one, at the end.
    pub threads: Option<f64>,
}

/// The beginning of what is counted.
pub(crate) struct Start {
    cpu: Option<ProcessTime>,
    switches: Option<u64>,
}

/// Begins to count.
pub(crate) fn start() -> Start {
    Start { cpu: ProcessTime::try_now().ok(), switches: switches() }
}

impl Start {
    /// What was used since, for so many operations.
    pub(crate) fn end(self, operations: u64) -> Usage {
        let operations = operations as f64;
        let cpu = self.cpu.and_then(|start| start.try_elapsed().ok());
        let switched = switches().zip(self.switches).map(|(end, start)| end.saturating_sub(start));
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name| field(&status, name).map(|number| number as f64);
        Usage {
            peak_memory_bytes: field("VmHWM").map(|kibibytes| kibibytes * 1024.0),
            cpu_seconds_per_million: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / operations),
            switches_per_operation: switched.map(|switched| switched as f64 / operations),
            threads: field("Threads"),
        }
    }
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
    #[cfg(target_os = "linux")]
    fn work_is_seen() {
        let start = start();
        let mut sum = 0_u64;
        while start.cpu.unwrap().elapsed().as_millis() < 20 {
            sum = black_box(sum + 1);
            thread::yield_now();
        }
        let usage = start.end(1_000_000);
        assert!(usage.cpu_seconds_per_million.unwrap() >= 0.02, "{usage:?}");
        assert!(usage.peak_memory_bytes.unwrap() > 100_000.0, "{usage:?}");
        assert!(usage.threads.unwrap() >= 1.0 && usage.switches_per_operation.is_some(), "{usage:?}");
    }
}
