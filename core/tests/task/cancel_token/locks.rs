//! No waker is cloned, woken or dropped while a lock is held: whatever it does there, it may use the tokens.

use crate::kit::ms;
use crate::lock_probe::LockProbe;
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::task::CancelToken;
use std::future::pending;

/// Takes the lock of each of the tokens.
fn probe(tokens: &[&CancelToken]) -> LockProbe {
    let tokens: Vec<_> = tokens.iter().copied().cloned().collect();
    LockProbe::new(move || {
        for token in &tokens {
            drop((token.shield(), token.child()));
        }
    })
}

#[test]
fn no_waker_is_touched_under_a_lock() {
    let root = CancelToken::new();
    let (token, sibling) = (root.child(), root.child());
    let [probe, other] = [(); 2].map(|()| probe(&[&root, &token, &sibling]));

    // To come, to come again, to leave.
    let mut waits = Box::pin(token.cancelled());
    for one in [&probe, &other, &probe] {
        assert!(one.poll(waits.as_mut()).is_pending());
        one.assert_touched();
    }
    other.assert_touched();
    drop(waits);
    probe.assert_touched();

    // To be cancelled, under a shield and without one.
    let shield = token.shield();
    let mut runs = Box::pin(token.run(pending::<()>()));
    let mut waits = Box::pin(sibling.clone().cancelled_owned());
    assert!(probe.poll(runs.as_mut()).is_pending());
    assert!(other.poll(waits.as_mut()).is_pending());
    probe.assert_touched();
    root.cancel();
    probe.assert_touched();
    other.assert_touched();
    assert!(probe.poll(waits.as_mut()).is_ready());
    assert!(probe.poll(runs.as_mut()).is_pending());
    drop(shield);
    probe.assert_touched();
    assert!(other.poll(runs.as_mut()).is_ready());
    drop((runs, waits));
    probe.assert_touched();
}

#[test]
fn no_waker_is_touched_under_a_lock_at_a_deadline() {
    let outcome = Sim::builder().run(|rt| async move {
        let token = CancelToken::with_deadline(&rt, rt.now() + ms(1));
        let mut waits = Box::pin(token.cancelled());
        let probe = probe(&[&token]);
        assert!(probe.poll(waits.as_mut()).is_pending());
        rt.sleep(ms(2)).await;
        assert!(token.is_cancelled());
        probe.assert_touched();
        assert!(probe.poll(waits.as_mut()).is_ready());
        drop(waits);
        probe.assert_touched();
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
