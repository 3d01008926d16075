//! What a select and an event loop allocate: nothing for each item.
//!
//! The only test of its file, so that nothing else of the process allocates meanwhile; of several rounds the least
//! counts, since the harness's own thread may.

#![allow(unsafe_code)]

use backstay::BlockOn;
use backstay::testing::Sim;
use backstay_core::future::poll_now;
use backstay_core::select::{EventLoop, Turn, select2, select3, select8};
use backstay_core::task::CancelToken;
use futures::stream;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counter
// touches no memory but its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `f` allocates at least.
fn allocations<T>(mut f: impl FnMut() -> T) -> Option<u64> {
    let count = |_| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        f();
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    (0..5).map(count).min()
}

/// Polls until it is ready, with a waker that nobody hears.
fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

#[test]
fn nothing_is_allocated_for_each_item() {
    let mut turn = Turn::new();
    let selects = || {
        finish(select2(ready(1), pending::<()>()));
        finish(select3(ready(1), ready(2), ready(3)).rotate(&mut turn));
        let never = pending::<()>;
        finish(poll_now(select8(never(), never(), never(), never(), never(), never(), never(), never())))
    };
    assert_eq!(allocations(selects), Some(0));

    let owner = Sim::builder().build().expect("a good configuration");
    let (rt, token, handled) = (owner.runtime(), CancelToken::new(), Cell::new(0));
    let handler = async |_| handled.set(handled.get() + 1);
    let events = || {
        let events = EventLoop::new(rt, token.clone())
            .on(stream::iter(0..10_000), handler)
            .on(stream::iter(0..10_000), handler);
        finish(events.run())
    };
    assert_eq!((allocations(events), handled.get()), (Some(0), 5 * 20_000));
}
