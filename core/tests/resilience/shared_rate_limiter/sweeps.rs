//! One who asks is cut off anywhere.

use super::scripted::{Does, Scripted};
use super::{builder, good};
use crate::kit::{ms, passed, secs};
use backstay::testing::{Sim, Subject, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{CircuitState, OnStoreFailure, Quota, SharedRateLimiter};

#[test]
fn who_is_cut_leaves_nothing_behind() {
    for does in [Does::AnswerAfter(ms(5)), Does::Fail, Does::Hang] {
        let scenario = |rt: Sim, subject: Subject| async move {
            let store = Scripted::new(&rt);
            let quota =
                builder(Quota::per_second(10).burst(4)).lease(2).on_store_failure(OnStoreFailure::Deny);
            let limiter = good(quota.store(store.clone()));
            store.does(does);
            let call = {
                let (rt, limiter) = (rt.clone(), limiter.clone());
                async move {
                    for _ in 0..7 {
                        let _ = limiter.acquire(&rt).await;
                    }
                    let op = async |_| {
                        rt.yield_now().await;
                        Ok::<_, ()>(())
                    };
                    let _ = limiter.run(&rt, op).await;
                }
            };
            let _ = subject.run(call).await;
            store.does(Does::Answer);
            limiter
        };
        let check = |rt: Sim, limiter: SharedRateLimiter<Scripted>| async move {
            // The breaker's probe is free, a lease can be asked for, and what was spent comes back.
            rt.sleep(secs(2)).await;
            limiter.acquire(&rt).await.expect("its turn comes");
            assert_eq!(limiter.breaker().state(rt.now()), CircuitState::Closed);
            assert_eq!(limiter.leased(rt.now()), 1);
        };
        assert!(passed(cancel_sweep(scenario, check)).polls >= 1, "{does:?}");
        passed(panic_sweep(scenario, check));
    }
}
