//! The ticker beside its conformance case: streams, budgets, cancel safety.

use crate::kit::{SOON, drop_after, ms, poll_once};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::time::{Elapsed, MissedTicks, ticker};
use futures::StreamExt;
use std::pin::pin;
use std::time::Duration;

test_on_every_runtime! {
    s19_ticks_missed_are_counted_by_default
    s13_a_burst_does_not_starve_a_timeout_around_it
    s20_a_ticker_of_any_period_works
    a_tick_is_not_lost_at_any_poll
    a_ticker_is_a_stream
    a_ticker_can_be_reset
}

async fn s19_ticks_missed_are_counted_by_default<R: Runtime>(rt: R) {
    let mut ticker = ticker(&rt, ms(3)).build().expect("a good period");
    let first = ticker.tick().await;
    rt.sleep(ms(20)).await;
    let second = ticker.tick().await;
    assert!(second.missed >= 5, "{second:?}");
    assert_eq!(second.scheduled - first.scheduled, ms(3) * (1 + second.missed as u32));
    assert_eq!(ticker.next_due(), second.scheduled + ticker.period());
}

async fn s13_a_burst_does_not_starve_a_timeout_around_it<R: Runtime>(rt: R) {
    let build = || ticker(&rt, Duration::from_nanos(1)).missed_ticks(MissedTicks::Burst).build();
    let mut endless = build().expect("a good period");
    rt.sleep(ms(1)).await;
    let outcome = rt
        .timeout(ms(5), async {
            loop {
                endless.tick().await;
            }
        })
        .await;
    assert_eq!(outcome, Err(Elapsed));
}

async fn s20_a_ticker_of_any_period_works<R: Runtime>(rt: R) {
    for period in [Duration::from_nanos(1), Duration::from_secs(u64::MAX), Duration::MAX] {
        let mut ticker = ticker(&rt, period).build().expect("a good period");
        let tick = ticker.tick().await;
        if period > SOON {
            assert_eq!(tick.missed, 0);
            assert!(poll_once(pin!(ticker.tick())).is_pending());
        }
    }
}

async fn a_tick_is_not_lost_at_any_poll<R: Runtime>(rt: R) {
    for polls in 0..6 {
        let mut ticker = ticker(&rt, ms(3)).missed_ticks(MissedTicks::Burst).build().expect("a good period");
        let first = ticker.tick().await;
        let second = match drop_after(&rt, polls, ticker.tick()).await {
            Some(tick) => tick,
            None => rt.timeout(SOON, ticker.tick()).await.expect("a tick"),
        };
        assert_eq!(second.scheduled - first.scheduled, ms(3), "lost after {polls} polls");
    }
}

async fn a_ticker_is_a_stream<R: Runtime>(rt: R) {
    let ticker = ticker(&rt, ms(1)).build().expect("a good period");
    assert_eq!(futures::Stream::size_hint(&ticker), (usize::MAX, None));
    let ticks: Vec<_> = ticker.take(3).collect().await;
    assert!(ticks.is_sorted_by_key(|tick| tick.scheduled));
}

async fn a_ticker_can_be_reset<R: Runtime>(rt: R) {
    let mut ticker = ticker(&rt, ms(5)).build().expect("a good period");
    rt.sleep(ms(12)).await;
    let before = rt.now();
    ticker.reset();
    let due = ticker.next_due();
    assert!(due >= before + ms(5), "what was overdue is forgotten");
    let tick = ticker.tick().await;
    assert_eq!(tick.scheduled, due + ms(5) * tick.missed as u32);

    // Armed, if this machine is not too slow; then moved.
    let _ = poll_once(pin!(ticker.tick()));
    let at = rt.now() + ms(2);
    ticker.reset_at(at);
    let tick = ticker.tick().await;
    assert_eq!(tick.scheduled, at + ms(5) * tick.missed as u32, "an armed tick moves");
}
