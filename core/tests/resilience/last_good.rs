//! Stale-if-error: what is kept, for how long, and who is told.

use crate::by_hand::ByHand;
use crate::kit::{Heard, at, ms, passed, secs, sim};
use crate::lock_probe::is_free;
use backstay::testing::{Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::future::poll_now;
use backstay_core::resilience::{
    Attempt, Bulkhead, Error, EventKind, Fallback, KeyedLastGood, LastGood, Lint, Nested, Pipeline, Reason,
    Retry, Source, Verdict,
};
use backstay_core::task::CancelToken;
use std::future::pending;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

type Failed = Error<&'static str>;

#[test]
fn the_last_good_value_stands_in_until_it_is_too_old() {
    sim(|rt: Sim| async move {
        let heard = Heard::default();
        let last = LastGood::new(secs(10));
        let rates = Pipeline::named("rates").observer(heard.clone()).stale_if_error(&last).build(&rt);
        let rates = rates.expect("it is good");
        let fails = async |_| Err("out of order");
        assert_eq!(rates.call(fails).await, Err(Error::Operation("out of order")), "there is none yet");
        assert_eq!(heard.take(), []);
        let answer = rates.call(async |_| Ok::<_, &str>(1)).detailed().await.expect("it is there");
        assert_eq!((answer.value, answer.source), (1, Source::Operation));
        assert_eq!(rates.call(async |_| Ok::<_, &str>(2)).await, Ok(2));
        for (wait, age) in [(0, 0), (3, 3), (7, 10)] {
            rt.sleep(secs(wait)).await;
            let answer = rates.call(fails).detailed().await.expect("it is fresh enough");
            let source = Source::Stale { age: secs(age) };
            assert_eq!((answer.value, answer.source, answer.attempts), (2, source, 1));
            assert_eq!(heard.take(), [("rates", EventKind::FellBack)]);
        }
        rt.sleep(Duration::from_nanos(1)).await;
        assert_eq!(rates.call(fails).await, Err(Error::Operation("out of order")));
        assert_eq!(heard.take(), [], "nobody fell back");
        // What is good again is good again.
        assert_eq!(rates.call(async |_| Ok::<_, &str>(3)).await, Ok(3));
        assert_eq!(rates.call(fails).await, Ok(3));
        last.clear();
        assert!(rates.call(fails).await.is_err());
    });
}

#[test]
fn only_what_the_classifier_calls_a_success_is_kept() {
    sim(|rt: Sim| async move {
        let last = LastGood::new(secs(10));
        let judge = |result: Result<&u16, &Failed>| match result {
            Ok(503) => Verdict::failure(),
            Ok(404) => Verdict::Fatal,
            Ok(304) => Verdict::Ignore,
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        let page =
            Pipeline::named("page").stale_if_error(&last).classify(judge).build(&rt).expect("it is good");
        for bad in [503, 404, 304] {
            assert_eq!(page.call(async |_| Ok::<_, &str>(bad)).await, Ok(bad), "and it is not replaced");
            assert_eq!(last.get(rt.now()), None, "{bad}");
        }
        assert_eq!(page.call(async |_| Ok::<_, &str>(200)).await, Ok(200));
        assert_eq!(page.call(async |_| Ok::<_, &str>(503)).await, Ok(503));
        assert_eq!(page.call(async |_| Err("reset")).await, Ok(200));
        // Alone, every value is good.
        assert_eq!(last.run(&rt, async |_| Ok::<_, &str>(503)).await, Ok(503));
        assert_eq!(last.get(rt.now()), Some((503, Duration::ZERO)));
    });
}

#[test]
fn another_answer_is_not_kept_as_a_good_one() {
    sim(|rt: Sim| async move {
        let (last, older) = (LastGood::new(secs(10)), LastGood::new(secs(20)));
        older.record(1, rt.now());
        rt.sleep(secs(5)).await;
        // That of an earlier call is not as good as new either.
        let stale = Pipeline::named("rates").stale_if_error(&last).stale_if_error(&older).build(&rt);
        assert_eq!(stale.expect("it is good").call(async |_| Err("reset")).await, Ok(1));
        assert_eq!(last.get(rt.now()), None);
        let rates = Pipeline::named("rates").stale_if_error(&last).fallback(Fallback::value(-1)).build(&rt);
        let rates = rates.expect("it is good");
        assert_eq!(rates.call(async |_| Err("reset")).await, Ok(-1));
        assert_eq!(last.get(rt.now()), None);
        assert_eq!(rates.call(async |_| Ok::<_, &str>(2)).await, Ok(2));
        assert_eq!(last.get(rt.now()), Some((2, Duration::ZERO)));
    });
}

#[test]
fn who_stopped_the_call_wants_no_other_answer_and_a_predicate_chooses() {
    sim(|rt: Sim| async move {
        let last =
            LastGood::new(Duration::MAX).when(|error: &Failed| error.operation() != Some(&"not found"));
        last.record(7, rt.now());
        assert_eq!(last.run(&rt, async |_| Err("not found")).await, Err(Error::Operation("not found")));
        assert_eq!(last.run(&rt, async |_| Err("reset")).await, Ok(7));
        let token = CancelToken::new();
        token.cancel();
        let call = last.run(&rt, async |_| Err("reset")).until_cancelled(&token);
        assert_eq!(call.await, Err(Error::Cancelled));
    });
}

#[test]
fn it_stands_in_for_what_policies_say_too() {
    let run = sim(|rt: Sim| async move {
        let last = LastGood::new(secs(60));
        let places = Bulkhead::new(crate::kit::limit(1));
        let rates = Pipeline::named("rates")
            .fallback(Fallback::from_error(|error: &Failed| match error.rejected() {
                Some(rejected) if rejected.reason() == Reason::QueueFull => -1,
                _ => -2,
            }))
            .stale_if_error(&last)
            .deadline(ms(20))
            .bulkhead(&places)
            .build(&rt)
            .expect("it is good");
        let taken = places.try_acquire().expect("it is free");
        let answer = rates.call(async |_| Ok::<_, &str>(1)).detailed().await.expect("there always is one");
        assert_eq!((answer.value, answer.source), (-1, Source::Fallback), "there is no good one");
        drop(taken);
        assert_eq!(rates.call(async |_| Ok::<_, &str>(1)).await, Ok(1));
        let answer = rates.call(async |_| pending().await).detailed().await.expect("there always is one");
        assert_eq!((answer.value, answer.source), (1, Source::Stale { age: ms(20) }));
        assert_eq!(rates.lints(), []);
        assert_eq!(
            rates.describe().to_string().lines().nth(2),
            Some("  fallback: the last good value, at most 60s old")
        );
    });
    assert_eq!(run.elapsed, ms(20));
}

#[test]
fn b40_no_time_at_all_is_refused_and_inside_a_retry_it_is_suspicious() {
    let rt = ByHand::new();
    let build = |max_age| Pipeline::named("rates").stale_if_error(&LastGood::<u8>::new(max_age)).build(&rt);
    let error = build(Duration::ZERO).map(drop).unwrap_err();
    assert_eq!(error.field(), Some("max_age"));
    assert!(build(Duration::from_nanos(1)).is_ok() && build(Duration::MAX).is_ok());
    let inside =
        Pipeline::named("rates").retry(Retry::default()).stale_if_error(&LastGood::<u8>::new(secs(1)));
    assert_eq!(inside.build(&rt).expect("it is good").lints(), [Lint::FallbackInsideRetry]);
}

#[test]
fn the_latest_value_is_kept_whoever_comes_last() {
    let last = LastGood::new(Duration::MAX);
    let other = last.clone().when(|_: &Failed| true);
    assert_eq!(last.max_age(), Duration::MAX);
    for (value, now, kept) in [(1, 10, 1), (2, 9, 1), (3, 10, 3), (4, 11, 4)] {
        other.record(value, at(now));
        assert_eq!(last.get(at(20)).map(|(value, _)| value), Some(kept));
    }
    // A clock that is read late.
    assert_eq!(last.get(at(1)), Some((4, Duration::ZERO)));
    assert_eq!(last.get(backstay_core::time::Instant::MAX).map(|(value, _)| value), Some(4));
    assert_eq!(format!("{last:?}"), "LastGood { max_age: 18446744073709551615.999999999s, .. }");
}

#[test]
fn what_came_of_a_call_that_is_dropped_is_not_kept() {
    sim(|rt: Sim| async move {
        let last = LastGood::new(secs(1));
        let mut call = pin!(last.run(&rt, async |_| {
            rt.sleep(ms(1)).await;
            Ok::<_, &str>(1)
        }));
        assert_eq!(poll_now(call.as_mut()).await, None);
        assert_eq!(last.get(rt.now()), None);
    });
}

/// Looks at the store when it is cloned or dropped.
struct Uses(Arc<OnceLock<LastGood<Uses>>>, Arc<AtomicBool>, Arc<AtomicUsize>);

impl Uses {
    fn look(&self) {
        self.2.fetch_add(1, SeqCst);
        let last = Arc::clone(&self.0);
        // What is kept is older than it may be, so nothing is cloned.
        if !is_free(move || assert!(last.get().is_none_or(|last| last.get(at(1_000_000)).is_none()))) {
            self.1.store(true, SeqCst);
        }
    }
}

impl Clone for Uses {
    fn clone(&self) -> Self {
        self.look();
        Self(Arc::clone(&self.0), Arc::clone(&self.1), Arc::clone(&self.2))
    }
}

impl Drop for Uses {
    fn drop(&mut self) {
        self.look();
    }
}

#[test]
fn values_are_cloned_and_dropped_while_no_lock_is_held() {
    let (cell, held, looks) = (Arc::new(OnceLock::new()), Arc::default(), Arc::default());
    let uses = || Uses(Arc::clone(&cell), Arc::clone(&held), Arc::clone(&looks));
    let last = cell.get_or_init(|| LastGood::new(ms(10)));
    last.record(uses(), at(1));
    last.record(uses(), at(2)); // drops the one before
    last.record(uses(), at(1)); // is dropped
    assert!(last.get(at(2)).is_some()); // a clone, dropped
    last.clear();
    assert_eq!(looks.load(SeqCst), 5);
    assert!(!held.load(SeqCst), "a lock was held");
}

#[test]
fn s09_a_call_that_is_cut_anywhere_keeps_what_was_good() {
    let tracker = Tracker::new();
    let scenario = |rt: Sim, subject: Subject| {
        let tracker = tracker.clone();
        async move {
            let last = LastGood::new(secs(60));
            let (users, own, value) = (last.clone(), rt.clone(), tracker.track(1));
            last.record(Arc::new(tracker.track(0)), rt.now());
            let call = async move {
                let mut value = Some(Arc::new(value));
                let op = |_: Attempt| {
                    let value = value.take();
                    let rt = &own;
                    async move {
                        rt.sleep(ms(2)).await;
                        value.ok_or("it was called twice")
                    }
                };
                users.run(&own, op).await.expect("it is good")
            };
            let got = subject.spawn(&rt, call).await;
            (last, got.is_some())
        }
    };
    let check = |rt: Sim, (last, ended): (LastGood<_>, bool)| async move {
        let (value, _): (Arc<backstay::testing::Tracked<i32>>, _) = last.get(rt.now()).expect("there is one");
        assert!(**value == i32::from(ended) || !ended);
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 2);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
    tracker.assert_none_alive();
}

#[test]
fn each_key_has_its_own_and_those_asked_for_longest_ago_go() {
    use proptest::prelude::*;
    proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) }, |(
        max_keys in 1..5_usize,
        steps in prop::collection::vec((0..8_u16, any::<bool>()), 1..60),
    )| {
        let last = KeyedLastGood::<u16, usize>::new(&ByHand::new(), Duration::MAX, crate::kit::limit(max_keys));
        assert!(last.is_empty());
        // The one asked for last at the end.
        let mut model: Vec<(u16, Option<usize>)> = Vec::new();
        for (step, (key, records)) in steps.into_iter().enumerate() {
            let found = model.iter().position(|(other, _)| *other == key).map(|at| model.remove(at));
            let mut value = found.and_then(|(_, value)| value);
            let handle = last.clone().of(&key);
            prop_assert_eq!(handle.get(at(0)).map(|(value, _)| value), value);
            if records {
                handle.record(step, at(0));
                value = Some(step);
            }
            model.push((key, value));
            if model.len() > max_keys {
                model.remove(0);
            }
            prop_assert_eq!(last.len(), model.len());
        }
        let text = format!("{last:?}");
        prop_assert!(text.starts_with(&format!("KeyedLastGood {{ len: {}, ", model.len())), "{}", text);
    });
}

#[test]
fn of_a_key_that_went_meanwhile_the_handle_stays_what_it_is() {
    sim(|rt: Sim| async move {
        let last = KeyedLastGood::<String, u8>::new(&rt, secs(1), crate::kit::limit(1));
        let users = Pipeline::named("users").build(&rt).expect("it is good");
        let ada = last.of("ada");
        assert_eq!(ada.run(&rt, async |_| Ok::<_, &str>(36)).await, Ok(36));
        assert_eq!(last.of("bob").get(rt.now()), None);
        assert_eq!(ada.run(&rt, async |_| Err("reset")).await, Ok(36));
        assert_eq!(last.of("ada").get(rt.now()), None);
        // The errors of what is inside stay as they are.
        let call = Nested(|_| users.call(async |_| Err::<u8, _>("reset")));
        assert_eq!(last.of("bob").run_operation(&rt, call).await, Err(Error::Operation("reset")));
    });
}
