//! Every small operation, on every runtime and in every variant, works where the calling thread drives it.

use backstay_bench::cell::Variant;
use backstay_bench::entry::Entry;
use backstay_bench::host::Threads;
use backstay_bench::job::Operation;
use backstay_bench::sample::Sampling;
use backstay_bench::start;
use backstay_bench::start::RUNTIMES;
use backstay_bench::workload::Load;
use backstay_bench::workloads::Micro;
use std::num::NonZeroU64;

#[test]
fn every_operation_works_on_the_calling_thread() {
    let load = Load::new(NonZeroU64::new(3).unwrap());
    for backend in RUNTIMES {
        // Backstay first: it sizes async-std, of which there is one for the process.
        for variant in [Variant::Backstay, Variant::Any, Variant::Bare] {
            let host = start::start(backend, variant, Threads::Current).unwrap();
            for &operation in Operation::ALL {
                let runs = host.run(&Entry::of(Micro { operation }), load, Sampling::time(2)).unwrap();
                assert_eq!(runs.len(), 2, "{backend} {variant} {operation:?}");
            }
        }
    }
}
