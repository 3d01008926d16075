//! What operators on streams allocate, an item: counted, for each thread, as that of the test's harness allocates
//! meanwhile.

use crate::ALLOCATIONS;
use backstay::testing::Sim;
use backstay_core::Limit;
use backstay_core::resilience::Retry;
use backstay_core::stream::{FlowExt, ShareConfig, retry};
use backstay_core::task::CancelToken;
use futures::stream::{self, Stream, StreamExt};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

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
        assert!(polls < 100 * items, "it comes to nothing");
    }
    ALLOCATIONS.get() - before
}

const ITEMS: u64 = 1_000;

/// When it has warmed up.
pub(crate) fn each<S: Stream>(stream: S) -> u64 {
    let mut stream = Box::pin(stream);
    allocations(&mut stream, ITEMS as usize);
    allocations(&mut stream, ITEMS as usize)
}

/// Numbers without end, each at its second poll.
pub(crate) fn numbers() -> impl Stream<Item = u64> {
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
