//! An allocator that counts, for the programs and tests that say how much something allocates.
//!
//! A process with it is slower, so none whose time is taken has it.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The system's allocator, counting.
///
/// # Examples
///
/// ```
/// use backstay_bench::allocations::{Counting, of_thread};
///
/// #[global_allocator]
/// static COUNTING: Counting = Counting;
///
/// let before = of_thread();
/// drop(std::hint::black_box(Box::new(7)));
/// assert_eq!(of_thread() - before, 1);
/// ```
#[derive(Debug)]
pub struct Counting;

thread_local! {
    // Without a destructor, so it is there as long as its thread is.
    static OF_THREAD: Cell<u64> = const { Cell::new(0) };
}

static OF_PROCESS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// What this thread has allocated so far: a meter. Growing something counts as one too. Zero for ever in a process
/// whose allocator isn't [`Counting`].
pub fn of_thread() -> u64 {
    OF_THREAD.get()
}

/// What all threads have: a meter.
pub fn of_process() -> u64 {
    OF_PROCESS.load(Ordering::Relaxed)
}

/// The same in bytes; what is given back isn't taken off.
pub fn bytes() -> u64 {
    BYTES.load(Ordering::Relaxed)
}

fn count(bytes: usize) {
    OF_THREAD.set(OF_THREAD.get() + 1);
    OF_PROCESS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counters
// touch no memory but their own, and allocate none.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}
