//! `group_by`.

use crate::kit::ms;
use crate::marble::{flows, items};
use crate::nasty::Nasty;
use crate::sweeps::swept;
use backstay::testing::{Explore, Faults, Sim, Tracker, checked_stream, report};
use backstay_core::channel::mpsc::Overflow;
use backstay_core::stream::{FlowExt, Group, GroupByConfig};
use backstay_core::{Limit, Runtime};
use futures::FutureExt;
use futures::channel::mpsc::unbounded;
use futures::stream::{self, BoxStream, FusedStream, Stream, StreamExt};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

fn groups(max: usize) -> GroupByConfig {
    GroupByConfig::new(Limit::new(max).unwrap())
}

fn limit(max: usize) -> Limit {
    Limit::new(max).unwrap()
}

#[test]
fn items_of_a_key_go_to_its_group() {
    // In the order of their coming, each from its group.
    let flat = |rt: &Sim, s: crate::marble::Items| {
        s.group_by(rt, groups(3), char::to_ascii_lowercase).flat_map_limited(limit(4), |group| group)
    };
    flows("a-bA--B-(ca)C|", flat, "a-bA--B-(ca)C|");
    flows("|", flat, "|");
    flows("a", flat, "a");
    // At the end, whole.
    flows(
        "a-bA--B-(cab)C|",
        |rt, s| {
            let whole = s.group_by(rt, groups(3), char::to_ascii_lowercase);
            whole.map_concurrent_ordered(limit(4), limit(4), |group| group.collect::<Vec<_>>()).unwrap()
        },
        "10 ([aAa][bBb][cC]|)",
    );
}

#[test]
fn a_key_that_comes_when_all_places_are_taken_ends_the_group_that_was_silent_longest() {
    report(Sim::builder().run(|rt: Sim| async move {
        let (sender, inbox) = unbounded();
        let mut all = inbox.group_by(&rt, groups(2), |item: &(char, u32)| item.0);
        let mut send = |items: &[(char, u32)]| {
            let mut begun: Vec<Group<char, (char, u32)>> = Vec::new();
            for item in items {
                sender.unbounded_send(*item).unwrap();
            }
            while let Some(group) = all.next().now_or_never().flatten() {
                begun.push(group);
            }
            begun
        };
        let mut begun = send(&[('a', 1), ('b', 2), ('a', 3)]);
        assert_eq!(begun.iter().map(|group| *group.key()).collect::<String>(), "ab");
        let (b, mut a) = (begun.pop().unwrap(), begun.pop().unwrap());
        // `b` was silent longest. What it has is given.
        let begun = send(&[('c', 4), ('a', 5)]);
        assert_eq!(begun.len(), 1);
        assert_eq!(b.collect::<Vec<_>>().await, [('b', 2)]);
        assert_eq!([a.next().await, a.next().await, a.next().await], [1, 3, 5].map(|n| Some(('a', n))));
        // It begins another when it comes again.
        let begun = send(&[('b', 6)]);
        assert_eq!(begun[0].key(), &'b');
        assert!(a.next().now_or_never().is_none(), "`c` has ended");
    }));
}

#[test]
fn a_group_that_was_dropped_begins_anew() {
    report(Sim::builder().run(|rt: Sim| async move {
        let mut all = stream::iter(0..6).group_by(&rt, groups(3).places(limit(1)), |_| ());
        for number in 0..6 {
            let mut group = all.next().await.unwrap();
            assert_eq!(group.next().await, Some(number));
        }
        assert!(all.next().await.is_none());

        // Also while an item waits for its place.
        let mut all = stream::iter(0..3).group_by(&rt, groups(3).places(limit(1)), |_| ());
        let first = all.next().await.unwrap();
        assert!(all.next().now_or_never().is_none());
        assert_eq!(all.size_hint(), (0, Some(2)));
        drop(first);
        let mut second = all.next().await.unwrap();
        assert_eq!(second.next().await, Some(1));
        assert!(all.next().await.is_none());
        assert_eq!(second.collect::<Vec<_>>().await, [2]);
    }));
}

#[test]
fn for_a_group_that_is_full_the_source_waits() {
    report(Sim::builder().run(|rt: Sim| async move {
        let taken = Cell::new(0);
        let source = stream::iter([0, 1, 0, 0, 0, 1, 1]).inspect(|_| taken.set(taken.get() + 1));
        let mut all = Box::pin(source.group_by(&rt, groups(9).places(limit(2)), |n| *n));
        let (mut zeros, mut ones) = (all.next().await.unwrap(), all.next().await.unwrap());
        for _ in 0..3 {
            assert!(all.next().now_or_never().is_none());
            assert_eq!(taken.get(), 4, "the fourth has no place");
        }
        assert_eq!(zeros.next().await, Some(0));
        assert!(all.next().now_or_never().is_none());
        assert_eq!(taken.get(), 5);
        assert_eq!(ones.next().await, Some(1));
        assert!(ones.next().now_or_never().is_none(), "one that is full keeps all waiting");
        let zeros = rt.spawn(zeros.collect::<Vec<_>>());
        assert!(all.next().await.is_none());
        assert_eq!((zeros.await.unwrap().len(), ones.collect::<Vec<_>>().await), (3, vec![1, 1]));
    }));
}

#[test]
fn what_there_is_no_place_for_is_counted() {
    report(Sim::builder().run(|rt: Sim| async move {
        for (overflow, expected) in [(Overflow::DropOldest, [8, 9]), (Overflow::DropNewest, [0, 1])] {
            let config = groups(1).places(limit(2)).overflow(overflow);
            let mut all = stream::iter(0..10).group_by(&rt, config, |_| ());
            let group = all.next().await.unwrap();
            assert!(all.next().await.is_none());
            assert_eq!(group.dropped(), 8);
            assert_eq!(group.collect::<Vec<_>>().await, expected);
        }
    }));
}

#[test]
fn each_group_has_a_body_and_they_run_at_once() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let got = RefCell::new(BTreeMap::<u32, Vec<u32>>::new());
        let groups = stream::iter(0..100).group_by(&rt, groups(10).places(limit(1)), |n| n % 10);
        let (rt, got) = (&rt, &got);
        let body = |mut group: Group<u32, u32>| async move {
            while let Some(item) = group.next().await {
                rt.sleep(ms(10)).await;
                got.borrow_mut().entry(*group.key()).or_default().push(item);
            }
        };
        groups.each_group(body).await;
        got.take()
    });
    let run = run.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(run.value.len(), 10);
    for (key, items) in run.value {
        assert!(items.into_iter().eq((0..10).map(|n| n * 10 + key)));
    }
    assert_eq!(run.elapsed, ms(100));
}

#[test]
fn dropped_it_leaves_the_groups_what_they_have() {
    report(Sim::builder().run(|rt: Sim| async move {
        let tracker = Tracker::new();
        let source = stream::iter(0..5).map(|n| tracker.track(n));
        let mut all = source.group_by(&rt, groups(2).places(limit(2)), |n| **n % 2);
        let (even, odd) = (all.next().await.unwrap(), all.next().await.unwrap());
        assert!(all.next().now_or_never().is_none(), "0, 1, 2, 3, and 4 waits");
        assert_eq!(tracker.alive(), 5);
        drop(all);
        assert_eq!(tracker.alive(), 4);
        assert_eq!(even.map(|n| *n).collect::<Vec<_>>().await, [0, 2]);
        drop(odd);
        tracker.assert_none_alive();
    }));
}

#[test]
fn a_panic_of_the_key_costs_one_item() {
    report(Sim::builder().run(|rt: Sim| async move {
        let key = |n: &u32| if *n == 1 { resume_unwind(Box::new("one")) } else { 0 };
        let mut all = stream::iter(0..3).group_by(&rt, groups(2), key);
        let group = all.next().await.unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| all.next().now_or_never())).is_err());
        assert!(all.next().await.is_none() && all.is_terminated());
        assert_eq!(group.collect::<Vec<_>>().await, [0, 2]);
    }));
}

#[test]
fn a_source_that_panics_has_ended_and_the_groups_with_it() {
    report(Sim::builder().run(|rt: Sim| async move {
        let mut polls = 0;
        let broken = stream::poll_fn(|_| {
            polls += 1;
            match polls {
                1 => std::task::Poll::Ready(Some(7)),
                2 => resume_unwind(Box::new("broken")),
                _ => panic!("it is polled again"),
            }
        });
        let mut all = broken.group_by(&rt, groups(2), |_: &u32| 0);
        let group = all.next().await.unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| all.next().now_or_never())).is_err());
        assert!(all.next().await.is_none() && all.is_terminated());
        assert_eq!(group.collect::<Vec<_>>().now_or_never(), Some(vec![7]));
    }));
}

#[test]
fn s13_what_is_always_ready_leaves_others_their_turn() {
    report(Sim::builder().run(|rt: Sim| async move {
        for overflow in [Overflow::Wait, Overflow::DropOldest] {
            let all = stream::iter(0..).group_by(&rt, groups(3).overflow(overflow), |n: &u64| *n % 3);
            let mut items = 0;
            let mut body = |group: Group<u64, u64>| group.for_each(|_| std::future::ready(()));
            assert!(rt.timeout(ms(0), all.each_group(&mut body)).await.is_err());
            let endless = stream::repeat(()).group_by(&rt, groups(3).overflow(overflow), |()| ());
            let endless = endless.flat_map_limited(limit(4), |group| group).for_each(|()| {
                items += 1;
                assert!(items < 100_000, "the timeout has had no turn");
                std::future::ready(())
            });
            assert!(rt.timeout(ms(0), endless).await.is_err());
        }
    }));
}

proptest! {
    #[test]
    fn nothing_is_lost_doubled_or_reordered(
        keys in prop::collection::vec(0..6_u8, 0..60),
        max_groups in 1..7_usize,
        places in 1..4_usize,
        seed in any::<u64>(),
    ) {
        let expected = keys.clone();
        let run = Sim::builder().seed(seed).run(move |rt: Sim| async move {
            let source = stream::iter(keys.into_iter().enumerate());
            let config = groups(max_groups).places(limit(places));
            let all = checked_stream(source.group_by(&rt, config, |(_, key)| *key));
            let own = rt.clone();
            let got = all.flat_map_limited(limit(max_groups + 1), move |group| {
                let (key, rt) = (*group.key(), own.clone());
                checked_stream(group).then(move |(number, item)| {
                    assert_eq!(item, key);
                    let rt = rt.clone();
                    async move {
                        if rt.random_u64() % 2 == 0 {
                            rt.yield_now().await;
                        }
                        (number, item)
                    }
                }).boxed()
            });
            got.collect::<Vec<_>>().await
        });
        let mut got = run.unwrap_or_else(|failure| panic!("{failure}")).value;
        got.sort();
        prop_assert!(got.into_iter().eq(expected.into_iter().enumerate()));
    }
}

#[test]
fn s29_it_keeps_the_contract_of_poll_on_all_sides() {
    let scenario = |rt: Sim| async move {
        for kind in Nasty::ALL {
            for places in 1..3 {
                let all = kind.source(&rt, 0..9).group_by(&rt, groups(3).places(limit(places)), |n| n % 3);
                let all = checked_stream(all).flat_map_limited(limit(4), checked_stream);
                let got: Vec<_> = all.collect().await;
                for key in 0..3 {
                    assert!(got.iter().filter(|n| **n % 3 == key).copied().eq([key, key + 3, key + 6]));
                }
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
        items
            .group_by(rt, groups(2).places(limit(1)), |n| **n % 2)
            .flat_map_limited(limit(3), |group| group)
            .boxed()
    };
    swept(make, &[0, 1, 2, 3, 4]);
}

#[test]
fn it_says_what_it_is() {
    report(Sim::builder().run(|rt: Sim| async move {
        fn is_send<T: Send + Unpin>(_: &T) {}
        let mut all = items(&rt, "ab").group_by(&rt, groups(2), |_| 'x');
        let group = all.next().await.unwrap();
        assert_eq!(format!("{all:?}"), "GroupBy { has_ended: false, groups: 1, .. }");
        assert_eq!(format!("{group:?}"), "Group { key: 'x', len: 1, .. }");
        let all = stream::iter(0..3).group_by(&rt, Limit::MAX, |n| *n);
        is_send(&all);
        is_send(&group);
        assert_eq!(all.size_hint(), (0, Some(3)));
    }));
}
