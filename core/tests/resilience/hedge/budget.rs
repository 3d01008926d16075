//! What hedges cost.

use super::*;
use backstay_core::resilience::RetryBudget;

fn slow<'a>(
    rt: &'a Sim,
    calls: &'a AtomicUsize,
) -> impl FnMut(Attempt) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
    |_| {
        calls.fetch_add(1, SeqCst);
        Box::pin(async {
            rt.sleep(ms(100)).await;
            Ok(7)
        })
    }
}

#[test]
fn where_the_budget_has_nothing_left_there_is_no_hedge() {
    on_sim(|rt| async move {
        let budget =
            RetryBudget::ratio(0.1).min_per_second(0).window(Duration::from_secs(3_600)).build().unwrap();
        let hedge = builder(1, 10).budget(&budget).build().unwrap();
        let calls = AtomicUsize::new(0);
        for _ in 0..100 {
            assert_eq!(hedge.run(&rt, slow(&rt, &calls)).await, Ok(7));
        }
        // Those that were overtaken are spent too.
        // The last call finds a tenth too little: its own is recorded at its end.
        assert_eq!(calls.load(SeqCst), 109);
    });
}

#[test]
fn one_budget_with_the_retry_around_it_counts_a_call_once() {
    on_sim(|rt| async move {
        let budget =
            RetryBudget::ratio(0.1).min_per_second(0).window(Duration::from_secs(3_600)).build().unwrap();
        let retry = Retry::builder().budget(&budget).build().unwrap();
        let hedge = builder(1, 10).budget(&budget).build().unwrap();
        let api = Pipeline::named("api").retry(retry).hedge(hedge).build(&rt).unwrap();
        let calls = AtomicUsize::new(0);
        for _ in 0..100 {
            assert_eq!(api.call(slow(&rt, &calls)).await, Ok(7));
        }
        // The last call finds a tenth too little: its own is recorded at its end.
        assert_eq!(calls.load(SeqCst), 109);
    });
}

#[test]
fn another_budget_is_recorded_in_apart() {
    on_sim(|rt| async move {
        let budget = || RetryBudget::ratio(1.0).min_per_second(0).build().unwrap();
        let (retries, hedges) = (budget(), budget());
        let retry = Retry::builder().budget(&retries).build().unwrap();
        let hedge = builder(1, 10).budget(&hedges).build().unwrap();
        let api = Pipeline::named("api").retry(retry).hedge(hedge).build(&rt).unwrap();
        assert_eq!(api.call(async |_| Ok::<_, ()>(7)).await, Ok(7));
        assert_eq!((retries.available(rt.now()), hedges.available(rt.now())), (1, 1));
    });
}

#[test]
fn a_hedge_that_succeeds_brings_a_buckets_tokens_back_and_one_that_was_overtaken_does_not() {
    on_sim(|rt| async move {
        let budget = RetryBudget::token_bucket().capacity(100).build().unwrap();
        let hedge = builder(1, 10).budget(&budget).build().unwrap();
        let run = async |calls: &[(u64, Answer)]| hedge.run(&rt, script(&rt, calls)).await;
        assert_eq!(run(&[(100, Ok(0)), (5, Ok(1))]).await, Ok(1));
        assert_eq!(budget.available(rt.now()), 20);
        assert_eq!(run(&[(15, Ok(0)), (100, Ok(1))]).await, Ok(0));
        // Five for the hedge, less the one that the call's success gives.
        assert_eq!(budget.available(rt.now()), 19);
        // A failure costs the next what the classifier says, and a timeout what the budget says.
        assert_eq!(run(&[(5, Err("down")), (5, Err("down"))]).await, failed("down"));
        assert_eq!(budget.available(rt.now()), 18);
    });
}

#[test]
fn what_never_called_the_operation_costs_nothing() {
    on_sim(|rt| async move {
        let budget = RetryBudget::token_bucket().build().unwrap();
        let bulkhead = Bulkhead::named("db").max_in_flight(1).build().unwrap();
        let hedge = builder(1, 10).budget(&budget).build().unwrap();
        let api = Pipeline::named("api").hedge(hedge).bulkhead(&bulkhead).build(&rt).unwrap();
        assert_eq!(api.call(script(&rt, &[(100, Ok(0))])).await, Ok(0));
        assert_eq!(budget.available(rt.now()), 100);
    });
}

#[test]
fn wherever_it_is_cut_the_budget_is_as_before() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let budget = RetryBudget::token_bucket().build().unwrap();
        let hedge = builder(2, 2).budget(&budget).build().unwrap();
        let call = {
            let rt = rt.clone();
            async move { hedge.run(&rt, script(&rt, &[(9, Ok(0)), (9, Ok(1)), (1, Ok(2))])).await }
        };
        let is_cut = subject.spawn(&rt, call).await.is_none();
        (budget, is_cut)
    };
    let check = |rt: Sim, (budget, is_cut): (RetryBudget, bool)| async move {
        // One was overtaken where nobody cut it.
        assert_eq!(budget.available(rt.now()), if is_cut { 100 } else { 99 });
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 3);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
}

#[test]
fn a_hedge_that_waits_for_its_turn_when_it_is_overtaken_costs_nothing() {
    on_sim(|rt| async move {
        let budget = RetryBudget::token_bucket().build().unwrap();
        let bulkhead = Bulkhead::named("db").max_in_flight(1).max_waiting(9).build().unwrap();
        let hedge = builder(1, 10).budget(&budget).build().unwrap();
        let api = Pipeline::named("api").hedge(hedge).bulkhead(&bulkhead).build(&rt).unwrap();
        assert_eq!(api.call(script(&rt, &[(100, Ok(0))])).await, Ok(0));
        assert_eq!((budget.available(rt.now()), bulkhead.waiting()), (100, 0));
    });
}

#[test]
fn a_call_that_never_called_the_operation_is_none_for_a_ratio() {
    on_sim(|rt| async move {
        let budget = RetryBudget::ratio(1.0).min_per_second(0).build().unwrap();
        let bulkhead = Bulkhead::named("db").max_in_flight(1).build().unwrap();
        let as_failures = |result: Result<&u32, &Error<&str>>| match result {
            Ok(_) => Verdict::Success,
            Err(_) => Verdict::failure(),
        };
        let hedge = builder(1, 10).budget(&budget).classify(as_failures).build().unwrap();
        let api = Pipeline::named("api").hedge(hedge).bulkhead(&bulkhead).build(&rt).unwrap();
        let place = bulkhead.try_acquire().unwrap();
        assert!(api.call(script(&rt, &[])).await.is_err());
        assert_eq!(budget.available(rt.now()), 0);
        drop(place);
        assert_eq!(api.call(script(&rt, &[(0, Ok(0))])).await, Ok(0));
        assert_eq!(budget.available(rt.now()), 1);
    });
}

#[test]
fn after_a_failure_a_hedge_costs_what_a_retry_would() {
    on_sim(|rt| async move {
        let dear = |result: Result<&u32, &Error<&str>>| match result {
            Ok(_) => Verdict::Success,
            Err(_) => Verdict::failure().cost(3),
        };
        let budget = RetryBudget::token_bucket().capacity(100).success_refill(0).build().unwrap();
        let hedge = builder(1, 10).budget(&budget).classify(dear).build().unwrap();
        assert_eq!(hedge.run(&rt, script(&rt, &[(0, Err("a")), (0, Err("b"))])).await, failed("b"));
        assert_eq!(budget.available(rt.now()), 20 - 3);
        // A timeout costs two.
        let hedge = builder(1, 500).budget(&budget).build().unwrap();
        let api = Pipeline::named("api").hedge(hedge).attempt_timeout(ms(5)).build(&rt).unwrap();
        assert!(api.call(script(&rt, &[(50, Ok(0)), (0, Err("b"))])).await.is_err());
        assert_eq!(budget.available(rt.now()), 20 - 3 - 2);
    });
}

#[test]
fn a_retry_inside_without_a_budget_hides_none() {
    on_sim(|rt| async move {
        let budget = RetryBudget::ratio(1.0).min_per_second(0).build().unwrap();
        let outer = Retry::builder().budget(&budget).build().unwrap();
        let hedge = builder(1, 10).budget(&budget).build().unwrap();
        let builder = Pipeline::named("api").retry(outer).retry(Retry::default());
        let api = builder.hedge(hedge).build(&rt).unwrap();
        assert_eq!(api.call(async |_| Ok::<_, ()>(7)).await, Ok(7));
        assert_eq!(budget.available(rt.now()), 1);
    });
}

/// Calls of which the first fails and the hedge after it is good, until there is no hedge.
async fn hidden_failures<F>(call: impl Fn() -> F) -> u32
where
    F: Future<Output = Result<u32, Error<&'static str>>>,
{
    for number in 0..100 {
        if call().await.is_err() {
            return number;
        }
    }
    u32::MAX
}

#[test]
fn a_failure_that_a_hedge_has_made_good_is_one_for_a_throttle() {
    on_sim(|rt| async move {
        let calls = [(0, Err("down")), (0, Ok(1))];
        let budget = || RetryBudget::throttle(10, 0.1).unwrap();
        // As it is with retries: each call takes a token and gives a tenth.
        let (shared, alone) = (budget(), budget());
        let retry = Retry::builder().backoff(Backoff::none()).budget(&shared).build().unwrap();
        let answer = |attempt: Attempt| ready(if attempt.is_retry() { Ok(1) } else { Err("down") });
        let retried = hidden_failures(|| retry.run(&rt, answer)).await;
        assert_eq!(retried, 5);
        let hedge = builder(1, 10).budget(&alone).build().unwrap();
        assert_eq!(hidden_failures(|| hedge.run(&rt, script(&rt, &calls))).await, retried);
        // The retry around it records the call, which is good, and would hide it.
        let shared = budget();
        let retry = Retry::builder().backoff(Backoff::none()).budget(&shared).build().unwrap();
        let hedge = builder(1, 10).budget(&shared).build().unwrap();
        let api = Pipeline::named("api").retry(retry).hedge(hedge).build(&rt).unwrap();
        // The token is taken at the end, so there is one call more.
        assert_eq!(hidden_failures(|| api.call(script(&rt, &calls))).await, retried + 1);
    });
}

#[test]
fn what_succeeds_gives_a_throttle_its_ratio_once() {
    on_sim(|rt| async move {
        let budget = RetryBudget::throttle(10, 0.5).unwrap();
        let retry = Retry::builder().budget(&budget).build().unwrap();
        let hedge = builder(1, 10).budget(&budget).build().unwrap();
        let api = Pipeline::named("api").retry(retry).hedge(hedge.clone()).build(&rt).unwrap();
        for _ in 0..3 {
            budget.record(Verdict::failure(), rt.now());
        }
        // From 7 to 8: above the half by 3.
        assert_eq!(api.call(script(&rt, &[(0, Ok(0))])).await, Ok(0));
        assert_eq!(hedge.run(&rt, script(&rt, &[(0, Ok(0))])).await, Ok(0));
        assert_eq!(budget.available(rt.now()), 3);
        // Overtaken, it is neither.
        assert_eq!(hedge.run(&rt, script(&rt, &[(50, Ok(0)), (0, Ok(1))])).await, Ok(1));
        assert_eq!(hedge.run(&rt, script(&rt, &[(50, Ok(0)), (0, Ok(1))])).await, Ok(1));
        assert_eq!(budget.available(rt.now()), 4);
    });
}
