//! The throttle between tasks that really run at the same time.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::resilience::{Error, Pipeline, Priority, Throttle};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

test_on_every_runtime! {
    every_call_is_counted_once
    an_aborted_call_counts_nothing
    it_refuses_while_the_service_fails_and_not_when_it_works
}

fn throttle() -> Throttle {
    Throttle::named("db").min_requests(0).build().expect("it is good")
}

async fn every_call_is_counted_once<R: Runtime>(rt: R) {
    let (throttle, asked, refused) = (throttle(), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let (rt, asked, refused) = (rt.clone(), Arc::clone(&asked), Arc::clone(&refused));
            let throttle = throttle.with_priority(Priority::ALL[task as usize % 4]);
            rt.clone().spawn(async move {
                let users = Pipeline::named("users").throttle(&throttle).build(&rt).expect("it is good");
                for call in 0..50 {
                    let op = async |_| {
                        asked.fetch_add(1, SeqCst);
                        rt.yield_now().await;
                        if call % 3 == 0 { Ok(()) } else { Err("overloaded") }
                    };
                    if let Err(Error::Rejected(_)) = users.call(op).await {
                        refused.fetch_add(1, SeqCst);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        rt.timeout(SOON, task).await.expect("nobody waits").expect("no panic");
    }
    let all = Priority::ALL.map(|priority| throttle.metrics(priority, rt.now()));
    assert_eq!(all.iter().map(|of| of.accepted + of.failed).sum::<u64>(), asked.load(SeqCst));
    assert_eq!(all.iter().map(|of| of.refused).sum::<u64>(), refused.load(SeqCst));
    assert_eq!(all.iter().map(|of| of.requests()).sum::<u64>(), 400);
}

async fn an_aborted_call_counts_nothing<R: Runtime>(rt: R) {
    let throttle = throttle();
    let hangs = rt.spawn({
        let (rt, throttle) = (rt.clone(), throttle.clone());
        async move { throttle.run(&rt, |_| std::future::pending::<Result<(), &str>>()).await }
    });
    rt.sleep(ms(1)).await;
    backstay_core::JoinHandle::abort(&hangs);
    assert!(hangs.await.is_err());
    assert_eq!(throttle.metrics(Priority::Critical, rt.now()).requests(), 0);
}

async fn it_refuses_while_the_service_fails_and_not_when_it_works<R: Runtime>(rt: R) {
    let throttle = throttle();
    let mut refused = 0;
    for _ in 0..200 {
        let result = throttle.run(&rt, async |_| Err::<(), _>("down")).await;
        refused += usize::from(matches!(result, Err(Error::Rejected(_))));
    }
    // Nine of ten after the first few: fewer than half by chance is not to be seen in a lifetime.
    assert!(refused > 100, "{refused}");
    let works = self::throttle();
    for _ in 0..200 {
        works.run(&rt, async |_| Ok::<_, &str>(())).await.expect("it works");
    }
}
