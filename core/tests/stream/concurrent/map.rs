//! `map_concurrent` and `map_concurrent_ordered` as streams.

use super::{everywhere, limit, nap, time_of};
use crate::kit::ms;
use crate::marble::{Items, flows, flows_slowly};
use backstay::testing::{Failure, Sim, Tracker, checked_stream};
use backstay_core::stream::FlowExt;
use backstay_core::{Limit, Runtime};
use futures::stream::{self, FusedStream, StreamExt};
use futures::{FutureExt, Stream, poll};
use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

type Slow = Pin<Box<dyn Future<Output = char>>>;

/// Each letter takes as long as it says.
fn work<R: Runtime>(rt: &R, times: [u64; 4]) -> impl FnMut(char) -> Slow + use<R> {
    let rt = rt.clone();
    move |item| {
        let sleep = rt.sleep(ms(times[item as usize - 'a' as usize]));
        Box::pin(async move {
            sleep.await;
            item
        })
    }
}

#[test]
fn outputs_come_as_they_end() {
    let times = [5, 1, 1, 1];
    for (input, at_once, expected) in [
        ("abc---|", 2, "--bc-a|"),
        ("abc---|", 1, "-----ab(c|)"),
        ("(abc)|", 2, "-bc--(a|)"),
        ("(abc)|", 9, "-(bc) ---(a|)"),
        ("(abc)", 9, "-(bc) ---a"),
        ("a", 1, "-----a"),
        ("|", 1, "|"),
        ("--|", 3, "--|"),
        ("", 3, ""),
    ] {
        flows(input, |rt, s| s.map_concurrent(limit(at_once), work(rt, times)), expected);
    }
}

#[test]
fn ordered_outputs_come_in_the_order_of_the_items() {
    let times = [5, 1, 1, 3];
    for (input, at_once, window, expected) in [
        ("abc---|", 2, 4, "-----(abc)|"),
        ("abc---|", 2, 2, "-----(ab)(c|)"),
        ("abc---|", 1, 1, "-----ab(c|)"),
        ("bca|", 2, 2, "-bc----(a|)"),
        ("(abcd)|", 2, 4, "-----(abcd|)"),
        ("", 2, 4, ""),
        ("|", 2, 4, "|"),
    ] {
        let operator = |rt: &Sim, s: Items| {
            s.map_concurrent_ordered(limit(at_once), limit(window), work(rt, times)).expect("a window")
        };
        flows(input, operator, expected);
    }
}

#[test]
fn a_slow_reader_keeps_no_more_waiting_than_have_places() {
    // Taken at 1, 11 and 21; c begins when there is a place, which is when b was taken.
    flows_slowly("abc---|", 10, |rt, s| s.map_concurrent(limit(2), work(rt, [1; 4])), "-a 9 b 9 c 9 |");
}

#[test]
fn s31_a_slow_head_holds_back_no_work() -> Result<(), Failure> {
    async fn run(rt: &Sim, window: usize, naps: &[u64]) {
        let items = stream::iter(naps.iter().copied().enumerate());
        let outputs = items.map_concurrent_ordered(limit(4), limit(window), |(id, time)| nap(rt, id, time));
        let outputs: Vec<_> = outputs.expect("a window").collect().await;
        assert!(outputs.into_iter().eq(0..naps.len()));
    }
    let head: Vec<_> = [1_000].into_iter().chain([10; 11]).collect();
    assert_eq!(time_of(async |rt| run(rt, 8, &head).await)?, ms(1_010));
    assert_eq!(time_of(async |rt| run(rt, 4, &head).await)?, ms(1_020));
    let two: Vec<_> = (0..16).map(|id| if id % 7 == 0 && id < 8 { 1_000 } else { 10 }).collect();
    assert_eq!(time_of(async |rt| run(rt, 8, &two).await)?, ms(1_030));
    assert_eq!(time_of(async |rt| run(rt, 4, &two).await)?, ms(2_020));
    Ok(())
}

#[test]
fn s03_a_window_is_not_smaller_than_the_limit() {
    let refused = stream::iter(0..3).map_concurrent_ordered(limit(4), limit(3), ready).map(drop).unwrap_err();
    assert_eq!(refused.field(), Some("window"));
    let mapped = stream::iter(0..3).map_concurrent(limit(4), ready);
    assert!(mapped.map_concurrent_ordered(limit(4), limit(3), ready).is_err());
    assert!(stream::iter(0..3).map_concurrent_ordered(limit(4), limit(4), ready).is_ok());
}

#[test]
fn as_many_run_as_may_and_no_more() -> Result<(), Failure> {
    everywhere(async |rt| {
        let (running, most) = (Cell::new(0), Cell::new(0));
        let work = async |id: usize| {
            running.set(running.get() + 1);
            most.set(running.get().max(most.get()));
            rt.sleep(ms(id as u64 * 7 % 5)).await;
            running.set(running.get() - 1);
            id
        };
        let mut outputs: Vec<_> = stream::iter(0..50).map_concurrent(limit(7), work).collect().await;
        outputs.sort_unstable();
        assert!(outputs.into_iter().eq(0..50));
        assert_eq!((most.get(), running.get()), (7, 0));
        let ordered = stream::iter(0..50).map_concurrent_ordered(limit(5), limit(9), work).expect("a window");
        assert!(ordered.collect::<Vec<_>>().await.into_iter().eq(0..50));
        assert_eq!(running.get(), 0);
    })
}

#[test]
fn the_source_is_asked_only_when_there_is_a_place_and_dropped_at_its_end() {
    let tracker = Tracker::new();
    let held = tracker.track(());
    let asked = Cell::new(0);
    let source = stream::iter(0..3).map(|item| {
        let _ = &held;
        asked.set(asked.get() + 1);
        item
    });
    let (go, asked) = (Cell::new(false), &asked);
    let gate = |item| {
        let go = &go;
        poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            if go.get() { Poll::Ready(item) } else { Poll::Pending }
        })
    };
    let mut outputs = Box::pin(source.map_concurrent(limit(2), gate));
    assert_eq!(asked.get(), 0, "nothing happens before the first poll");
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(outputs.as_mut().poll_next(cx).is_pending());
    assert!(outputs.as_mut().poll_next(cx).is_pending());
    assert_eq!((asked.get(), outputs.in_flight()), (2, 2));
    go.set(true);
    assert_eq!(outputs.size_hint(), (3, Some(3)));
    assert_eq!(outputs.as_mut().poll_next(cx), Poll::Ready(Some(0)));
    assert!(!outputs.is_terminated());
    let mut rest: Vec<_> = outputs.by_ref().collect().now_or_never().expect("they are ready");
    rest.sort_unstable();
    assert_eq!((rest, asked.get()), (vec![1, 2], 3));
}

#[test]
fn it_is_fused_and_drops_its_source_at_the_end() {
    let tracker = Tracker::new();
    let held = tracker.track(());
    let source = checked_stream(stream::iter(0..3).chain(stream::once(async move {
        drop(held);
        3
    })));
    let mut outputs = pin!(source.map_concurrent(limit(2), ready));
    let cx = &mut Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    while let Poll::Ready(Some(output)) = outputs.as_mut().poll_next(cx) {
        all.push(output);
    }
    assert_eq!(all, [0, 1, 2, 3]);
    tracker.assert_none_alive();
    for _ in 0..3 {
        assert_eq!(outputs.as_mut().poll_next(cx), Poll::Ready(None));
    }
    assert!(outputs.is_terminated());
    assert_eq!(outputs.size_hint(), (0, Some(0)));
}

#[test]
fn s29_the_contract_of_poll_is_kept_on_both_sides() -> Result<(), Failure> {
    /// Wakes its task in the poll, and is pending twice before each item.
    fn restless(items: usize) -> impl Stream<Item = usize> {
        let (mut next, mut polls) = (0, 0);
        stream::poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            polls += 1;
            if polls % 3 != 0 {
                return Poll::Pending;
            }
            next += 1;
            Poll::Ready((next <= items).then_some(next - 1))
        })
    }
    async fn all_come(stream: impl Stream<Item = usize>, is_ordered: bool) {
        let mut outputs: Vec<_> = checked_stream(stream).collect().await;
        if !is_ordered {
            outputs.sort_unstable();
        }
        assert!(outputs.iter().copied().eq(0..9), "{outputs:?}");
    }
    everywhere(async |rt| {
        let work = |id: usize| nap(rt, id, id as u64 * 5 % 4);
        let (two, six) = (limit(2), limit(6));
        all_come(checked_stream(restless(9)).map_concurrent(two, work), false).await;
        let ordered = checked_stream(restless(9)).map_concurrent_ordered(two, six, work).expect("a window");
        all_come(checked_stream(ordered), true).await;
        let twice = checked_stream(restless(9)).map_concurrent(two, work).map_concurrent(six, work);
        all_come(twice, false).await;
        all_come(checked_stream(restless(9)).spawned(rt, two), true).await;
        let spawned = checked_stream(restless(9)).map_concurrent(two, ready).spawned(rt, two);
        all_come(spawned, false).await;
    })
}

#[test]
fn s13_a_source_that_is_always_ready_starves_nobody() {
    let cx = &mut Context::from_waker(Waker::noop());
    let mut endless = pin!(stream::repeat(1).map_concurrent(limit(4), ready));
    let row = (0..1_000).take_while(|_| endless.as_mut().poll_next(cx).is_ready()).count();
    assert!((1..=128).contains(&row), "{row}");
    // Futures that never end, and a limit that is never reached: one poll begins so many, and no more.
    let mut idle = pin!(stream::repeat(1).map_concurrent(Limit::MAX, |_| pending::<()>()));
    for polls in 1..4 {
        assert!(idle.as_mut().poll_next(cx).is_pending());
        assert_eq!(idle.in_flight(), 128 * polls);
    }
    let mut bodies = pin!(stream::repeat(1).each_concurrent(limit(4), |_| ready(())));
    assert!(bodies.as_mut().poll(cx).is_pending());
}

#[test]
fn a_panic_takes_one_item_and_no_more() -> Result<(), Failure> {
    async fn outputs(stream: impl Stream<Item = usize>) -> (Vec<usize>, usize) {
        let mut stream = pin!(stream);
        let (mut outputs, mut panics) = (Vec::new(), 0);
        loop {
            match AssertUnwindSafe(stream.next()).catch_unwind().await {
                Ok(Some(output)) => outputs.push(output),
                Ok(None) => return (outputs, panics),
                Err(_) => panics += 1,
            }
        }
    }
    everywhere(async |rt| {
        let in_the_future = |id: usize| {
            let nap = nap(rt, id, id as u64 % 3);
            async move { if id == 2 { resume_unwind(Box::new(id)) } else { nap.await } }
        };
        let in_the_closure = |id: usize| if id == 2 { resume_unwind(Box::new(id)) } else { ready(id) };
        let (two, six) = (limit(2), limit(6));
        for (mut left, panics) in [
            outputs(stream::iter(0..6).map_concurrent(two, in_the_future)).await,
            outputs(stream::iter(0..6).map_concurrent(two, in_the_closure)).await,
        ] {
            left.sort_unstable();
            assert_eq!((left, panics), (vec![0, 1, 3, 4, 5], 1));
        }
        let ordered = stream::iter(0..6).map_concurrent_ordered(two, six, in_the_future).expect("a window");
        assert_eq!(outputs(ordered).await, (vec![0, 1, 3, 4, 5], 1));
    })
}

#[test]
fn dropping_it_drops_what_is_in_flight() -> Result<(), Failure> {
    everywhere(async |rt| {
        let tracker = Tracker::new();
        let work = |id: usize| {
            let (held, nap) = (tracker.track(id), nap(rt, id, 5));
            async move {
                nap.await;
                held
            }
        };
        let mut outputs = pin!(stream::iter(0..6).map_concurrent(limit(3), work));
        assert!(poll!(outputs.next()).is_pending());
        assert_eq!(tracker.alive(), 3);
        let mut dropped = Box::pin(stream::iter(0..6).map_concurrent(limit(3), work));
        assert!(poll!(dropped.next()).is_pending());
        drop(dropped);
        assert_eq!(tracker.alive(), 3);
        outputs.by_ref().collect::<Vec<_>>().await;
        tracker.assert_none_alive();
    })
}

#[test]
fn public_types_are_send_and_sync() {
    fn shown<T: Send + Sync + std::fmt::Debug>(value: &T) -> String {
        format!("{value:?}")
    }
    let mapped = || stream::iter(0..3).map_concurrent(limit(4), ready);
    assert_eq!(shown(&mapped()), "MapConcurrent { set: BoundedSet { len: 0, limit: 4 }, .. }");
    shown(&stream::iter(0..3).map_concurrent_ordered(limit(4), limit(4), ready).expect("a window"));
    assert!(shown(&mapped().for_each(|_| ready(()))).contains("ForEach { stream: MapConcurrent"));
    let results = stream::iter(0..3).map_concurrent(limit(4), |_| ready(Ok::<_, ()>(())));
    assert!(shown(&results.try_for_each(|()| ready(Ok(())))).contains("TryForEach"));
    assert!(shown(&mapped().each_concurrent(limit(1), |_| ready(()))).contains("EachConcurrent"));
}
