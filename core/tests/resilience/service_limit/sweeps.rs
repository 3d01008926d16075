//! A wait or a call that is cut off anywhere leaves nothing behind.

use super::{builder, built, hear, left, told};
use crate::kit::{limit, ms, passed, secs};
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{ServiceLimit, Told};

/// Nothing is left; the subject waits, somebody waits behind it, and then two are left.
async fn in_the_middle(rt: Sim, subject: Subject, is_aborted: bool) -> ServiceLimit {
    let api = built(builder());
    told(&api, &left(0, secs(1)), rt.now());
    let behind = rt.spawn({
        let (rt, api) = (rt.clone(), api.clone());
        async move {
            rt.sleep(ms(10)).await;
            api.acquire(&rt).await.expect("it waits").told(&left(5, secs(9)), rt.now(), 0);
        }
    });
    let waits = {
        let (rt, api) = (rt.clone(), api.clone());
        async move {
            api.acquire_many(&rt, limit(2)).await.expect("it waits").told(&left(7, secs(9)), rt.now(), 0)
        }
    };
    if is_aborted {
        subject.spawn(&rt, waits).await;
    } else {
        subject.run(waits).await;
    }
    let behind = rt.timeout(secs(5), behind).await;
    behind.expect("it is not kept waiting").expect("no panic");
    api
}

#[test]
fn s09_s25_a_wait_that_is_cut_anywhere_loses_nothing() {
    let check = |rt: Sim, api: ServiceLimit| async move {
        assert_eq!(api.waiting(), 0);
        // Whoever was last said that there are five.
        let last = api.try_acquire(rt.now()).expect("it may go");
        last.told(&left(3, secs(9)), rt.now(), 0);
        assert_eq!(api.remaining(rt.now()), Some(3), "nothing is under way");
        (0..3).for_each(|_| drop(api.try_acquire(rt.now()).expect("three are left")));
        assert!(api.try_acquire(rt.now()).is_err());
    };
    assert!(passed(cancel_sweep(|rt, subject| in_the_middle(rt, subject, false), check)).polls >= 2);
    passed(panic_sweep(|rt, subject| in_the_middle(rt, subject, false), check));
    passed(abort_sweep(|rt, subject| in_the_middle(rt, subject, true), check));
}

async fn a_call(rt: Sim, subject: Subject) -> (ServiceLimit, bool, bool) {
    let api = built(builder());
    told(&api, &left(0, secs(1)), rt.now());
    let called = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let call = {
        let (rt, ears, called) = (rt.clone(), api.hear(hear), std::sync::Arc::clone(&called));
        async move {
            let call = ears.run(&rt, async |_| {
                called.store(true, std::sync::atomic::Ordering::SeqCst);
                rt.sleep(ms(1)).await;
                rt.yield_now().await;
                Ok(left(4, secs(60)))
            });
            let _ = call.await;
        }
    };
    let ended = subject.run(call).await.is_some();
    (api, called.load(std::sync::atomic::Ordering::SeqCst), ended)
}

#[test]
fn a_call_that_is_cut_counts_if_it_was_made() {
    let check = |rt: Sim, (api, called, ended): (ServiceLimit, bool, bool)| async move {
        assert_eq!((api.waiting(), called || !ended), (0, true));
        // It waits if the call was not made; or asks, as the one before has no answer.
        let permit = api.acquire(&rt).await.expect("it waits");
        permit.told(&Told::new(), rt.now(), 0);
        assert_eq!(api.remaining(rt.now()), if ended { Some(3) } else { None });
    };
    assert!(passed(cancel_sweep(a_call, check)).polls >= 3);
    passed(panic_sweep(a_call, check));
}
