//! Every operation, cut off before each of its polls.

use crate::kit::ms;
use backstay::testing::{Failure, Sim, Subject, Swept, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::task::{CancelReason, CancelToken};
use std::pin::Pin;

type Operation = Pin<Box<dyn Future<Output = ()> + Send>>;
type Task<T> = <Sim as Runtime>::JoinHandle<T>;

/// Sweeps an operation on a token that is cancelled in 5 ms, with one beside it that is not cut, and checks that
/// nothing is left of it; at least `polls` of its polls are swept.
fn sweep(polls: u64, operation: fn(Sim, CancelToken) -> Operation) {
    // Whether the subject is a task of its own: else it is in the scenario's.
    let scenario = |spawn: bool| {
        move |rt: Sim, subject: Subject| async move {
            let root = CancelToken::with_deadline(&rt, rt.now() + ms(1000));
            let token = root.child();
            let beside = rt.spawn(token.clone().cancelled_owned());
            let cancel = rt.spawn({
                let (rt, root) = (rt.clone(), root.clone());
                async move {
                    rt.sleep(ms(5)).await;
                    root.cancel();
                }
            });
            let operation = operation(rt.clone(), token.clone());
            if spawn {
                subject.spawn(&rt, operation).await;
            } else {
                subject.run(operation).await;
            }
            (token, beside, cancel)
        }
    };
    let check = |rt: Sim, (token, beside, cancel): (CancelToken, Task<CancelReason>, Task<()>)| async move {
        assert_eq!(rt.timeout(ms(0), beside).await.expect("it is woken").ok(), Some(CancelReason::Explicit));
        rt.timeout(ms(0), cancel).await.expect("it has ended").expect("no panic");
        // Another operation works, so nothing is locked or counted.
        assert!(token.run(std::future::ready(())).await.is_err());
        let text = format!("{token:?}");
        assert!(text.contains("cancelled: Some(Explicit)"), "{text}");
    };
    let swept: [Result<Swept, Failure>; 3] = [
        cancel_sweep(scenario(false), check),
        abort_sweep(scenario(true), check),
        panic_sweep(scenario(true), check),
    ];
    for swept in swept {
        let swept = swept.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(swept.polls >= polls, "{swept:?}");
    }
}

#[test]
fn s09_cancelled() {
    sweep(2, |_, token| {
        Box::pin(async move {
            token.cancelled().await;
        })
    });
}

#[test]
fn s09_cancelled_owned() {
    sweep(2, |_, token| {
        Box::pin(async move {
            token.cancelled_owned().await;
        })
    });
}

#[test]
fn s09_run() {
    sweep(3, |rt, token| {
        Box::pin(async move {
            assert!(token.run(rt.sleep(ms(2))).await.is_ok());
            assert!(token.run(rt.sleep(ms(2000))).await.is_err());
        })
    });
}

#[test]
fn s09_run_owned() {
    sweep(3, |rt, token| {
        Box::pin(async move {
            assert!(token.clone().run_owned(rt.sleep(ms(2))).await.is_ok());
            assert!(token.run_owned(rt.sleep(ms(2000))).await.is_err());
        })
    });
}

#[test]
fn s17_run_with_a_shield() {
    sweep(4, |rt, token| {
        Box::pin(async move {
            let work = async {
                rt.sleep(ms(2)).await;
                let shield = token.shield();
                rt.sleep(ms(6)).await;
                drop(shield);
                rt.sleep(ms(2000)).await;
            };
            assert!(token.run(work).await.is_err());
        })
    });
}

#[test]
fn s09_cancelled_at_a_deadline() {
    sweep(2, |rt, token| {
        Box::pin(async move {
            let child = token.child_with_deadline(&rt, rt.now() + ms(2));
            assert_eq!(child.cancelled().await, CancelReason::Deadline);
        })
    });
}
