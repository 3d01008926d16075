//! Every runtime has as many workers as was asked for: who has more is compared on another machine.

use backstay::{Net, Runtime};
use backstay_bench::cell::Variant;
use backstay_bench::entry::Entry;
use backstay_bench::failure::Failure;
use backstay_bench::host::Threads;
use backstay_bench::sample::Sampling;
use backstay_bench::start::{RUNTIMES, start};
use backstay_bench::workload::{Load, Outcome, Quantity, Workload};
use std::collections::BTreeSet;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// How many threads poll tasks, of which there are `size`: each blocks its thread until as many as there should be
/// have come, so that none is left out for being slow.
#[derive(Clone)]
struct Workers {
    expected: usize,
}

impl Workload for Workers {
    type Measured = Quantity;

    fn name(&self) -> &'static str {
        "workers"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks", load.size())
    }

    fn unit(&self) -> &'static str {
        "threads"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![50]
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Quantity, Failure> {
        let (seen, expected) = (Arc::new((Mutex::new(BTreeSet::new()), Condvar::new())), self.expected);
        let task = |seen: Arc<(Mutex<BTreeSet<String>>, Condvar)>| async move {
            let (threads, more) = &*seen;
            let mut threads = threads.lock().unwrap();
            threads.insert(format!("{:?}", thread::current().id()));
            more.notify_all();
            drop(
                more.wait_timeout_while(threads, Duration::from_secs(10), |seen| seen.len() < expected)
                    .unwrap(),
            );
            // One more than there should be would have time to come.
            thread::sleep(Duration::from_millis(1));
        };
        let handles: Vec<_> = (0..load.size()).map(|_| rt.spawn(task(Arc::clone(&seen)))).collect();
        for handle in handles {
            handle.await?;
        }
        Ok(Quantity(seen.0.lock().unwrap().len() as f64))
    }
}

#[test]
fn every_runtime_has_as_many_workers_as_was_asked_for() {
    // There is one async-std for the process, so it is asked for one number only.
    let two = NonZeroUsize::new(2).unwrap();
    let load = Load::new(NonZeroU64::new(50).unwrap());
    for backend in RUNTIMES {
        let host = start(backend, Variant::Backstay, Threads::Workers(two)).unwrap();
        let runs = host.run(&Entry::of(Workers { expected: two.get() }), load, Sampling::ONCE).unwrap();
        assert!(matches!(runs[0].outcome, Outcome::Quantity(2.0)), "{backend}: {runs:?}");
    }
}
