//! The processor, the kernel, the memory.

use super::word;
use serde::{Deserialize, Serialize};
use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

/// The processor, the kernel, the memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Its architecture.
    pub arch: String,
    /// The operating system.
    pub os: String,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// Whether a hypervisor is below it.
    pub is_virtual: Option<bool>,
    /// Who decides how fast the cores run: `performance`, `powersave`, …; if they differ, all of them.
    pub governor: Option<String>,
}

impl Machine {
    /// This one, as far as the files below `root` tell.
    pub fn read(root: &Path) -> Self {
        let processor = fs::read_to_string(root.join("proc/cpuinfo")).ok();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name));
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
        };
        let flags = processor.as_deref().and_then(|text| field(text, "flags"));
        let memory = fs::read_to_string(root.join("proc/meminfo")).ok();
        let memory = memory.and_then(|text| field(&text, "MemTotal"));
        let kibibytes = memory.and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok());
        Self {
            cpu: processor.as_deref().and_then(|text| field(text, "model name")),
            cores: available_parallelism().map_or(1, Into::into),
            arch: ARCH.to_owned(),
            os: OS.to_owned(),
            kernel: word(root, "proc/sys/kernel/osrelease"),
            memory_bytes: kibibytes.and_then(|kibibytes| kibibytes.checked_mul(1024)),
            is_virtual: flags.map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
            governor: governor(root),
        }
    }
}

fn governor(root: &Path) -> Option<String> {
    let cores = fs::read_dir(root.join("sys/devices/system/cpu")).ok()?;
    let paths = cores.filter_map(|core| Some(core.ok()?.path().join("cpufreq/scaling_governor")));
    let mut governors: Vec<_> = paths.filter_map(|path| fs::read_to_string(path).ok()).collect();
    governors.iter_mut().for_each(|governor| *governor = governor.trim().to_owned());
    governors.sort_unstable();
    governors.dedup();
    (!governors.is_empty()).then(|| governors.join(", "))
}
