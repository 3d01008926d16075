//! What the traits cost in allocations, on every runtime: counted, and compared with the same by hand.
//!
//! The only test of its file, so that nothing else of the process allocates meanwhile; of several rounds the
//! least counts, since the runtimes' own threads may.

use backstay::Backend;
use backstay_bench::allocations::{Counting, of_process};
use backstay_bench::cell::Variant;
use backstay_bench::entry::Entry;
use backstay_bench::host::{Host, Threads};
use backstay_bench::job::Operation;
use backstay_bench::sample::Sampling;
use backstay_bench::start;
use backstay_bench::start::RUNTIMES;
use backstay_bench::workload::Load;
use backstay_bench::workloads::Micro;
use std::num::{NonZeroU64, NonZeroUsize};

#[global_allocator]
static COUNTING: Counting = Counting;

const TIMES: u64 = 1_000;

/// Allocations of so many times `operation`, the least of several rounds.
fn count(host: &Host, operation: Operation) -> u64 {
    let sampling = Sampling { iterations: 10, warm_up: 2, meter: of_process };
    let load = Load::new(NonZeroU64::new(TIMES).unwrap());
    let rounds = host.run(&Entry::of(Micro { operation }), load, sampling).unwrap();
    rounds.into_iter().map(|round| round.taken).min().unwrap()
}

/// What one operation allocates, in thousandths: by hand, through backstay, through its erased runtime.
#[derive(Debug)]
struct Count {
    bare: u64,
    backstay: u64,
    any: u64,
}

/// A runtime's queues and its timers' heap grow now and then, whoever uses them: these thousandths are
/// nobody's.
const QUEUES: u64 = 100;

impl Count {
    /// `backstay` more than by hand at most, and `any` more at most through the erased runtime.
    fn adds_at_most(&self, backstay: u64, any: u64) -> bool {
        let limit = |extra: u64| self.bare + extra * TIMES + QUEUES;
        self.backstay <= limit(backstay) && self.any <= limit(any)
    }

    /// Through backstay `exactly` so many, whatever it is by hand.
    fn backstay_is(&self, exactly: u64) -> bool {
        (exactly * TIMES..=exactly * TIMES + QUEUES).contains(&self.backstay)
    }
}

/// | operation | backstay | erased, more than by hand |
/// |---|---|---|
/// | spawn and await | 1, as by hand | 2 (the future, the handle), 3 if the value has a size |
/// | timeout on a ready future | 0 | 0 |
/// | timeout on a pending future | 0 of its own | 1 (the sleep) |
/// | sleep | 0 of its own | 1 |
/// | blocking job | 1 more than by hand (0 on tokio): who comes first, start or abort | 4 |
/// | clock, clone of the handle | 0 | 0 |
fn holds(backend: Backend, operation: Operation, count: &Count) -> bool {
    match operation {
        Operation::SpawnUnit | Operation::SpawnAll => count.backstay_is(1) && count.adds_at_most(0, 2),
        Operation::SpawnValue => count.backstay_is(1) && count.adds_at_most(0, 3),
        Operation::TimeoutReady | Operation::Now | Operation::CloneHandle => {
            count.backstay_is(0) && count.adds_at_most(0, 0)
        }
        Operation::TimeoutPending | Operation::Sleep => count.adds_at_most(0, 1),
        Operation::Blocking if backend == Backend::Tokio => count.adds_at_most(0, 3),
        Operation::Blocking => count.adds_at_most(1, 4),
    }
}

#[test]
fn the_traits_allocate_what_the_runtimes_do() {
    let one = Threads::Workers(NonZeroUsize::MIN);
    for backend in RUNTIMES {
        // Backstay first: it sizes async-std, of which there is one for the process.
        let [backstay, any, bare] = [Variant::Backstay, Variant::Any, Variant::Bare]
            .map(|variant| start::start(backend, variant, one).unwrap());
        for &operation in Operation::ALL {
            let count = Count {
                bare: count(&bare, operation),
                backstay: count(&backstay, operation),
                any: count(&any, operation),
            };
            println!("{backend:9} {operation:?}: {count:?} in {TIMES}");
            assert!(holds(backend, operation, &count), "{backend} {operation:?}: {count:?} in {TIMES}");
        }
    }
}
