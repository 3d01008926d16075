//! How often, how long, and what the service asks for.

use super::*;

#[test]
fn b05_d28_what_the_service_asks_for_is_the_least() {
    sim(|rt| async move {
        for jitter in [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Additive(ms(20))] {
            for backoff in [Backoff::constant(ms(10)), Backoff::constant(ms(10_000))] {
                let delays = List::new();
                let retry = Retry::builder()
                    .max_attempts(50)
                    .backoff(backoff.jitter(jitter))
                    .classify(|_: Result<&(), &Error<()>>| Verdict::failure().after(ms(1_000)))
                    .on_retry({
                        let delays = delays.clone();
                        move |retrying: &Retrying<'_, (), ()>| delays.push(retrying.delay)
                    })
                    .build()
                    .unwrap();
                let began = List::new();
                let result = retry
                    .run(&rt, |_| {
                        began.push(rt.now());
                        ready(Err(()))
                    })
                    .await;
                assert!(result.is_err());
                drop(retry);
                let waited: Vec<_> = began.take().windows(2).map(|pair| pair[1] - pair[0]).collect();
                // Whoever is told is told the truth.
                assert_eq!(waited, delays.take());
                assert!(waited.iter().all(|delay| *delay >= ms(1_000)), "{jitter:?}: {waited:?}");
                if jitter != Jitter::None {
                    assert!(waited.iter().any(|delay| *delay > ms(1_000)), "{jitter:?}: all at once");
                }
            }
        }
    });
}

#[test]
fn delays_with_jitter_differ_from_call_to_call() {
    sim(|rt| async move {
        let backoff = Backoff::constant(ms(100)).jitter(Jitter::Full);
        let retry = Retry::builder().max_attempts(2).backoff(backoff).build().unwrap();
        let mut delays = Vec::new();
        for _ in 0..10 {
            let start = rt.now();
            assert_eq!(retry.run(&rt, fails(1, &Count::default())).await, Ok(2));
            delays.push(rt.now() - start);
        }
        delays.sort_unstable();
        delays.dedup();
        assert!(delays.len() > 5 && delays.iter().all(|delay| *delay <= ms(100)), "{delays:?}");
    });
}

#[test]
fn d28_a_hint_is_waited_for_and_told_without_jitter_to_the_nanosecond() {
    let elapsed = sim(|rt| async move {
        let retry = retry(2, 10)
            .classify(|result: Result<&u32, &Error<Fault>>| match result {
                Ok(_) => Verdict::Success,
                Err(_) => Verdict::failure().after(ms(300)),
            })
            .on_retry(|retrying: &Retrying<'_, u32, Fault>| assert_eq!(retrying.delay, ms(300)))
            .build()
            .unwrap();
        assert_eq!(retry.run(&rt, fails(1, &Count::default())).await, Ok(2));
    });
    assert_eq!(elapsed, ms(300));
}

#[test]
fn b06_d26_a_hint_bypasses_no_limit() {
    sim(|rt| async move {
        let at_once = |_: Result<&u32, &Error<Fault>>| Verdict::failure().after(Duration::ZERO);
        let calls = Count::default();
        let retry = retry(3, 0).classify(at_once).build().unwrap();
        let result = retry.run(&rt, fails(u32::MAX, &calls)).await;
        assert_eq!(result, exhausted(3, 0, Stop::MaxAttempts, BOOM));
        assert_eq!(calls.get(), 3);
    });
}

#[test]
fn b06_d27_max_elapsed_holds_with_a_hint_and_operations_are_made_after_the_delay() {
    sim(|rt| async move {
        let began = List::new();
        let retry = retry(100, 1)
            .max_elapsed(ms(150))
            .classify(|_: Result<&(), &Error<Fault>>| Verdict::failure().after(ms(100)))
            .build()
            .unwrap();
        let start = rt.now();
        let result = retry
            .run(&rt, |_| {
                began.push(rt.now() - start);
                ready(Err(Boom))
            })
            .await;
        assert_eq!(result, exhausted(2, 100, Stop::MaxElapsed, BOOM));
        assert_eq!(began.take(), [ms(0), ms(100)]);
    });
}

#[test]
fn max_elapsed_has_the_time_of_the_attempts_in_it() {
    sim(|rt| async move {
        let retry = retry(100, 10).max_elapsed(ms(100)).build().unwrap();
        let calls = Count::default();
        // 0..30, 40..70, 80..110: there is none at 120.
        let result = retry
            .run(&rt, |attempt| {
                calls.set(attempt.number());
                let rt = &rt;
                async move {
                    rt.sleep(ms(30)).await;
                    Err::<(), _>(Boom)
                }
            })
            .await;
        assert_eq!(result, exhausted(3, 110, Stop::MaxElapsed, BOOM));
        // One that would begin at the very end does.
        let retry = self::retry(100, 50).max_elapsed(ms(100)).build().unwrap();
        let result = retry.run(&rt, fails(9, &calls)).await;
        assert_eq!(result, exhausted(3, 100, Stop::MaxElapsed, BOOM));
        assert_eq!(
            self::retry(1, 1).max_elapsed(Duration::ZERO).build().unwrap_err().field(),
            Some("max_elapsed")
        );
    });
}

#[test]
fn who_asks_nobody_to_come_back_gets_nobody() {
    sim(|rt| async move {
        for (hint, max, why) in [
            (Duration::MAX, Duration::MAX, Stop::Pushback),
            (Duration::MAX, ms(60_000), Stop::Pushback),
            (ms(60_001), ms(60_000), Stop::Pushback),
            (ms(60_000), ms(60_000), Stop::MaxAttempts),
        ] {
            let retry = retry(2, 10)
                .max_retry_after(max)
                .classify(move |_: Result<&u32, &Error<Fault>>| Verdict::failure().after(hint))
                .build()
                .unwrap();
            let calls = Count::default();
            let elapsed = if why == Stop::Pushback { 0 } else { 60_000 };
            let attempts = if why == Stop::Pushback { 1 } else { 2 };
            assert_eq!(retry.run(&rt, fails(9, &calls)).await, exhausted(attempts, elapsed, why, BOOM));
        }
    });
}

#[test]
fn no_delay_goes_beyond_the_deadline() {
    let elapsed = sim(|rt| async move {
        let calls = Count::default();
        let result = within(&rt, 100, retry(9, 40).build().unwrap()).call(fails(9, &calls)).await;
        // At 0, 40 and 80: 120 would be too late, and nobody waits for it.
        assert_eq!(result, exhausted(3, 80, Stop::Deadline, BOOM));
        // An attempt that would begin at the deadline would have no time.
        let result = within(&rt, 80, retry(9, 40).build().unwrap()).call(fails(9, &calls)).await;
        assert_eq!(result, exhausted(2, 40, Stop::Deadline, BOOM));
    });
    assert_eq!(elapsed, ms(120));
}

#[test]
fn of_two_limits_the_earlier_one_is_the_reason() {
    sim(|rt| async move {
        for (deadline, max_elapsed, why) in
            [(100, 60, Stop::MaxElapsed), (60, 100, Stop::Deadline), (80, 80, Stop::Deadline)]
        {
            let retry = retry(9, 50).max_elapsed(ms(max_elapsed)).build().unwrap();
            let result = within(&rt, deadline, retry).call(fails(9, &Count::default())).await;
            assert_eq!(result, exhausted(2, 50, why, BOOM), "{deadline} {max_elapsed}");
        }
    });
}

#[test]
fn a_decorrelated_delay_follows_from_the_one_before() {
    let backoff = Backoff::constant(ms(10)).max_delay(ms(500)).jitter(Jitter::Decorrelated);
    let retry = Retry::builder().max_attempts(9).backoff(backoff).build().unwrap();
    let now = Instant::ORIGIN;
    let mut state = retry.state(now);
    // The longest, the shortest, and the longest there are.
    for (random, delay) in [(0, 30), (0, 90), (u64::MAX, 10), (0, 30), (0, 90), (0, 270), (0, 500)] {
        assert_eq!(state.after(Verdict::failure(), now, random), Next::Retry { delay: ms(delay) });
    }
}

#[test]
fn attempts_without_a_delay_touch_no_timer_and_yield() {
    let elapsed = sim(|rt| async move {
        let retry = retry(u32::MAX, 0).build().unwrap();
        // It would never end by itself: what is beside it has its turn.
        let result = rt.timeout(ms(0), retry.run(&rt, fails(u32::MAX, &Count::default()))).await;
        assert!(result.is_err());
        let calls = Count::default();
        assert_eq!(retry.run(&rt, fails(100_000, &calls)).await, Ok(100_001));
    });
    assert_eq!(elapsed, ms(0));
}

#[test]
fn a_deadline_ends_attempts_without_a_delay() {
    sim(|rt| async move {
        let op = |_| {
            let rt = &rt;
            async move {
                rt.sleep(ms(10)).await;
                Err(Boom)
            }
        };
        let result = within(&rt, 35, retry(u32::MAX, 0).build().unwrap()).call(op).await;
        assert_eq!(result, exhausted(4, 35, Stop::Deadline, BOOM));
        let retry = retry(u32::MAX, 0).max_elapsed(ms(30)).build().unwrap();
        let result: Result<u32, _> = retry.run(&rt, op).await;
        assert_eq!(result, exhausted(4, 40, Stop::MaxElapsed, BOOM));
    });
}

#[test]
fn a_delay_that_would_never_end_ends_the_attempts() {
    sim(|rt| async move {
        let retry = Retry::builder().backoff(Backoff::custom(|_| Duration::MAX)).build().unwrap();
        let result = retry.run(&rt, fails(9, &Count::default())).await;
        assert_eq!(result, exhausted(1, 0, Stop::Deadline, BOOM));
    });
}

#[test]
fn d27_no_attempt_begins_after_max_elapsed_also_where_it_is_polled_late() {
    for (late, attempts) in [(ms(150), 2), (ms(10_000), 1)] {
        sim(move |rt| async move {
            let retry =
                Retry::builder().max_attempts(2).backoff(Backoff::constant(ms(100))).max_elapsed(ms(150));
            let retry = retry.build().unwrap();
            let begun = AtomicU32::new(0);
            let mut call = std::pin::pin!(retry.run(&rt, |_| {
                begun.fetch_add(1, Relaxed);
                ready(Err::<(), _>(Boom))
            }));
            assert!(futures::poll!(call.as_mut()).is_pending());
            // Its task is busy elsewhere.
            rt.sleep(late).await;
            let why = if attempts == 1 { Stop::MaxElapsed } else { Stop::MaxAttempts };
            let error = Error::RetriesExhausted { attempts, elapsed: late, why, last: BOOM };
            assert_eq!((call.await, begun.load(Relaxed)), (Err(error), attempts));
        });
    }
}
