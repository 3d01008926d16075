//! Timers: C14 to C17, C19, C20.

use super::Make;
use super::kit::{Flag, SOON, poll_once, run, soon, until};
use crate::instant::Instant;
use crate::runtime::timeout::Elapsed;
use crate::runtime::{BlockOn, Runtime, Sleep};
use crate::time::{FirstTick, MissedTicks, Ticker, ticker};
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// C14: no timer fires early.
pub fn c14_no_early_timer<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let naps = [1, 50, 999, 1_000, 1_001, 3_500, 7_000, 20_000].map(Duration::from_micros);
        for nap in naps {
            let start = rt.now();
            soon(&rt, "a sleep", rt.sleep(nap)).await;
            let took = rt.now() - start;
            assert!(took >= nap, "a sleep of {nap:?} took {took:?}");

            let at = rt.now() + nap;
            soon(&rt, "a sleep", rt.sleep_until(at)).await;
            let now = rt.now();
            assert!(now >= at, "a sleep until {at:?} ended at {now:?}");

            let start = rt.now();
            let outcome = soon(&rt, "a timeout", rt.timeout(nap, pending::<()>())).await;
            let took = rt.now() - start;
            assert_eq!(outcome, Err(Elapsed));
            assert!(took >= nap, "a timeout of {nap:?} took {took:?}");
        }
    });
}

/// C15: a sleep of `Duration::MAX` never fires, a timeout of `MAX` works, a past deadline is immediate.
pub fn c15_far_and_past<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let far = [Instant::MAX, Instant::from_nanos(u64::MAX - 1), rt.now() + ms(1_000 * 3600 * 24 * 3650)];
        for at in far {
            let outcome = rt.timeout(ms(5), rt.sleep_until(at)).await;
            assert_eq!(outcome, Err(Elapsed), "a sleep until {at:?} ended");
        }
        assert_eq!(rt.timeout(ms(5), rt.sleep(Duration::MAX)).await, Err(Elapsed), "an endless sleep ended");

        let work = || async {
            rt.sleep(ms(1)).await;
            5
        };
        assert_eq!(soon(&rt, "work with an endless limit", rt.timeout(Duration::MAX, work())).await, Ok(5));
        assert_eq!(soon(&rt, "work with no deadline", rt.timeout_at(Instant::MAX, work())).await, Ok(5));

        let now = rt.now();
        for past in [Instant::ORIGIN, now.saturating_sub(ms(1)), now] {
            let poll = poll_once(pin!(rt.sleep_until(past)));
            assert!(poll.is_ready(), "a sleep until {past:?} waited at {now:?}");
        }
        assert!(poll_once(pin!(rt.sleep(Duration::ZERO))).is_ready(), "a sleep of zero waited");
    });
}

/// C16: `timeout(0, ready)` is the value, `timeout(0, pending)` is `Elapsed`; the future is polled first.
pub fn c16_timeout_zero<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let zero = Duration::ZERO;
        assert_eq!(soon(&rt, "a ready future", rt.timeout(zero, ready(1))).await, Ok(1));
        let outcome = soon(&rt, "a pending future", rt.timeout(zero, pending::<()>())).await;
        assert_eq!(outcome, Err(Elapsed));

        let past = rt.now().saturating_sub(ms(1));
        assert_eq!(soon(&rt, "a ready future", rt.timeout_at(past, ready(1))).await, Ok(1));
        let outcome = soon(&rt, "a pending future", rt.timeout_at(past, pending::<()>())).await;
        assert_eq!(outcome, Err(Elapsed));

        // Both ready in the same poll: the future's second poll comes when the limit has long passed.
        let mut polls = 0;
        let slow = poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(1)
        });
        let mut slow = pin!(rt.timeout(ms(50), slow));
        assert!(poll_once(slow.as_mut()).is_pending());
        rt.sleep(ms(60)).await;
        assert_eq!(poll_once(slow), Poll::Ready(Ok(1)), "the timer won over a value");
    });
}

/// C17: a sleep can be reset: shortened, lengthened, armed again after it fired, set to never.
pub fn c17_reset<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let mut sleep = pin!(rt.sleep(Duration::from_secs(3600)));
        assert!(poll_once(sleep.as_mut()).is_pending());

        let at = rt.now() + ms(2);
        sleep.as_mut().reset(at);
        soon(&rt, "a sleep that was shortened", sleep.as_mut()).await;
        assert!(rt.now() >= at);

        // Whoever polled it last hears of the new deadline, without polling again.
        let woken = Flag::default();
        let waker = Waker::from(Arc::new(woken.clone()));
        for at in [rt.now() + ms(2), Instant::ORIGIN] {
            sleep.as_mut().reset(rt.now() + Duration::from_secs(3600));
            assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            woken.clear();
            sleep.as_mut().reset(at);
            until(&rt, "who waits for a sleep that was reset is woken", || woken.is_set()).await;
        }

        let mut never = pin!(rt.sleep_until(Instant::MAX));
        // One that ends at once breaks C15.
        if never.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            woken.clear();
            never.as_mut().reset(rt.now() + ms(2));
            until(&rt, "who waits for what never comes hears that it does", || woken.is_set()).await;
        }

        let at = rt.now() + ms(2);
        sleep.as_mut().reset(at);
        soon(&rt, "a sleep that was armed again", sleep.as_mut()).await;
        assert!(rt.now() >= at);

        sleep.as_mut().reset(rt.now() + ms(2));
        let _ = poll_once(sleep.as_mut());
        let at = rt.now() + ms(10);
        sleep.as_mut().reset(at);
        soon(&rt, "a sleep that was lengthened", sleep.as_mut()).await;
        assert!(rt.now() >= at, "a sleep that was lengthened ended at its old time");

        sleep.as_mut().reset(Instant::MAX);
        assert_eq!(rt.timeout(ms(5), sleep.as_mut()).await, Err(Elapsed), "a sleep set to never ended");

        sleep.as_mut().reset(Instant::ORIGIN);
        assert!(poll_once(sleep.as_mut()).is_ready(), "a sleep set to the past waited");

        sleep.as_mut().reset(rt.now() + ms(2));
        soon(&rt, "a sleep that was never, past, and armed again", sleep).await;
    });
}

/// C19: a ticker behaves the same everywhere: its first tick, missed ticks, no zero period.
pub fn c19_ticker<O: BlockOn>(make: Make<'_, O>) {
    const PERIOD: Duration = ms(4);

    async fn tick<R: Runtime>(rt: &R, ticker: &mut Ticker<R>) -> (Instant, u64) {
        let tick = soon(rt, "a tick", ticker.tick()).await;
        assert!(rt.now() >= tick.scheduled, "a tick came before it was due");
        (tick.scheduled, tick.missed)
    }

    run(make(), |rt| async move {
        let refused = ticker(&rt, Duration::ZERO).build().expect_err("a period of zero is refused");
        assert_eq!(refused.field(), Some("period"));

        // Skip: on the grid, always.
        let start = rt.now();
        let mut skip = ticker(&rt, PERIOD).build().expect("a good period");
        let built = rt.now();
        let (mut last, missed) = tick(&rt, &mut skip).await;
        let first = last.saturating_sub(PERIOD * missed as u32);
        assert!(first >= start && first <= built, "the first tick comes at once");
        for _ in 0..20 {
            let (next, missed) = tick(&rt, &mut skip).await;
            assert_eq!(next - last, PERIOD * (1 + missed as u32), "off the grid");
            last = next;
        }
        rt.sleep(PERIOD * 7).await;
        let (next, missed) = tick(&rt, &mut skip).await;
        assert!(missed >= 4, "seven periods were slept through, and {missed} ticks missed");
        assert_eq!(next - last, PERIOD * (1 + missed as u32), "off the grid");

        // Burst: none is missed.
        let mut burst = ticker(&rt, PERIOD).missed_ticks(MissedTicks::Burst).build().expect("a good period");
        let (mut last, _) = tick(&rt, &mut burst).await;
        rt.sleep(PERIOD * 5).await;
        for _ in 0..5 {
            let (next, missed) = tick(&rt, &mut burst).await;
            assert_eq!((next - last, missed), (PERIOD, 0), "a burst leaves none out");
            last = next;
        }

        // Delay: a whole period after the late one.
        let mut delay = ticker(&rt, PERIOD).missed_ticks(MissedTicks::Delay).build().expect("a good period");
        tick(&rt, &mut delay).await;
        rt.sleep(PERIOD * 7).await;
        let before = rt.now();
        let (_, missed) = tick(&rt, &mut delay).await;
        assert!(missed >= 4, "seven periods were slept through, and {missed} ticks missed");
        let (next, _) = tick(&rt, &mut delay).await;
        assert!(next - before >= PERIOD, "less than a period after the late tick");

        let start = rt.now();
        let mut later =
            ticker(&rt, PERIOD).first_tick(FirstTick::AfterPeriod).build().expect("a good period");
        assert!(tick(&rt, &mut later).await.0 - start >= PERIOD, "the first tick comes after a period");

        let mut rare = ticker(&rt, Duration::MAX).build().expect("a good period");
        tick(&rt, &mut rare).await;
        assert_eq!(rt.timeout(ms(5), rare.tick()).await, Err(Elapsed), "an endless period ended");
    });
}

/// C20: a yield loop starves no timer.
pub fn c20_yield_starves_no_timer<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let fired = Flag::default();
        let looping = rt.spawn({
            let (rt, fired) = (rt.clone(), fired.clone());
            async move {
                let start = rt.now();
                while !fired.is_set() {
                    assert!(rt.now() - start < SOON, "the timer did not fire beside a yield loop");
                    rt.yield_now().await;
                }
            }
        });
        rt.sleep(ms(3)).await;
        fired.set();
        looping.await.expect("the timer fires");
    });
}
