//! Hedges on real clocks and timers, in tasks that really run at the same time.

use crate::kit::{drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::resilience::{Backoff, Hedge, Pipeline, Retry, RetryBudget};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

test_on_every_runtime! {
    no_hedge_is_early_and_the_first_answer_counts
    d10_a_failure_begins_the_next_at_once
    b34_the_others_are_dropped_before_the_result_is_returned
    a_call_that_borrows_can_be_spawned
    percentiles_of_many_tasks_are_measured_together
    what_is_dropped_anywhere_gives_back_what_it_took
}

async fn no_hedge_is_early_and_the_first_answer_counts<R: Runtime>(rt: R) {
    let hedge = Hedge::builder().max_hedges(2).delay(ms(3)).build().expect("it is good");
    let mut before = rt.now();
    let op = |attempt: backstay_core::resilience::Attempt| {
        let now = rt.now();
        assert!(!attempt.is_hedge() || now - before >= ms(3), "{:?}", now - before);
        before = now;
        async move { if attempt.hedge() < 2 { pending().await } else { Ok::<_, ()>(attempt.hedge()) } }
    };
    assert_eq!(hedge.run(&rt, op).await, Ok(2));
}

async fn d10_a_failure_begins_the_next_at_once<R: Runtime>(rt: R) {
    let hedge = Hedge::builder().max_hedges(3).delay(Duration::MAX).build().expect("it is good");
    let op = async |attempt: backstay_core::resilience::Attempt| {
        rt.yield_now().await;
        if attempt.hedge() < 3 { Err("down") } else { Ok(attempt.hedge()) }
    };
    assert_eq!(hedge.run(&rt, op).await, Ok(3));
}

async fn b34_the_others_are_dropped_before_the_result_is_returned<R: Runtime>(rt: R) {
    let hedge = Hedge::builder().max_hedges(4).delay(Duration::ZERO).build().expect("it is good");
    let alive = Arc::new(());
    let op = |attempt: backstay_core::resilience::Attempt| {
        let (rt, held) = (&rt, alive.clone());
        async move {
            let _held = held;
            if attempt.hedge() != 3 {
                pending::<()>().await;
            }
            rt.sleep(ms(1)).await;
            Ok::<_, ()>(attempt.hedge())
        }
    };
    let mut call = std::pin::pin!(hedge.run(&rt, op));
    assert_eq!(call.as_mut().await, Ok(3));
    assert_eq!(Arc::strong_count(&alive), 1);
}

async fn a_call_that_borrows_can_be_spawned<R: Runtime>(rt: R) {
    let task = rt.spawn({
        let rt = rt.clone();
        async move {
            let (local, hedge) = (String::from("borrowed"), Hedge::default());
            let api = Pipeline::named("api").hedge(hedge).build(&rt).expect("it is good");
            api.call(|_| {
                let text = &local;
                async move { Ok::<_, std::io::Error>(text.len()) }
            })
            .await
        }
    });
    assert_eq!(task.await.expect("no panic").ok(), Some(8));
}

async fn percentiles_of_many_tasks_are_measured_together<R: Runtime>(rt: R) {
    let hedge = Hedge::builder().percentile(0.9).build().expect("it is good");
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let (rt, hedge) = (rt.clone(), hedge.clone());
            rt.clone().spawn(async move {
                for _ in 0..10 {
                    let yielding = async |_| {
                        rt.yield_now().await;
                        Ok::<_, ()>(())
                    };
                    assert!(hedge.run(&rt, yielding).await.is_ok());
                }
            })
        })
        .collect();
    for call in calls {
        call.await.expect("no panic");
    }
    assert!(hedge.delay(1) < Duration::from_secs(1), "{:?}", hedge.delay(1));
}

async fn what_is_dropped_anywhere_gives_back_what_it_took<R: Runtime>(rt: R) {
    let budget = RetryBudget::token_bucket().build().expect("it is good");
    let retry = Retry::builder().backoff(Backoff::constant(ms(1))).budget(&budget).build();
    let hedge = Hedge::builder().max_hedges(2).delay(ms(1)).budget(&budget).build().expect("it is good");
    let api = Pipeline::named("api").retry(retry.expect("it is good")).hedge(hedge).build(&rt);
    let api = api.expect("it is good");
    for polls in 0..6 {
        let call = api.call(|_| pending::<Result<(), ()>>());
        assert!(drop_after(&rt, polls, call).await.is_none());
        assert_eq!(budget.available(rt.now()), 100);
    }
}
