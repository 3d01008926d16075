//! Every small operation, on every runtime and in every variant, works where the calling thread drives it.

use backstay_bench::cell::Variant;
use backstay_bench::host::Threads;
use backstay_bench::job::{Job, Micro, Operation};
use backstay_bench::sample::Sampling;
use backstay_bench::start;
use backstay_bench::start::RUNTIMES;

#[test]
fn every_operation_works_on_the_calling_thread() {
    for backend in RUNTIMES {
        // Backstay first: it sizes async-std, of which there is one for the process.
        for variant in [Variant::Backstay, Variant::Any, Variant::Bare] {
            let host = start::start(backend, variant, Threads::Current).unwrap();
            for &operation in Operation::ALL {
                let taken = host.run(Job::Micro(Micro { operation, times: 3 }), Sampling::time(2)).unwrap();
                assert_eq!(taken.len(), 2, "{backend} {variant} {operation:?}");
            }
        }
    }
}
