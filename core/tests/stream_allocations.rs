//! What streams allocate for each item, once they have grown: nothing. Counted for each thread, as that of the test's
//! harness allocates meanwhile.

#![allow(unsafe_code)]

use backstay::tokio::TokioOwner;
use backstay_core::stream::{FlowExt, MergeSet, Precedence};
use backstay_core::{BlockOn, Config, Flavor, Limit};
use futures::{Stream, StreamExt, stream};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::ready;
use std::mem;
use std::pin::{Pin, pin};
//! What operators on streams allocate, an item: counted, for each thread, as that of the test's harness allocates
//! meanwhile.

#![allow(unsafe_code)]

use backstay::testing::Sim;
use backstay_core::Limit;
use backstay_core::resilience::Retry;
use backstay_core::stream::{FlowExt, ShareConfig, retry};
use backstay_core::task::CancelToken;
use futures::stream::{self, Stream, StreamExt};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The system's allocator, counting for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counter has no
// destructor and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        count();
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const WARM_UP: usize = 200;
const ITEMS: usize = 1_000;

/// The next so many items.
fn take<S: Stream>(mut stream: Pin<&mut S>, count: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut items, mut polls) = (0, 0);
    while items < count {
        match stream.as_mut().poll_next(&mut cx) {
            Poll::Ready(Some(_)) => items += 1,
/// How often the next `items` items allocate.
fn allocations<S: Stream + Unpin>(stream: &mut S, items: usize) -> u64 {
    let before = ALLOCATIONS.get();
    let mut cx = Context::from_waker(Waker::noop());
    let (mut got, mut polls) = (0, 0);
    while got < items {
        match Pin::new(&mut *stream).poll_next(&mut cx) {
            Poll::Ready(Some(_)) => got += 1,
            Poll::Ready(None) => panic!("there are more"),
            Poll::Pending => {}
        }
        polls += 1;
        assert!(polls < 20 * ITEMS, "it comes to nothing");
    }
}

/// That nothing is allocated after a warm-up.
#[track_caller]
fn nothing_for_items(name: &str, stream: impl Stream) {
    let mut stream = pin!(stream);
    take(stream.as_mut(), WARM_UP);
    let before = ALLOCATIONS.get();
    take(stream.as_mut(), ITEMS);
    assert_eq!(ALLOCATIONS.get() - before, 0, "{name}");
}

/// Pending once, and woken by then.
#[derive(Default)]
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Pending before each item, and woken by then.
fn halting() -> impl Stream<Item = ()> {
    let mut is_ready = true;
    stream::poll_fn(move |cx| {
        is_ready = !is_ready;
        if is_ready {
            return Poll::Ready(Some(()));
        assert!(polls < 100 * items, "it comes to nothing");
    }
    ALLOCATIONS.get() - before
}

const ITEMS: u64 = 1_000;

/// When it has warmed up.
fn each<S: Stream>(stream: S) -> u64 {
    let mut stream = Box::pin(stream);
    allocations(&mut stream, ITEMS as usize);
    allocations(&mut stream, ITEMS as usize)
}

/// Numbers without end, each at its second poll.
fn numbers() -> impl Stream<Item = u64> {
    let mut number = 0;
    stream::poll_fn(move |cx| {
        number += 1;
        if number % 2 == 0 {
            return Poll::Ready(Some(number));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

#[test]
fn concurrent_streams_allocate_nothing_for_an_item() {
    let (limit, window) = (Limit::new(16).unwrap(), Limit::new(32).unwrap());
    let once = |()| Once::default();
    nothing_for_items("ready", stream::repeat(()).map_concurrent(limit, ready));
    nothing_for_items("pending", stream::repeat(()).map_concurrent(limit, once));
    nothing_for_items("from a slow source", halting().map_concurrent(limit, once));
    let ordered = |limit, window| stream::repeat(()).map_concurrent_ordered(limit, window, once).unwrap();
    nothing_for_items("ordered", ordered(limit, window));
    nothing_for_items("chained", ordered(limit, window).map_concurrent(limit, once));
}

#[test]
fn bodies_beside_a_stream_allocate_nothing_for_an_item() {
    let limit = Limit::new(16).unwrap();
    // Counted from item to item, by the body itself.
    let (seen, start) = (Cell::new(0), Cell::new(0));
    let body = |()| {
        seen.set(seen.get() + 1);
        match seen.get() {
            WARM_UP => start.set(ALLOCATIONS.get()),
            ITEMS => assert_eq!(ALLOCATIONS.get() - start.get(), 0),
            _ => {}
        }
        Once::default()
    };
    let source = || stream::repeat(()).take(ITEMS).map_concurrent(limit, |()| Once::default());
    futures::executor::block_on(source().for_each(body));
    assert_eq!(seen.replace(0), ITEMS);
    futures::executor::block_on(source().each_concurrent(limit, body));
    assert_eq!(seen.get(), ITEMS);
}

#[test]
fn merged_streams_allocate_nothing_for_an_item() {
    nothing_for_items("two, ready", stream::repeat(()).merge_with(stream::repeat(())));
    nothing_for_items("two, pending", halting().merge_with(halting()));
    nothing_for_items("many, ready", (0..16).map(|_| stream::repeat(())).collect::<MergeSet<_>>());
    nothing_for_items("many, pending", (0..16).map(|_| halting()).collect::<MergeSet<_>>());
    let mut set = MergeSet::new();
    for number in 0..16 {
        let precedence = Precedence::prioritised(number % 3).with_weight(Limit::new(3).unwrap());
        set.insert_with(halting(), precedence);
    }
    nothing_for_items("by priority", set);
    // Streams that come and go have each other's places.
    let mut set = MergeSet::new();
    let mut come_and_go = |count| {
        for _ in 0..count {
            while set.len() < 16 {
                set.insert(halting().take(2));
            }
            let _ = Pin::new(&mut set).poll_next(&mut Context::from_waker(Waker::noop()));
        }
    };
    come_and_go(WARM_UP);
    let before = ALLOCATIONS.get();
    come_and_go(ITEMS);
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

#[test]
fn a_source_with_a_task_allocates_nothing_for_an_item() {
    // On one thread, which is where they are counted.
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).unwrap();
    let rt = owner.runtime().clone();
    owner.block_on(async {
        let mut items = stream::repeat(()).spawned(&rt, Limit::new(8).unwrap());
        for _ in 0..WARM_UP {
            items.next().await;
        }
        let before = ALLOCATIONS.get();
        for _ in 0..ITEMS {
            items.next().await;
        }
        assert_eq!(ALLOCATIONS.get() - before, 0);
    });
/// Two items, each at its second poll.
fn pair(_: u64) -> impl Stream<Item = u64> {
    let mut number = 0;
    stream::poll_fn(move |cx| {
        number += 1;
        match number {
            5 => Poll::Ready(None),
            2 | 4 => Poll::Ready(Some(number)),
            _ => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
}

#[test]
fn streams_of_streams() {
    assert_eq!(each(numbers().switch_map(|n| stream::iter([n]))), 0);
    assert_eq!(each(numbers().exhaust_map(pair)), 0);
    // One for each inner stream.
    for limit in [1, 2, 100] {
        let merged = numbers().flat_map_limited(Limit::new(limit).expect("not zero"), pair);
        let allocations = each(merged);
        assert!(allocations.abs_diff(ITEMS / 2) <= 100, "{allocations}, {limit} at a time");
    }
    let long = numbers().flat_map_limited(Limit::new(16).expect("not zero"), |_| numbers());
    assert_eq!(each(long), 0, "none for an item");
}

#[test]
fn the_life_of_streams() {
    assert_eq!(each(numbers().until(CancelToken::new())), 0);
    assert_eq!(each(numbers().share(0)), ITEMS, "one for each item");
    assert_eq!(each(numbers().share(ShareConfig::new(8))), ITEMS);
    let results = numbers().map(Ok::<_, ()>);
    assert_eq!(each(results.process_results(|values| values)), 0);
    let run = Sim::builder()
        .run(|rt: Sim| async move { each(retry(&rt, Retry::default(), || numbers().map(Ok::<_, ()>))) });
    assert_eq!(run.expect("no failure").value, 0);
}
