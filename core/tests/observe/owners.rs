//! Whoever spawns it, a task is below the span that it was spawned in: on every runtime.

use crate::recorder::Trace;
use backstay::test_on_every_runtime;
use backstay_core::observe::Traced;
use backstay_core::resilience::Bulkhead;
use backstay_core::stream::FlowExt;
use backstay_core::task::{
    CancelReason, CancelToken, ChildSpec, Job, JoinSet, Reply, Shutdown, Supervisor, WorkerPool, mailbox,
    scope,
};
use backstay_core::{AnyRuntime, Limit, Net, Runtime};
use futures::{StreamExt, stream};
use std::time::Duration;
use tracing::{Instrument, info, info_span};

const MINUTE: Duration = Duration::from_secs(60);

test_on_every_runtime! {
    the_runtimes_own
    owners_of_tasks
    patterns_that_spawn
    pools_and_mailboxes
    a_runtime_that_is_erased
    a_subscriber_that_wants_no_tasks
}

/// Runs it in a span of its own below the root.
async fn caller<F: Future>(name: &'static str, future: F) -> F::Output {
    match name {
        "one" => future.instrument(info_span!("one")).await,
        _ => future.instrument(info_span!("other")).await,
    }
}

#[track_caller]
fn assert_marks(trace: &Trace, expected: &[(&str, &str)]) {
    let marks = trace.marks();
    let marks: Vec<_> = marks.iter().map(|(mark, path)| (&**mark, &**path)).collect();
    assert_eq!(marks, expected);
}

/// Each span with a place has that of the user's call, whoever spawned for it.
#[track_caller]
fn assert_places(trace: &Trace) {
    let source: Vec<_> = include_str!("owners.rs").lines().collect();
    for (path, fields) in trace.spans() {
        let Some(file) = fields.get("file") else { continue };
        assert!(file.ends_with("owners.rs"), "{path}: {fields:?}");
        let line = source[fields["line"].parse::<usize>().unwrap() - 1];
        let calls = ["spawn", "scope(&rt", "ChildSpec::", "Job::", "pool.run(", "run_blocking("];
        assert!(calls.iter().any(|call| line.contains(call)), "{path}: {line}");
    }
}

/// Marks that it was here.
fn said(mark: &str) -> Result<(), ()> {
    info!(mark);
    Ok(())
}

async fn the_runtimes_own<R: Runtime>(rt: R) {
    let (trace, bare) = (Trace::new(), rt.clone());
    let rt = Traced::new(rt);
    trace
        .run(async {
            // From the same task, in two spans; and a task of a task.
            caller("one", async {
                rt.spawn(async { info!(mark = "1 plain") }).await.unwrap();
                rt.spawn_named("n", async { info!(mark = "2 named") }).await.unwrap();
                rt.spawn_blocking(|| info!(mark = "3 blocking")).await.unwrap();
            })
            .await;
            caller("other", async {
                let inner = rt.clone();
                let task = rt.spawn_named("outer", async move {
                    inner.yield_now().await;
                    inner.spawn_named("inner", async { info!(mark = "4 inner") }).await.unwrap();
                    info!(mark = "5 outer");
                });
                task.await.unwrap();
                // Not ours to trace.
                bare.spawn(async { info!(mark = "none") }).await.unwrap();
            })
            .await;
        })
        .await;
    assert_marks(
        &trace,
        &[
            ("1 plain", "one/task"),
            ("2 named", "one/task(n)"),
            ("3 blocking", "one/task"),
            ("4 inner", "other/task(outer)/task(inner)"),
            ("5 outer", "other/task(outer)"),
        ],
    );
    assert_places(&trace);
    trace.assert_closed(&bare).await;
}

async fn owners_of_tasks<R: Runtime>(rt: R) {
    let (trace, bare) = (Trace::new(), rt.clone());
    let rt = Traced::new(rt);
    trace.run(caller("one", scopes(rt.clone()))).await;
    trace.run(caller("other", others(rt))).await;
    assert_marks(
        &trace,
        &[
            ("1 body", "one/scope"),
            ("2 task", "one/scope/task"),
            ("3 named", "one/scope/task(n)"),
            ("4 blocking", "one/scope/task"),
            ("5 within", "one/scope/within/task"),
            ("6 set", "other/task"),
            ("7 set named", "other/task(n)"),
            ("8 set blocking", "other/task"),
            ("9 shutdown", "other/task"),
            ("9 shutdown blocking", "other/task(b)"),
            ("9 shutdown part", "other/task(p)"),
            ("9 supervised", "other/task(child)"),
        ],
    );
    assert_places(&trace);
    trace.assert_closed(&bare).await;
}

async fn scopes<R: Runtime>(rt: Traced<R>) {
    let body = async |s: backstay_core::task::TaskScope<Traced<R>, ()>| {
        info!(mark = "1 body");
        let _ = s.spawn(async { said("2 task") }).await;
        s.runtime().yield_now().await;
        let _ = s.named("n").spawn(async { said("3 named") }).await;
        let _ = s.spawn_blocking(|| said("4 blocking")).await;
        let within = info_span!("within").in_scope(|| s.spawn(async { said("5 within") }));
        let _ = within.await;
        Ok(())
    };
    scope(&rt, body).await.unwrap();
}

async fn others<R: Runtime>(rt: Traced<R>) {
    let mut set = JoinSet::new(&rt);
    set.spawn(async { info!(mark = "6 set") });
    set.named("n").spawn(async { info!(mark = "7 set named") });
    set.spawn_blocking(|| info!(mark = "8 set blocking"));
    set.join_all().await.into_iter().for_each(|outcome| outcome.unwrap());

    let child = ChildSpec::transient("child", async |_| said("9 supervised"));
    let supervisor = Supervisor::builder(&rt, "s").child(child).build().unwrap();
    let handle = supervisor.handle();
    let mut events = supervisor.events();
    let stop = async {
        while let Ok(event) = events.recv().await {
            if matches!(event, backstay_core::task::SupervisorEvent::Exited { .. }) {
                handle.stop();
            }
        }
    };
    let _ = futures::join!(supervisor.run(&rt), stop);

    let shutdown = Shutdown::new(&rt);
    shutdown.spawn(async { info!(mark = "9 shutdown") }).unwrap();
    shutdown.named("p").spawn_part(async { info!(mark = "9 shutdown part") }).unwrap();
    shutdown.named("b").spawn_blocking(|| info!(mark = "9 shutdown blocking")).unwrap();
    shutdown.trigger("the end");
    let report = shutdown.run(futures::stream::pending::<CancelReason>()).drain(MINUTE).await;
    assert!(report.is_clean(), "{report}");
}

/// What has no owner that anybody sees.
async fn patterns_that_spawn<R: Runtime>(rt: R) {
    let (trace, bare) = (Trace::new(), rt.clone());
    let rt = Traced::new(rt);
    let patterns = async {
        let disk = Bulkhead::new(Limit::ONE);
        disk.run_blocking(&rt, || said("1 bulkhead")).await.unwrap();
        let numbers = stream::iter(0..1).inspect(|_| info!(mark = "2 stream")).spawned(&rt, Limit::ONE);
        assert_eq!(numbers.count().await, 1);
        let echo = |n| async move { said("3 mapped").map(|()| n) };
        let mapped = stream::iter(0..1).map_concurrent(Limit::ONE, echo).spawned(&rt, Limit::ONE);
        assert_eq!(mapped.count().await, 1);
    };
    trace.run(caller("one", patterns)).await;
    let source = "one/task(a stream's source)";
    assert_marks(&trace, &[("1 bulkhead", "one/task"), ("2 stream", source), ("3 mapped", source)]);
    assert_places(&trace);
    trace.assert_closed(&bare).await;
}

async fn pools_and_mailboxes<R: Runtime>(rt: R) {
    let (trace, bare) = (Trace::new(), rt.clone());
    let rt = Traced::new(rt);
    let pool = WorkerPool::builder().workers(1).build(&rt).unwrap();
    trace
        .run(async {
            // The worker is somebody else's task; the job is below whoever submits it.
            caller("one", async {
                pool.run(async { info!(mark = "1 job") }).await.unwrap();
                let job = Job::blocking(|| info!(mark = "2 blocking job")).named("b");
                pool.run(job).await.unwrap();
                let job = Job::blocking(|| info!(mark = "3 blocking job"));
                pool.try_submit(job).unwrap().await.unwrap();
            })
            .await;
            let job = Job::new(async { info!(mark = "4 other job") }).named("j");
            caller("other", pool.submit(job)).await.unwrap().await.unwrap();
            caller("one", async {
                let (address, mut inbox) = mailbox::<Reply<()>>(Limit::ONE);
                let actor = rt.spawn_named("actor", async move {
                    while let Some(reply) = inbox.recv().await {
                        info!(mark = "5 actor");
                        reply.send(()).unwrap();
                    }
                });
                address.call(|reply| reply).await.unwrap();
                drop(address);
                actor.await.unwrap();
            })
            .await;
        })
        .await;
    let until = CancelToken::with_deadline(&bare, bare.now() + MINUTE);
    pool.drain(&until, MINUTE).await;
    assert_marks(
        &trace,
        &[
            ("1 job", "one/job"),
            ("2 blocking job", "one/job(b)"),
            ("3 blocking job", "one/job"),
            ("4 other job", "other/job(j)"),
            ("5 actor", "one/task(actor)"),
        ],
    );
    assert_places(&trace);
    trace.assert_closed(&bare).await;
}

async fn a_runtime_that_is_erased<R: Runtime + Net>(rt: R) {
    let (trace, bare) = (Trace::new(), rt.clone());
    let inside = AnyRuntime::new(Traced::new(rt.clone()));
    let outside = Traced::new(AnyRuntime::new(rt));
    trace
        .run(caller("one", async {
            inside.spawn_named("n", async { info!(mark = "1 inside") }).await.unwrap();
            inside.spawn_blocking(|| info!(mark = "2 inside blocking")).await.unwrap();
            outside.spawn_named("n", async { info!(mark = "3 outside") }).await.unwrap();
            outside.spawn_blocking(|| info!(mark = "4 outside blocking")).await.unwrap();
        }))
        .await;
    assert_marks(
        &trace,
        &[
            ("1 inside", "one/task(n)"),
            ("2 inside blocking", "one/task"),
            ("3 outside", "one/task(n)"),
            ("4 outside blocking", "one/task"),
        ],
    );
    assert_places(&trace);
    trace.assert_closed(&bare).await;
}

async fn a_subscriber_that_wants_no_tasks<R: Runtime>(rt: R) {
    let trace = Trace::new();
    let traced = Traced::new(rt.clone());
    let pool = WorkerPool::builder().workers(1).build(&traced).unwrap();
    let within = async {
        traced.spawn(async { info!(mark = "1 plain") }).await.unwrap();
        traced.spawn_blocking(|| info!(mark = "2 blocking")).await.unwrap();
        // The worker is in none, or in somebody else's.
        pool.run(async { info!(mark = "3 job") }).await.unwrap();
        pool.run(Job::blocking(|| info!(mark = "4 blocking job"))).await.unwrap();
    };
    trace.run(async { within.instrument(info_span!("no tasks")).await }).await;
    let all = ["1 plain", "2 blocking", "3 job", "4 blocking job"];
    assert_marks(&trace, &all.map(|mark| (mark, "no tasks")));
    drop(pool);
    trace.assert_closed(&rt).await;
}
