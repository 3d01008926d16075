//! Streams that are made anew: retry and restart.

use crate::kit::ms;
use crate::marble::{Broken, Results, results, results_flow};
use crate::nasty::Nasty;
use crate::sweeps::swept;
use backstay::testing::{Explore, Faults, Sim, Tracker, checked_stream, report};
use backstay_core::resilience::{
    Backoff, Cause, Error, Jitter, Retry, RetryBudget, RetryBuilder, RetryIf, Stop, Verdict,
};
use backstay_core::stream::{Reset, restart, retry};
use backstay_core::{Limit, Runtime};
use futures::FutureExt;
use futures::stream::{self, FusedStream, StreamExt};
use proptest::prelude::*;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// So many attempts, and 2, 4, 6, … milliseconds between them.
fn policy(attempts: u32) -> RetryBuilder {
    Retry::builder().max_attempts(attempts).backoff(Backoff::linear(ms(2)).jitter(Jitter::None))
}

/// One stream after the other, by their diagrams; after the last there is only its last.
fn one_by_one(rt: &Sim, diagrams: &'static [&'static str]) -> impl FnMut() -> Results + use<> {
    let rt = rt.clone();
    let mut diagrams = diagrams.iter();
    let mut last = "";
    move || {
        last = diagrams.next().copied().unwrap_or(last);
        results(&rt, last)
    }
}

#[test]
fn retry_makes_the_stream_anew_when_it_fails() {
    for (attempts, streams, expected) in [
        // 2 ms after the failure; an item lets the attempts begin anew.
        (2, &["a-!b|", "c-!|", "d|"][..], "a---c---d|"),
        // Without items delays grow, and then it gives up.
        (3, &["!", "-!", "-!", "a|"], "--- 5 (!|)"),
        (1, &["a!", "b"], "a(!|)"),
        // An end is an end.
        (9, &["a|"], "a|"),
        (9, &["!", "|"], "--|"),
    ] {
        let make = |rt: &Sim, _| retry(rt, policy(attempts).build().expect("valid"), one_by_one(rt, streams));
        results_flow("", make, expected);
    }
}

#[test]
fn restart_makes_it_anew_when_it_ends_too() {
    for (attempts, streams, expected) in [
        (2, &["a-|", "b-!", "c|", "|"][..], "a---b---c--|"),
        (3, &["|", "-|", "-|", "a|"], "--- 5 |"),
        (2, &["|", "!"], "--(!|)"),
        (1, &["a|", "b"], "a|"),
    ] {
        let make =
            |rt: &Sim, _| restart(rt, policy(attempts).build().expect("valid"), one_by_one(rt, streams));
        results_flow("", make, expected);
    }
}

#[test]
fn why_it_gave_up_is_said() {
    report(Sim::builder().run(|rt: Sim| async move {
        // Too many attempts in a row.
        let mut stream = retry(&rt, policy(3).build().expect("valid"), one_by_one(&rt, &["-!"]));
        let got: Vec<_> = stream.by_ref().collect().await;
        let [Err(Error::RetriesExhausted { attempts, elapsed, why, last: Cause::Operation(_) })] = got[..]
        else {
            panic!("{got:?}");
        };
        assert_eq!((attempts, elapsed, why), (3, ms(1 + 2 + 1 + 4 + 1), Stop::MaxAttempts));
        assert_eq!((stream.restarts(), stream.stopped()), (2, Some(Stop::MaxAttempts)));
        assert!(stream.is_terminated() && stream.next().await.is_none());

        // Too much time.
        let timed = policy(9).max_elapsed(ms(8)).build().expect("valid");
        let mut stream = retry(&rt, timed, one_by_one(&rt, &["-!"]));
        assert_eq!(stream.by_ref().count().await, 1);
        assert_eq!(stream.stopped(), Some(Stop::MaxElapsed));

        // An end after which there is no other: it is known why.
        let mut stream = restart(&rt, policy(2).build().expect("valid"), one_by_one(&rt, &["|"]));
        assert_eq!((stream.by_ref().count().await, stream.stopped()), (0, Some(Stop::MaxAttempts)));

        // A budget that has nothing left.
        let budget = RetryBudget::token_bucket().build().expect("valid");
        let now = rt.now();
        while let Some(taken) = budget.try_withdraw(1, now) {
            taken.record(Verdict::failure());
        }
        let poor = policy(9).budget(&budget).build().expect("valid");
        let mut stream = retry(&rt, poor, one_by_one(&rt, &["!"]));
        assert_eq!((stream.by_ref().count().await, stream.stopped()), (1, Some(Stop::Budget)));

        // What never comes is not waited for.
        let never = Retry::builder().backoff(Backoff::constant(Duration::MAX)).build().expect("valid");
        let mut stream = retry(&rt, never, one_by_one(&rt, &["!"]));
        assert_eq!((stream.by_ref().count().await, stream.stopped()), (1, Some(Stop::Deadline)));
    }));
}

#[test]
fn d27_no_stream_is_made_after_max_elapsed_also_where_the_reader_is_late() {
    for (late, made) in [(ms(150), 2), (ms(10_000), 1)] {
        report(Sim::builder().run(move |rt: Sim| async move {
            let timed = Retry::builder().max_attempts(2).backoff(Backoff::constant(ms(100)));
            let timed = timed.max_elapsed(ms(150)).build().expect("valid");
            let mut stream = retry(&rt, timed, || stream::iter([Err::<(), _>(Broken)]));
            assert!(futures::poll!(stream.next()).is_pending());
            // Its reader is busy elsewhere.
            rt.sleep(late).await;
            let why = if made == 1 { Stop::MaxElapsed } else { Stop::MaxAttempts };
            let last = Cause::Operation(Broken);
            let error = Error::RetriesExhausted { attempts: made, elapsed: late, why, last };
            assert_eq!(stream.by_ref().collect::<Vec<_>>().await, [Err(error)]);
            assert_eq!((stream.restarts(), stream.stopped()), (u64::from(made) - 1, Some(why)));
        }));
    }
}

#[test]
fn there_are_so_many_restarts_within_a_time() {
    let limited = |restarts, within| {
        move |rt: &Sim| {
            let policy = Retry::builder().backoff(Backoff::constant(ms(2))).build().expect("valid");
            restart(rt, policy, one_by_one(rt, &["a|"]))
                .max_restarts(Limit::new(restarts).expect("not zero"), within)
        }
    };
    // An item each 3 ms, so that attempts never run out; ends at 1, 4, 7, 10.
    results_flow("", |rt, _| limited(1, Duration::MAX)(rt), "a--a|");
    results_flow("", |rt, _| limited(3, Duration::MAX)(rt), "a--a--a--a|");
    results_flow("", |rt, _| limited(2, ms(6))(rt), "a--a--a|");
    report(Sim::builder().run(|rt: Sim| async move {
        // The end at 7 finds only one of the last 5 ms.
        let mut stream = limited(2, ms(5))(&rt);
        assert_eq!(stream.by_ref().take(100).count().await, 100);
        let mut stream = limited(2, ms(6))(&rt);
        assert_eq!((stream.by_ref().count().await, stream.stopped()), (3, Some(Stop::MaxRestarts)));
    }));
}

#[test]
fn attempts_begin_anew_when_it_is_said() {
    let resets = |reset| {
        move |rt: &Sim| {
            let policy = policy(3).build().expect("valid");
            retry(rt, policy, one_by_one(rt, &["a-!"])).reset(reset)
        }
    };
    // Each gives an item and fails after 2 ms; 3 attempts, 2 and 4 ms between them.
    results_flow("", |rt, _| resets(Reset::Never)(rt), "a---a-----a-(!|)");
    results_flow("", |rt, _| resets(Reset::Uptime(ms(3)))(rt), "a---a-----a-(!|)");
    report(Sim::builder().run(|rt: Sim| async move {
        for reset in [Reset::Item, Reset::Uptime(ms(2)), Reset::Uptime(Duration::ZERO)] {
            let start = rt.now();
            assert_eq!(resets(reset)(&rt).take(100).count().await, 100);
            assert_eq!(rt.now() - start, ms(99 * 4), "{reset:?}: the first delay each time");
        }
        let max = resets(Reset::Uptime(Duration::MAX))(&rt);
        assert_eq!(max.count().await, 4);
    }));
}

#[test]
fn the_classifier_says_what_a_failure_is() {
    report(Sim::builder().run(|rt: Sim| async move {
        let numbers = |streams: &'static [&'static [Result<u32, &'static str>]]| {
            let mut streams = streams.iter();
            move || stream::iter(streams.next().expect("another").iter().copied())
        };
        // A fatal error is given as it is, and ends it.
        let fatal = policy(9).classify(RetryIf(|error: &&str| *error != "forbidden")).build().expect("valid");
        let streams = numbers(&[&[Ok(1), Err("reset")], &[Ok(2), Err("forbidden"), Ok(3)]]);
        let mut stream = retry(&rt, fatal, streams);
        let got: Vec<_> = stream.by_ref().collect().await;
        assert_eq!(got, [Ok(1), Ok(2), Err(Error::Operation("forbidden"))]);
        assert_eq!(stream.stopped(), None);
        // One that says nothing of the service is given, and it goes on; a value can be a failure.
        let classify = |result: Result<&u32, &Error<&str>>| match result {
            Ok(503) => Verdict::failure(),
            Ok(_) => Verdict::Success,
            Err(_) => Verdict::Ignore,
        };
        let lenient = policy(2).classify(classify).build().expect("valid");
        let streams = numbers(&[&[Err("a"), Ok(1), Err("b"), Ok(503), Ok(2)], &[Ok(503)]]);
        let got: Vec<_> = retry(&rt, lenient, streams).collect().await;
        assert_eq!(got, [Err(Error::Operation("a")), Ok(1), Err(Error::Operation("b")), Ok(503)]);
    }));
}

#[test]
fn a_hint_is_a_floor_and_a_hook_is_told() {
    report(Sim::builder().run(|rt: Sim| async move {
        let told = Arc::new(Mutex::new(Vec::new()));
        let classify = |result: Result<&char, &Error<crate::marble::Broken>>| match result {
            Ok(_) => Verdict::Success,
            Err(_) => Verdict::failure().after(ms(50)),
        };
        let hook = {
            let told = Arc::clone(&told);
            move |retrying: &backstay_core::resilience::Retrying<'_, char, crate::marble::Broken>| {
                told.lock().expect("no panic").push((retrying.attempt, retrying.delay));
            }
        };
        let policy = policy(9).classify(classify).on_retry(hook).build().expect("valid");
        let got: Vec<_> = restart(&rt, policy, one_by_one(&rt, &["!", "a|", "b|"])).take(2).collect().await;
        assert_eq!(got, [Ok('a'), Ok('b')]);
        assert_eq!(rt.now().since_origin(), ms(50 + 1 + 2));
        assert_eq!(*told.lock().expect("no panic"), [(1, ms(50))], "not of an end");
    }));
}

#[test]
fn a_budget_is_told_of_each_stream_once() {
    report(Sim::builder().run(|rt: Sim| async move {
        let budget = RetryBudget::token_bucket().build().expect("valid");
        let full = budget.available(rt.now());
        let paid = policy(9).budget(&budget).build().expect("valid");
        let mut stream = retry(&rt, paid.clone(), one_by_one(&rt, &["-!", "-!", "-abcdefgh|"]));
        assert_eq!(stream.next().await, Some(Ok('a')));
        assert_eq!(budget.available(rt.now()), full - 1, "one in vain, one that gave something");
        assert_eq!(stream.count().await, 7);
        assert_eq!(budget.available(rt.now()), full - 1, "of the first of them, and of no other");
        // Dropped in a delay, what was taken for the next goes back.
        let mut stream = retry(&rt, paid, one_by_one(&rt, &["!"]));
        assert_eq!(stream.next().now_or_never(), None);
        assert_eq!(budget.available(rt.now()), full - 2);
        drop(stream);
        assert_eq!(budget.available(rt.now()), full - 1);
    }));
}

#[test]
fn nothing_is_made_before_the_first_poll_and_none_is_held_in_a_delay() {
    report(Sim::builder().run(|rt: Sim| async move {
        let tracker = Tracker::new();
        let make = || {
            let held = tracker.track(());
            stream::iter([Err::<(), _>(1)]).map(move |item| {
                let () = *held;
                item
            })
        };
        let mut stream = retry(&rt, policy(2).build().expect("valid"), make);
        assert_eq!(tracker.alive(), 0);
        assert_eq!(stream.next().now_or_never(), None);
        assert_eq!(tracker.alive(), 0);
        assert!(format!("{stream:?}").contains("phase: Waits"), "{stream:?}");
    }));
}

#[test]
fn a_slow_reader_waits_no_longer_than_it_was_away() {
    let make = |rt: &Sim, _: crate::marble::Items| {
        // 2 ms after each end, and the reader is away for longer.
        restart(rt, policy(9).build().expect("valid"), one_by_one(rt, &["a|"]))
            .take(3)
            .map(|item| item.unwrap())
    };
    // Busy until 5, finds the end then, and the next at 7.
    crate::marble::flows_slowly("", 5, make, "a------a------a----|");
}

#[test]
fn s13_what_is_made_anew_without_delay_leaves_others_their_turn() -> Result<(), backstay::testing::Failure> {
    Sim::builder().run(|rt: Sim| async move {
        let policy = Retry::builder().backoff(Backoff::none()).build().expect("valid");
        let mut items = 0;
        // Each gives an item, and the attempts begin anew for ever.
        let all = restart(&rt, policy, || stream::iter([Ok::<_, Infallible>(())])).for_each(|_| {
            items += 1;
            assert!(items < 100_000, "the timeout has had no turn");
            std::future::ready(())
        });
        assert!(rt.timeout(ms(0), all).await.is_err());
        assert!(items > 0);
    })?;
    Ok(())
}

#[test]
fn s13_what_fails_at_once_without_delay_yields() {
    report(Sim::builder().run(|rt: Sim| async move {
        let hot = Retry::builder().backoff(Backoff::none()).max_attempts(1_000).build().expect("valid");
        let mut stream = Box::pin(retry(&rt, hot, || stream::iter([Err::<(), _>(())])));
        let mut polls = 0;
        while stream.next().now_or_never().is_none() {
            polls += 1;
        }
        assert!((5..20).contains(&polls), "{polls}");
    }));
}

#[test]
fn a_panic_is_the_pollers() {
    report(Sim::builder().run(|rt: Sim| async move {
        let mut made = 0;
        let make = || {
            made += 1;
            if made == 1 {
                resume_unwind(Box::new("make"));
            }
            stream::iter([Ok::<_, Infallible>(made)])
        };
        let mut stream = Box::pin(retry(&rt, policy(2).build().expect("valid"), make));
        assert!(catch_unwind(AssertUnwindSafe(|| stream.next().now_or_never())).is_err());
        assert_eq!(stream.next().await, Some(Ok(2)), "it is made when it is polled again");
    }));
}

#[test]
fn s29_they_keep_the_contract_of_poll_on_all_sides() {
    let scenario = |rt: Sim| async move {
        for kind in Nasty::ALL {
            let make = || {
                let (rt, mut made) = (rt.clone(), 0);
                move || {
                    made += 1;
                    let items = [Ok(made * 10), Ok(made * 10 + 1), Err("broken")];
                    kind.source(&rt, items.into_iter().take(if made == 3 { 2 } else { 3 }))
                }
            };
            let policy = policy(3).build().expect("valid");
            let got: Vec<_> = checked_stream(retry(&rt, policy.clone(), make())).collect().await;
            assert_eq!(got, [10, 11, 20, 21, 30, 31].map(Ok));
            let again =
                restart(&rt, policy, make()).max_restarts(Limit::new(2).expect("not zero"), Duration::MAX);
            let got: Vec<_> = checked_stream(again).collect().await;
            assert_eq!(got, [10, 11, 20, 21, 30, 31].map(Ok));
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
        let (rt, clock) = (rt.clone(), rt.clone());
        let mut made = 0;
        let streams = move || {
            made += 1;
            let (rt, tracker, made) = (rt.clone(), tracker.clone(), made);
            stream::iter(0..2).then(move |n| {
                let (rt, item) = (rt.clone(), tracker.track(made * 10 + n));
                async move {
                    rt.sleep(ms(1)).await;
                    if n == 0 { Ok(item) } else { Err(item) }
                }
            })
        };
        let stream = retry(&clock, policy(2).build().expect("valid"), streams).take(3);
        stream.map(|item| item.unwrap_or_else(|error| panic!("{error}"))).boxed()
    };
    swept(make, &[10, 20, 30]);
}

proptest! {
    #[test]
    fn it_gives_what_its_streams_give_up_to_where_attempts_run_out(
        // How many items each stream gives before it fails.
        streams in prop::collection::vec(0..3_u32, 0..12),
        attempts in 1..4_u32,
    ) {
        let run = Sim::builder().run(|rt: Sim| {
            let mut streams = streams.clone().into_iter();
            async move {
                let make = move || match streams.next() {
                    Some(count) => stream::iter((0..count).map(Ok).chain([Err(count)]).collect::<Vec<_>>()),
                    None => stream::iter(vec![]),
                };
                retry(&rt, policy(attempts).build().expect("valid"), make).collect::<Vec<_>>().await
            }
        });
        let got = run.unwrap_or_else(|failure| panic!("{failure}")).value;
        let (mut expected, mut in_a_row) = (Vec::new(), 0);
        for count in streams {
            expected.extend((0..count).map(Some));
            in_a_row = if count > 0 { 1 } else { in_a_row + 1 };
            if in_a_row == attempts {
                expected.push(None);
                break;
            }
        }
        let got: Vec<_> = got.into_iter().map(Result::ok).collect();
        prop_assert_eq!(got, expected);
    }
}
