//! The decisions alone.

use super::*;
use crate::kit::on_sim;
use backstay_core::resilience::{OnRetry, PolicyKind, Rejected, RetryState};

#[test]
fn the_machine_alone_keeps_the_same_limits() {
    let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
    let budget = RetryBudget::token_bucket().capacity(10).build().unwrap();
    let retry = retry(4, 10).max_elapsed(ms(100)).budget(&budget).build().unwrap();
    let again = Next::Retry { delay: ms(10) };
    let give_up = |why| Next::GiveUp { why };

    let mut state = retry.state(at(5));
    assert_eq!((state.attempt(), state.after(Verdict::failure(), at(6), 0)), (1, again));
    assert_eq!((state.attempt(), state.after(Verdict::failure(), at(7), 0)), (2, again));
    assert_eq!(budget.available(at(0)), 0);
    assert_eq!(state.after(Verdict::failure(), at(8), 0), give_up(Stop::Budget));
    let error = state.exhausted(Stop::Budget, at(8), Boom);
    assert_eq!(error, exhausted::<()>(3, 3, Stop::Budget, BOOM).unwrap_err());
    drop(state);

    let budget_is_back = |state| {
        drop(state);
        budget.available(at(0))
    };
    for _ in 0..10 {
        budget.record(Verdict::Success, at(0));
    }
    let mut state = retry.state(at(0));
    assert_eq!(state.after(Verdict::failure().after(ms(40)), at(0), 0), Next::Retry { delay: ms(40) });
    assert_eq!(budget_is_back(state), 2);
    let mut state = retry.state(at(0)).until(at(50));
    assert_eq!(state.after(Verdict::failure(), at(40), 0), give_up(Stop::Deadline));
    assert_eq!(state.after(Verdict::failure(), at(91), 0), give_up(Stop::Deadline));
    let mut state = retry.state(at(0));
    assert_eq!(state.after(Verdict::failure(), at(91), 0), give_up(Stop::MaxElapsed));
    assert_eq!(state.after(Verdict::failure().never_again(), at(0), 0), give_up(Stop::Pushback));
    for verdict in [Verdict::Success, Verdict::Fatal, Verdict::Ignore] {
        assert_eq!(state.after(verdict, at(0), 0), Next::Done);
    }
    let once = self::retry(1, 10).build().unwrap();
    assert_eq!(once.state(at(0)).after(Verdict::failure(), at(0), 0), give_up(Stop::MaxAttempts));
}

#[test]
fn a_hint_lengthens_a_delay_and_never_shortens_it() {
    let plain = Backoff::constant(ms(100));
    let spread = plain.clone().jitter(Jitter::Equal); // from 50; the longest is that of the random number zero
    for (backoff, hint, expected) in [
        (&plain, 10, 100),
        (&plain, 100, 100),
        (&plain, 101, 101),
        (&spread, 10, 100),
        (&spread, 100, 100),
        (&spread, 101, 151),
    ] {
        let retry = Retry::builder().backoff(backoff.clone()).build().unwrap();
        let next = retry.state(Instant::ORIGIN).after(Verdict::failure().after(ms(hint)), Instant::ORIGIN, 0);
        assert_eq!(next, Next::Retry { delay: ms(expected) }, "{backoff} {hint}");
    }
}

#[test]
fn the_machine_alone_knows_what_the_last_attempt_came_to() {
    let now = Instant::from_nanos(7);
    let budget = RetryBudget::token_bucket().capacity(100).build().unwrap();
    let retry = retry(9, 10).budget(&budget).build().unwrap();
    let timed_out: Error<Fault> = Error::TimedOut { scope: Scope::Attempt, limit: ms(5) };
    let again = Next::Retry { delay: ms(10) };

    let mut state = retry.state(now);
    assert_eq!(state.last(), None);
    assert_eq!(state.after(Verdict::failure(), now, 0), again);
    assert_eq!((state.last(), budget.available(now)), (Some(Cause::Operation(())), 95 / 5));
    assert_eq!(state.after_error(Verdict::failure(), &timed_out, now, 0), again);
    assert_eq!(state.last(), Some(Cause::TimedOut { scope: Scope::Attempt, limit: ms(5) }));
    let after_timeout = budget.available(now);
    assert!(after_timeout < 90 / 5, "{after_timeout}: a timeout costs more than an error");
    assert_eq!(state.after(Verdict::Success, now, 0), Next::Done);
    assert!(state.last().is_some_and(|cause| cause.is_timeout()), "a success is no failure");
    let error = state.exhausted_by(Stop::Deadline, now, timed_out.into_cause().unwrap());
    assert!(error.is_timeout());
    assert!(matches!(error, Error::RetriesExhausted { attempts: 3, .. }));
}

#[test]
fn the_machine_alone_waits_for_a_refusal_where_there_is_a_limit() {
    let now = Instant::from_nanos(7);
    let refusal = |hint: Option<Duration>| -> Error<Fault> {
        let rejected = Rejected::new(PolicyKind::CircuitBreaker, "db", Reason::Open);
        hint.map_or(rejected, |hint| rejected.with_retry_after(hint)).into()
    };
    let give_up = Next::GiveUp { why: Stop::Refused };
    let budget = RetryBudget::token_bucket().capacity(10).build().unwrap();
    let retry = retry(9, 10).budget(&budget).build().unwrap();
    let after = |state: &mut RetryState<'_>, hint| {
        let error = refusal(hint);
        state.after_error(Verdict::of_error(&error), &error, now, 0)
    };
    // No limit, no hint, or a limit that leaves no room.
    assert_eq!(after(&mut retry.state(now), Some(ms(50))), give_up);
    assert_eq!(after(&mut retry.state(now).until(now + ms(100)), None), give_up);
    assert_eq!(after(&mut retry.state(now).until(now + ms(50)), Some(ms(50))), give_up);
    let within = self::retry(9, 10).max_elapsed(ms(100)).build().unwrap();
    assert_eq!(after(&mut within.state(now), Some(ms(50))), Next::Retry { delay: ms(50) });

    // What was taken for an attempt that was refused is there for the next; it is no attempt.
    let mut state = retry.state(now).until(now + ms(100));
    assert_eq!(state.after(Verdict::failure(), now, 0), Next::Retry { delay: ms(10) });
    assert_eq!(budget.available(now), 1);
    assert_eq!(after(&mut state, Some(ms(50))), Next::Retry { delay: ms(50) });
    assert_eq!((state.attempt(), budget.available(now)), (3, 1));
    assert!(state.last().is_some_and(|cause| cause.is_refusal() && cause.rejected().is_some()));
    assert_eq!(after(&mut state, None), give_up);
    assert_eq!(budget.available(now), 2, "it is given back");
    assert!(matches!(state.exhausted(Stop::Refused, now, Boom), Error::RetriesExhausted { attempts: 1, .. }));

    // By a classifier that takes it for a failure: it pays, and heeds the longer of the two hints.
    let mut state = retry.state(now).until(now + ms(1_000));
    let verdict = Verdict::failure().after(ms(20));
    assert_eq!(state.after_error(verdict, &refusal(Some(ms(70))), now, 0), Next::Retry { delay: ms(70) });
    assert_eq!(budget.available(now), 1);
    assert_eq!(state.after_error(Verdict::Fatal, &refusal(None), now, 0), Next::Done);
    assert_eq!(budget.available(now), 2, "the service was not asked");
    // And who wants the call to stop.
    assert_eq!(state.after_error(Verdict::failure(), &Error::<Fault>::Cancelled, now, 0), Next::Done);
}

#[test]
fn a_hook_of_ones_own_is_told_the_cause() {
    #[derive(Default)]
    struct Causes(Mutex<Vec<String>>);
    impl<T, E: std::fmt::Debug> OnRetry<T, E> for Causes {
        fn on_retry(&self, retrying: &Retrying<'_, T, E>) {
            self.0.lock().unwrap().push(format!("{} {:?}", retrying.attempt, retrying.cause()));
        }
    }
    let causes = Arc::new(Causes::default());
    let told = Arc::clone(&causes);
    on_sim(move |rt: Sim| {
        let hook: Arc<dyn OnRetry<u8, &'static str> + Send + Sync> = told.clone();
        async move {
            let retry = Retry::builder().max_attempts(4).backoff(Backoff::none()).hook(hook);
            let retry = retry.classify(|result: Result<&u8, &Error<&'static str>>| match result {
                Ok(1) => Verdict::Success,
                Ok(_) | Err(_) => Verdict::failure(),
            });
            let users = Pipeline::named("users").retry(retry.build().unwrap()).attempt_timeout(ms(5));
            let users = users.build(&rt).unwrap();
            let result = users.call(async |attempt| match attempt.number() {
                1 => Err("reset"),
                2 => std::future::pending().await,
                3 => Ok(0),
                _ => Ok(1),
            });
            assert_eq!(result.await, Ok(1));
        }
    });
    let told = std::mem::take(&mut *causes.0.lock().unwrap());
    let expected =
        ["1 Some(Operation(\"reset\"))", "2 Some(TimedOut { scope: Attempt, limit: 5ms })", "3 None"];
    assert_eq!(told, expected);
}

proptest! {
    #[test]
    fn whatever_comes_no_limit_is_broken(
        max in 1..20_u32, max_elapsed in 1..10_000_u64, deadline in 1..10_000_u64, max_hint in 0..5_000_u64,
        steps in prop::collection::vec((0..500_u64, 0..6_000_u64, any::<u64>(), 0..4_u8), 1..40), jitter in 0..5_usize,
    ) {
        let jitters = [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Additive(ms(50))];
        let budget = RetryBudget::token_bucket().capacity(50).build().unwrap();
        let retry = Retry::builder()
            .max_attempts(max)
            .backoff(Backoff::exponential(ms(10)).max_delay(ms(300)).jitter(jitters[jitter]))
            .max_elapsed(ms(max_elapsed))
            .max_retry_after(ms(max_hint))
            .budget(&budget)
            .build()
            .unwrap();
        let mut now = Instant::from_nanos(7_000_000);
        let (started, deadline) = (now, now + ms(deadline));
        let mut state = retry.state(now).until(deadline);
        let mut attempts = 0;
        for (took, hint, random, kind) in steps {
            attempts += 1;
            prop_assert_eq!(state.attempt(), attempts);
            prop_assert!(attempts <= max);
            now += ms(took);
            let hint = (kind > 1).then_some(ms(hint));
            let verdict = match (kind, hint) {
                (0, _) => Verdict::Fatal,
                (_, Some(hint)) => Verdict::failure().after(hint),
                _ => Verdict::failure(),
            };
            match state.after(verdict, now, random) {
                Next::Retry { delay } => {
                    prop_assert!(verdict != Verdict::Fatal && delay > Duration::ZERO);
                    prop_assert!(delay >= hint.unwrap_or_default() && hint.unwrap_or_default() <= ms(max_hint));
                    prop_assert!(delay <= ms(300).max(hint.unwrap_or_default() * 2));
                    now += delay;
                    prop_assert!(now < deadline && now <= started + ms(max_elapsed));
                }
                Next::GiveUp { why } => {
                    prop_assert!(why != Stop::MaxAttempts || attempts == max);
                    prop_assert!(why != Stop::Budget || attempts > 10);
                    prop_assert!(why != Stop::Pushback || hint > Some(ms(max_hint)));
                    break;
                }
                Next::Done => {
                    prop_assert!(kind == 0);
                    break;
                }
            }
        }
    }
}
