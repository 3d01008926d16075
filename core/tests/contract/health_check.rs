//! The health check beside those who wait for what it finds.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::resilience::{Health, HealthCheck};
use backstay_core::task::CancelToken;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

test_on_every_runtime! {
    it_follows_the_service
}

async fn it_follows_the_service<R: Runtime>(rt: R) {
    let builder = HealthCheck::named("db").interval(ms(1)).timeout(SOON).jitter(0.5);
    let mut check = builder.healthy_after(2).unhealthy_after(2).build().expect("it is good");
    let mut status = check.status();
    let (token, works) = (CancelToken::new(), Arc::new(AtomicBool::new(true)));
    let task = rt.spawn({
        let (rt, token, works) = (rt.clone(), token.clone(), Arc::clone(&works));
        async move {
            let probe = || {
                let works = works.load(SeqCst);
                async move { if works { Ok(()) } else { Err("down") } }
            };
            check.run(&rt, &token, probe).await
        }
    });
    for health in [Health::Healthy, Health::Unhealthy, Health::Healthy] {
        works.store(health == Health::Healthy, SeqCst);
        let change = status.wait_for(|seen| *seen == health);
        rt.timeout(SOON, change).await.expect("it comes").expect("it is probed");
    }
    token.cancel();
    rt.timeout(SOON, task).await.expect("it stops").expect("no panic");
    assert_eq!(*status.borrow(), Health::Unknown);
}
