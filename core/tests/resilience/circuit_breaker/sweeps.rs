//! A call that is cut off anywhere leaves the breaker as it should be.

use super::{builder, opened};
use crate::kit::{ms, passed};
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{CircuitBreaker, CircuitState};

/// The subject is a probe, and others come while it is under way and after it.
async fn a_probe(rt: Sim, subject: Subject) -> CircuitBreaker {
    let breaker = opened(builder());
    rt.sleep(ms(10)).await;
    let probe = {
        let (rt, breaker) = (rt.clone(), breaker.clone());
        async move {
            let call = breaker.run(&rt, async |_| {
                rt.sleep(ms(1)).await;
                rt.yield_now().await;
                rt.sleep(ms(1)).await;
                Ok::<_, &str>(())
            });
            let _ = call.await;
        }
    };
    subject.spawn(&rt, probe).await;
    breaker
}

#[test]
fn s09_b12_a_probe_that_is_cut_anywhere_gives_its_place_back() {
    let check = |rt: Sim, breaker: CircuitBreaker| async move {
        let metrics = breaker.metrics(rt.now());
        assert_eq!((metrics.probes_in_flight, metrics.failures, metrics.openings), (0, 0, 1));
        breaker.run(&rt, async |_| Ok::<_, &str>(())).await.expect("there is a place");
        assert_eq!(breaker.state(rt.now()), CircuitState::Closed);
    };
    assert!(passed(cancel_sweep(a_probe, check)).polls >= 4);
    passed(abort_sweep(a_probe, check));
    passed(panic_sweep(a_probe, check));
}

/// The subject's call would be the failure that opens it.
async fn the_last_straw(rt: Sim, subject: Subject) -> (CircuitBreaker, bool) {
    let breaker = builder().build().expect("it is good");
    breaker.try_acquire(rt.now()).expect("it passes").failure(rt.now());
    let call = {
        let (rt, breaker) = (rt.clone(), breaker.clone());
        async move {
            let call = breaker.run(&rt, async |_| {
                rt.sleep(ms(1)).await;
                Err::<(), _>("down")
            });
            call.await
        }
    };
    let ended = subject.run(call).await.is_some();
    (breaker, ended)
}

#[test]
fn s09_a_call_that_is_cut_counts_nothing() {
    let check = |rt: Sim, (breaker, ended): (CircuitBreaker, bool)| async move {
        let metrics = breaker.metrics(rt.now());
        let expected = if ended { (CircuitState::Open, 2) } else { (CircuitState::Closed, 1) };
        assert_eq!((metrics.state, metrics.consecutive_failures), expected);
    };
    assert!(passed(cancel_sweep(the_last_straw, check)).polls >= 2);
    passed(panic_sweep(the_last_straw, check));
}
