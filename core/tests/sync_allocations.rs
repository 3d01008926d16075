//! What waits allocates nothing once it is warm: counted.
//!
//! A file of its own, for the allocator.

#![allow(unsafe_code)]

use backstay_core::Limit;
use backstay_core::future::shared;
use backstay_core::sync::{Notify, Semaphore};
use futures::task::AtomicWaker;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

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

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations of the second run, and of a hundred more.
fn warm_allocations(mut run: impl FnMut()) -> usize {
    run();
    let before = ALLOCATIONS.get();
    (0..100).for_each(|_| run());
    ALLOCATIONS.get() - before
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_semaphore_allocates_nothing() {
    let semaphore = Arc::new(Semaphore::new(Limit::ONE));
    let before = ALLOCATIONS.get();
    drop(semaphore.try_acquire());
    assert!(poll(pin!(semaphore.acquire())).is_ready());
    assert!(poll(pin!(semaphore.acquire_owned())).is_ready());
    assert_eq!(ALLOCATIONS.get() - before, 0, "from the first on, where nobody waits");
    let queued = warm_allocations(|| {
        let held = semaphore.try_acquire().expect("one is free");
        let mut first = pin!(semaphore.acquire());
        let mut second = pin!(semaphore.acquire());
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        drop(held);
        assert!(poll(first).is_ready() && poll(second).is_ready());
    });
    assert_eq!(queued, 0);
}

#[test]
fn notify_allocates_nothing() {
    let notify = Notify::new();
    let before = ALLOCATIONS.get();
    notify.notify_one();
    assert!(poll(pin!(notify.notified())).is_ready());
    assert_eq!(ALLOCATIONS.get() - before, 0, "from the first on, where nobody waits");
    let queued = warm_allocations(|| {
        let mut first = pin!(notify.notified());
        let mut second = pin!(notify.notified());
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        notify.notify_one();
        notify.notify_all();
        assert!(poll(first).is_ready() && poll(second).is_ready());
    });
    assert_eq!(queued, 0);
}

#[test]
fn a_poll_of_a_shared_future_allocates_nothing() {
    let waker = Arc::new(AtomicWaker::new());
    let before = ALLOCATIONS.get();
    let mut clones = {
        let waker = Arc::clone(&waker);
        let shared = shared(poll_fn(move |cx| {
            waker.register(cx.waker());
            Poll::<()>::Pending
        }));
        [shared.clone(), shared.clone(), shared]
    };
    assert_eq!(ALLOCATIONS.get() - before, 3, "to begin with");
    let polls = warm_allocations(|| {
        for clone in &mut clones {
            assert!(poll(pin!(clone)).is_pending());
        }
        waker.wake();
        drop(clones[0].clone());
    });
    assert_eq!(polls, 0);
}
