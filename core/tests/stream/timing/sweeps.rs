//! Cut off before each poll; with sources that watch the contract.

use super::{OPERATORS, Operator, letter};
use crate::kit::ms;
use crate::marble::items;
use backstay::testing::{
    Faults, Mode, Sim, Subject, Tracked, Tracker, abort_sweep, cancel_sweep, checked_stream, panic_sweep,
};
use backstay::{JoinHandle, Limit};
use backstay_core::Runtime;
use backstay_core::channel::mpsc;
use backstay_core::stream::{DropCount, Edge, FlowExt, StreamTimeout};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, Stream, StreamExt};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll};

const SENT: u32 = 8;

type Item = Tracked<(u32, char)>;

/// Cuts the subject of a scenario off before each of its polls: dropped, aborted, and with a panic.
#[track_caller]
fn every_sweep<F: Future<Output = ()>>(scenario: impl Fn(Sim, Subject) -> F) {
    for swept in [
        cancel_sweep(&scenario, |_, ()| async {}),
        abort_sweep(&scenario, |_, ()| async {}),
        panic_sweep(&scenario, |_, ()| async {}),
    ] {
        match swept {
            Ok(swept) => assert!(swept.polls >= 2, "the subject had {} polls", swept.polls),
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// Sends items at uneven times.
fn send_all(rt: &Sim, tracker: &Tracker) -> (impl JoinHandle<()>, mpsc::Receiver<Item>) {
    let (sender, receiver) = mpsc::channel(Limit::new(2).expect("not zero"));
    let tracker = tracker.clone();
    let sends = rt.spawn({
        let rt = rt.clone();
        async move {
            for (number, key) in (0..SENT).zip("abAabBba".chars()) {
                rt.sleep(ms(u64::from(number % 4))).await;
                if sender.send(tracker.track((number, key))).await.is_err() {
                    return;
                }
            }
        }
    });
    (sends, receiver)
}

/// The subject takes some items, and somebody else the rest: each is given once, in order, or is counted as dropped.
#[track_caller]
fn nothing_is_lost<S, F>(operator: F)
where
    F: Fn(&Sim, mpsc::Receiver<Item>) -> (S, Option<DropCount>),
    S: Stream<Item = Item>,
{
    every_sweep(|rt, subject| {
        let operator = &operator;
        async move {
            let tracker = Tracker::new();
            let (sends, receiver) = send_all(&rt, &tracker);
            let (stream, dropped) = operator(&rt, receiver);
            let mut stream = std::pin::pin!(checked_stream(stream));
            let mut given = Vec::new();
            subject
                .run(async {
                    for _ in 0..3 {
                        let Some(item) = stream.next().await else { break };
                        given.push(*item);
                        rt.yield_now().await;
                    }
                })
                .await;
            while let Some(item) = stream.next().await {
                given.push(*item);
            }
            sends.await.expect("no panic");
            tracker.assert_none_alive();
            let dropped = dropped.map_or(0, |dropped| dropped.get());
            assert_eq!(given.len() as u64 + dropped, u64::from(SENT), "{given:?}");
            let once: BTreeSet<_> = given.iter().map(|item| item.0).collect();
            assert_eq!(once.len(), given.len(), "{given:?}");
            for key in ['a', 'b'] {
                let of_key = given.iter().filter(|item| letter(&item.1) == key);
                assert!(of_key.is_sorted(), "{given:?}");
            }
        }
    });
}

macro_rules! counted {
    ($operator:expr) => {{
        let operator = $operator;
        let dropped = operator.drop_count();
        (operator, Some(dropped))
    }};
}

#[test]
fn s09_debounce_can_be_dropped_at_every_poll() {
    nothing_is_lost(|rt, s| counted!(s.debounce(rt, ms(2))));
    nothing_is_lost(|rt, s| counted!(s.debounce(rt, ms(2)).max_wait(ms(3))));
}

#[test]
fn s09_debounce_by_key_can_be_dropped_at_every_poll() {
    nothing_is_lost(|rt, s| counted!(s.debounce_by_key(rt, ms(2), |item: &Item| letter(&item.1))));
    nothing_is_lost(|rt, s| {
        counted!(s.debounce_by_key(rt, ms(2), |item: &Item| letter(&item.1)).max_wait(ms(3)))
    });
}

#[test]
fn s09_limit_emissions_can_be_dropped_at_every_poll() {
    for edge in [Edge::Leading, Edge::Trailing, Edge::Both] {
        nothing_is_lost(|rt, s| counted!(s.limit_emissions(rt, ms(2), edge)));
    }
}

#[test]
fn s09_sample_can_be_dropped_at_every_poll() {
    nothing_is_lost(|rt, s| counted!(s.sample(rt, ms(2))));
    nothing_is_lost(|rt, s| counted!(s.sample(rt, ms(2)).emit_last()));
}

#[test]
fn s09_audit_can_be_dropped_at_every_poll() {
    nothing_is_lost(|rt, s| counted!(s.audit(rt, ms(2))));
}

#[test]
fn s09_pace_can_be_dropped_at_every_poll() {
    nothing_is_lost(|rt, s| (s.pace(rt, ms(2)), None));
}

#[test]
fn s09_timeouts_can_be_dropped_at_every_poll() {
    let given = |item: Result<Item, StreamTimeout>| item.expect("in time");
    nothing_is_lost(|rt, s| (s.item_timeout(rt, ms(99)).map(given), None));
    nothing_is_lost(|rt, s| (s.first_timeout(rt, ms(99)).map(given), None));
    nothing_is_lost(|rt, s| (s.total_timeout(rt, ms(99)).map(given), None));
}

#[test]
fn s09_who_drops_an_operator_drops_all_that_it_has() {
    for (_, operator) in OPERATORS {
        every_sweep(|rt, subject| async move {
            let tracker = Tracker::new();
            let (sends, receiver) = send_all(&rt, &tracker);
            let source = tracker.track(());
            let letters = receiver.map(move |item| {
                let _ = &source;
                item.1
            });
            let stream = operator(&rt, letters.boxed());
            subject.run(stream.for_each(async |_| ())).await;
            // The sender has seen that there is no receiver, or has sent all.
            sends.await.expect("no panic");
            tracker.assert_none_alive();
        });
    }
}

/// Wakes its task again and again though there is nothing: before an item, and while it is polled.
struct Restless<S> {
    source: S,
    is_calm: bool,
}

impl<S: Stream + Unpin> Stream for Restless<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.is_calm = !self.is_calm;
        if !self.is_calm {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.source.poll_next_unpin(cx)
    }
}

const INPUT: &str = "ab-A(bB)----a-b--A|";

/// What comes of an operator over that source, until its end and once more.
fn all(
    operator: Operator,
    source: impl Fn(&Sim) -> BoxStream<'static, char>,
    faults: Faults,
) -> Vec<(u64, char)> {
    let run = Sim::builder().faults(faults).run(|rt: Sim| async move {
        let start = rt.now();
        let mut stream = operator(&rt, source(&rt));
        let mut given = Vec::new();
        while let Some(item) = stream.next().await {
            given.push(((rt.now() - start).as_millis() as u64, item));
        }
        // Fused.
        for _ in 0..2 {
            assert_eq!(stream.next().now_or_never(), Some(None));
        }
        given
    });
    match run {
        Ok(run) => run.value,
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn s29_sources_are_not_polled_after_their_end_and_may_wake_for_nothing() {
    for (name, operator) in OPERATORS {
        let plain = all(operator, |rt| checked_stream(items(rt, INPUT)).boxed(), Faults::off());
        assert!(!plain.is_empty(), "{name}");
        let restless =
            |rt: &Sim| Restless { source: checked_stream(items(rt, INPUT)), is_calm: true }.boxed();
        assert_eq!(all(operator, restless, Faults::off()), plain, "{name}");
        let polled_for_nothing = Faults::off().fresh_wakers().spurious_polls(0.5);
        assert_eq!(all(operator, restless, polled_for_nothing), plain, "{name}");
    }
}

#[test]
fn an_empty_source_gives_an_end_at_once() {
    for (name, operator) in OPERATORS {
        let given = all(operator, |_| checked_stream(stream::empty()).boxed(), Faults::off());
        assert_eq!(given, [], "{name}");
    }
}

#[test]
fn every_operator_lives_with_faults() {
    for (name, operator) in OPERATORS {
        let test = |rt: Sim| async move {
            let stream = operator(&rt, checked_stream(items(&rt, INPUT)).boxed());
            let given: Vec<_> = checked_stream(stream).collect().await;
            assert!(given.len() <= 9, "{given:?}");
        };
        if let Err(failure) = Mode::Faults.run(50, Sim::builder(), test) {
            panic!("{name}: {failure}");
        }
    }
}
