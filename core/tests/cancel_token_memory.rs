//! What tokens cost in memory: as many allocations as their documentation says, and none that stays.

#![allow(unsafe_code)]

use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::task::CancelToken;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::{pending, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// The system's allocator, counting what each thread does.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counters
// allocate nothing and touch no memory but their own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as i64);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size() as i64);
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many allocations `f` makes.
fn allocations<T>(f: impl FnOnce() -> T) -> u64 {
    let before = ALLOCATIONS.get();
    let value = f();
    let count = ALLOCATIONS.get() - before;
    drop(value);
    count
}

/// How many bytes are there that were not there before.
fn bytes_since(before: i64) -> i64 {
    BYTES.get() - before
}

struct Deaf;

impl Wake for Deaf {
    fn wake(self: Arc<Self>) {}
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn tokens_cost_what_is_said_and_give_it_back() {
    let waker = Waker::from(Arc::new(Deaf));
    let start = BYTES.get();

    // As documented.
    assert_eq!(allocations(CancelToken::new), 2);
    let root = CancelToken::new();
    let first = root.child();
    assert_eq!(allocations(|| root.child()), 1);
    assert_eq!(allocations(|| root.child().is_cancelled()), 1);
    assert_eq!(allocations(|| root.clone().check()), 0);
    assert_eq!(allocations(|| poll(pin!(root.run(ready(1))), &waker).is_ready()), 0);
    // Who waits first makes room for others.
    assert_eq!(allocations(|| poll(pin!(root.cancelled()), &waker).is_pending()), 2);
    assert_eq!(allocations(|| poll(pin!(root.run(pending::<()>())), &waker).is_pending()), 0);
    assert_eq!(allocations(|| root.shield()), 0);
    let lone = CancelToken::new();
    assert_eq!(allocations(|| lone.cancel()), 0);
    assert_eq!(allocations(|| first.cancel()), 0);
    drop((root, first, lone));
    assert_eq!(bytes_since(start), 0);

    // A node is small: that is what a large tree costs.
    let root = CancelToken::new();
    let few: Vec<_> = (0..5).map(|_| root.child()).collect();
    let before = BYTES.get();
    let child = root.child();
    assert!(bytes_since(before) <= 72, "{} bytes", bytes_since(before));
    drop(child);

    // What a crowd took is given back, though its root lives on, and a few of them.
    let small = BYTES.get();
    for is_cancelled in [false, true] {
        let branch = root.child();
        let crowd: Vec<_> = (0..10_000).map(|_| branch.child()).collect();
        if is_cancelled {
            branch.cancel();
        }
        drop(crowd);
        drop(branch);
        assert!(bytes_since(small) < 4096, "{} bytes are kept", bytes_since(small));
    }
    assert!(few.iter().all(|token| !token.is_cancelled()));

    // A chain of which only the end is kept is no longer than its end.
    let mut last = root.child();
    for _ in 0..10_000 {
        last = last.child();
    }
    assert!(bytes_since(small) < 4096, "{} bytes are kept", bytes_since(small));
    root.cancel();
    assert!(last.is_cancelled() && few.iter().all(CancelToken::is_cancelled));
    drop((root, last, few));

    // So is what waiters took.
    let token = CancelToken::new();
    let small = BYTES.get();
    let mut crowd: Vec<_> = (0..10_000).map(|_| Box::pin(token.cancelled())).collect();
    crowd.iter_mut().for_each(|wait| assert!(poll(wait.as_mut(), &waker).is_pending()));
    drop(crowd);
    assert!(bytes_since(small) < 4096, "{} bytes are kept", bytes_since(small));
    drop(token);
    assert_eq!(bytes_since(start), 0);

    Sim::builder()
        .run(|rt| async move {
            let at = rt.now() + Duration::from_secs(1);
            assert_eq!(allocations(|| CancelToken::with_deadline(&rt, at)), 3);
            let token = CancelToken::with_deadline(&rt, at);
            let child = token.child();
            assert_eq!(allocations(|| token.child()), 1);
            assert_eq!(allocations(|| token.child_with_deadline(&rt, at)), 1);
            assert_eq!(allocations(|| black_box(child.is_cancelled())), 0);
            assert_eq!(allocations(|| child.run(ready(())).into_future()), 0);
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
