//! What the control group allows.

use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// What the control group allows; `None` is without limit, or there is no control group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Cores' worth of processor time. The kernel stops whoever has used it up until its period ends, which is seen
    /// as pauses of many milliseconds.
    pub cpus: Option<f64>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
}

impl Limits {
    /// Those of this process, read below `root`: the least of its control group's and those above it. Control
    /// groups of the second version, and of the first where they are mounted as usual.
    pub fn read(root: &Path) -> Self {
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        let own = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
        let mount = root.join("sys/fs/cgroup");
        let own = mount.join(own.trim_start_matches('/'));
        let mut limits = Self::default();
        for group in own.ancestors().take_while(|group| group.starts_with(&mount)) {
            let read = |name: &str| fs::read_to_string(group.join(name)).unwrap_or_default();
            limits.lower(Self { cpus: quota(&read("cpu.max")), memory_bytes: number(&read("memory.max")) });
        }
        let read = |path: &str| fs::read_to_string(mount.join(path)).unwrap_or_default();
        let first =
            format!("{} {}", read("cpu/cpu.cfs_quota_us").trim(), read("cpu/cpu.cfs_period_us").trim());
        limits.lower(Self {
            cpus: quota(&first),
            // Where there is none it is the greatest number of pages.
            memory_bytes: number(&read("memory/memory.limit_in_bytes")).filter(|&bytes| bytes < 1 << 62),
        });
        limits
    }

    fn lower(&mut self, other: Self) {
        self.cpus = [self.cpus, other.cpus].into_iter().flatten().min_by(f64::total_cmp);
        self.memory_bytes = [self.memory_bytes, other.memory_bytes].into_iter().flatten().min();
    }
}

/// `150000 100000` is a core and a half; `max 100000` and `-1 100000` are no limit.
fn quota(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let quota: f64 = words.next()?.parse().ok()?;
    let period: f64 = words.next()?.parse().ok()?;
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
