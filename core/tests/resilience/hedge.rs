//! Several calls of an operation at a time: which begins when, whose result counts, what becomes of the others.

mod budget;
mod model;
mod percentile;

use crate::kit::{Heard, ms, on_sim, passed};
use backstay::testing::{Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    Attempt, AttemptTimeout, Backoff, Bulkhead, Cause, CircuitBreaker, Error, EventKind, Hedge, HedgeBuilder,
    HedgeCause, Operation, Pipeline, PolicyKind, Quota, RateLimiter, Reason, Retry, Scope, TotalTimeout,
    Verdict,
};
use backstay_core::time::{Deadline, Instant};
use std::future::{Ready, pending, ready};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Answer = Result<u32, &'static str>;

/// So many hedges, each so many milliseconds after the one before.
fn hedge(max_hedges: u32, delay: u64) -> Hedge {
    builder(max_hedges, delay).build().expect("it is good")
}

fn builder(max_hedges: u32, delay: u64) -> HedgeBuilder {
    Hedge::builder().max_hedges(max_hedges).delay(ms(delay))
}

/// What the operation does in each call, by the number of the hedge: how long it takes and what it gives.
fn script<'a>(
    rt: &'a Sim,
    calls: &'a [(u64, Answer)],
) -> impl FnMut(Attempt) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
    move |attempt| {
        let (time, answer) = calls[attempt.hedge() as usize];
        Box::pin(async move {
            rt.sleep(ms(time)).await;
            answer
        })
    }
}

/// What comes of it, and when, in milliseconds.
async fn run(rt: &Sim, hedge: &Hedge, calls: &[(u64, Answer)]) -> (Result<u32, Error<&'static str>>, u64) {
    let start = rt.now();
    let result = hedge.run(rt, script(rt, calls)).await;
    (result, (rt.now() - start).as_millis() as u64)
}

const fn failed<T>(error: &'static str) -> Result<T, Error<&'static str>> {
    Err(Error::Operation(error))
}

#[test]
fn what_is_fast_is_called_once() {
    on_sim(|rt| async move {
        let hedge = hedge(3, 50);
        assert_eq!(run(&rt, &hedge, &[(0, Ok(1))]).await, (Ok(1), 0));
        assert_eq!(run(&rt, &hedge, &[(49, Ok(1))]).await, (Ok(1), 49));
        // At the same time: the operation before the clock.
        assert_eq!(run(&rt, &hedge, &[(50, Ok(1)), (0, Err("not called"))]).await, (Ok(1), 50));
    });
}

#[test]
fn each_begins_after_another_delay_and_no_more_than_there_may_be() {
    on_sim(|rt| async move {
        let (began, hedge) = (Mutex::new(Vec::new()), hedge(2, 50));
        let start = rt.now();
        let result = hedge
            .run(&rt, |attempt| {
                began.lock().unwrap().push((attempt.number(), attempt.hedge(), rt.now() - start));
                let (rt, number) = (&rt, attempt.hedge());
                async move {
                    rt.sleep(ms(1_000)).await;
                    Ok::<_, ()>(number)
                }
            })
            .await;
        // The oldest is the first.
        assert_eq!(result, Ok(0));
        assert_eq!(*began.lock().unwrap(), [(1, 0, ms(0)), (1, 1, ms(50)), (1, 2, ms(100))]);
        assert_eq!(rt.now() - start, ms(1_000));
    });
}

#[test]
fn the_first_good_answer_counts() {
    on_sim(|rt| async move {
        let hedge = hedge(2, 50);
        assert_eq!(run(&rt, &hedge, &[(500, Ok(0)), (10, Ok(1))]).await, (Ok(1), 60));
        assert_eq!(run(&rt, &hedge, &[(500, Ok(0)), (200, Ok(1)), (10, Ok(2))]).await, (Ok(2), 110));
        assert_eq!(run(&rt, &hedge, &[(70, Ok(0)), (30, Ok(1))]).await, (Ok(0), 70));
    });
}

#[test]
fn d10_a_failure_begins_the_next_at_once() {
    on_sim(|rt| async move {
        let hedge = hedge(2, 500);
        assert_eq!(run(&rt, &hedge, &[(0, Err("boom")), (0, Ok(1))]).await, (Ok(1), 0));
        assert_eq!(run(&rt, &hedge, &[(20, Err("a")), (20, Err("b")), (20, Ok(2))]).await, (Ok(2), 60));
    });
}

#[test]
fn d11_a_failure_does_not_end_what_is_under_way() {
    on_sim(|rt| async move {
        let hedge = hedge(1, 50);
        assert_eq!(run(&rt, &hedge, &[(60, Err("boom")), (30, Ok(1))]).await, (Ok(1), 80));
        assert_eq!(run(&rt, &hedge, &[(90, Ok(0)), (10, Err("boom"))]).await, (Ok(0), 90));
    });
}

#[test]
fn where_all_fail_the_last_failure_is_returned() {
    on_sim(|rt| async move {
        let hedge = hedge(2, 50);
        let calls = [(120, Err("first")), (10, Err("second")), (10, Err("third"))];
        assert_eq!(run(&rt, &hedge, &calls).await, (failed("first"), 120));
        let calls = [(10, Err("first")), (10, Err("second")), (10, Err("third"))];
        assert_eq!(run(&rt, &hedge, &calls).await, (failed("third"), 30));
    });
}

#[test]
fn a_value_may_be_a_failure_and_is_returned_as_the_value_it_is() {
    on_sim(|rt| async move {
        let busy = |result: Result<&u32, &Error<&str>>| match result {
            Ok(503) => Verdict::failure(),
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        let hedge = builder(1, 50).classify(busy).build().unwrap();
        assert_eq!(hedge.run(&rt, script(&rt, &[(0, Ok(503)), (0, Ok(200))])).await, Ok(200));
        assert_eq!(hedge.run(&rt, script(&rt, &[(0, Ok(503)), (0, Ok(503))])).await, Ok(503));
        assert_eq!(hedge.run(&rt, script(&rt, &[(0, Ok(503)), (0, Err("down"))])).await, failed("down"));
    });
}

#[test]
fn what_is_fatal_or_says_nothing_ends_it() {
    on_sim(|rt| async move {
        for verdict in [Verdict::Fatal, Verdict::Ignore] {
            let classify = move |result: Result<&u32, &Error<&str>>| match result {
                Ok(_) => Verdict::Success,
                Err(Error::Operation("end")) => verdict,
                Err(error) => Verdict::of_error(error),
            };
            let hedge = builder(3, 50).classify(classify).build().unwrap();
            let start = rt.now();
            let calls = [(500, Ok(0)), (20, Err("end")), (0, Err("not called"))];
            assert_eq!(hedge.run(&rt, script(&rt, &calls)).await, failed("end"));
            assert_eq!(rt.now() - start, ms(70));
        }
    });
}

#[test]
fn all_at_once_and_after_failures_only() {
    on_sim(|rt| async move {
        let at_once = hedge(2, 0);
        let calls = [(30, Ok(0)), (20, Ok(1)), (10, Ok(2))];
        assert_eq!(run(&rt, &at_once, &calls).await, (Ok(2), 10));
        let failover = Hedge::builder().max_hedges(2).delay(Duration::MAX).build().unwrap();
        assert_eq!(run(&rt, &failover, &[(3_600_000, Ok(0))]).await, (Ok(0), 3_600_000));
        assert_eq!(run(&rt, &failover, &[(10, Err("a")), (10, Err("b")), (10, Ok(2))]).await, (Ok(2), 30));
        let none = hedge(0, 0);
        assert_eq!(run(&rt, &none, &[(10, Err("a"))]).await, (failed("a"), 10));
    });
}

#[test]
fn a_closure_says_how_long_before_each() {
    on_sim(|rt| async move {
        let hedge = Hedge::builder().max_hedges(2).delay_by(|hedge| ms(10) * hedge).build().unwrap();
        let calls = [(500, Ok(0)), (500, Ok(1)), (1, Ok(2))];
        assert_eq!(run(&rt, &hedge, &calls).await, (Ok(2), 10 + 20 + 1));
    });
}

#[test]
fn b34_the_others_are_dropped_before_the_result_is_returned() {
    struct Flag(Arc<AtomicUsize>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    on_sim(|rt| async move {
        let (dropped, hedge) = (Arc::new(AtomicUsize::new(0)), hedge(2, 10));
        let mut call = std::pin::pin!(hedge.run(&rt, |attempt| {
            let (rt, flag, dropped) = (&rt, Flag(dropped.clone()), dropped.clone());
            async move {
                let time = if attempt.hedge() == 1 { 20 } else { 500 };
                rt.sleep(ms(time)).await;
                assert_eq!(dropped.load(SeqCst), 0);
                drop(flag);
                Ok::<_, ()>(attempt.hedge())
            }
        }));
        // The call itself is there still.
        assert_eq!(call.as_mut().await, Ok(1));
        assert_eq!(dropped.load(SeqCst), 3);
    });
}

#[test]
fn b35_only_the_others_are_told_to_stop() {
    on_sim(|rt| async move {
        let timeout = AttemptTimeout::new(ms(1_000)).grace(ms(100));
        let api = Pipeline::named("api").hedge(hedge(1, 10)).attempt_timeout(timeout).build(&rt).unwrap();
        let tokens = Mutex::new(Vec::new());
        let winner = api
            .call(|attempt| {
                let token = attempt.token().expect("there is a grace").clone();
                tokens.lock().unwrap().push(token.clone());
                let rt = &rt;
                async move {
                    rt.sleep(ms(if attempt.is_hedge() { 5 } else { 500 })).await;
                    // As a body that is read later: it goes on with the token.
                    Ok::<_, ()>(token)
                }
            })
            .await
            .unwrap();
        assert!(!winner.is_cancelled());
        let stopped: Vec<_> = tokens.lock().unwrap().iter().map(|token| token.is_cancelled()).collect();
        assert_eq!(stopped, [true, false]);
    });
}

#[test]
fn a_service_that_asks_for_time_gets_it() {
    on_sim(|rt| async move {
        let busy = |after: u64| {
            move |result: Result<&u32, &Error<&str>>| match result {
                Ok(_) => Verdict::Success,
                Err(_) if after == u64::MAX => Verdict::failure().never_again(),
                Err(_) => Verdict::failure().after(ms(after)),
            }
        };
        let run = async |after, calls: &[(u64, Answer)]| {
            let hedge = builder(2, 50).classify(busy(after)).build().unwrap();
            let start = rt.now();
            let result = hedge.run(&rt, script(&rt, calls)).await;
            (result, (rt.now() - start).as_millis())
        };
        // The second fails at 60; the third begins at 260 instead of 100.
        let calls = [(1_000, Ok(0)), (10, Err("busy")), (5, Ok(2))];
        assert_eq!(run(200, &calls).await, (Ok(2), 265));
        assert_eq!(run(u64::MAX, &calls).await, (Ok(0), 1_000));
        assert_eq!(run(0, &calls).await, (Ok(2), 65));
        // Nothing is under way: to wait is a retry's.
        assert_eq!(run(200, &[(10, Err("busy"))]).await, (failed("busy"), 10));
    });
}

#[test]
fn where_a_policy_refuses_there_is_no_other_and_what_is_under_way_goes_on() {
    on_sim(|rt| async move {
        let bulkhead = Bulkhead::named("db").max_in_flight(1).build().unwrap();
        let heard = Heard::default();
        let builder = Pipeline::named("api").observer(heard.clone());
        let api = builder.hedge(hedge(3, 10)).bulkhead(&bulkhead).build(&rt).unwrap();
        assert_eq!(api.call(script(&rt, &[(500, Ok(0))])).await, Ok(0));
        assert_eq!(rt.now(), Instant::ORIGIN + ms(500));
        let told: Vec<_> = heard.take().into_iter().map(|(_, kind)| kind.name()).collect();
        assert_eq!(told, ["hedge.started", "rejected"]);

        let _place = bulkhead.try_acquire().unwrap();
        let result = api.call(script(&rt, &[])).await;
        assert_eq!(result.unwrap_err().rejected().map(|rejected| rejected.reason()), Some(Reason::QueueFull));
        assert_eq!(heard.take().len(), 1);
    });
}

#[test]
fn a_failure_is_worth_more_than_a_refusal() {
    on_sim(|rt| async move {
        let quota = Quota::new(1, Duration::from_secs(60));
        let limiter = RateLimiter::named("one").quota(quota).max_wait(Duration::ZERO).build().unwrap();
        let api = Pipeline::named("api").hedge(hedge(3, 10)).rate_limit(&limiter).build(&rt).unwrap();
        let refused = |call: Result<_, Error<&str>>| call.unwrap_err().rejected().is_some();
        assert_eq!(api.call(script(&rt, &[(5, Err("down"))])).await, failed("down"));
        assert!(refused(api.call(script(&rt, &[])).await));
    });
}

#[test]
fn who_waits_for_a_turn_is_not_hedged() {
    on_sim(|rt| async move {
        let bulkhead = Bulkhead::named("db").max_in_flight(2).max_waiting(9).build().unwrap();
        let heard = Heard::default();
        let builder = Pipeline::named("api").observer(heard.clone());
        let api = builder.hedge(hedge(1, 10)).bulkhead(&bulkhead).build(&rt).unwrap();
        let places = [bulkhead.try_acquire_owned().unwrap(), bulkhead.try_acquire_owned().unwrap()];
        let holder = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(ms(100)).await;
                drop(places);
            }
        });
        let start = rt.now();
        assert_eq!(api.call(script(&rt, &[(50, Ok(0)), (5, Ok(1))])).await, Ok(1));
        assert_eq!(rt.now() - start, ms(100 + 10 + 5));
        let told: Vec<_> = heard.take().into_iter().map(|(_, kind)| kind.name()).collect();
        assert_eq!(told, ["queue.waited", "hedge.started", "hedge.won"]);
        holder.await.unwrap();
    });
}

#[test]
fn an_operation_that_is_under_policies_itself_is_asked_of_the_next_target() {
    struct Targets<'a> {
        rt: &'a Sim,
        breakers: &'a [CircuitBreaker; 2],
    }
    type Called<'a> = std::pin::Pin<Box<dyn Future<Output = Result<u32, Error<&'static str>>> + Send + 'a>>;
    impl<'a> Operation<u32, &'static str, Called<'a>> for Targets<'a> {
        fn start(&mut self, attempt: Attempt, _: Option<&Cause<&'static str>>) -> Called<'a> {
            let (rt, breaker) = (self.rt, &self.breakers[attempt.hedge() as usize]);
            Box::pin(async move { breaker.run(rt, async |_| Ok(attempt.hedge())).await })
        }

        fn result(&self, output: Result<u32, Error<&'static str>>) -> Result<u32, Error<&'static str>> {
            output
        }
    }
    on_sim(|rt| async move {
        let breakers = ["north", "south"]
            .map(|name| CircuitBreaker::named(name).consecutive_failures(1).build().unwrap());
        breakers[0].try_acquire(rt.now()).unwrap().failure(rt.now());
        let api = Pipeline::named("api").hedge(hedge(1, 500)).build(&rt).unwrap();
        // The first is refused there; the refusal is that target's.
        let result = api.call_operation(Targets { rt: &rt, breakers: &breakers }).await;
        assert_eq!((result, rt.now()), (Ok(1), Instant::ORIGIN));
    });
}

#[test]
fn nothing_begins_at_a_deadline_and_what_ends_by_it_is_its_error() {
    on_sim(|rt| async move {
        let count = AtomicUsize::new(0);
        let op = |_| {
            count.fetch_add(1, SeqCst);
            pending::<Answer>()
        };
        let api = Pipeline::named("api").deadline(ms(100)).hedge(hedge(9, 50)).build(&rt).unwrap();
        let result = api.call(op).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Total, limit: ms(100) }));
        assert_eq!((count.load(SeqCst), rt.now()), (2, Instant::ORIGIN + ms(100)));

        // The caller's deadline as well; a failure before it does not hide it.
        let hedge = hedge(1, 500);
        let start = rt.now();
        let calls = [(10, Err("down")), (500, Ok(1))];
        let call = hedge.run(&rt, script(&rt, &calls)).within(Deadline::after(&rt, ms(100)));
        assert!(call.await.unwrap_err().is_timeout());
        assert_eq!(rt.now() - start, ms(100));
    });
}

#[test]
fn an_attempt_timeout_inside_is_a_failure_of_that_one() {
    on_sim(|rt| async move {
        let api = Pipeline::named("api").hedge(hedge(1, 500)).attempt_timeout(ms(50)).build(&rt).unwrap();
        assert_eq!(api.call(script(&rt, &[(80, Ok(0)), (10, Ok(1))])).await, Ok(1));
        assert_eq!(rt.now(), Instant::ORIGIN + ms(60));
        let result = api.call(|_| pending::<Answer>()).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Attempt, limit: ms(50) }));
        assert_eq!(rt.now(), Instant::ORIGIN + ms(160));
    });
}

#[test]
fn each_attempt_of_a_retry_has_its_own_hedges() {
    on_sim(|rt| async move {
        let retry = Retry::builder().max_attempts(3).backoff(Backoff::constant(ms(100))).build().unwrap();
        let calls = Mutex::new(Vec::new());
        let op = |attempt: Attempt| {
            calls.lock().unwrap().push((attempt.number(), attempt.hedge()));
            ready(if attempt.number() < 3 { Err("down") } else { Ok(7) })
        };
        let api = Pipeline::named("api").retry(retry).hedge(hedge(1, 50)).build(&rt).unwrap();
        let answer = api.call(op).detailed().await.unwrap();
        assert_eq!((answer.value, answer.attempts), (7, 5));
        assert_eq!(*calls.lock().unwrap(), [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0)]);
    });
}

#[test]
fn what_cannot_be_repeated_is_not_hedged() {
    struct Once(bool);
    impl Operation<u32, &'static str, Ready<Answer>> for Once {
        fn start(&mut self, _: Attempt, _: Option<&Cause<&'static str>>) -> Ready<Answer> {
            assert!(!std::mem::replace(&mut self.0, true), "it is called again");
            ready(Err("down"))
        }

        fn result(&self, output: Answer) -> Result<u32, Error<&'static str>> {
            output.map_err(Error::Operation)
        }

        fn is_repeatable(&self) -> bool {
            false
        }
    }
    on_sim(|rt| async move {
        let api = Pipeline::named("api").hedge(hedge(1, 0)).build(&rt).unwrap();
        assert_eq!(api.call_operation(Once(false)).await, failed("down"));
    });
}

#[test]
fn whoever_watches_is_told() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let builder = Pipeline::named("api").observer(heard.clone());
        let api = builder.hedge(hedge(2, 10)).build(&rt).unwrap();
        assert_eq!(api.call(script(&rt, &[(500, Ok(0)), (5, Err("down")), (5, Ok(2))])).await, Ok(2));
        let told = [
            EventKind::Hedging { hedge: 1, cause: HedgeCause::Delay },
            EventKind::Hedging { hedge: 2, cause: HedgeCause::Failure },
            EventKind::HedgeWon { hedge: 2 },
        ];
        assert_eq!(heard.take(), told.map(|kind| ("api", kind)));
        // That the first has won is told to nobody.
        assert_eq!(api.call(script(&rt, &[(15, Ok(0)), (50, Ok(1))])).await, Ok(0));
        assert_eq!(heard.take().len(), 1);
        assert_eq!(api.call(script(&rt, &[(0, Err("a")), (0, Err("b")), (0, Err("c"))])).await, failed("c"));
        assert!(heard.take().iter().all(|(_, kind)| matches!(kind, EventKind::Hedging { .. })));
    });
}

#[test]
fn it_says_what_it_is() {
    on_sim(|rt| async move {
        let builder = Pipeline::named("api").hedge(hedge(2, 50)).hedge(Hedge::default());
        let by = Hedge::builder().delay_by(|_| ms(1)).build().unwrap();
        let api = builder.hedge(by).build(&rt).unwrap();
        assert_eq!(
            api.describe().to_string(),
            "api\n  hedge: at most 2 after 50ms\n  hedge: at most 1 after a percentile of 0.95\n  hedge: at most 1 \
             after a delay of its own"
        );
        assert_eq!(api.describe().kinds().next(), Some(PolicyKind::Hedge));
    });
}

#[test]
fn numbers_that_make_no_sense_are_named() {
    use backstay_core::resilience::PercentileDelay;
    let field = |builder: HedgeBuilder| builder.build().unwrap_err().field();
    assert_eq!(field(Hedge::builder().max_hedges(17)), Some("max_hedges"));
    assert_eq!(field(Hedge::builder().max_hedges(u32::MAX)), Some("max_hedges"));
    for percentile in [0.0, 0.4999, 1.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(field(Hedge::builder().percentile(percentile)), Some("percentile"), "{percentile}");
    }
    for window in [Duration::ZERO, Duration::MAX] {
        let mut delay = PercentileDelay::new(0.9);
        delay.window = window;
        assert_eq!(field(Hedge::builder().percentile(delay)), Some("window"));
    }
    let mut delay = PercentileDelay::new(0.9);
    delay.max = Some(Duration::from_micros(999));
    assert_eq!(field(Hedge::builder().percentile(delay)), Some("max"));
    delay.max = Some(delay.min);
    assert!(Hedge::builder().percentile(delay).build().is_ok());
    assert!(Hedge::builder().max_hedges(16).percentile(0.9999).build().is_ok());
}

#[test]
fn wherever_it_is_cut_nothing_is_left() {
    let tracker = Tracker::new();
    let scenario = |rt: Sim, subject: Subject| {
        let tracker = tracker.clone();
        async move {
            let hedge = hedge(3, 2);
            let call = {
                let rt = rt.clone();
                async move {
                    let op = |attempt: Attempt| {
                        let (rt, value) = (&rt, tracker.track(()));
                        async move {
                            rt.sleep(ms(7)).await;
                            drop(value);
                            if attempt.hedge() < 2 { Err("down") } else { Ok(attempt.hedge()) }
                        }
                    };
                    hedge.run(&rt, op).await
                }
            };
            subject.spawn(&rt, call).await;
        }
    };
    let check = |_: Sim, ()| async { tracker.assert_none_alive() };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 5);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
}

#[test]
fn a_panic_of_one_ends_them_all() {
    let is_dropped = Arc::new(AtomicBool::new(false));
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }
    let flag = is_dropped.clone();
    on_sim(move |rt| {
        let flag = flag.clone();
        async move {
            let task = rt.spawn({
                let rt = rt.clone();
                async move {
                    let op = |attempt: Attempt| {
                        let (rt, flag) = (&rt, Flag(flag.clone()));
                        async move {
                            rt.sleep(ms(20)).await;
                            assert!(!attempt.is_hedge(), "boom");
                            rt.sleep(ms(500)).await;
                            drop(flag);
                            Ok::<_, ()>(())
                        }
                    };
                    hedge(1, 10).run(&rt, op).await
                }
            });
            assert!(task.await.unwrap_err().is_panicked());
        }
    });
    assert!(is_dropped.load(SeqCst));
}

#[test]
fn a_limit_outside_and_the_longest_of_times_are_no_trouble() {
    on_sim(|rt| async move {
        let total = TotalTimeout::new(Duration::MAX);
        let api = Pipeline::named("api").deadline(total).hedge(hedge(1, 5)).build(&rt).unwrap();
        assert_eq!(api.call(script(&rt, &[(9, Ok(0)), (1, Ok(1))])).await, Ok(1));
    });
}

#[test]
fn a_limit_that_has_passed_is_no_failure_to_begin_another_after() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let builder = Pipeline::named("api").observer(heard.clone()).deadline(ms(100));
        let api = builder.hedge(hedge(9, 70)).build(&rt).unwrap();
        assert!(api.call(|_| pending::<Answer>()).await.unwrap_err().is_timeout());
        let told: Vec<_> = heard.take().into_iter().map(|(_, kind)| kind.name()).collect();
        assert_eq!(told, ["hedge.started", "timed_out"]);
    });
}

#[test]
fn after_a_refusal_a_failure_begins_no_other() {
    on_sim(|rt| async move {
        let bulkhead = Bulkhead::named("db").max_in_flight(1).build().unwrap();
        let api = Pipeline::named("api").hedge(hedge(3, 10)).bulkhead(&bulkhead).build(&rt).unwrap();
        // The second is refused at 10 ms; at 50 ms there would be a place again.
        assert_eq!(api.call(script(&rt, &[(50, Err("down"))])).await, failed("down"));
    });
}

#[test]
fn a_hedge_that_ends_it_with_a_failure_has_not_won() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let fatal = |result: Result<&u32, &Error<&str>>| match result {
            Ok(_) => Verdict::Success,
            Err(_) => Verdict::Fatal,
        };
        let builder = Pipeline::named("api").observer(heard.clone()).classify(fatal);
        let api = builder.hedge(hedge(1, 10)).build(&rt).unwrap();
        assert_eq!(api.call(script(&rt, &[(50, Ok(0)), (5, Err("end"))])).await, failed("end"));
        let told: Vec<_> = heard.take().into_iter().map(|(_, kind)| kind.name()).collect();
        assert_eq!(told, ["hedge.started"]);
    });
}

#[test]
fn in_the_grace_of_a_limit_no_other_begins_and_nobody_is_cut_short() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let limit = TotalTimeout::new(ms(100)).grace(ms(50));
        let budget = backstay_core::resilience::RetryBudget::token_bucket().build().unwrap();
        let builder = |delay| {
            let hedge = builder(1, delay).budget(&budget).build().unwrap();
            Pipeline::named("api").observer(heard.clone()).deadline(limit).hedge(hedge).build(&rt).unwrap()
        };
        // It would be time for a hedge at 120, when nothing begins any more; the first is good at 140.
        let start = rt.now();
        assert_eq!(builder(120).call(script(&rt, &[(140, Ok(0))])).await, Ok(0));
        assert_eq!(rt.now() - start, ms(140));
        assert_eq!((heard.take().len(), budget.available(rt.now())), (0, 100));
        // The first ends in its grace, and the hedge has its own.
        let start = rt.now();
        assert_eq!(builder(10).call(script(&rt, &[(110, Err("stopped")), (120, Ok(1))])).await, Ok(1));
        assert_eq!(rt.now() - start, ms(130));
        let start = rt.now();
        let result = builder(10).call(script(&rt, &[(110, Err("stopped")), (120, Err("stopped"))])).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Total, limit: ms(100) }));
        assert_eq!(rt.now() - start, ms(130));
        // Nobody has longer than that.
        let start = rt.now();
        assert!(builder(10).call(script(&rt, &[(500, Ok(0)), (500, Ok(1))])).await.unwrap_err().is_timeout());
        assert_eq!(rt.now() - start, ms(150));
    });
}

#[test]
fn a_refusal_is_none_of_the_service_s_whatever_the_classifier_says_of_it() {
    on_sim(|rt| async move {
        for verdict in [Verdict::Fatal, Verdict::Success, Verdict::Ignore, Verdict::failure()] {
            let strict = move |result: Result<&u32, &Error<&str>>| match result {
                Ok(_) => Verdict::Success,
                Err(_) => verdict,
            };
            let bulkhead = Bulkhead::named("db").max_in_flight(1).build().unwrap();
            let builder = Pipeline::named("api").classify(strict).hedge(hedge(1, 10));
            let api = builder.bulkhead(&bulkhead).build(&rt).unwrap();
            assert_eq!(api.call(script(&rt, &[(50, Ok(0))])).await, Ok(0), "{verdict:?}");
        }
    });
}

#[test]
fn who_gave_the_answer_is_who_gave_the_one_that_counts() {
    use backstay_core::resilience::{Fallback, Source};
    on_sim(|rt| async move {
        let busy = |result: Result<&u32, &Error<&str>>| match result {
            Ok(503) => Verdict::failure(),
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        let builder = Pipeline::named("api").classify(busy).hedge(hedge(1, 10));
        let api = builder.fallback(Fallback::value(503)).build(&rt).unwrap();
        let run = async |calls: &[(u64, Answer)]| {
            let answer = api.call(script(&rt, calls)).detailed().await.unwrap();
            (answer.value, answer.source)
        };
        // The first falls back at 20, to what is no good; the second is good at 40.
        assert_eq!(run(&[(20, Err("down")), (30, Ok(1))]).await, (1, Source::Operation));
        assert_eq!(run(&[(40, Ok(503)), (5, Err("down"))]).await, (503, Source::Operation));
        assert_eq!(run(&[(20, Err("down")), (30, Err("down"))]).await, (503, Source::Fallback));
    });
}

#[test]
fn a_substitute_that_is_no_good_stays_one_when_nobody_has_a_better_answer() {
    use backstay_core::resilience::{Fallback, Source};
    on_sim(|rt| async move {
        let busy = |result: Result<&u32, &Error<&str>>| match result {
            Ok(503) => Verdict::failure(),
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        let bulkhead =
            Bulkhead::named("db").max_in_flight(1).max_waiting(2).max_wait(ms(30)).build().unwrap();
        let fallback = Fallback::value(503).when(|error: &Error<&str>| error.operation().is_some());
        let builder = Pipeline::named("api").classify(busy).hedge(hedge(1, 10)).fallback(fallback);
        let api = builder.bulkhead(&bulkhead).build(&rt).unwrap();
        let other = rt.spawn({
            let (rt, bulkhead) = (rt.clone(), bulkhead.clone());
            async move {
                rt.sleep(ms(5)).await;
                let _place = bulkhead.acquire(&rt).await.unwrap();
                rt.sleep(ms(100)).await;
            }
        });
        // The first falls back at 20; the other has its place, and the hedge is refused at 40.
        let answer = api.call(script(&rt, &[(20, Err("down"))])).detailed().await.unwrap();
        assert_eq!((answer.value, answer.source, answer.attempts), (503, Source::Fallback, 1));
        assert_eq!(rt.now(), Instant::ORIGIN + ms(40));
        other.await.unwrap();
    });
}

#[test]
fn what_one_of_them_calls_is_not_called_by_another() {
    use backstay_core::resilience::{AdaptiveLimit, CircuitState, Priority, Throttle};
    on_sim(|rt| async move {
        let any_error = |result: Result<&u32, &Error<&str>>| match result {
            Ok(_) => Verdict::Success,
            Err(_) => Verdict::failure(),
        };
        let breaker = CircuitBreaker::named("db").consecutive_failures(1).build().unwrap();
        let limit = AdaptiveLimit::named("db").initial_limit(20).build().unwrap();
        let throttle = Throttle::named("db").min_requests(1).build().unwrap();
        let bulkhead =
            Bulkhead::named("db").max_in_flight(1).max_waiting(9).max_wait(ms(30)).build().unwrap();
        let retry = Retry::builder().max_attempts(2).backoff(Backoff::none()).build().unwrap();
        let builder = Pipeline::named("api").classify(any_error).hedge(hedge(1, 10)).throttle(&throttle);
        let builder = builder.breaker(&breaker).adaptive_limit(&limit).bulkhead(&bulkhead);
        let api = builder.retry(retry).build(&rt).unwrap();
        // The hedge waits for its turn from 10 ms to 40, while the first call tries again at 20.
        let op = async |attempt: Attempt| {
            assert!(!attempt.is_hedge());
            rt.sleep(ms(if attempt.is_retry() { 100 } else { 20 })).await;
            if attempt.is_retry() { Ok(7) } else { Err("down") }
        };
        assert_eq!(api.call(op).await, Ok(7));
        assert_eq!(rt.now(), Instant::ORIGIN + ms(120));
        assert_eq!(breaker.state(rt.now()), CircuitState::Closed);
        assert_eq!(limit.limit(), 20);
        assert_eq!(throttle.metrics(Priority::Critical, rt.now()).failed, 0);
    });
}
