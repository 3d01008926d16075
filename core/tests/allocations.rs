//! What sets of futures allocate: counted, for each thread, as that of the test's harness allocates meanwhile.

#![allow(unsafe_code)]

use backstay_core::Limit;
use backstay_core::future::{BoundedSet, KeyedSet, Ordered, join_all};
use futures::Stream;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::{Pending, pending, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The system's allocator, counting for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

fn count(bytes: i64) {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    let _ = BYTES.try_with(|sum| sum.set(sum.get() + bytes));
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counters have no
// destructor and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let _ = BYTES.try_with(|sum| sum.set(sum.get() - layout.size() as i64));
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `f` allocates.
fn allocations<T>(f: impl FnOnce() -> T) -> (u64, T) {
    let before = ALLOCATIONS.get();
    let result = f();
    (ALLOCATIONS.get() - before, result)
}

/// Pending once, and woken by then.
#[derive(Default)]
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The next so many outputs.
fn take<S: Stream + Unpin>(stream: &mut S, count: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut outputs, mut polls) = (0, 0);
    while outputs < count {
        match Pin::new(&mut *stream).poll_next(&mut cx) {
            Poll::Ready(Some(_)) => outputs += 1,
            Poll::Ready(None) => panic!("there are more"),
            Poll::Pending => {}
        }
        polls += 1;
        assert!(polls < 10 * ITEMS, "it comes to nothing");
    }
}

fn complete<F: Future + Unpin>(mut future: F) -> F::Output {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..10 {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut cx) {
            return output;
        }
    }
    panic!("it comes to nothing");
}

/// Never ready, and as large as it says.
struct Large<const SIZE: usize>([u8; SIZE]);

impl<const SIZE: usize> Future for Large<SIZE> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// For how many futures there is memory at least, when there is one in the first page, and when there is one in the
/// second.
fn room<const SIZE: usize>() -> [i64; 2] {
    let mut set = BoundedSet::new(Limit::MAX);
    [0, 64].map(|others| {
        while set.len() < others {
            assert!(set.try_push(Large([0; SIZE])).is_ok());
        }
        let before = BYTES.get();
        assert!(set.try_push(Large([0; SIZE])).is_ok());
        (BYTES.get() - before) / SIZE as i64
    })
}

const ITEMS: usize = 1_000;
const SLOTS: usize = 16;

/// Of a warm-up, and of all that comes after it.
fn measure<S: Stream + Unpin>(name: &str, mut stream: S, per_slot: u64) {
    let (warm_up, ()) = allocations(|| take(&mut stream, 4 * SLOTS));
    let (after, ()) = allocations(|| take(&mut stream, ITEMS - 4 * SLOTS));
    assert!(warm_up <= per_slot * SLOTS as u64, "{name}: {warm_up} in the warm-up");
    assert_eq!(after, 0, "{name}: after the warm-up");
}

#[test]
fn a_set_that_has_grown_allocates_nothing() {
    let limit = Limit::new(SLOTS).unwrap();
    let pending_once = || std::iter::repeat_with(Once::default);
    measure("bounded, pending once", BoundedSet::new(limit).over(pending_once()), 2);
    measure("bounded, ready", BoundedSet::new(limit).over(std::iter::repeat_with(|| ready(1))), 1);
    let window = Limit::new(2 * SLOTS).unwrap();
    measure("ordered, pending once", Ordered::new(limit, window).unwrap().over(pending_once()), 2);
    let all_ready = std::iter::repeat_with(|| ready(1));
    measure("ordered, ready", Ordered::new(limit, window).unwrap().over(all_ready), 1);

    // A join: the outputs, blocks of eight and of sixty-four, and a waker for each that is pending.
    for count in [1_usize, 8, 30, 64, 1_000, 10_000] {
        let (ready, outputs) = allocations(|| complete(join_all((0..count).map(ready))));
        drop(outputs);
        let (pending, outputs) = allocations(|| complete(join_all((0..count).map(|_| Once::default()))));
        drop(outputs);
        // Of each page: its wakes, its places, the list of its wakers, the spare one; and what grows by doubling.
        let pages = count.div_ceil(64) as u64;
        assert!(ready <= 3 * pages + count.min(64).div_ceil(8) as u64 + 30, "{ready} of {count}");
        assert!(pending <= ready + count as u64 + 6 * pages, "{pending} of {count}");
    }

    // What is allocated together: eights in a set that stays small, whole pages later, and less of what is large.
    let rooms = [room::<256>(), room::<257>(), room::<2_048>(), room::<2_049>()];
    for (room, expected) in rooms.into_iter().zip([[8, 64], [8, 8], [8, 8], [1, 1]]) {
        for (room, expected) in room.into_iter().zip(expected) {
            // What is no future's place is less than eight of the smallest.
            assert!((expected..expected + 8).contains(&room), "{rooms:?}");
        }
    }

    // The lists of pages don't grow where futures come and go, and nobody polls.
    let pages = 70;
    let mut set: KeyedSet<usize, Pending<()>> = KeyedSet::new(Limit::MAX);
    for key in 0..pages * 64 {
        set.try_insert(key, pending()).unwrap();
    }
    let mut come_and_go = |times: usize| {
        for _ in 0..times {
            for key in [66 * 64, 67 * 64, 3] {
                assert!(set.remove(&key));
                set.try_insert(key, pending()).unwrap();
            }
        }
        BYTES.get()
    };
    let before = come_and_go(10);
    assert_eq!(come_and_go(10_000), before, "bytes");
}
