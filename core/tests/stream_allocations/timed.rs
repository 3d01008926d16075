//! What operators over time allocate: counted, for each thread, as that of the test's harness allocates meanwhile.

use crate::{ALLOCATIONS, BYTES};
use backstay_core::stream::{Edge, FlowExt};
use backstay_core::{BlockOn, Config, Flavor, Runtime};
use backstay_tokio::{Tokio, TokioOwner};
use futures::{FutureExt, Stream, StreamExt, stream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Numbers without end, in pairs: it is pending in between, so that timers are set, and wakes at once.
#[derive(Default)]
struct Pairs(u64);

impl Stream for Pairs {
    type Item = u64;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        self.0 += 1;
        if self.0.is_multiple_of(3) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(self.0))
    }
}

/// Of an operator: at most `first` until it has grown, and then nothing.
async fn measure<S: Stream<Item: Sized> + Unpin>(name: &str, mut stream: S, first: u64) {
    let before = ALLOCATIONS.get();
    for _ in 0..50 {
        stream.next().await;
    }
    let warm = ALLOCATIONS.get();
    for _ in 0..500 {
        stream.next().await;
    }
    let (warm_up, after) = (warm - before, ALLOCATIONS.get() - warm);
    assert!(warm_up <= first, "{name}: {warm_up} at first");
    assert_eq!(after, 0, "{name}: later");
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Tokio) -> F) {
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).expect("a good configuration");
    let rt = owner.runtime().clone();
    owner.block_on(test(rt));
}

#[test]
fn an_item_is_no_allocation() {
    run(|rt| async move {
        let short = Duration::from_micros(20);
        // The timer: its box, and what the runtime has for a sleep, if anything.
        let timer = 2;
        measure("debounce", Pairs::default().debounce(&rt, short * 9).max_wait(short), timer).await;
        measure("leading", Pairs::default().limit_emissions(&rt, short, Edge::Leading), timer).await;
        measure("both", Pairs::default().limit_emissions(&rt, short, Edge::Both), timer).await;
        measure("pace", Pairs::default().pace(&rt, short), timer).await;
        measure("sample", Pairs::default().sample(&rt, short), timer).await;
        measure("audit", Pairs::default().audit(&rt, short), timer).await;
        measure("item_timeout", Pairs::default().item_timeout(&rt, short * 500_000), timer).await;
        measure("first_timeout", Pairs::default().first_timeout(&rt, short * 500_000), timer).await;
        measure("total_timeout", Pairs::default().total_timeout(&rt, short * 500_000), timer).await;
        // Keys that come and go, when all ten have waited together: what is timed by a real clock might not be, later.
        let mut keys = Pairs::default().debounce_by_key(&rt, short * 500_000, |number| number % 10);
        while keys.waiting() < 10 {
            assert_eq!(keys.next().now_or_never(), None);
        }
        measure("debounce_by_key", keys.max_wait(short), timer).await;
    });
}

#[test]
fn the_memory_of_keys_goes_back() {
    run(|rt| async move {
        const KEYS: u64 = 100_000;
        let (ends, end) = futures::channel::oneshot::channel::<()>();
        let source = stream::iter(0..KEYS).chain(end.into_stream().filter_map(|_| std::future::ready(None)));
        let before = BYTES.get();
        let mut settled = source.debounce_by_key(&rt, Duration::MAX, |number| *number);
        while settled.waiting() < KEYS as usize {
            assert_eq!(settled.next().now_or_never(), None);
        }
        let full = BYTES.get() - before;
        // 88 in the list, with room for up to twice as many; 16 of a place, of which up to five eighths are free.
        assert!(full as u64 <= KEYS * (2 * 88 + 48), "{} a key", full as u64 / KEYS);
        drop(ends);
        for number in 0..KEYS {
            assert_eq!(settled.next().await, Some(number));
        }
        let left = BYTES.get() - before;
        assert!(left < 16_384, "{left} bytes left");
        assert_eq!(settled.next().await, None);
    });
}

#[test]
fn an_operator_that_never_waits_has_no_timer() {
    run(|rt| async move {
        let before = ALLOCATIONS.get();
        let mut limited = stream::iter(0..100).item_timeout(&rt, Duration::from_secs(1));
        while limited.next().await.is_some() {}
        assert_eq!(ALLOCATIONS.get() - before, 0);
        rt.yield_now().await;
    });
}
