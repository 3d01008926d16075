//! What the doctor finds on machines that are made up of files.

use backstay_bench::doctor::examine;
use backstay_bench::environment::{Clock, Environment, Limits, Machine};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder that stands for `/`, with these files.
fn root(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("doctor").join(name);
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).unwrap();
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn sound() -> Environment {
    let mut environment = Environment::read();
    environment.machine.cores = 4;
    environment.machine.governor = Some("performance".to_owned());
    environment.machine.is_virtual = Some(false);
    environment.machine.memory_bytes = Some(8 << 30);
    environment.limits = Limits::default();
    environment.clock = Clock { source: Some("tsc".to_owned()), resolution_ns: 20 };
    environment.load_before = Some(0.1);
    environment.build.opt_level = "3".to_owned();
    environment
}

fn warned(environment: &Environment) -> Vec<String> {
    let findings = examine(environment).into_iter();
    findings.filter(|finding| finding.warning.is_some()).map(|finding| finding.what).collect()
}

#[test]
fn a_sound_machine_has_no_warning_and_each_fault_has_its_own() {
    assert_eq!(warned(&sound()), [""; 0]);
    let with = |change: fn(&mut Environment)| {
        let mut environment = sound();
        change(&mut environment);
        warned(&environment)
    };
    assert_eq!(with(|it| it.build.opt_level = "0".to_owned()), ["build"]);
    assert_eq!(with(|it| it.machine.cores = 1), ["cores"]);
    assert_eq!(with(|it| it.limits.cpus = Some(1.5)), ["cpu quota"]);
    assert_eq!(with(|it| it.limits.memory_bytes = Some(100 << 20)), ["memory"]);
    assert_eq!(with(|it| it.load_before = Some(0.5)), ["load"]);
    assert_eq!(with(|it| it.machine.governor = Some("powersave".to_owned())), ["governor"]);
    assert_eq!(with(|it| it.machine.is_virtual = Some(true)), ["hypervisor"]);
    assert_eq!(with(|it| it.clock.resolution_ns = 15_625_000), ["clock"]);
    assert_eq!(with(|it| it.clock.source = Some("hpet".to_owned())), ["clock"]);
}

#[test]
fn the_lowest_limit_of_the_groups_above_counts() {
    let limits = |name, files: &[_]| Limits::read(&root(name, files));
    let nested = limits(
        "nested",
        &[
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/a/b/memory.max", "1000\n"),
            ("sys/fs/cgroup/memory.max", "2000\n"),
        ],
    );
    assert_eq!(nested, Limits { cpus: Some(1.5), memory_bytes: Some(1_000) });
    let first_version = limits(
        "first",
        &[
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ],
    );
    assert_eq!(first_version, Limits { cpus: Some(0.5), memory_bytes: None });
    let unlimited =
        [("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1"), ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "1")];
    assert_eq!(limits("unlimited", &unlimited), Limits::default());
    assert_eq!(limits("nothing", &[]), Limits::default());
}

#[test]
fn a_machine_is_read_from_the_kernel_s_files() {
    let machine = Machine::read(&root(
        "machine",
        &[
            (
                "proc/cpuinfo",
                "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nflags\t\t: fpu hypervisor sse\n",
            ),
            ("proc/meminfo", "MemTotal:        8000 kB\nMemFree: 1 kB\n"),
            ("proc/sys/kernel/osrelease", "6.1.0-test\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
        ],
    ));
    assert_eq!(machine.cpu.as_deref(), Some("Some CPU @ 3 GHz"));
    assert_eq!((machine.memory_bytes, machine.is_virtual), (Some(8_192_000), Some(true)));
    assert_eq!(machine.kernel.as_deref(), Some("6.1.0-test"));
    assert_eq!(machine.governor.as_deref(), Some("performance, powersave"));
    let nothing = Machine::read(&root("no-machine", &[]));
    assert_eq!((nothing.cpu, nothing.governor, nothing.is_virtual), (None, None, None));
}
