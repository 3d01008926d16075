//! Batches: as diagrams, against a model, cut off, and with sources and readers of every kind.

use crate::by_hand::ByHand;
use crate::cut::{every_sweep, then_the_rest, tracked};
use crate::kit::ms;
use crate::marble::{flows, flows_slowly, items, results_flow};
use backstay::testing::{Sim, Tracker, checked_stream};
use backstay_core::stream::{BatchConfig, FlowExt};
use backstay_core::{Limit, Runtime};
use futures::stream::{self, FusedStream, Stream, StreamExt};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

fn max(max: usize) -> BatchConfig {
    BatchConfig::new(Limit::new(max).unwrap())
}

fn any() -> BatchConfig {
    BatchConfig::new(Limit::MAX)
}

/// `a` weighs one, `b` two, and so on.
fn weight(item: &char) -> usize {
    *item as usize - 'a' as usize + 1
}

#[test]
fn a_batch_ends_when_it_is_full_or_its_time_is_over() {
    // The most, the time in milliseconds, what comes, and what is made of it.
    let table = [
        (3, None, "a-b-c-d|", "----[abc]--([d]|)"),
        (1, None, "ab-c|", "[a][b]-[c]|"),
        (3, None, "|", "|"),
        (3, None, "a-", ""),
        // The first item begins the time, and an item at the end of it goes in.
        (9, Some(5), "a-b--c-----d|", "-----[abc]------([d]|)"),
        (9, Some(4), "a-b--c-----d|", "----[ab]----[c]--([d]|)"),
        (9, Some(3), "------a-b-------c--|", "---------[ab]---------([c]|)"),
        // Whichever is first; and each batch has a time of its own.
        (2, Some(5), "(abc)--d-----e---", "[ab]--[cd] 10 [e]"),
        (2, Some(5), "ab--c-----d", "-[ab] 7 [c]-----[d]"),
        (2, Some(5), "a-----b-----|", "-----[a]-----[b]|"),
        // It waits for nothing, or for ever.
        (9, Some(0), "(abc)-d|", "[abc]-[d]|"),
        (2, Some(0), "(abc)-d|", "([ab][c])-[d]|"),
        (3, Some(u64::MAX), "a 900 b 900 c-|", "1802[abc]-|"),
    ];
    for (most, within, input, expected) in table {
        let mut config = max(most);
        if let Some(within) = within {
            config = config.within(if within == u64::MAX { Duration::MAX } else { ms(within) });
        }
        flows(input, |rt, source| checked_stream(source).batch(rt, config), expected);
    }
}

#[test]
fn a_batch_ends_when_it_is_too_heavy() {
    let table = [
        // What doesn't go in any more begins the next.
        (4, "(abc)---d--|", "[ab] --- ([c][d]) -- |"),
        (4, "(bbb)|", "[bb]([b]|)"),
        // Alone where it is too heavy for any.
        (3, "(aea)--|", "([a][e])--([a]|)"),
        (3, "e-(ea)|", "[e]-[e]([a]|)"),
    ];
    for (heaviest, input, expected) in table {
        let heaviest = Limit::new(heaviest).unwrap();
        flows(input, |rt, source| source.batch(rt, any().weight(heaviest, weight)), expected);
    }
    // What begins the next batch begins its time.
    let config = any().within(ms(5)).weight(THREE, weight);
    flows("b--b---------|", |rt, source| source.batch(rt, config), "---[b]----[b]----|");
}

#[test]
fn errors_are_items_like_any_other() {
    fn shown(batch: Vec<Result<char, crate::marble::Broken>>) -> Vec<char> {
        batch.into_iter().map(|item| item.unwrap_or('X')).collect()
    }
    results_flow("a!-bc|", |rt, source| source.batch(rt, max(2)).map(shown), "-[aX]--[bc]|");
}

#[test]
fn s21_a_slow_reader_is_never_an_error_and_only_one_batch_is_held() {
    // Each takes ten milliseconds: time goes on meanwhile, and the source waits.
    flows_slowly(
        "abcdefgh|",
        10,
        |rt, source| source.batch(rt, max(2).within(ms(5))),
        "-[ab] 9 [cd] 9 [ef] 9 [gh] 9 |",
    );
    // What is due when the reader comes takes one item more, which was there.
    flows_slowly(
        "(aec)ddd---|",
        10,
        |rt, source| source.batch(rt, any().within(ms(3)).weight(Limit::new(6).unwrap(), weight)),
        "[ae] 9 [c] 9 [d] 9 [d] 9 [d] 9 |",
    );
}

#[test]
fn s21_any_size_and_any_time_are_fine() {
    for most in [1, 2, usize::MAX - 1, usize::MAX] {
        for within in [Duration::ZERO, ms(1), Duration::MAX - ms(1), Duration::MAX] {
            for heaviest in [Limit::ONE, Limit::MAX] {
                let config = max(most).within(within).weight(heaviest, |_: &u32| usize::MAX);
                let run = Sim::builder().run(|rt: Sim| async move {
                    checked_stream(stream::iter(0..5).batch(&rt, config)).collect::<Vec<_>>().await
                });
                assert_eq!(run.unwrap().value, [[0], [1], [2], [3], [4]].map(Vec::from));
            }
        }
    }
}

#[test]
fn s22_a_source_that_is_always_ready_is_batched_by_time() {
    // Each item takes the processor for a while, and is never waited for.
    for (item, expected) in [(ms(1), 11), (ms(3), 5), (ms(20), 2)] {
        let rt = ByHand::new();
        let busy = rt.clone();
        let source = stream::iter(0_u32..100).inspect(move |_| busy.pass(item));
        let mut batches = source.batch(&rt, any().within(ms(10)));
        let mut cx = Context::from_waker(Waker::noop());
        let mut lengths = Vec::new();
        loop {
            match batches.poll_next_unpin(&mut cx) {
                Poll::Ready(Some(batch)) => lengths.push(batch.len()),
                Poll::Ready(None) => break,
                Poll::Pending => {}
            }
        }
        assert_eq!(lengths.iter().sum::<usize>(), 100);
        lengths.pop();
        assert!(lengths.len() >= 100 / expected - 1, "{item:?}: {lengths:?}");
        assert!(lengths.iter().all(|length| *length == expected), "{item:?}: {lengths:?}");
    }
}

#[test]
fn s04_batches_of_nothing_are_refused() {
    for refused in [Limit::new(0), Limit::try_from(0)] {
        assert_eq!(refused.unwrap_err().field(), Some("limit"));
    }
}

#[test]
fn it_yields_to_what_is_beside_it() {
    let run = Sim::builder().run(|rt: Sim| async move {
        for config in [max(1), max(1_000), any().within(Duration::ZERO), any()] {
            let mut batches = stream::repeat(()).batch(&rt, config);
            let mut items = 0;
            let yielded = poll_fn(|cx| {
                let mut polls = 0;
                while let Poll::Ready(batch) = batches.poll_next_unpin(cx) {
                    items += batch.expect("it has no end").len();
                    polls += 1;
                    assert!(polls <= 128);
                }
                Poll::Ready(items)
            });
            let given = yielded.await;
            assert!(given <= 128, "{given}");
            let left = batches.into_remainder().len();
            assert_eq!(given + left, 128);
        }
    });
    run.unwrap();
}

#[test]
fn who_leaves_it_while_it_yields_finds_the_batch_over() {
    let rt = ByHand::ticking(1);
    let mut batches = pin!(stream::iter(0..1_000).batch(&rt, any().within(ms(5))));
    let mut cx = Context::from_waker(Waker::noop());
    // After 128 items it is somebody else's turn, for long.
    assert!(batches.as_mut().poll_next(&mut cx).is_pending());
    rt.pass(ms(500));
    let Poll::Ready(Some(batch)) = batches.as_mut().poll_next(&mut cx) else { panic!("it is over") };
    assert_eq!(batch.len(), 129); // one item more, as of anybody who comes late
}

#[test]
fn s29_the_source_is_never_polled_after_its_end() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let source = checked_stream(items(&rt, "a-b|"));
        let mut batches = pin!(source.batch(&rt, max(9)));
        assert!(!batches.is_terminated());
        assert_eq!(batches.next().await, Some(vec!['a', 'b']));
        for _ in 0..3 {
            assert!(batches.is_terminated());
            assert_eq!(batches.size_hint(), (0, Some(0)));
            assert_eq!(batches.next().await, None);
        }
    });
    run.unwrap();
}

/// Wakes its task at each poll, and is pending at every second.
struct Restless {
    left: VecDeque<u32>,
    is_pending: bool,
}

impl Stream for Restless {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        cx.waker().wake_by_ref();
        self.is_pending = !self.is_pending;
        if self.is_pending { Poll::Pending } else { Poll::Ready(self.left.pop_front()) }
    }
}

#[test]
fn s29_a_source_that_wakes_all_the_time_is_fine() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let source = checked_stream(Restless { left: (0..10).collect(), is_pending: false });
        let batches = checked_stream(source.batch(&rt, max(4).within(ms(1))));
        batches.collect::<Vec<_>>().await
    });
    let sizes: Vec<_> = run.unwrap().value.iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 4, 2]);
}

#[test]
fn s09_a_batch_can_be_dropped_at_every_poll() {
    every_sweep(4, |rt, subject| async move {
        let tracker = Tracker::new();
        let source = tracked(&rt, &tracker, "ab-c--(de)-f 5 g-h|");
        let config =
            max(3).within(ms(4)).weight(Limit::new(13).unwrap(), |item: &crate::cut::Item| weight(item));
        let batches = source.batch(&rt, config);
        let batch = |batch: Vec<crate::cut::Item>| batch.iter().map(|item| **item).collect::<String>();
        let read = then_the_rest(subject, &tracker, batches, 4, batch).await;
        assert_eq!(read.concat(), "abcdefgh");
    });
}

#[test]
fn s09_what_is_left_can_be_had() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let tracker = Tracker::new();
        let mut batches = Box::pin(tracked(&rt, &tracker, "abc-------").batch(&rt, max(2)));
        assert!(batches.next().await.is_some_and(|batch| batch.len() == 2));
        assert!(rt.timeout(ms(5), batches.next()).await.is_err());
        let left = batches.as_mut().take_remainder();
        assert!(left.iter().map(|item| **item).eq(['c']));
        drop(left);
        tracker.assert_none_alive();
        assert!(batches.as_mut().take_remainder().is_empty());
    });
    run.unwrap();
}

#[test]
fn dropped_it_drops_all() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let tracker = Tracker::new();
        let mut batches = Box::pin(tracked(&rt, &tracker, "abc-------").batch(&rt, any().within(ms(50))));
        assert!(rt.timeout(ms(5), batches.next()).await.is_err());
        assert_eq!(tracker.alive(), 3);
        drop(batches);
        tracker.assert_none_alive();
    });
    run.unwrap();
}

#[test]
fn nothing_runs_before_the_first_poll_and_it_says_what_it_is() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let source = stream::poll_fn(|_| -> Poll<Option<u32>> { panic!("polled") });
        let batches = source.batch(&rt, max(2).within(ms(1)));
        assert_eq!(format!("{batches:?}"), "Batch { len: 0, .. }");
        let config = max(2).within(ms(1)).weight(TWO, |_: &u32| 1);
        assert_eq!(format!("{config:?}"), "BatchConfig { max: 2, within: Some(1ms), max_weight: 2 }");
    });
    run.unwrap();
}

/// Items, each after so many milliseconds and so heavy.
fn inputs() -> impl Strategy<Value = Vec<(u64, usize)>> {
    prop::collection::vec((0_u64..4, 0_usize..6), 0..40)
}

/// What batches of them there are, by the rules alone: of a reader who is always there.
fn model(input: &[(u64, usize)], max: usize, within: u64, max_weight: usize) -> Vec<Vec<usize>> {
    let (mut batches, mut batch, mut heavy) = (Vec::new(), Vec::new(), 0);
    let (mut now, mut ends_at) = (0, 0);
    for (number, &(after, weight)) in input.iter().enumerate() {
        now += after;
        // An item at the same instant goes in.
        if !batch.is_empty() && now > ends_at {
            batches.push(std::mem::take(&mut batch));
            heavy = 0;
        }
        if !batch.is_empty() && heavy + weight > max_weight {
            batches.push(std::mem::take(&mut batch));
            heavy = 0;
        }
        if batch.is_empty() {
            ends_at = now + within;
        }
        batch.push(number);
        heavy += weight;
        // One that came in the last instant is the last.
        if batch.len() == max || heavy >= max_weight || (now == ends_at && within > 0 && batch.len() > 1) {
            batches.push(std::mem::take(&mut batch));
            heavy = 0;
        }
    }
    batches.extend((!batch.is_empty()).then_some(batch));
    batches
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn batches_are_those_of_the_model(
        input in inputs(),
        most in 1_usize..6,
        within in 1_u64..8,
        heaviest in 1_usize..12,
        seed in 0_u64..8,
    ) {
        let expected = model(&input, most, within, heaviest);
        let run = Sim::builder().seed(seed).run(|rt: Sim| {
            let input = input.clone();
            async move {
                let times = rt.clone();
                let source = stream::iter(input.into_iter().enumerate()).then(move |(number, (after, weight))| {
                    let rt = times.clone();
                    async move {
                        if after > 0 {
                            rt.sleep(ms(after)).await;
                        }
                        (number, weight)
                    }
                });
                let weight = |(_, weight): &(usize, usize)| *weight;
                let config = max(most).within(ms(within)).weight(Limit::new(heaviest).unwrap(), weight);
                let batches = checked_stream(checked_stream(source).batch(&rt, config));
                batches.map(|batch| batch.into_iter().map(|(number, _)| number).collect()).collect().await
            }
        });
        let batches: Vec<Vec<usize>> = run.map_err(|failure| TestCaseError::fail(failure.to_string()))?.value;
        prop_assert_eq!(batches, expected);
    }
}

#[test]
fn a_waker_that_nobody_hears_loses_nothing() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let mut batches = Box::pin(items(&rt, "ab--c|").batch(&rt, max(3)));
        let mut deaf = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(batches.as_mut().poll_next(&mut deaf).is_pending());
        }
        assert_eq!(batches.next().await, Some(vec!['a', 'b', 'c']));
    });
    run.unwrap();
}
