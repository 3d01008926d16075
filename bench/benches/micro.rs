//! Micro costs: one operation of a runtime, by hand (`bare`), through backstay, and through its erased runtime
//! (`any`).
//!
//! Each runs in a spawned task, on one worker, so that nothing crosses threads but a blocking job.

use backstay::Backend;
use backstay_bench::cell::Variant;
use backstay_bench::entry::Entry;
use backstay_bench::host::{Host, Threads};
use backstay_bench::job::Operation;
use backstay_bench::sample::Sampling;
use backstay_bench::start;
use backstay_bench::start::RUNTIMES;
use backstay_bench::workload::Load;
use backstay_bench::workloads::Micro;
use criterion::{Criterion, criterion_group, criterion_main};
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

const OPERATIONS: [(&str, Operation); 5] = [
    ("spawn and await", Operation::SpawnUnit),
    ("timeout, ready", Operation::TimeoutReady),
    ("timeout, pending once", Operation::TimeoutPending),
    ("now", Operation::Now),
    ("clone of the handle", Operation::CloneHandle),
];

fn hosts() -> Vec<(Backend, Variant, Host)> {
    let mut hosts = Vec::new();
    for backend in RUNTIMES {
        // Backstay first: it sizes async-std, of which there is one for the process.
        for variant in [Variant::Backstay, Variant::Any, Variant::Bare] {
            let host = start::start(backend, variant, Threads::Workers(NonZeroUsize::MIN));
            hosts.push((backend, variant, host.expect("a runtime with one worker starts")));
        }
    }
    hosts
}

fn micro(c: &mut Criterion) {
    let hosts = hosts();
    for (name, operation) in OPERATIONS {
        let mut group = c.benchmark_group(name);
        let entry = Entry::of(Micro { operation });
        for (backend, variant, host) in &hosts {
            // async-std has no handle of its own to clone.
            if (*backend, *variant, operation) == (Backend::AsyncStd, Variant::Bare, Operation::CloneHandle) {
                continue;
            }
            group.bench_function(format!("{backend} {variant}"), |bencher| {
                bencher.iter_custom(|times| {
                    let load = Load::new(NonZeroU64::new(times).expect("criterion asks for some"));
                    let runs = host.run(&entry, load, Sampling::ONCE).expect("the operation works");
                    Duration::from_nanos(runs.iter().map(|run| run.taken).sum())
                });
            });
        }
        group.finish();
    }
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(500))
        .sample_size(30)
        .nresamples(10_000)
        .configure_from_args()
}

criterion_group! {
    name = benches;
    config = config();
    targets = micro
}
criterion_main!(benches);
