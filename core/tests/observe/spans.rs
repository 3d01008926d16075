//! Spans are entered and left in pairs, and close when what is in them is gone.

use crate::recorder::{Trace, current};
use backstay::test_on_every_runtime;
use backstay::testing::{Sim, Subject, cancel_sweep};
use backstay_core::observe::Traced;
use backstay_core::resilience::Retry;
use backstay_core::task::{WorkerPool, scope};
use backstay_core::{BlockOn, Config, Flavor, JoinError, JoinHandle, Runtime};
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tracing::{Instrument, info, info_span};

test_on_every_runtime! {
    what_panics_and_what_is_aborted_closes
    a_scope_that_is_dropped_closes
}

/// Says something when it is dropped.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        info!(mark = self.0);
    }
}

async fn what_panics_and_what_is_aborted_closes<R: Runtime>(rt: R) {
    let (trace, bare) = (Trace::new(), rt.clone());
    let rt = Traced::new(rt);
    trace
        .run(async {
            let inside = current();
            let panicking = rt.spawn_named("panics", async {
                let _says = Says("1 panicked");
                panic!("on purpose")
            });
            let outcome: Result<(), _> = panicking.await;
            assert!(matches!(outcome, Err(JoinError::Panicked(_))));
            let job = rt.spawn_blocking(|| panic!("on purpose"));
            let outcome: Result<(), _> = job.await;
            assert!(matches!(outcome, Err(JoinError::Panicked(_))));

            let says = Says("2 aborted");
            let stuck = rt.spawn_named("stuck", async move {
                let _says = says;
                pending::<()>().await;
            });
            rt.yield_now().await;
            stuck.abort();
            assert!(matches!(stuck.await, Err(JoinError::Aborted)));
            // One that is aborted before its first poll.
            let says = Says("3 never polled");
            let never = rt.spawn_named("never", async move {
                let _says = says;
                pending::<()>().await;
            });
            never.abort();
            assert!(matches!(never.await, Err(JoinError::Aborted)));
            assert_eq!(current(), inside);
        })
        .await;
    assert!(current().is_none());
    let expected =
        [("1 panicked", "task(panics)"), ("2 aborted", "task(stuck)"), ("3 never polled", "task(never)")];
    assert_eq!(trace.marks(), expected.map(|(mark, path)| (mark.to_owned(), path.to_owned())));
    trace.assert_closed(&bare).await;
}

async fn a_scope_that_is_dropped_closes<R: Runtime>(rt: R) {
    let trace = Trace::new();
    let traced = Traced::new(rt.clone());
    let scoped = scope(&traced, async |s| {
        let _says = Says("1 body");
        let says = Says("2 task");
        let _task = s.named("t").spawn(async move {
            let _says = says;
            pending::<Result<(), ()>>().await
        });
        pending::<()>().await;
        Ok(())
    });
    let limited = trace.run(rt.timeout(std::time::Duration::from_millis(1), scoped));
    assert!(limited.await.is_err());
    trace.assert_closed(&rt).await;
    let expected = [("1 body", "scope"), ("2 task", "scope/task(t)")];
    assert_eq!(trace.marks(), expected.map(|(mark, path)| (mark.to_owned(), path.to_owned())));
}

/// What is polled in turns on one thread does not see the others' spans: neither tasks nor futures of one task.
#[test]
fn no_span_leaks_into_what_else_is_polled() {
    let owner = backstay::tokio::TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).unwrap();
    let rt = owner.runtime().clone();
    let trace = Trace::new();
    owner.block_on(async {
        let traced = Traced::new(rt.clone());
        let tasks = (0..8).map(|n| {
            let rt = rt.clone();
            let span = info_span!(parent: trace.span(), "caller");
            span.in_scope(|| {
                traced.spawn(async move {
                    let own = current();
                    assert!(own.is_some());
                    for _ in 0..n + 2 {
                        rt.yield_now().await;
                        assert_eq!(current(), own);
                    }
                })
            })
        });
        let tasks: Vec<_> = tasks.collect();
        let without = rt.spawn({
            let rt = rt.clone();
            async move {
                for _ in 0..8 {
                    assert!(current().is_none());
                    rt.yield_now().await;
                }
            }
        });
        for task in tasks {
            task.await.unwrap();
        }
        without.await.unwrap();
        trace.assert_closed(&rt).await;
    });
}

/// The current span is what it was before a poll and before a drop, whatever is polled and however that ends.
#[test]
fn after_each_poll_the_current_span_is_what_it_was() {
    let outcome = Sim::builder().run(|rt: Sim| async move {
        let trace = Trace::new();
        let traced = Traced::new(rt.clone());
        let inside = async {
            let before = current();
            let mut cx = Context::from_waker(Waker::noop());
            let retry = Retry::default();
            {
                let mut call = pin!(retry.run(&rt, |_| pending::<Result<(), ()>>()));
                let mut scoped = pin!(scope(&traced, |_| pending::<Result<(), ()>>()));
                for _ in 0..3 {
                    assert!(call.as_mut().poll(&mut cx).is_pending());
                    assert_eq!(current(), before);
                    assert!(scoped.as_mut().poll(&mut cx).is_pending());
                    assert_eq!(current(), before);
                }
            }
            assert_eq!(current(), before);
            let panics = poll_fn(|_| -> Poll<Result<(), ()>> { panic!("on purpose") });
            let mut panics = Some(panics);
            let call = retry.run(&rt, move |_| panics.take().unwrap());
            let caught = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(call));
            assert!(caught.await.is_err());
            assert_eq!(current(), before);
        };
        trace.run(inside).await;
        trace.assert_closed(&rt).await;
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_blocking_job_that_never_runs_is_dropped_in_its_span() {
    let outcome = Sim::builder().run(|rt: Sim| async move {
        let trace = Trace::new();
        let pool = WorkerPool::builder().workers(1).build(&rt).unwrap();
        let says = Says("dropped");
        let job = backstay_core::task::Job::blocking(move || drop(says)).named("b");
        let submitted = trace.span().in_scope(|| pool.try_submit(job)).unwrap();
        submitted.abort();
        drop(pool);
        assert!(submitted.await.is_err());
        assert_eq!(trace.marks(), [("dropped".to_owned(), "job(b)".to_owned())]);
        trace.assert_closed(&rt).await;
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn dropped_at_any_poll_a_scope_and_its_tasks_leave_no_span() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let trace = Trace::new();
        let traced = Traced::new(rt.clone());
        let scoped = scope(&traced, async |s| {
            let task = s.spawn(async { Ok::<_, ()>(()) });
            s.runtime().yield_now().await;
            let _ = task.await;
            Ok(())
        });
        trace.run(subject.run(scoped).instrument(info_span!("caller"))).await;
        assert!(current().is_none());
        trace
    };
    let swept = cancel_sweep(scenario, async |rt, trace| trace.assert_closed(&rt).await);
    swept.unwrap_or_else(|failure| panic!("{failure}"));
}
