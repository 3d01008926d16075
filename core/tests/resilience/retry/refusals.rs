//! What comes from around and inside: deadlines, refusals; and which error is kept.

use super::*;

#[test]
fn b10_an_attempt_that_the_deadline_cuts_off_does_not_hide_the_error_before() {
    sim(|rt| async move {
        let op = |attempt: backstay_core::resilience::Attempt| async move {
            if attempt.number() == 1 { Err(Boom) } else { pending::<Result<u32, _>>().await }
        };
        let result = within(&rt, 100, retry(9, 40).build().unwrap()).call(op).await;
        assert_eq!(result, exhausted(2, 100, Stop::Deadline, BOOM));
        // Also if it was the last.
        let result = within(&rt, 100, retry(2, 40).build().unwrap()).call(op).await;
        assert_eq!(result, exhausted(2, 100, Stop::Deadline, BOOM));
        // Where nothing came before it, it is what it is.
        let result =
            within(&rt, 100, retry(9, 40).build().unwrap()).call(|_| pending::<Result<u32, Fault>>()).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Attempt, limit: ms(100) }));
    });
}

#[test]
fn b07_an_open_breaker_is_not_asked_again_without_a_limit_on_time() {
    let elapsed = sim(|rt| async move {
        let (calls, breaker) = (Count::default(), breaker());
        let users = Pipeline::named("users")
            .retry(retry(5, 10).build().unwrap())
            .breaker(&breaker)
            .build(&rt)
            .unwrap();
        // It opens after one, and the second attempt is refused: the first one's error is worth more.
        let result = users.call(fails(9, &calls)).await;
        assert_eq!(result, exhausted(1, 10, Stop::Refused, BOOM));
        // The next call is refused at once, and says when to come back.
        let refused = users.call(fails(9, &calls)).await.unwrap_err();
        assert_eq!(refused.rejected().map(|rejected| rejected.reason()), Some(Reason::Open));
        assert_eq!(refused.retry_after(), Some(ms(990)));
        assert_eq!(calls.get(), 1);
    });
    assert_eq!(elapsed, ms(10));
}

#[test]
fn b07_a_refusal_is_waited_for_where_it_fits() {
    sim(|rt| async move {
        for (limit, fits) in [(2_000, true), (1_000, false), (500, false)] {
            for deadline in [true, false] {
                let (calls, breaker) = (Count::default(), breaker());
                let mut retry = retry(3, 10);
                if !deadline {
                    retry = retry.max_elapsed(ms(limit) - Duration::from_nanos(1));
                }
                let retry = retry.build().unwrap();
                let limit = if deadline { ms(limit) } else { ms(1_000_000) };
                let users =
                    Pipeline::named("users").attempt_timeout(limit).retry(retry).breaker(&breaker).build(&rt);
                let users = users.unwrap();
                let start = rt.now();
                let result = users.call(fails(1, &calls)).await;
                if fits {
                    assert_eq!((result, rt.now() - start, calls.get()), (Ok(3), ms(1_000), 2));
                } else {
                    assert_eq!(result, exhausted(1, 10, Stop::Refused, BOOM));
                    assert_eq!(calls.get(), 1);
                }
            }
        }
    });
}

#[test]
fn b07_of_two_refusals_the_newer_one_counts() {
    sim(|rt| async move {
        let breaker = breaker();
        assert!(breaker.run(&rt, async |_| Err::<(), _>(Boom)).await.is_err());
        let users = Pipeline::named("users").attempt_timeout(ms(9_000)).retry(retry(5, 10).build().unwrap());
        let users = users.breaker(&breaker).build(&rt).unwrap();
        let calls = Count::default();
        let (result, ()) = futures::join!(users.call(fails(0, &calls)), async {
            rt.sleep(ms(500)).await;
            breaker.isolate();
        });
        // It has waited for a second, and is refused for good.
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Rejected(rejected) if rejected.reason() == Reason::Isolated),
            "{error:?}"
        );
        assert_eq!((rt.now() - Instant::ORIGIN, calls.get()), (ms(1_000), 0));
    });
}

#[test]
fn b10_a_refusal_that_was_waited_for_does_not_hide_the_error_before() {
    sim(|rt| async move {
        let breaker = breaker();
        let users = Pipeline::named("users").attempt_timeout(ms(9_000)).retry(retry(5, 10).build().unwrap());
        let users = users.breaker(&breaker).build(&rt).unwrap();
        let calls = Count::default();
        // Fails, is refused, waits, and is refused for good.
        let (result, ()) = futures::join!(users.call(fails(9, &calls)), async {
            rt.sleep(ms(500)).await;
            breaker.isolate();
        });
        // What was refused was no attempt.
        assert_eq!(result, exhausted(1, 1_000, Stop::Refused, BOOM));
        assert_eq!(calls.get(), 1);
    });
}

#[test]
fn b07_a_refused_first_attempt_passes_through_unchanged() {
    sim(|rt| async move {
        let breaker = breaker();
        breaker.isolate();
        let users = Pipeline::named("users")
            .retry(retry(5, 10).build().unwrap())
            .breaker(&breaker)
            .build(&rt)
            .unwrap();
        let result = users.call(fails(0, &Count::default())).await.unwrap_err();
        assert!(
            matches!(result, Error::Rejected(rejected) if rejected.reason() == Reason::Isolated),
            "{result:?}"
        );
    });
}

#[test]
fn b10_a_turn_that_did_not_come_in_time_does_not_hide_the_error_before() {
    sim(|rt| async move {
        let bulkhead =
            Bulkhead::named("db").max_in_flight(1).max_waiting(1).max_wait(ms(20)).build().unwrap();
        let users =
            Pipeline::named("users").retry(retry(5, 10).build().unwrap()).bulkhead(&bulkhead).build(&rt);
        let users = users.unwrap();
        let busy = Mutex::new(None);
        let op = |_| {
            // Somebody takes the place as soon as it is free again.
            let (rt, bulkhead, busy) = (&rt, &bulkhead, &busy);
            async move {
                let queued = bulkhead.acquire_owned(rt);
                let mut queued = Box::pin(queued);
                assert!(backstay_core::future::poll_now(queued.as_mut()).await.is_none());
                *busy.lock().unwrap() = Some(queued);
                Err::<u32, _>(Boom)
            }
        };
        assert_eq!(users.call(op).await, exhausted(1, 30, Stop::Refused, BOOM));
        // Where there is none before it, it is what it is.
        let result = users.call(fails(0, &Count::default())).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Queue, limit: ms(20) }));
    });
}

#[test]
fn b10_in_a_deadline_it_is_the_deadlines_end() {
    sim(|rt| async move {
        let users = Pipeline::named("users").deadline(ms(100)).retry(retry(9, 40).build().unwrap());
        let users = users.attempt_timeout(ms(50)).build(&rt).unwrap();
        // 0..50, 90..100: an attempt that ran out of time is more than one that was cut off.
        let late = Cause::TimedOut { scope: Scope::Attempt, limit: ms(50) };
        let result = users.call(|_| pending::<Result<u32, Fault>>()).await;
        assert_eq!(result, exhausted(2, 100, Stop::Deadline, late));
        let hung = Pipeline::named("users")
            .deadline(ms(100))
            .retry(retry(9, 40).build().unwrap())
            .build(&rt)
            .unwrap();
        let result = hung.call(|_| pending::<Result<u32, Fault>>()).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Total, limit: ms(100) }));
    });
}
