//! Streams of streams: switch_map, exhaust_map, flat_map_limited.

use crate::kit::ms;
use crate::marble::{Items, flows, flows_slowly, items, results};
use crate::nasty::Nasty;
use crate::sweeps::swept;
use backstay::testing::{Explore, Faults, Sim, Tracked, Tracker, checked_stream, report};
use backstay_core::stream::FlowExt;
use backstay_core::{Limit, Runtime};
use futures::stream::{self, BoxStream, FusedStream, StreamExt};
use futures::{FutureExt, Stream};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

/// Inner streams by a diagram, in which `x` is the item they are made of.
fn inner(rt: &Sim, diagram: &'static str) -> impl FnMut(char) -> Items + use<> {
    let rt = rt.clone();
    move |item| items(&rt, &diagram.replace('x', &item.to_string()))
}

#[test]
fn switch_map_is_the_stream_of_the_latest_item() {
    for (source, each, expected) in [
        // Long enough apart, they come one after the other.
        ("a---------b---------|", "--x--x--x|", "--a--a--a---b--b--b-|"),
        // A new one cuts the one before off.
        ("a---b-----------|", "--x--x--x|", "--a---b--b--b---|"),
        // At the same instant the source comes first.
        ("a-b---------|", "--x--x--x|", "----b--b--b-|"),
        // The last one goes on after the source has ended.
        ("a|", "--x--x--x|", "--a--a--a|"),
        // Of several at once only the last is there later on,
        ("(abc)|", "--x|", "--c|"),
        // and what each of them has ready comes: one item.
        ("(abc)|", "(xy|)", "(abcy)|"),
        ("a-b|", "|", "---|"),
        ("|", "x|", "|"),
        ("a-----", "-x", "-a"),
    ] {
        flows(source, |rt, s| s.switch_map(inner(rt, each)), expected);
    }
}

#[test]
fn switch_map_gives_a_slow_reader_nothing_that_is_out_of_date() {
    // At 1 the first `a`; at 6 `b` has come, and with it `a` is gone; `b` began at 6.
    flows_slowly("a---b-----------|", 5, |rt, s| s.switch_map(inner(rt, "-xxx|")), "-a-----b----b----b----|");
}

#[test]
fn switch_map_passes_errors_on() {
    let each = |rt: &Sim| {
        let rt = rt.clone();
        move |item: char| results(&rt, if item == 'a' { "-a!a|" } else { "b|" })
    };
    flows("a----b|", |rt, s| s.switch_map(each(rt)), "-a!a-b|");
}

#[test]
fn exhaust_map_drops_what_comes_meanwhile() {
    for (source, each, expected) in [
        ("a---b-----c---------|", "--x--x--x|", "--a--a--a---c--c--c-|"),
        // Where it ends at the same instant, the item is in time.
        ("a--------b----------|", "--x--x--x|", "--a--a--a--b--b--b--|"),
        // Where both have an item, it is not.
        ("a-b----------|", "--x--x--x|", "--a--a--a----|"),
        ("a|", "--x--x--x|", "--a--a--a|"),
        ("(abc)|", "--x|", "--a|"),
        // Those that have ended at once keep nobody from beginning.
        ("(abc)|", "(xy|)", "(aybycy)|"),
        ("(ab)-c|", "|", "---|"),
        ("|", "x|", "|"),
        ("a-----", "-x", "-a"),
    ] {
        flows(source, |rt, s| s.exhaust_map(inner(rt, each)), expected);
    }
}

#[test]
fn flat_map_limited_runs_so_many_at_a_time() {
    for (source, at_once, each, expected) in [
        ("(abcd)|", 2, "--x--x|", "--(ab)--(ab)--(cd)--(cd)|"),
        ("(abcd)|", 4, "--x--x|", "--(abcd)--(abcd)|"),
        ("(ab)-|", 1, "-x-x|", "-a-a-b-b|"),
        ("a--b--c|", 9, "x---x|", "a--ba-cb--c|"),
        // The place of the one that has ended is free at once.
        ("(abc)|", 2, "x|", "(ab)c|"),
        ("(abc)|", 2, "|", "-|"),
        ("|", 1, "x|", "|"),
        ("ab---", 1, "x", "a"),
    ] {
        flows(source, |rt, s| s.flat_map_limited(limit(at_once), inner(rt, each)), expected);
    }
    // `a` waits for the reader, and `b` for a place.
    flows_slowly("(ab)|", 4, |rt, s| s.flat_map_limited(limit(1), inner(rt, "xx|")), "a---a---b---b---|");
}

#[test]
fn what_was_dropped_is_counted() {
    report(Sim::builder().run(|rt: Sim| async move {
        let mut latest = items(&rt, "a-b-----c|").switch_map(inner(&rt, "-x-x|"));
        let got: String = latest.by_ref().collect().await;
        assert_eq!((got.as_str(), latest.dropped()), ("abbcc", 1));
        assert!(latest.is_terminated() && latest.next().await.is_none());
        let mut first = items(&rt, "a-(bc)---d|").exhaust_map(inner(&rt, "-x-x|"));
        let got: String = first.by_ref().collect().await;
        assert_eq!((got.as_str(), first.dropped()), ("aadd", 2));
        assert!(first.is_terminated() && first.next().await.is_none());
    }));
}

#[test]
fn the_stream_before_is_dropped_before_the_next_is_made() {
    let tracker = Tracker::new();
    let mut streams = stream::iter(0..5)
        .switch_map(|_| {
            assert_eq!(tracker.alive(), 0);
            let held = tracker.track(());
            stream::repeat(()).map(move |()| *held)
        })
        .boxed_local();
    for _ in 0..5 {
        assert_eq!(streams.next().now_or_never(), Some(Some(())));
    }
    assert_eq!(tracker.alive(), 1);
    drop(streams);
    tracker.assert_none_alive();
}

#[test]
fn flat_map_limited_never_polls_the_source_without_a_place() {
    let taken = Cell::new(0);
    let source = stream::iter(0..100).inspect(|_| taken.set(taken.get() + 1));
    let mut merged = source.flat_map_limited(limit(3), |_| stream::pending::<()>()).boxed_local();
    for _ in 0..5 {
        assert_eq!(merged.next().now_or_never(), None);
        assert_eq!(taken.get(), 3);
    }
}

#[test]
fn flat_map_limited_is_fair_to_all_that_are_ready() {
    // Whoever is always ready has its turn once while each other has its own; and those that are new, too.
    let source = stream::iter(0..4).chain(stream::pending());
    let mut merged = source.flat_map_limited(limit(9), stream::repeat).boxed_local();
    let mut counts = [0; 4];
    let mut yields = 0;
    for _ in 0..400 {
        match merged.next().now_or_never() {
            Some(Some(who)) => counts[who] += 1,
            Some(None) => panic!("it has no end"),
            None => yields += 1,
        }
    }
    assert!(counts.iter().all(|count| (97..=103).contains(count)), "{counts:?}");
    assert!(yields > 0, "it has to yield");

    let mut made = 0;
    let source = stream::iter(0..).inspect(|_| made += 1);
    // New ones without end, each with one item, and one that was there before them.
    let mut merged = source
        .flat_map_limited(Limit::MAX, |n| match n {
            0 => stream::repeat(0).boxed(),
            n => stream::iter([n]).boxed(),
        })
        .boxed_local();
    let got: Vec<i32> = (0..100).filter_map(|_| merged.next().now_or_never().flatten()).collect();
    assert!(got.iter().filter(|n| **n == 0).count() >= 30, "{got:?}");
}

#[test]
fn s13_items_that_are_always_ready_leave_others_their_turn() -> Result<(), backstay::testing::Failure> {
    Sim::builder().run(|rt: Sim| async move {
        let one = |()| stream::once(ready(()));
        let many = |()| stream::repeat(());
        let endless: [BoxStream<'_, ()>; 5] = [
            stream::repeat(()).switch_map(one).boxed(),
            stream::iter([()]).switch_map(many).boxed(),
            stream::repeat(()).exhaust_map(one).boxed(),
            stream::repeat(()).exhaust_map(many).boxed(),
            stream::repeat(()).flat_map_limited(limit(2), many).boxed(),
        ];
        for endless in endless {
            let mut items = 0;
            let all = endless.for_each(|()| {
                items += 1;
                assert!(items < 100_000, "the timeout has had no turn");
                ready(())
            });
            assert!(rt.timeout(ms(0), all).await.is_err());
            assert!(items > 0);
        }
    })?;
    Ok(())
}

/// How often a poll is needed until something comes of it; each is to end.
fn polls_until<S: Stream>(stream: S, most: usize) -> (usize, Option<S::Item>) {
    let mut stream = Box::pin(stream);
    let mut cx = Context::from_waker(Waker::noop());
    for polls in 1..=most {
        if let Poll::Ready(item) = stream.as_mut().poll_next(&mut cx) {
            return (polls, item);
        }
    }
    panic!("nothing has come of it");
}

#[test]
fn s13_a_source_that_is_always_ready_is_polled_so_often_in_a_poll() {
    let empty = |_| stream::empty::<()>();
    let busy = || stream::iter(0..1_000);
    for (polls, item) in [
        polls_until(busy().switch_map(empty), 100),
        polls_until(busy().exhaust_map(empty), 100),
        polls_until(busy().flat_map_limited(limit(1), empty), 100),
        polls_until(busy().switch_map(|n| stream::iter((n == 999).then_some(()))), 100),
    ] {
        assert!((5..20).contains(&polls), "{polls} polls, {item:?}");
    }
    // An endless one that drops all.
    let mut busy = Box::pin(stream::repeat(()).exhaust_map(|()| stream::pending::<()>()));
    assert_eq!(busy.next().now_or_never(), None);
    let dropped = busy.dropped();
    assert!((1..1_000).contains(&dropped), "{dropped}");
    assert_eq!(busy.next().now_or_never(), None);
    assert!(busy.dropped() > dropped);
}

#[test]
fn a_panic_is_the_pollers_and_the_others_stay() {
    let make = |n| {
        stream::once(async move {
            if n == 2 {
                resume_unwind(Box::new("two"));
            }
            n
        })
    };
    let streams: [BoxStream<'_, i32>; 3] = [
        stream::iter(1..=3).switch_map(make).boxed(),
        stream::iter(1..=3).exhaust_map(make).boxed(),
        stream::iter(1..=3).flat_map_limited(limit(1), make).boxed(),
    ];
    for mut stream in streams {
        let mut next = || catch_unwind(AssertUnwindSafe(|| stream.next().now_or_never())).ok();
        // A stream that has panicked is nobody's to poll again.
        assert_eq!([next(), next(), next()], [Some(Some(Some(1))), None, Some(Some(Some(3)))]);
        assert_eq!(next(), Some(Some(None)));
    }
    // Nor is the last.
    let mut latest = stream::iter([2]).switch_map(make).boxed();
    assert!(catch_unwind(AssertUnwindSafe(|| latest.next().now_or_never())).is_err());
    assert_eq!(latest.next().now_or_never(), Some(None));
}

#[test]
fn s29_they_keep_the_contract_of_poll_on_all_sides() {
    let scenario = |rt: Sim| async move {
        for outer in Nasty::ALL {
            for each in Nasty::ALL {
                let make = |rt: &Sim| {
                    let rt = rt.clone();
                    move |n: u32| each.source(&rt, [n * 10, n * 10 + 1, n * 10 + 2])
                };
                let source = || outer.source(&rt, 1..=3_u32);

                let latest: Vec<_> = checked_stream(source().switch_map(make(&rt))).collect().await;
                assert!(latest.is_sorted(), "{latest:?}");
                assert_eq!(latest[latest.len() - 3..], [30, 31, 32], "the last is there to its end");

                let first: Vec<_> = checked_stream(source().exhaust_map(make(&rt))).collect().await;
                assert!(first.chunks(3).all(|items| items[0] % 10 == 0 && items[2] == items[0] + 2));
                assert_eq!(first[..3], [10, 11, 12], "the first is there to its end");

                for at_once in 1..=4 {
                    let all = checked_stream(source().flat_map_limited(limit(at_once), make(&rt)));
                    let mut all: Vec<_> = all.collect().await;
                    assert!(at_once > 1 || all.is_sorted(), "one after the other");
                    for n in 1..=3 {
                        assert!(all.iter().filter(|item| **item / 10 == n).is_sorted());
                    }
                    all.sort();
                    assert_eq!(all, [10, 11, 12, 20, 21, 22, 30, 31, 32]);
                }
            }
        }
    };
    report(Explore::seeds(0..4).run(scenario));
    report(
        Explore::seeds(0..4).builder(Sim::builder().faults(Faults::gentle().fresh_wakers())).run(scenario),
    );
}

/// Inner streams of tracked numbers, an item each two milliseconds.
fn tracked(
    rt: &Sim,
    tracker: &Tracker,
) -> impl FnMut(u32) -> BoxStream<'static, Tracked<u32>> + Send + use<> {
    let (rt, tracker) = (rt.clone(), tracker.clone());
    move |n| {
        let (rt, tracker) = (rt.clone(), tracker.clone());
        let held = tracker.track(n);
        stream::iter(0..2)
            .then(move |part| {
                let (rt, item) = (rt.clone(), tracker.track(*held * 10 + part));
                async move {
                    rt.sleep(ms(2)).await;
                    item
                }
            })
            .boxed()
    }
}

/// Numbers, each after its time.
fn numbers(rt: &Sim, at: &'static [(u64, u32)]) -> impl Stream<Item = u32> + Send + use<> {
    let rt = rt.clone();
    stream::iter(at).then(move |(after, number)| {
        let rt = rt.clone();
        async move {
            rt.sleep(ms(*after)).await;
            *number
        }
    })
}

#[test]
fn s09_whoever_reads_is_cut_anywhere() {
    const TIMES: &[(u64, u32)] = &[(0, 1), (3, 2), (6, 3)];
    swept(|rt, tracker| numbers(rt, TIMES).switch_map(tracked(rt, &tracker)).boxed(), &[10, 20, 21, 30, 31]);
    swept(|rt, tracker| numbers(rt, TIMES).exhaust_map(tracked(rt, &tracker)).boxed(), &[10, 11, 30, 31]);
    swept(
        |rt, tracker| numbers(rt, TIMES).flat_map_limited(limit(1), tracked(rt, &tracker)).boxed(),
        &[10, 11, 20, 21, 30, 31],
    );
    swept(
        |rt, tracker| numbers(rt, TIMES).flat_map_limited(limit(2), tracked(rt, &tracker)).boxed(),
        &[10, 11, 20, 21, 30, 31],
    );
}

/// A stream that is pending before each of its items as often as it says, and counts those that run.
fn paced(id: u32, pauses: Vec<u8>, running: &Arc<AtomicUsize>) -> impl Stream<Item = (u32, usize)> + use<> {
    struct Running(Arc<AtomicUsize>);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    running.fetch_add(1, SeqCst);
    let running = Running(Arc::clone(running));
    let (mut at, mut left) = (0, pauses.first().copied().unwrap_or(0));
    stream::poll_fn(move |cx| {
        let _running = &running;
        if at == pauses.len() {
            return Poll::Ready(None);
        }
        if left > 0 {
            left -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        at += 1;
        left = pauses.get(at).copied().unwrap_or(0);
        Poll::Ready(Some((id, at)))
    })
}

proptest! {
    #[test]
    fn flat_map_limited_loses_doubles_and_reorders_nothing(
        streams in prop::collection::vec(prop::collection::vec(0..3_u8, 0..5), 0..8),
        at_once in 1..5_usize,
    ) {
        let running = Arc::new(AtomicUsize::new(0));
        let mut most = 0;
        let source = stream::iter(streams.clone().into_iter().enumerate());
        let mut merged = Box::pin(checked_stream(
            source.flat_map_limited(limit(at_once), |(id, pauses)| paced(id as u32, pauses, &running)),
        ));
        let mut got = BTreeMap::<u32, Vec<usize>>::new();
        let mut cx = Context::from_waker(Waker::noop());
        let mut polls = 0;
        loop {
            polls += 1;
            prop_assert!(polls < 1_000, "it comes to no end");
            let poll = Pin::new(&mut merged).poll_next(&mut cx);
            most = most.max(running.load(SeqCst));
            match poll {
                Poll::Ready(Some((id, item))) => got.entry(id).or_default().push(item),
                Poll::Ready(None) => break,
                Poll::Pending => {}
            }
        }
        prop_assert!(most <= at_once);
        prop_assert_eq!(running.load(SeqCst), 0);
        for (id, pauses) in streams.iter().enumerate() {
            let items: Vec<_> = (1..=pauses.len()).collect();
            prop_assert_eq!(got.remove(&(id as u32)).unwrap_or_default(), items);
        }
    }
}

#[test]
fn they_are_as_send_as_what_is_in_them() {
    fn is_send<T: Send + Unpin>(_: &T) {}
    let source = || stream::iter(0..1);
    is_send(&source().switch_map(stream::repeat));
    is_send(&source().exhaust_map(stream::repeat));
    is_send(&source().flat_map_limited(Limit::ONE, stream::repeat));
    let shown = format!("{:?}", source().flat_map_limited(Limit::ONE, stream::repeat));
    assert_eq!(shown, "FlatMapLimited { source_has_ended: false, running: 0, limit: 1, .. }");
}
