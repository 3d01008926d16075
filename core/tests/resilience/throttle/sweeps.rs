//! A call that is cut off anywhere counts nothing.

use super::{builder, counts};
use crate::kit::{ms, passed};
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{Priority, Throttle};

async fn a_failing_call(rt: Sim, subject: Subject) -> (Throttle, bool) {
    let throttle = builder().build().expect("it is good");
    throttle.try_acquire(Priority::Critical, rt.now(), 0).expect("nothing failed").success(rt.now());
    let call = {
        let (rt, throttle) = (rt.clone(), throttle.clone());
        async move {
            let call = throttle.run(&rt, async |_| {
                rt.sleep(ms(1)).await;
                rt.yield_now().await;
                rt.sleep(ms(1)).await;
                Err::<(), _>("down")
            });
            call.await
        }
    };
    let ended = subject.run(call).await.is_some();
    (throttle, ended)
}

#[test]
fn a_call_that_is_cut_counts_nothing() {
    let check = |rt: Sim, (throttle, ended): (Throttle, bool)| async move {
        assert_eq!(counts(&throttle, rt.now()), [1, u64::from(ended), 0]);
        // Half of it is accepted at least, so the next goes through.
        throttle.run(&rt, async |_| Ok::<_, &str>(())).await.expect("it may");
    };
    assert!(passed(cancel_sweep(a_failing_call, check)).polls >= 4);
    passed(panic_sweep(a_failing_call, check));
}

#[test]
fn an_aborted_call_counts_nothing() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let throttle = builder().build().expect("it is good");
        let call = {
            let (rt, throttle) = (rt.clone(), throttle.clone());
            async move {
                let slow = throttle.run(&rt, async |_| {
                    rt.sleep(ms(1)).await;
                    Ok::<_, &str>(())
                });
                let _ = slow.await;
            }
        };
        subject.spawn(&rt, call).await;
        throttle
    };
    let check = |rt: Sim, throttle: Throttle| async move {
        let [accepted, failed, refused] = counts(&throttle, rt.now());
        assert!(accepted <= 1 && (failed, refused) == (0, 0));
    };
    passed(abort_sweep(scenario, check));
}
