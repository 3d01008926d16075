//! A service's limit between tasks that really run at the same time, by real clocks.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::resilience::{Error, Pipeline, ServiceLimit, Told, ToldQuota};
use backstay_core::{JoinHandle, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

test_on_every_runtime! {
    tasks_together_send_no_more_than_is_left
    who_waits_goes_after_the_pause_and_the_aborted_keep_nobody_waiting
}

fn built() -> ServiceLimit {
    ServiceLimit::named("contract").build().expect("it is good")
}

async fn tasks_together_send_no_more_than_is_left<R: Runtime>(rt: R) {
    let (api, asked) = (built(), Arc::new(AtomicU64::new(0)));
    let first = api.acquire(&rt).await.expect("nothing is known");
    let hour = SOON * 100;
    first.told(&Told::new().quota(ToldQuota::of("q").remaining(50).reset(hour)), rt.now(), 0);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (rt, api, asked) = (rt.clone(), api.clone(), Arc::clone(&asked));
            rt.clone().spawn(async move {
                let pipeline = Pipeline::named("api").attempt_timeout(SOON).service_limit(&api);
                let pipeline = pipeline.build(&rt).expect("it is good");
                for _ in 0..20 {
                    let op = async |_| {
                        asked.fetch_add(1, SeqCst);
                        rt.yield_now().await;
                        Ok::<_, ()>(())
                    };
                    match pipeline.call(op).await {
                        Ok(()) => {}
                        Err(Error::Rejected(rejected)) => assert!(rejected.retry_after() > Some(SOON)),
                        Err(error) => panic!("{error:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        rt.timeout(SOON, task).await.expect("nobody waits for the reset").expect("no panic");
    }
    assert_eq!((asked.load(SeqCst), api.remaining(rt.now())), (50, Some(0)));
}

async fn who_waits_goes_after_the_pause_and_the_aborted_keep_nobody_waiting<R: Runtime>(rt: R) {
    let api = built();
    let first = api.acquire(&rt).await.expect("nothing is known");
    first.told(&Told::new().retry_after(ms(15)), rt.now(), 0);
    let over = api.paused_until(rt.now()).expect("it is not over");
    let ask = || {
        let (rt, api) = (rt.clone(), api.clone());
        rt.clone().spawn(async move {
            let permit = api.acquire(&rt).await.expect("it waits");
            let at = rt.now();
            permit.told(&Told::new(), at, 0);
            at
        })
    };
    let head = ask();
    let behind = [ask(), ask(), ask()];
    rt.sleep(ms(2)).await;
    head.abort();
    let _ = head.await;
    for task in behind {
        let at = rt.timeout(SOON, task).await.expect("it has its turn").expect("no panic");
        assert!(at >= over, "never early");
    }
    assert_eq!(api.waiting(), 0);
}
