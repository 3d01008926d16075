//! The load shedder between tasks that really run at the same time.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::resilience::{Bulkhead, Error, LoadShed, Pipeline, Priority};
use std::time::Duration;

test_on_every_runtime! {
    every_request_is_counted_once
    who_waits_behind_others_is_shed_and_who_does_not_is_served
}

async fn every_request_is_counted_once<R: Runtime>(rt: R) {
    let builder =
        LoadShed::named("orders").target(Duration::from_nanos(1)).interval(Duration::from_micros(100));
    let shed = builder.build().expect("it is good");
    let tasks: Vec<_> = (0..8_usize)
        .map(|task| {
            let (rt, shed) = (rt.clone(), shed.with_priority(Priority::ALL[task % 4]));
            rt.clone().spawn(async move {
                let orders = Pipeline::named("orders").load_shed(&shed).build(&rt).expect("it is good");
                let mut served = 0;
                for _ in 0..50 {
                    let arrived = rt.now();
                    rt.yield_now().await;
                    match orders.call(async |_| Ok::<_, &str>(())).waiting_since(arrived).await {
                        Ok(()) => served += 1,
                        Err(error) => assert!(matches!(error, Error::Rejected(_)), "{error:?}"),
                    }
                }
                served
            })
        })
        .collect();
    let mut served = 0;
    for task in tasks {
        served += rt.timeout(SOON, task).await.expect("nobody waits").expect("no panic");
    }
    let metrics = shed.metrics(rt.now());
    assert_eq!(Priority::ALL.map(|of| metrics.admitted(of)).iter().sum::<u64>(), served);
    assert_eq!(Priority::ALL.map(|of| metrics.admitted(of) + metrics.refused(of)), [100; 4]);
}

async fn who_waits_behind_others_is_shed_and_who_does_not_is_served<R: Runtime>(rt: R) {
    let cpu = Bulkhead::named("cpu").max_in_flight(1).max_waiting(100).build().expect("it is good");
    let builder = LoadShed::named("orders").target(Duration::from_micros(10)).interval(ms(2));
    let shed = builder.build().expect("it is good");
    let orders = Pipeline::named("orders").bulkhead(&cpu).load_shed(&shed).build(&rt).expect("it is good");
    let requests: Vec<_> = (0..10)
        .map(|_| {
            let (rt, orders) = (rt.clone(), orders.clone());
            rt.clone().spawn(async move {
                orders
                    .call(async |_| {
                        rt.sleep(ms(1)).await;
                        Ok::<_, &str>(())
                    })
                    .await
                    .is_ok()
            })
        })
        .collect();
    let mut served = 0;
    for request in requests {
        served += usize::from(rt.timeout(SOON, request).await.expect("it is not stuck").expect("no panic"));
    }
    assert!(served >= 1, "the first has not waited");
    assert_eq!((cpu.in_flight(), cpu.waiting()), (0, 0));
    // Nobody waits any more.
    rt.sleep(ms(5)).await;
    shed.run(&rt, async |_| Ok::<_, &str>(())).await.expect("it has not waited");
}
