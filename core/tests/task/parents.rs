//! What a parent that is dropped, aborted or panics anywhere leaves of the owners below it: nothing.

use crate::kit::ticks;
use backstay::Runtime;
use backstay::testing::{Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::future::poll_now;
use backstay_core::task::{
    CancelReason, ChildContext, ChildSpec, Job, JoinSet, Shutdown, Supervisor, TaskScope, WorkerPool, scope,
};
use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use std::future::pending;
use std::io;

/// An owner below the scope, with tasks that hold something, and what is done with it.
type Owner = fn(TaskScope<Sim, ()>, Tracker) -> BoxFuture<'static, ()>;

/// The parent is a scope, which is the subject. Above it is a shutdown, which has to have everything at its end.
async fn below_a_parent(rt: Sim, subject: Subject, owner: Owner) -> Tracker {
    let (shutdown, tracker) = (Shutdown::new(&rt), Tracker::new());
    let work = tracker.clone();
    let parent = scope(&shutdown, move |s| owner(s, work).map(Ok::<_, ()>));
    let _cut = subject.run(parent).await;
    shutdown.trigger("the end");
    let report = shutdown.run(stream::pending::<CancelReason>()).await;
    assert!(report.aborted.is_empty() && report.still_blocking.is_empty(), "{report}");
    // Here, and not later: whatever is left has been waited for.
    tracker.assert_none_alive();
    tracker
}

fn sweep(owner: Owner) {
    let scenario = |rt, subject| below_a_parent(rt, subject, owner);
    let check = |_, tracker: Tracker| async move { tracker.assert_none_alive() };
    for swept in [cancel_sweep(scenario, check), abort_sweep(scenario, check), panic_sweep(scenario, check)] {
        swept.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[test]
fn s09_the_parent_of_a_join_set() {
    sweep(|s, tracker| {
        async move {
            let mut set = JoinSet::new(&s);
            for n in 0..3 {
                let (held, nap) = (tracker.track(()), s.runtime().sleep(ticks(n)));
                set.spawn(nap.map(|()| drop(held)));
            }
            let held = tracker.track(());
            let stuck = set.spawn(pending::<()>().map(|()| drop(held)));
            set.join_next().await;
            s.runtime().sleep(ticks(1)).await;
            set.abort(&stuck);
            set.join_all().await;
        }
        .boxed()
    });
}

#[test]
fn s09_the_parent_of_a_worker_pool() {
    sweep(|s, tracker| {
        async move {
            let pool = WorkerPool::builder().workers(2).queue(4).build(&s).expect("it is good");
            for n in 0..3 {
                let (held, nap) = (tracker.track(()), s.runtime().sleep(ticks(n)));
                pool.submit(nap.map(|()| drop(held))).await.expect("it is open").detach();
            }
            let held = tracker.track(());
            pool.submit(Job::blocking(move || drop(held))).await.expect("it is open").detach();
            let held = tracker.track(());
            let stuck = pool.submit(pending::<()>().map(|()| drop(held))).await.expect("it is open");
            s.runtime().sleep(ticks(3)).await;
            stuck.abort();
            pool.drain(s.token(), ticks(1)).await;
        }
        .boxed()
    });
}

#[test]
fn s09_the_parent_of_a_supervisor() {
    sweep(|s, tracker| {
        async move {
            let child = move |context: ChildContext<Sim>| {
                let held = tracker.track(());
                async move {
                    // What is left takes its time to go: longer than the child, who drops it.
                    let work = scope(&context, |own| {
                        let nap = own.runtime().sleep(ticks(2));
                        own.shield(nap.map(|()| {
                            drop(held);
                            Ok(())
                        }));
                        pending::<Result<(), ()>>()
                    });
                    let _dropped = poll_now(work).await;
                    if context.restarts() == 0 { Err(io::ErrorKind::Other) } else { Ok(()) }
                }
            };
            let supervisor = Supervisor::builder(s.runtime(), "s")
                .child(ChildSpec::transient("child", child).significant())
                .auto_shutdown(backstay_core::task::AutoShutdown::AnySignificant)
                .build()
                .expect("it makes sense");
            let _ended = supervisor.run(&s).await;
        }
        .boxed()
    });
}
