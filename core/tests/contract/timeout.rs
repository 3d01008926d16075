//! Timeouts: who wins, what is dropped, and when a timer is touched.

use crate::kit::{SOON, drop_after, ms, poll_once};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::time::{Elapsed, Instant};
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

test_on_every_runtime! {
    b30_a_value_wins_over_a_timer_that_is_ready_too
    b32_a_timeout_is_never_early
    s20_no_duration_panics
    a_limit_counts_from_the_first_pending_poll
    a_deadline_counts_from_nowhere
    a_timeout_drops_its_future_at_every_poll
    a_timeout_gives_its_future_back
}

async fn b30_a_value_wins_over_a_timer_that_is_ready_too<R: Runtime>(rt: R) {
    let past = rt.now();
    assert_eq!(rt.timeout_at(past, ready("value")).await, Ok("value"));

    let mut polls = 0;
    let work = poll_fn(move |_| {
        polls += 1;
        if polls == 2 { Poll::Ready("value") } else { Poll::Pending }
    });
    let mut limited = pin!(rt.timeout(ms(40), work));
    assert!(poll_once(limited.as_mut()).is_pending());
    rt.sleep(ms(50)).await;
    assert_eq!(poll_once(limited), Poll::Ready(Ok("value")));
}

async fn b32_a_timeout_is_never_early<R: Runtime>(rt: R) {
    for limit in [1, 900, 1_100, 5_000].map(Duration::from_micros) {
        let start = rt.now();
        assert_eq!(rt.timeout(limit, pending::<()>()).await, Err(Elapsed));
        assert!(rt.now() - start >= limit);
        let at = rt.now() + limit;
        assert_eq!(rt.timeout_at(at, pending::<()>()).await, Err(Elapsed));
        assert!(rt.now() >= at);
    }
}

async fn s20_no_duration_panics<R: Runtime>(rt: R) {
    let far = [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_nanos(u64::MAX)];
    for limit in far {
        assert_eq!(rt.timeout(limit, ready(1)).await, Ok(1));
        assert!(poll_once(pin!(rt.timeout(limit, pending::<()>()))).is_pending());
        assert!(poll_once(pin!(rt.sleep(limit))).is_pending());
        assert!(poll_once(pin!(rt.sleep_until(rt.now() + limit))).is_pending());
    }
    for at in [0, 1, u64::MAX - 1, u64::MAX].map(Instant::from_nanos) {
        assert_eq!(rt.timeout_at(at, ready(1)).await, Ok(1));
    }
}

async fn a_limit_counts_from_the_first_pending_poll<R: Runtime>(rt: R) {
    let mut limited = pin!(rt.timeout(ms(20), pending::<()>()));
    rt.sleep(ms(30)).await;
    let start = rt.now();
    assert_eq!(rt.timeout(SOON, limited.as_mut()).await, Ok(Err(Elapsed)));
    assert!(rt.now() - start >= ms(20), "the limit had begun before the first poll");
}

async fn a_deadline_counts_from_nowhere<R: Runtime>(rt: R) {
    let mut limited = pin!(rt.timeout_at(rt.now() + ms(5), pending::<()>()));
    rt.sleep(ms(10)).await;
    assert_eq!(poll_once(limited.as_mut()), Poll::Ready(Err(Elapsed)));
}

async fn a_timeout_drops_its_future_at_every_poll<R: Runtime>(rt: R) {
    for polls in 0..6 {
        let held = Arc::new(());
        let work = {
            let (rt, held) = (rt.clone(), Arc::clone(&held));
            async move {
                rt.sleep(ms(2)).await;
                drop(held);
            }
        };
        drop_after(&rt, polls, rt.timeout(ms(3), work)).await;
        assert_eq!(Arc::strong_count(&held), 1, "still held after {polls} polls");
    }
}

async fn a_timeout_gives_its_future_back<R: Runtime>(rt: R) {
    let limited = rt.timeout(Duration::ZERO, ready("not lost"));
    assert_eq!(limited.into_inner().await, "not lost");
    assert_eq!(Elapsed.to_string(), "the time limit has passed");
}
