//! What streams allocate for each item, once they have grown: nothing. Counted for each thread, as that of the test's
//! harness allocates meanwhile.

use crate::ALLOCATIONS;
use backstay::tokio::TokioOwner;
use backstay_core::stream::{FlowExt, MergeSet, Precedence};
use backstay_core::{BlockOn, Config, Flavor, Limit};
use futures::{Stream, StreamExt, stream};
use std::cell::Cell;
use std::future::ready;
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

const WARM_UP: usize = 200;
const ITEMS: usize = 1_000;

/// The next so many items.
fn take<S: Stream>(mut stream: Pin<&mut S>, count: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut items, mut polls) = (0, 0);
    while items < count {
        match stream.as_mut().poll_next(&mut cx) {
            Poll::Ready(Some(_)) => items += 1,
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
}
