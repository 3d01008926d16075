//! Delays that are measured.

use super::*;
use backstay_core::resilience::PercentileDelay;

/// Latencies in milliseconds that go round: of hundred calls one has each.
fn nth(call: u64) -> u64 {
    (call * 37) % 100 + 1
}

fn measured(percentile: f64) -> Hedge {
    let mut delay = PercentileDelay::new(percentile);
    delay.initial = ms(200);
    Hedge::builder().percentile(delay).build().expect("it is good")
}

/// So many calls, of which the first of each takes its time and a hedge takes `other`.
async fn calls(rt: &Sim, hedge: &Hedge, calls: std::ops::Range<u64>, other: u64) {
    for call in calls {
        let result = hedge.run(rt, script(rt, &[(nth(call), Ok(0)), (other, Ok(1))])).await;
        assert!(result.is_ok());
    }
}

fn assert_near(delay: Duration, ms: u64) {
    let off = delay.as_secs_f64() * 1_000.0 / ms as f64;
    assert!((0.97..=1.03).contains(&off), "{delay:?}, and not {ms} ms");
}

#[test]
fn it_is_the_first_delay_until_there_are_enough() {
    on_sim(|rt| async move {
        for (percentile, enough) in [(0.5, 2), (0.95, 20), (0.99, 100)] {
            let hedge = measured(percentile);
            calls(&rt, &hedge, 0..enough - 1, 1).await;
            assert_eq!(hedge.delay(1), ms(200), "{percentile}");
            calls(&rt, &hedge, 0..1, 1).await;
            assert!(hedge.delay(1) <= ms(101), "{percentile}");
        }
    });
}

#[test]
fn b33_what_lost_is_counted_with_the_time_that_it_had() {
    on_sim(|rt| async move {
        // Nobody is ever slower than the delay and wins: by the winners alone it would shrink, step by step.
        for percentile in [0.8, 0.9, 0.95] {
            let hedge = measured(percentile);
            calls(&rt, &hedge, 0..5_000, 1).await;
            assert_near(hedge.delay(1), (percentile * 100.0) as u64);
        }
    });
}

#[test]
fn so_many_calls_have_a_hedge_and_no_more() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let builder = Pipeline::named("api").observer(heard.clone());
        let hedge = measured(0.9);
        let api = builder.hedge(hedge.clone()).build(&rt).unwrap();
        calls(&rt, &hedge, 0..1_000, 1).await;
        for call in 0..1_000 {
            assert!(api.call(script(&rt, &[(nth(call), Ok(0)), (5, Ok(1))])).await.is_ok());
        }
        let hedges =
            heard.take().iter().filter(|(_, kind)| matches!(kind, EventKind::Hedging { .. })).count();
        assert!((80..=110).contains(&hedges), "{hedges}");
    });
}

#[test]
fn what_ran_out_of_time_is_slow_and_a_failure_is_not_fast() {
    on_sim(|rt| async move {
        let hedge = measured(0.5);
        let fail = async |times| {
            for _ in 0..times {
                assert!(hedge.run(&rt, script(&rt, &[(0, Err("down")), (0, Err("down"))])).await.is_err());
            }
        };
        fail(100).await;
        assert_eq!(hedge.delay(1), ms(200));
        let limited = Pipeline::named("api").hedge(hedge.clone()).attempt_timeout(ms(30)).build(&rt).unwrap();
        let run = async |times: u32, time: u64| {
            for _ in 0..times {
                let _ = limited.call(script(&rt, &[(time, Ok(0)), (0, Err("down"))])).await;
            }
        };
        run(45, 10).await;
        run(55, 40).await;
        // More than half of them are longer than 30 ms; how much longer, nobody knows.
        assert!((ms(37)..ms(38)).contains(&hedge.delay(1)), "{:?}", hedge.delay(1));
        run(20, 20).await;
        assert_near(hedge.delay(1), 20);
    });
}

#[test]
fn what_is_older_than_two_windows_is_forgotten() {
    on_sim(|rt| async move {
        let hedge = measured(0.9);
        calls(&rt, &hedge, 0..500, 1).await;
        let before = hedge.delay(1);
        rt.sleep(Duration::from_secs(120)).await;
        // Nothing is known, and so it stays.
        assert_eq!(hedge.delay(1), before);
        for _ in 0..100 {
            assert_eq!(hedge.run(&rt, script(&rt, &[(4, Ok(0))])).await, Ok(0));
        }
        assert_near(hedge.delay(1), 4);
    });
}

#[test]
fn what_is_measured_is_never_above_its_maximum() {
    on_sim(|rt| async move {
        let mut delay = PercentileDelay::new(0.5);
        delay.max = Some(ms(30));
        let hedge = Hedge::builder().percentile(delay).build().unwrap();
        for (time, expected) in [(10, 10), (100, 30)] {
            for _ in 0..1_000 {
                let start = rt.now();
                assert!(hedge.run(&rt, script(&rt, &[(time, Ok(0)), (5, Ok(1))])).await.is_ok());
                assert!(rt.now() - start <= ms(100));
            }
            assert_near(hedge.delay(1), expected);
            rt.sleep(ms(60_000)).await; // two windows
        }
    });
}

#[test]
fn what_is_older_than_one_window_is_forgotten_when_the_next_has_passed() {
    on_sim(|rt| async move {
        let mut delay = PercentileDelay::new(0.9);
        delay.window = Duration::from_secs(1);
        let hedge = Hedge::builder().percentile(delay).build().unwrap();
        let run = async |time: u64, times: u32| {
            for _ in 0..times {
                assert_eq!(hedge.run(&rt, script(&rt, &[(time, Ok(0)), (500, Ok(1))])).await, Ok(0));
            }
        };
        run(10, 100).await; // the first window, 1 s
        run(20, 50).await; // the second
        assert_near(hedge.delay(1), 20);
        run(5, 190).await; // the third: those of 10 ms are gone, those of 20 ms are a fifth
        assert_near(hedge.delay(1), 20);
        run(5, 200).await;
        assert_near(hedge.delay(1), 5);
    });
}

#[test]
fn it_is_never_shorter_than_it_may_be() {
    on_sim(|rt| async move {
        let hedge = measured(0.9);
        for _ in 0..100 {
            assert_eq!(hedge.run(&rt, script(&rt, &[(0, Ok(0))])).await, Ok(0));
        }
        assert_eq!(hedge.delay(1), ms(1));
    });
}

#[test]
fn clones_measure_together() {
    on_sim(|rt| async move {
        let hedge = measured(0.9);
        calls(&rt, &hedge.clone(), 0..500, 1).await;
        assert_near(hedge.delay(1), 90);
    });
}

#[test]
fn the_time_in_a_queue_is_no_latency() {
    on_sim(|rt| async move {
        let limiter = RateLimiter::named("one")
            .quota(Quota::new(1, ms(100)))
            .max_wait(Duration::from_secs(9))
            .build()
            .unwrap();
        let hedge = measured(0.5);
        let api = Pipeline::named("api").hedge(hedge.clone()).rate_limit(&limiter).build(&rt).unwrap();
        for _ in 0..20 {
            assert_eq!(api.call(script(&rt, &[(10, Ok(0))])).await, Ok(0));
        }
        assert_near(hedge.delay(1), 10);
    });
}

#[test]
fn a_delay_that_is_too_short_grows_although_nobody_comes_to_an_end() {
    on_sim(|rt| async move {
        let hedge = Hedge::builder().percentile(0.9).build().unwrap();
        for _ in 0..500 {
            assert_eq!(hedge.run(&rt, script(&rt, &[(4, Ok(0))])).await, Ok(0));
        }
        assert_near(hedge.delay(1), 4);
        // A hundred times as slow from here on, where hedges are fast: none but those before the delay are seen.
        let mut hedged = 0;
        for _ in 0..2_000 {
            hedged += hedge.run(&rt, script(&rt, &[(400, Ok(0)), (1, Ok(1))])).await.unwrap();
        }
        assert!((390..=510).contains(&hedge.delay(1).as_millis()), "{:?}", hedge.delay(1));
        assert!(hedged < 1_500, "{hedged}");
    });
}

#[test]
fn an_answer_that_is_not_the_operation_s_is_not_measured() {
    use backstay_core::resilience::Fallback;
    on_sim(|rt| async move {
        let hedge = measured(0.5);
        let bulkhead = Bulkhead::named("db").max_in_flight(1).build().unwrap();
        let _place = bulkhead.try_acquire().unwrap();
        let builder = Pipeline::named("api").hedge(hedge.clone()).fallback(Fallback::value(7));
        let api = builder.bulkhead(&bulkhead).build(&rt).unwrap();
        for _ in 0..100 {
            assert_eq!(api.call(script(&rt, &[])).await, Ok(7));
        }
        assert_eq!(hedge.delay(1), ms(200));
    });
}

#[test]
fn what_is_older_than_two_windows_is_forgotten_also_after_a_pause() {
    on_sim(|rt| async move {
        let mut delay = PercentileDelay::new(0.9);
        delay.window = Duration::from_secs(10);
        let hedge = Hedge::builder().percentile(delay).build().unwrap();
        let run = async |time: u64, times: u32| {
            for _ in 0..times {
                assert_eq!(hedge.run(&rt, script(&rt, &[(time, Ok(0)), (500, Ok(1))])).await, Ok(0));
            }
        };
        run(50, 100).await; // until 5 s
        rt.sleep(ms(14_000)).await;
        run(1, 20).await; // at 19 s
        rt.sleep(ms(7_000)).await;
        run(1, 20).await; // at 26 s: those of 50 ms are more than twenty seconds old
        assert_near(hedge.delay(1), 1);
    });
}

/// Latencies as they are: most near 10 ms, with a long tail.
fn latency(rt: &Sim, scale: f64) -> Duration {
    // A sum of twelve is near enough to a normal distribution.
    let normal = (0..12).map(|_| rt.random_u64() as f64 / u64::MAX as f64).sum::<f64>() - 6.0;
    Duration::from_secs_f64(0.01 * scale * normal.exp())
}

/// What part of so many calls has a hedge: many at a time, and hedges as slow as the first calls.
async fn hedged(rt: &Sim, hedge: &Hedge, calls: u32, scale: f64) -> f64 {
    let hedges = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..calls {
        let (clock, hedge, hedges) = (rt.clone(), hedge.clone(), hedges.clone());
        tasks.push(rt.spawn(async move {
            let op = async |attempt: Attempt| {
                hedges.fetch_add(usize::from(attempt.is_hedge()), SeqCst);
                clock.sleep(latency(&clock, scale)).await;
                Ok::<_, ()>(())
            };
            hedge.run(&clock, op).await
        }));
        rt.sleep(ms(5)).await;
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    hedges.load(SeqCst) as f64 / f64::from(calls)
}

#[test]
fn where_hedges_are_as_slow_as_first_calls_no_more_are_made_either() {
    on_sim(|rt| async move {
        let hedge = measured(0.9);
        hedged(&rt, &hedge, 500, 1.0).await;
        for scale in [1.0, 100.0, 1.0] {
            // The first are to learn by: two windows of them.
            hedged(&rt, &hedge, 12_000, scale).await;
            let part = hedged(&rt, &hedge, 4_000, scale).await;
            assert!((0.08..=0.12).contains(&part), "{scale}: {part}");
        }
    });
}

#[test]
fn where_more_hang_than_should_be_hedged_the_delay_does_not_grow_without_end() {
    on_sim(|rt| async move {
        let hedge = measured(0.95);
        let mut slowest = Duration::ZERO;
        for call in 0..20_000 {
            let start = rt.now();
            let time = if call % 10 == 9 { 1_000_000_000 } else { 10 };
            assert!(hedge.run(&rt, script(&rt, &[(time, Ok(0)), (5, Ok(1))])).await.is_ok());
            slowest = slowest.max(rt.now() - start);
        }
        assert_eq!((slowest, hedge.delay(1)), (ms(205), ms(200)));
    });
}
