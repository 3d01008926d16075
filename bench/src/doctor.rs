//! Whether a machine can be measured on: what disturbs figures, and what to do about it.

use crate::environment::Environment;
use serde::{Deserialize, Serialize};

/// Load that is somebody else's, for each core.
const BUSY: f64 = 0.1;

/// A clock with coarser steps can't take short times.
const COARSE_NS: u64 = 1_000;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// How it is.
    pub found: String,
    /// What is wrong with it, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Looks at all that disturbs figures.
pub fn examine(environment: &Environment) -> Vec<Finding> {
    vec![
        build(environment),
        cores(environment),
        quota(environment),
        memory(environment),
        load(environment),
        governor(environment),
        hypervisor(environment),
        clock(environment),
    ]
}

fn finding(what: &str, found: String, warning: Option<&str>) -> Finding {
    Finding { what: what.to_owned(), found, warning: warning.map(str::to_owned) }
}

fn build(Environment { build, .. }: &Environment) -> Finding {
    let found = format!("{}, opt-level {}, {}", build.profile, build.opt_level, build.compiler);
    let warning = "not optimised: its figures mean nothing; build with --release, or use cargo bench";
    finding("build", found, (!build.is_optimised()).then_some(warning))
}

fn cores(Environment { machine, .. }: &Environment) -> Finding {
    let cpu = machine.cpu.as_deref().unwrap_or("an unknown processor");
    let warning = "with one core everything waits for everything; take at least two";
    finding("cores", format!("{} of {cpu}", machine.cores), (machine.cores < 2).then_some(warning))
}

fn quota(Environment { limits, .. }: &Environment) -> Finding {
    let found = limits.cpus.map_or_else(|| "no limit".to_owned(), |cpus| format!("{cpus:.2} cores' worth"));
    let warning = "whoever uses it up is stopped for many milliseconds; give whole cores (cpuset) instead";
    finding("cpu quota", found, limits.cpus.map(|_| warning))
}

fn memory(Environment { machine, limits, .. }: &Environment) -> Finding {
    const LITTLE: u64 = 512 << 20;
    let bytes = [limits.memory_bytes, machine.memory_bytes].into_iter().flatten().min();
    let found = bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
    let warning = "large sizes may not fit";
    finding("memory", found, bytes.filter(|&bytes| bytes < LITTLE).map(|_| warning))
}

fn load(Environment { machine, load_before, .. }: &Environment) -> Finding {
    let found =
        load_before.map_or_else(|| "unknown".to_owned(), |load| format!("{load:.2} in the last minute"));
    let busy = load_before.is_some_and(|load| load > BUSY * machine.cores as f64);
    let warning = "others use this machine: intervals will be wide; wait until it is quiet";
    finding("load", found, busy.then_some(warning))
}

fn governor(Environment { machine, .. }: &Environment) -> Finding {
    let found = machine.governor.clone().unwrap_or_else(|| "unknown".to_owned());
    let slow = machine.governor.as_deref().is_some_and(|governor| governor != "performance");
    let warning = "cores change their speed; set it: cpupower frequency-set -g performance";
    finding("governor", found, slow.then_some(warning))
}

fn hypervisor(Environment { machine, .. }: &Environment) -> Finding {
    let found = match machine.is_virtual {
        Some(true) => "a virtual machine",
        Some(false) => "none",
        None => "unknown",
    };
    let warning = "its neighbours take time that it can't see: compare ratios, not nanoseconds";
    finding("hypervisor", found.to_owned(), (machine.is_virtual == Some(true)).then_some(warning))
}

fn clock(Environment { clock, .. }: &Environment) -> Finding {
    let source = clock.source.as_deref().unwrap_or("unknown source");
    let slow = matches!(clock.source.as_deref(), Some("hpet" | "acpi_pm" | "jiffies"));
    let warning = if clock.resolution_ns > COARSE_NS {
        Some("its steps are too coarse for short times; take larger sizes")
    } else {
        slow.then_some(
            "reading it takes a microsecond or so; boot with clocksource=tsc if the processor allows",
        )
    };
    finding("clock", format!("{source}, steps of {} ns", clock.resolution_ns), warning)
}
