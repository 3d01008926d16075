//! A call that is cut off anywhere leaves nothing behind.

use super::{overload, shed};
use crate::kit::{ms, passed, secs};
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Limit;
use backstay_core::Runtime;
use backstay_core::resilience::{Bulkhead, LoadShed, Pipeline, Priority};

/// The subject waits for its place, and is let in or shed.
async fn behind_another(rt: Sim, subject: Subject) -> (LoadShed, Bulkhead) {
    rt.sleep(secs(1)).await;
    let (shed, cpu) =
        (shed(), Bulkhead::named("cpu").max_in_flight(1).max_waiting(4).build().expect("it is good"));
    overload(&shed, rt.now());
    let orders = Pipeline::named("orders").bulkhead(&cpu).load_shed(&shed).build(&rt).expect("it is good");
    let place = cpu.try_acquire_owned().expect("it is free");
    let call = {
        let rt = rt.clone();
        async move {
            let _ = orders
                .call(async |_| {
                    rt.sleep(ms(2)).await;
                    Ok::<_, &str>(())
                })
                .await;
        }
    };
    let other = rt.spawn({
        let rt = rt.clone();
        async move {
            rt.sleep(ms(4)).await;
            drop(place);
        }
    });
    subject.spawn(&rt, call).await;
    other.await.expect("no panic");
    (shed, cpu)
}

#[test]
fn whoever_is_cut_holds_nothing_and_is_counted_once_at_most() {
    let check = |rt: Sim, (shed, cpu): (LoadShed, Bulkhead)| async move {
        assert_eq!((cpu.in_flight(), cpu.waiting()), (0, 0));
        let metrics = shed.metrics(rt.now());
        assert!(metrics.admitted(Priority::Critical) + metrics.refused(Priority::Critical) <= 1);
        let _ = cpu.weighing(Limit::ONE).try_acquire().expect("it is free");
        shed.run(&rt, async |_| Ok::<_, &str>(())).await.expect("it has not waited");
    };
    assert!(passed(cancel_sweep(behind_another, check)).polls >= 3);
    passed(abort_sweep(behind_another, check));
    passed(panic_sweep(behind_another, check));
}
