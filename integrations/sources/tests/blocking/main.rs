//! Iterators and readers that block, on every runtime.

#[path = "../kit/backends.rs"]
mod backends;
mod ends;
mod readers;

use backends::on_every_backend;
use backstay::testing::checked_stream;
use backstay::{Limit, Runtime};
use backstay_sources::blocking::{BlockingError, FromBlocking, from_blocking};
use futures::executor::block_on;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

pub(crate) fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

#[test]
fn an_iterator_gives_its_items_in_order_on_every_backend() {
    on_every_backend(|rt| async move {
        for capacity in [1, 2, 64] {
            let numbers = from_blocking(|| 0..1_000).capacity(limit(capacity));
            let numbers: Vec<_> = rt.spawn(numbers.try_collect()).await.expect("no panic").expect("no error");
            assert!(numbers.into_iter().eq(0..1_000));
        }
    });
}

#[test]
fn it_is_made_on_its_own_thread_when_it_is_polled() {
    block_on(async {
        let mut names = from_blocking(|| {
            // Never leaves its thread.
            let shared = Rc::new(Cell::new(0));
            std::iter::from_fn(move || {
                shared.set(shared.get() + 1);
                std::thread::current().name().map(|name| format!("{name} {}", shared.get()))
            })
        })
        .name("scanner");
        let thread = names.thread();
        assert!(!thread.is_running());
        assert_eq!(names.next().await.expect("an item").expect("a good one"), "scanner 1");
        assert_eq!(names.next().await.expect("an item").expect("a good one"), "scanner 2");
        assert!(thread.is_running());
        assert!(format!("{names:?}").contains("scanner"));
    });
}

#[test]
fn a_slow_reader_holds_the_iterator_back() {
    on_every_backend(|rt| async move {
        let made = Arc::new(AtomicU32::new(0));
        let own = Arc::clone(&made);
        let items = move || std::iter::repeat_with(move || own.fetch_add(1, SeqCst));
        let mut items = from_blocking(items).capacity(limit(4));
        for read in 0..20 {
            assert_eq!(items.next().await.expect("an item").expect("a good one"), read);
            rt.sleep(Duration::from_millis(1)).await;
            // Those that were read, four that wait, and the one for which there is no place.
            assert!(made.load(SeqCst) <= read + 1 + 4 + 1);
        }
    });
}

#[test]
fn a_panic_is_the_last_item() {
    on_every_backend(|_| async {
        let mut items = from_blocking(|| (0..).inspect(|n| assert!(*n < 3, "no {n}")));
        for n in 0..3 {
            assert_eq!(items.next().await.expect("an item").expect("a good one"), n);
        }
        let error = items.next().await.expect("an item").unwrap_err();
        assert!(matches!(error, BlockingError::Panicked { .. }));
        assert_eq!(error.to_string(), "the blocking source panicked: no 3");
        assert!(items.next().await.is_none());
        assert!(items.next().await.is_none());
    });
    let mut items = from_blocking(|| -> std::ops::Range<u32> { panic!("before the first") });
    assert!(matches!(block_on(items.next()), Some(Err(BlockingError::Panicked { .. }))));
    assert!(block_on(items.next()).is_none());
}

#[test]
fn s29_it_keeps_the_contract_of_poll() {
    for count in [0, 1, 3, 4, 5, 600] {
        let items = from_blocking(move || 0..count).capacity(limit(4));
        let items: Vec<_> = block_on(checked_stream(items).try_collect()).expect("no error");
        assert!(items.into_iter().eq(0..count));
    }
    let panics = from_blocking(|| (0..5).inspect(|n| assert!(*n < 3)));
    assert_eq!(block_on(checked_stream(panics).count()), 4);
}

#[test]
fn its_size_hint_is_exact_at_the_end() {
    let mut items = from_blocking(|| 0..3);
    assert_eq!(items.size_hint(), (0, None));
    assert!(block_on(items.next()).is_some());
    while items.thread().is_running() {
        std::thread::yield_now();
    }
    assert_eq!(items.size_hint(), (2, Some(2)));
    assert_eq!(block_on(items.by_ref().count()), 2);
    assert_eq!(items.size_hint(), (0, Some(0)));
}

#[test]
fn a_loop_over_it_yields() {
    // A timeout beside a reader that always has something gets its turn.
    on_every_backend(|rt| async move {
        let mut items = from_blocking(|| 0_u64..).capacity(limit(4_096));
        let forever = async { while items.next().await.is_some() {} };
        assert!(rt.timeout(Duration::from_millis(10), forever).await.is_err());
    });
}

#[test]
fn types_are_send() {
    fn send<T: Send + 'static>() {}
    send::<(FromBlocking<Cell<u8>>, BlockingError)>();
    fn sync<T: Sync>() {}
    sync::<BlockingError>();
    assert!(from_blocking(|| 0..1).next().now_or_never().is_none_or(|item| item.is_some()));
}
