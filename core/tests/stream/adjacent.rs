//! Items beside the one before: distinct_until_changed, pairwise.

use crate::kit::ms;
use crate::marble::{flows, flows_slowly, results_flow};
use crate::nasty::Nasty;
use crate::sweeps::swept;
use backstay::testing::{Explore, Faults, Sim, Tracker, checked_stream, report};
use backstay_core::Runtime;
use backstay_core::stream::FlowExt;
use futures::FutureExt;
use futures::stream::{self, BoxStream, FusedStream, Stream, StreamExt};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Poll;

#[test]
fn changes_are_given() {
    for (input, expected) in [
        ("aab-bba|", "a-b---a|"),
        ("(aab)b-(ba)|", "(ab)--a|"),
        ("abab|", "abab|"),
        ("aaa", "a"),
        ("|", "|"),
        ("", ""),
    ] {
        flows(input, |_, s| s.distinct_until_changed(), expected);
        flows(input, |_, s| s.distinct_until_changed_by_key(|item| *item), expected);
    }
    flows("aAbaB|", |_, s| s.distinct_until_changed_by_key(char::to_ascii_lowercase), "a-ba B|");
    // An error is an item, and one like the other.
    results_flow("aa!!a|", |_, s| s.distinct_until_changed(), "a-!-a|");
    flows_slowly("(aabb)|", 3, |_, s| s.distinct_until_changed(), "a--b--|");
}

#[test]
fn those_that_are_the_same_are_counted() {
    let mut items = stream::iter("aaabbc".chars()).distinct_until_changed();
    assert_eq!(items.by_ref().collect::<String>().now_or_never().as_deref(), Some("abc"));
    assert_eq!((items.dropped(), items.is_terminated()), (3, true));
    assert_eq!(items.next().now_or_never(), Some(None));
    assert_eq!(format!("{items:?}"), "DistinctUntilChanged { has_ended: true, dropped: 3, .. }");
}

#[test]
fn what_is_not_equal_to_itself_is_a_change() {
    let mut items = stream::iter([f64::NAN, f64::NAN, 1.0, 1.0]).distinct_until_changed();
    assert_eq!(items.by_ref().count().now_or_never(), Some(3));
    assert_eq!(items.dropped(), 1);
}

#[test]
fn pairs_are_given_of_each_and_the_one_before() {
    for (input, expected) in
        [("a-b-c|", "--[ab]-[bc]|"), ("(abc)|", "([ab][bc])|"), ("a|", "-|"), ("a", ""), ("|", "|")]
    {
        flows(input, |_, s| s.pairwise(), expected);
    }
    results_flow("a!b|", |_, s| s.pairwise(), "-[a!][!b]|");
    flows_slowly("(abc)|", 3, |_, s| s.pairwise(), "[ab]--[bc]--|");
    let shown = format!("{:?}", stream::iter(0..3).pairwise());
    assert_eq!(shown, "Pairwise { has_ended: false, .. }");
}

#[test]
fn their_sizes_are_known_as_far_as_can_be() {
    let mut pairs = stream::iter(0..4).pairwise();
    assert_eq!(pairs.size_hint(), (3, Some(3)));
    assert!(pairs.next().now_or_never().is_some());
    assert_eq!(pairs.size_hint(), (2, Some(2)));
    assert_eq!(pairs.by_ref().count().now_or_never(), Some(2));
    assert_eq!((pairs.size_hint(), pairs.is_terminated()), ((0, Some(0)), true));
    assert_eq!(stream::repeat(1).pairwise().size_hint(), (usize::MAX - 1, None));
    assert_eq!(stream::empty::<u8>().pairwise().size_hint(), (0, Some(0)));

    let mut changes = stream::iter([1, 1, 2]).distinct_until_changed();
    assert_eq!(changes.size_hint(), (1, Some(3)));
    assert!(changes.next().now_or_never().is_some());
    assert_eq!(changes.size_hint(), (0, Some(2)));
}

#[test]
fn a_panic_costs_one_item() {
    let bomb = |n: &u32| {
        if *n == 2 {
            resume_unwind(Box::new("two"));
        }
        *n
    };
    let mut changes = stream::iter([1, 2, 1, 3]).distinct_until_changed_by_key(bomb);
    let mut next = || catch_unwind(AssertUnwindSafe(|| changes.next().now_or_never())).ok();
    assert_eq!([next(), next(), next()], [Some(Some(Some(1))), None, Some(Some(Some(3)))]);

    #[derive(Debug, PartialEq)]
    struct Fragile(u32);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            if self.0 == 2 {
                resume_unwind(Box::new("two"));
            }
            Self(self.0)
        }
    }
    let mut pairs = stream::iter([1, 2, 3]).map(Fragile).pairwise();
    assert!(catch_unwind(AssertUnwindSafe(|| pairs.next().now_or_never())).is_err());
    assert_eq!(pairs.next().now_or_never(), Some(Some((Fragile(1), Fragile(3)))));
}

#[test]
fn a_source_that_panics_has_ended() {
    let broken = || {
        let mut items = vec![2, 1];
        stream::poll_fn(move |_| match items.pop() {
            Some(1) => Poll::Ready(Some(1)),
            Some(_) => resume_unwind(Box::new("broken")),
            None => panic!("it is polled again"),
        })
    };
    let streams: [BoxStream<'_, u32>; 3] = [
        broken().distinct_until_changed().boxed(),
        broken().distinct_until_changed_by_key(|item| *item).boxed(),
        stream::once(async { 0 }).chain(broken()).pairwise().map(|(_, item)| item).boxed(),
    ];
    for mut stream in streams {
        let mut next = || catch_unwind(AssertUnwindSafe(|| stream.next().now_or_never())).ok();
        assert_eq!([next(), next(), next()], [Some(Some(Some(1))), None, Some(Some(None))]);
    }
}

#[test]
fn s13_what_is_always_ready_leaves_others_their_turn() {
    report(Sim::builder().run(|rt: Sim| async move {
        let endless: [BoxStream<'_, ()>; 3] = [
            stream::repeat(()).distinct_until_changed().boxed(),
            stream::iter(0..).distinct_until_changed().map(|_: u64| ()).boxed(),
            stream::repeat(()).pairwise().map(|_| ()).boxed(),
        ];
        for endless in endless {
            let mut items = 0;
            let all = endless.for_each(|()| {
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
    fn they_are_those_of_slices(items in prop::collection::vec(0..3_u8, 0..300)) {
        let all = |s: BoxStream<'static, u8>| futures::executor::block_on(s.collect::<Vec<_>>());
        let mut model = items.clone();
        model.dedup();
        prop_assert_eq!(all(checked_stream(stream::iter(items.clone()).distinct_until_changed()).boxed()), model);
        let pairs = checked_stream(stream::iter(items.clone()).pairwise());
        let pairs: Vec<_> = futures::executor::block_on(pairs.collect());
        prop_assert_eq!(pairs, items.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>());
    }
}

#[test]
fn s29_they_keep_the_contract_of_poll_on_all_sides() {
    let scenario = |rt: Sim| async move {
        for kind in Nasty::ALL {
            let changes: Vec<_> =
                checked_stream(kind.source(&rt, [1, 1, 2, 2]).distinct_until_changed()).collect().await;
            assert_eq!(changes, [1, 2]);
            let pairs: Vec<_> = checked_stream(kind.source(&rt, [1, 2, 3]).pairwise()).collect().await;
            assert_eq!(pairs, [(1, 2), (2, 3)]);
        }
    };
    report(Explore::seeds(0..4).run(scenario));
    report(
        Explore::seeds(0..4).builder(Sim::builder().faults(Faults::gentle().fresh_wakers())).run(scenario),
    );
}

#[test]
fn s09_whoever_reads_is_cut_anywhere() {
    fn items(rt: &Sim, tracker: Tracker) -> BoxStream<'static, backstay::testing::Tracked<u32>> {
        let rt = rt.clone();
        let items = stream::iter([1, 1, 2, 2, 3]).then(move |n| {
            let (rt, item) = (rt.clone(), tracker.track(n));
            async move {
                rt.sleep(ms(2)).await;
                item
            }
        });
        items.boxed()
    }
    swept(|rt, tracker| items(rt, tracker).distinct_until_changed_by_key(|item| **item).boxed(), &[1, 2, 3]);
    swept(
        |rt, tracker| {
            items(rt, tracker.clone())
                .map(std::sync::Arc::new)
                .pairwise()
                .map(move |(before, now)| tracker.track(**before * 10 + **now))
                .boxed()
        },
        &[11, 12, 22, 23],
    );
}

#[test]
fn they_are_as_send_as_what_is_in_them() {
    fn is_send<T: Send + Unpin>(_: &T) {}
    is_send(&stream::iter(0..1).pairwise());
    is_send(&stream::iter(0..1).distinct_until_changed());
}
