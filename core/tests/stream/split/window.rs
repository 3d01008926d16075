//! `window`.

use crate::by_hand::ByHand;
use crate::kit::ms;
use crate::marble::{Items, flows, flows_slowly, items, results_flow};
use crate::nasty::Nasty;
use crate::sweeps::swept;
use backstay::testing::{Explore, Faults, Sim, Tracker, checked_stream, report};
use backstay_core::stream::{BatchConfig, FlowExt};
use backstay_core::{Limit, Runtime};
use futures::FutureExt;
use futures::stream::{self, BoxStream, FusedStream, Stream, StreamExt};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

fn so_many(max: usize) -> BatchConfig {
    BatchConfig::new(Limit::new(max).unwrap())
}

fn within(time: u64) -> BatchConfig {
    BatchConfig::new(Limit::MAX).within(ms(time))
}

/// Each window as what was in it, at its end.
fn whole(rt: &Sim, source: Items, config: BatchConfig) -> impl Stream<Item = Vec<char>> + use<> {
    source.window(rt, config).then(|window| checked_stream(window).collect())
}

#[test]
fn a_window_is_over_when_it_is_full_or_its_time_is_over() {
    for (input, config, windows) in [
        ("abcde|", so_many(2), "-[ab]-[cd]-([e]|)"),
        ("abcd|", so_many(2), "-[ab]-[cd]|"),
        ("a---b-c|", within(5), "-----([ab])-([c]|)"),
        // At the very instant it is the last.
        ("a----b-c|", within(5), "-----[ab]--([c]|)"),
        ("a----(bc)|", within(5), "-----[ab]([c]|)"),
        ("a-----b|", within(5), "-----[a]-([b]|)"),
        // The time begins with the first item, and where nothing comes there is no window.
        ("a 19 b 19 |", within(5), "-----[a] 19 [b] 14|"),
        ("(abc)--d|", so_many(3).within(ms(5)), "[abc]---([d]|)"),
        ("|", so_many(2), "|"),
        ("-", within(5), ""),
        // What is there at once.
        ("(ab)-c|", within(0), "[ab]-[c]|"),
        ("abc", BatchConfig::new(Limit::MAX), ""),
        ("a 99 b", within(u64::MAX), ""),
    ] {
        let operator: &dyn Fn(&Sim, Items) -> _ = &|rt, s| whole(rt, s, config);
        flows(input, operator, windows);
    }
    results_flow(
        "a!b|",
        |rt, s| s.window(rt, so_many(2)).then(|window| window.collect::<Vec<_>>()),
        "-[a!]-([b]|)",
    );
}

#[test]
fn items_come_as_they_are_there() {
    let flat =
        |rt: &Sim, s: Items, config| s.window(rt, config).flat_map_limited(Limit::ONE, |window| window);
    flows("a-b--(cd)|", |rt, s| flat(rt, s, so_many(2)), "a-b--(cd)|");
    flows("a-b--(cd)|", |rt, s| flat(rt, s, within(3)), "a-b--(cd)|");
    flows_slowly("(abc)|", 4, |rt, s| flat(rt, s, within(2)), "a---b---c---|");
}

#[test]
fn a_window_that_is_too_heavy_is_over_before() {
    let weigh = |item: &u32| *item as usize;
    let heavy = |items: &'static [u32]| {
        let config = so_many(9).weight(Limit::new(10).unwrap(), weigh);
        let run = Sim::builder().run(move |rt: Sim| async move {
            stream::iter(items.iter().copied())
                .window(&rt, config)
                .then(|window| window.collect::<Vec<_>>())
                .collect::<Vec<_>>()
                .await
        });
        run.unwrap_or_else(|failure| panic!("{failure}")).value
    };
    assert_eq!(heavy(&[4, 6, 1]), [vec![4, 6], vec![1]]);
    assert_eq!(heavy(&[4, 7, 1]), [vec![4], vec![7, 1]]);
    assert_eq!(heavy(&[11, 11]), [[11], [11]]);
    assert_eq!(heavy(&[u32::MAX, u32::MAX]).len(), 2);
}

#[test]
fn a_window_that_is_dropped_is_over_and_nothing_is_lost() {
    report(Sim::builder().run(|rt: Sim| async move {
        let mut windows = stream::iter(0..10).window(&rt, so_many(4));
        let mut seen = Vec::new();
        while let Some(mut window) = windows.next().await {
            seen.extend(window.next().await);
        }
        assert_eq!(seen, (0..10).collect::<Vec<_>>(), "each began with the next item");

        // Not even its first item.
        let mut windows = stream::iter(0..2).window(&rt, so_many(4));
        drop(windows.next().await);
        assert_eq!(windows.next().await.unwrap().collect::<Vec<_>>().await, [0, 1]);
        assert!(windows.next().await.is_none() && windows.is_terminated());
    }));
}

#[test]
fn the_next_begins_when_the_one_before_is_over() {
    report(Sim::builder().run(|rt: Sim| async move {
        let mut windows = items(&rt, "ab-c|").window(&rt, so_many(2));
        let mut first = windows.next().await.unwrap();
        assert!(windows.next().now_or_never().is_none(), "it is read");
        let reader = rt.spawn(async move {
            let items = [first.next().await, first.next().await];
            assert!(first.is_terminated(), "the item that fills it is the last");
            (items, first)
        });
        // Though the first is still there.
        let second = windows.next().await.unwrap();
        let (items, first) = reader.await.unwrap();
        assert_eq!(items, [Some('a'), Some('b')]);
        assert_eq!(second.collect::<String>().await, "c");
        assert_eq!(first.count().await, 0);
        assert!(windows.next().await.is_none());
    }));
}

#[test]
fn a_window_outlives_what_makes_windows() {
    let tracker = Tracker::new();
    report(Sim::builder().run(|rt: Sim| {
        let held = tracker.track(());
        async move {
            let source = stream::iter(0..10).map(move |n| (n, *held).0);
            let mut windows = source.window(&rt, so_many(4));
            let window = windows.next().await.unwrap();
            drop(windows);
            assert_eq!(window.collect::<Vec<_>>().await, [0, 1, 2, 3]);
        }
    }));
    tracker.assert_none_alive();
}

#[test]
fn a_panic_of_the_source_is_its_end() {
    report(Sim::builder().run(|rt: Sim| async move {
        let source = stream::iter(0..3).inspect(|n| {
            if *n == 1 {
                resume_unwind(Box::new("one"));
            }
        });
        let mut windows = source.window(&rt, so_many(4));
        let mut window = windows.next().await.unwrap();
        assert_eq!(window.next().await, Some(0));
        assert!(catch_unwind(AssertUnwindSafe(|| window.next().now_or_never())).is_err());
        assert_eq!(window.next().await, None);
        assert!(windows.next().await.is_none());

        // One of what weighs costs its item.
        let weigh = |n: &u32| if *n == 1 { resume_unwind(Box::new("one")) } else { 0 };
        let mut windows = stream::iter(0..3).window(&rt, so_many(4).weight(Limit::MAX, weigh));
        let mut window = windows.next().await.unwrap();
        assert_eq!(window.next().await, Some(0));
        assert!(catch_unwind(AssertUnwindSafe(|| window.next().now_or_never())).is_err());
        assert_eq!(window.next().await, Some(2));
    }));
}

#[test]
fn s22_an_always_ready_source_is_cut_by_time() {
    // Each item takes the processor for a while, and is never waited for; a window's time begins with its first, which
    // has been taken by then.
    for (item, expected) in [(ms(1), 11), (ms(3), 4), (ms(20), 1)] {
        let rt = ByHand::new();
        let busy = rt.clone();
        let source = stream::iter(0_u32..100).inspect(move |_| busy.pass(item));
        let windows = source.window(&rt, within(10));
        let mut sizes =
            futures::executor::block_on(windows.then(|window| window.count()).collect::<Vec<_>>());
        assert_eq!(sizes.iter().sum::<usize>(), 100);
        sizes.pop();
        assert!(sizes.len() >= 100 / expected - 1, "{item:?}: {sizes:?}");
        assert!(sizes.iter().all(|size| *size == expected), "{item:?}: {sizes:?}");
    }
}

#[test]
fn s13_what_is_always_ready_leaves_others_their_turn() {
    report(Sim::builder().run(|rt: Sim| async move {
        for config in [so_many(1), so_many(1_000), BatchConfig::new(Limit::MAX), within(0)] {
            let mut items = 0;
            let all = stream::repeat(()).window(&rt, config).flat_map_limited(Limit::ONE, |window| window);
            let all = all.for_each(|()| {
                items += 1;
                assert!(items < 100_000, "the timeout has had no turn");
                std::future::ready(())
            });
            assert!(rt.timeout(ms(0), all).await.is_err());
        }
    }));
}

proptest! {
    #[test]
    fn of_what_is_ready_they_are_batches(
        weights in prop::collection::vec(0..6_usize, 0..40),
        max in 1..6_usize,
        max_weight in 1..12_usize,
    ) {
        let run = Sim::builder().run(|rt: Sim| {
            let weights = weights.clone();
            async move {
                let config = so_many(max).weight(Limit::new(max_weight).unwrap(), |weight: &usize| *weight);
                let windows = checked_stream(stream::iter(weights.clone()).window(&rt, config));
                let windows: Vec<_> = windows.then(|window| checked_stream(window).collect::<Vec<_>>()).collect().await;
                let batches: Vec<_> = stream::iter(weights).batch(&rt, config).collect().await;
                (windows, batches)
            }
        });
        let (windows, batches) = run.unwrap_or_else(|failure| panic!("{failure}")).value;
        prop_assert_eq!(windows, batches);
    }
}

#[test]
fn s29_it_keeps_the_contract_of_poll_on_all_sides() {
    let scenario = |rt: Sim| async move {
        for kind in Nasty::ALL {
            for config in [so_many(1), so_many(2), within(0), within(2), within(1_000)] {
                let windows = checked_stream(kind.source(&rt, 0..5).window(&rt, config));
                let windows: Vec<Vec<_>> =
                    windows.then(|window| checked_stream(window).collect()).collect().await;
                assert!(windows.iter().all(|window| !window.is_empty()));
                assert!(windows.concat().into_iter().eq(0..5));
            }
        }
    };
    report(Explore::seeds(0..4).run(scenario));
    report(
        Explore::seeds(0..4).builder(Sim::builder().faults(Faults::gentle().fresh_wakers())).run(scenario),
    );
}

#[test]
fn s09_whoever_reads_is_cut_anywhere() {
    let make = |rt: &Sim, tracker: Tracker| -> BoxStream<'static, _> {
        let own = rt.clone();
        let items = stream::iter(0..5).then(move |n| {
            let (rt, item) = (own.clone(), tracker.track(n));
            async move {
                rt.sleep(ms(2)).await;
                item
            }
        });
        items.window(rt, so_many(2)).flat_map_limited(Limit::ONE, |window| window).boxed()
    };
    swept(make, &[0, 1, 2, 3, 4]);
}

#[test]
fn they_say_what_they_are() {
    report(Sim::builder().run(|rt: Sim| async move {
        fn is_send<T: Send + Unpin>(_: &T) {}
        let mut windows = stream::iter(0..3).window(&rt, so_many(2));
        is_send(&windows);
        assert_eq!(windows.size_hint(), (1, Some(3)));
        let window = windows.next().await.unwrap();
        is_send(&window);
        assert_eq!((window.size_hint(), windows.size_hint()), ((0, Some(3)), (0, None)));
        assert_eq!(
            format!("{windows:?} {window:?}"),
            "Windows { has_ended: false, .. } Window { is_over: false, .. }"
        );
        assert_eq!(window.count().await + windows.next().await.unwrap().count().await, 3);
        assert!(windows.next().await.is_none());
        assert_eq!((windows.size_hint(), windows.is_terminated()), ((0, Some(0)), true));
    }));
}
