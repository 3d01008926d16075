//! Metrics of a call allocate nothing once their series are there, and spans nothing while nobody subscribes: counted.
//!
//! A file of its own, for the allocator.

#![allow(unsafe_code)]

use backstay_core::observe::{Metrics, Traced, Tracing};
use backstay_core::resilience::Pipeline;
use backstay_core::{BlockOn, Config, Flavor, Runtime};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{AtomicStorage, Registry};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Waker};

/// The system's allocator, counting for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counter has no
// destructor and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Keeps series as exporters do, in the registry of `metrics-util`.
struct Exporter(Registry<Key, AtomicStorage>);

impl Recorder for Exporter {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.0.get_or_create_counter(key, |counter| counter.clone().into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.0.get_or_create_gauge(key, |gauge| gauge.clone().into())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.0.get_or_create_histogram(key, |histogram| histogram.clone().into())
    }
}

/// How many allocations it makes.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[test]
fn only_the_first_call_allocates() {
    let owner = backstay::tokio::TokioOwner::new(Config::new()).expect("it is good");
    let both = (Metrics::new(), Tracing::new());
    let users = Pipeline::named("users").observer(both).build(owner.runtime()).expect("it is good");
    let call = || {
        allocations(|| {
            let call = pin!(users.call(async |_| Ok::<_, ()>(())));
            assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
        })
    };
    let exporter = Exporter(Registry::atomic());
    metrics::with_local_recorder(&exporter, || {
        assert!(call() > 0, "the names of the series");
        // Fewer than a block of the histogram's, which is the exporter's own.
        assert_eq!((0..10).map(|_| call()).sum::<usize>(), 0);
    });
    // Nor without a recorder.
    assert_eq!(call(), 0);
}

#[test]
fn without_a_subscriber_a_task_in_a_span_is_as_any() {
    let config = Config::new().flavor(Flavor::CurrentThread);
    let owner = backstay::tokio::TokioOwner::new(config).expect("it is good");
    let (rt, traced) = (owner.runtime().clone(), Traced::new(owner.runtime().clone()));
    fn spawn(rt: &impl Runtime) -> usize {
        drop(rt.spawn(async {}));
        allocations(|| {
            drop(rt.spawn(async {}));
            drop(rt.spawn_named("task", async {}));
        })
    }
    assert_eq!(spawn(&traced), spawn(&rt));
}
