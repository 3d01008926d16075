//! Each attempt is in a span that says which it is.

use crate::recorder::{Trace, current};
use backstay::test_on_every_runtime;
use backstay::testing::{Sim, Subject, cancel_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{Attempt, AttemptTimeout, Backoff, Pipeline, Retry};
use std::future::pending;
use std::time::Duration;
use tracing::info;

const SECOND: Duration = Duration::from_secs(1);

test_on_every_runtime! {
    attempts_are_numbered
    a_policy_alone_has_attempts_too
}

/// Says something when it is dropped.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        info!(mark = self.0);
    }
}

fn retry(attempts: u32) -> Retry {
    Retry::builder().max_attempts(attempts).backoff(Backoff::none()).build().unwrap()
}

async fn attempts_are_numbered<R: Runtime>(rt: R) {
    let trace = Trace::new();
    let users = Pipeline::named("users").retry(retry(3)).attempt_timeout(60 * SECOND).build(&rt).unwrap();
    let op = |attempt: Attempt| {
        // Also what is not yet the future's.
        info!(mark = "1 made");
        let rt = rt.clone();
        async move {
            let _says = Says("3 dropped");
            rt.yield_now().await;
            info!(mark = "2 polled");
            if attempt.number() < 3 { Err("down") } else { Ok(()) }
        }
    };
    trace.run(users.call(op)).await.unwrap();
    let marks = trace.marks();
    let marks: Vec<_> = marks.iter().map(|(mark, path)| (&**mark, &**path)).collect();
    let mut expected = Vec::new();
    for mark in ["1 made", "2 polled", "3 dropped"] {
        expected
            .extend(["attempt(users)(1)", "attempt(users)(2)", "attempt(users)(3)"].map(|path| (mark, path)));
    }
    assert_eq!(marks, expected);
    trace.assert_closed(&rt).await;
}

async fn a_policy_alone_has_attempts_too<R: Runtime>(rt: R) {
    let trace = Trace::new();
    let retry = retry(2);
    let result = trace.run(retry.run(&rt, async |_| {
        info!(mark = "polled");
        Err::<(), _>("down")
    }));
    result.await.unwrap_err();
    let expected = [("polled", "attempt(1)"), ("polled", "attempt(2)")];
    assert_eq!(trace.marks(), expected.map(|(mark, path)| (mark.to_owned(), path.to_owned())));
    trace.assert_closed(&rt).await;
}

#[test]
fn an_attempt_that_is_dropped_is_dropped_in_its_span() {
    let trace = Trace::new();
    let outcome = Sim::builder().run(|rt: Sim| {
        let trace = &trace;
        async move {
            let timeout = AttemptTimeout::new(SECOND);
            let stuck = timeout.run(&rt, async |_| {
                let _says = Says("dropped");
                pending::<Result<(), ()>>().await
            });
            trace.run(stuck).await.unwrap_err();
        }
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(trace.marks(), [("dropped".to_owned(), "attempt(1)".to_owned())]);
}

#[test]
fn dropped_at_any_poll_a_call_leaves_no_span() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let trace = Trace::new();
        let users = Pipeline::named("users").retry(retry(3)).attempt_timeout(SECOND).build(&rt).unwrap();
        let op = async |_| {
            rt.sleep(SECOND / 2).await;
            Err::<(), _>("down")
        };
        trace.run(subject.run(users.call(op))).await;
        assert!(current().is_none());
        trace
    };
    let swept = cancel_sweep(scenario, async |rt, trace| trace.assert_closed(&rt).await);
    let swept = swept.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(swept.polls >= 4, "{swept:?}");
}
