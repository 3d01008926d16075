//! A stream that a token ends: until.

use crate::kit::ms;
use crate::marble::{flows, flows_slowly, results_flow};
use crate::nasty::Nasty;
use crate::sweeps::swept;
use backstay::testing::{Explore, Faults, Sim, Tracker, checked_stream, report};
use backstay_core::Runtime;
use backstay_core::stream::FlowExt;
use backstay_core::task::{CancelReason, CancelToken};
use futures::FutureExt;
use futures::stream::{self, FusedStream, StreamExt};

fn after(rt: &Sim, time: u64) -> CancelToken {
    CancelToken::with_deadline(rt, rt.now() + ms(time))
}

#[test]
fn it_ends_when_the_token_is_cancelled() {
    for (input, cancelled, expected) in [
        ("a--b--c--d|", 5, "a--b-|"),
        // The token comes first.
        ("a--b--c--d|", 3, "a--|"),
        ("a--b|", 0, "|"),
        ("a--b|", 99, "a--b|"),
        ("a--b", 99, "a--b 95 |"),
    ] {
        flows(input, |rt, s| s.until(after(rt, cancelled)), expected);
    }
    // What is there when the reader comes back is late.
    flows_slowly("(abc)|", 4, |rt, s| s.until(after(rt, 6)), "a---b---|");
    results_flow("a!b--c|", |rt, s| s.until(after(rt, 4)), "a!b-|");
}

#[test]
fn s13_an_always_ready_stream_gives_nothing_after_the_token() {
    let token = CancelToken::new();
    let mut numbers = stream::iter(0..).until(token.clone());
    assert_eq!(numbers.next().now_or_never(), Some(Some(0)));
    token.cancel_with("enough");
    assert_eq!(numbers.next().now_or_never(), Some(None));
    assert_eq!(numbers.reason(), Some(CancelReason::from("enough")));
    assert!(numbers.is_terminated());

    // And lets who cancels it have its turn.
    let run = Sim::builder().run(|rt: Sim| async move {
        let token = CancelToken::new();
        let canceller = rt.spawn({
            let token = token.clone();
            async move { token.cancel() }
        });
        let count = stream::repeat(()).until(token).count().await;
        canceller.await.expect("no panic");
        count
    });
    let count = run.unwrap_or_else(|failure| panic!("{failure}")).value;
    assert!(count <= 1_000, "{count} items before the other task");
}

#[test]
fn the_source_is_dropped_before_the_end_is_given() {
    let tracker = Tracker::new();
    let token = CancelToken::new();
    let held = tracker.track(());
    let mut stream = stream::pending::<()>().map(move |()| *held).until(token.clone());
    assert_eq!(stream.next().now_or_never(), None);
    token.cancel();
    assert_eq!(tracker.alive(), 1, "nobody has polled it");
    assert_eq!(stream.next().now_or_never(), Some(None));
    tracker.assert_none_alive();
    assert_eq!((stream.next().now_or_never(), stream.reason()), (Some(None), Some(CancelReason::Explicit)));
}

#[test]
fn a_source_that_was_never_polled_never_is() {
    let token = CancelToken::new();
    token.cancel();
    let stream = stream::poll_fn(|_| -> std::task::Poll<Option<()>> { panic!("it is polled") }).until(token);
    assert_eq!(stream.collect::<Vec<_>>().now_or_never(), Some(vec![]));
}

#[test]
fn the_reason_is_the_tokens_only_if_it_was_the_end() {
    let token = CancelToken::new();
    let mut stream = stream::iter([1]).until(token.clone());
    assert_eq!(stream.by_ref().collect::<Vec<_>>().now_or_never(), Some(vec![1]));
    token.cancel();
    assert_eq!(stream.next().now_or_never(), Some(None));
    assert_eq!(stream.reason(), None);
    assert_eq!(
        format!("{stream:?}"),
        "Until { token: CancelToken { cancelled: Some(Explicit), deadline: None, .. }, has_ended: true, .. }"
    );
}

#[test]
fn s29_it_keeps_the_contract_of_poll_on_all_sides() {
    let scenario = |rt: Sim| async move {
        for kind in Nasty::ALL {
            for cancelled in [0, 1, 3, 100] {
                let token = after(&rt, cancelled);
                let got: Vec<_> = checked_stream(kind.source(&rt, 0..5).until(token)).collect().await;
                assert_eq!(got, (0..got.len()).collect::<Vec<_>>());
                assert!(cancelled < 100 || got.len() == 5);
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
    let make = |rt: &Sim, tracker: Tracker| {
        let (rt, token) = (rt.clone(), after(rt, 5));
        let items = stream::iter(0..).then(move |n| {
            let (rt, item) = (rt.clone(), tracker.track(n));
            async move {
                rt.sleep(ms(2)).await;
                item
            }
        });
        items.until(token).boxed()
    };
    swept(make, &[0, 1]);
}
