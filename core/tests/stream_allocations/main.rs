//! What streams allocate for each item, once they have grown: nothing. Counted for each thread, as that of the test's
//! harness allocates meanwhile.

#![allow(unsafe_code)]

mod batches;
mod concurrent;
mod life;
mod shapes;
mod timed;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting for each thread.
struct Counting;

thread_local! {
    /// How often.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// How much in all.
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
    /// How much is held.
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

fn count(size: usize, before: usize) {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    let _ = ALLOCATED.try_with(|sum| sum.set(sum.get() + size as u64));
    let _ = BYTES.try_with(|sum| sum.set(sum.get() + size as i64 - before as i64));
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counters have no
// destructor and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let _ = BYTES.try_with(|sum| sum.set(sum.get() - layout.size() as i64));
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
