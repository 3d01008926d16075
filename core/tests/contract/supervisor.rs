//! The supervisor on each runtime's own tasks and timers.

use crate::kit::{SOON, drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::task::{
    ChildContext, ChildExit, ChildSpec, JoinSet, RestartDelay, Root, StopLimit, Strategy, Supervisor,
    SupervisorEnd, SupervisorEvent,
};
use backstay_core::{BlockOn, Config, Flavor, Limit, Runtime};
use backstay_tokio::{Tokio, TokioOwner};
use std::fmt;
use std::future::{Ready, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

test_on_every_runtime! {
    s14_each_start_ends_in_a_value_whatever_becomes_of_it
    s15_dropped_at_any_poll_it_leaves_nothing_that_runs
    s17_children_stop_in_the_reverse_order_and_in_their_own_time
    s18_a_panic_is_a_failure_with_its_message
    s30_the_next_child_waits_until_the_one_before_is_up
    a_group_is_restarted_together_after_its_delay
    too_many_restarts_go_up_the_tree
    children_come_and_go
    a_child_that_stops_its_supervisor_and_fails_is_not_given_up_on
}

#[derive(Debug, PartialEq, Eq)]
struct Boom;

impl fmt::Display for Boom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("boom")
    }
}

impl std::error::Error for Boom {}

type Log = Arc<Mutex<Vec<String>>>;

fn log(log: &Log, line: impl Into<String>) {
    log.lock().expect("no panic").push(line.into());
}

/// Says when it is up and when it goes down.
fn logged<R: Runtime>(name: &'static str, lines: &Log) -> ChildSpec<R, Boom> {
    let lines = Arc::clone(lines);
    ChildSpec::permanent(name, move |context: ChildContext<R>| {
        let lines = Arc::clone(&lines);
        async move {
            context.runtime().sleep(ms(1)).await;
            log(&lines, format!("{name} up"));
            context.ready();
            context.token().cancelled().await;
            context.runtime().sleep(ms(1)).await;
            log(&lines, format!("{name} down"));
            Ok(())
        }
    })
    .signals_ready()
}

async fn s14_each_start_ends_in_a_value_whatever_becomes_of_it<R: Runtime>(rt: R) {
    let supervisor = Supervisor::builder(&rt, "s")
        .child(ChildSpec::temporary("fails", |_| async { Err(Boom) }))
        .child(ChildSpec::temporary("ends", |_| async { Ok(()) }))
        .child(ChildSpec::temporary("panics", |_| async { std::panic::resume_unwind(Box::new("bang")) }))
        .child(ChildSpec::permanent("stuck", |_| pending()).stop_limit(StopLimit::Within(ms(2))))
        .child(ChildSpec::permanent("killed", |_| pending()).stop_limit(StopLimit::Brutal))
        .build()
        .expect("it makes sense");
    let (handle, mut events) = (supervisor.handle(), supervisor.events());
    let run = rt.spawn(supervisor.run(&rt));
    let mut ended = 0;
    while ended < 3 {
        ended += usize::from(matches!(events.recv().await, Ok(SupervisorEvent::Exited { .. })));
    }
    handle.stop();
    let report = rt.timeout(SOON, run).await.expect("it ends").expect("no panic").expect("it was stopped");
    let counts = (report.starts, report.failed, report.finished, report.panicked, report.aborted);
    assert_eq!(counts, (5, 1, 1, 1, 2));
    assert_eq!((report.overdue, report.end), (vec![Arc::from("stuck")], SupervisorEnd::Stopped));
}

async fn s15_dropped_at_any_poll_it_leaves_nothing_that_runs<R: Runtime>(rt: R) {
    for polls in 0..4 {
        let held = Arc::new(());
        let root = Root::new(&rt);
        let hold = |name: &'static str| {
            let held = Arc::clone(&held);
            ChildSpec::<R, Boom>::permanent(name, move |context| {
                let held = Arc::clone(&held);
                async move {
                    // Its own task too is the supervisor's to look after.
                    let mut own = JoinSet::new(&context);
                    let inner = Arc::clone(&held);
                    own.spawn(async move {
                        pending::<()>().await;
                        drop(inner);
                    });
                    pending::<()>().await;
                    drop(held);
                    Ok(())
                }
            })
        };
        let supervisor = Supervisor::builder(&rt, "s").child(hold("a")).child(hold("b"));
        let run = supervisor.build().expect("it makes sense").run(&root);
        assert!(drop_after(&rt, polls, run).await.is_none());
        let gone = async {
            while Arc::strong_count(&held) > 1 {
                rt.sleep(ms(1)).await;
            }
        };
        rt.timeout(SOON, gone).await.expect("all are dropped");
        assert_eq!(root.orphaned() > 0, polls > 0);
    }
}

async fn s17_children_stop_in_the_reverse_order_and_in_their_own_time<R: Runtime>(rt: R) {
    let lines = Log::default();
    let root = Root::new(&rt);
    let supervisor = ["a", "b", "c"]
        .into_iter()
        .fold(Supervisor::builder(&rt, "s"), |s, name| s.child(logged(name, &lines)))
        .build()
        .expect("it makes sense");
    let run = rt.spawn(supervisor.run(&root));
    let up = async {
        while lines.lock().expect("no panic").len() < 3 {
            rt.sleep(ms(1)).await;
        }
    };
    rt.timeout(SOON, up).await.expect("all come up");
    root.token().cancel();
    rt.timeout(SOON, run).await.expect("it ends").expect("no panic").expect("it was stopped");
    let expected = ["a up", "b up", "c up", "c down", "b down", "a down"];
    assert_eq!(*lines.lock().expect("no panic"), expected);
}

async fn s18_a_panic_is_a_failure_with_its_message<R: Runtime>(rt: R) {
    let supervisor = Supervisor::<R, Boom>::builder(&rt, "s")
        .intensity(1)
        .child(ChildSpec::permanent("a", |context: ChildContext<R>| async move {
            std::panic::resume_unwind(Box::new(format!("run {}", context.restarts())))
        }))
        .build()
        .expect("it makes sense");
    let error = rt.timeout(SOON, supervisor.run(&rt)).await.expect("it ends").expect_err("it gives up");
    assert!(matches!(&*error.exit, ChildExit::Panicked(panic) if panic.message() == Some("run 1")));
    assert_eq!(error.report.panicked, 2);
}

async fn s30_the_next_child_waits_until_the_one_before_is_up<R: Runtime>(rt: R) {
    let lines = Log::default();
    let first = {
        let lines = Arc::clone(&lines);
        ChildSpec::permanent("db", move |context: ChildContext<R>| {
            let lines = Arc::clone(&lines);
            async move {
                context.runtime().sleep(ms(1)).await;
                // Its first start fails before it is up.
                if context.restarts() == 0 {
                    log(&lines, "db failed");
                    return Err(Boom);
                }
                log(&lines, "db up");
                context.ready();
                context.token().cancelled().await;
                Ok(())
            }
        })
        .signals_ready()
    };
    let (up, is_up) = backstay_core::channel::oneshot::channel();
    let supervisor = Supervisor::builder(&rt, "s")
        .child(first)
        .child(logged("web", &lines))
        .on_started(move || up.send(()).expect("somebody waits"))
        .build()
        .expect("it makes sense");
    let handle = supervisor.handle();
    let run = rt.spawn(supervisor.run(&rt));
    rt.timeout(SOON, is_up).await.expect("they come up").expect("it tells");
    handle.stop();
    rt.timeout(SOON, run).await.expect("it ends").expect("no panic").expect("it was stopped");
    assert_eq!(*lines.lock().expect("no panic"), ["db failed", "db up", "web up", "web down"]);
}

async fn a_group_is_restarted_together_after_its_delay<R: Runtime>(rt: R) {
    let delay = RestartDelay::doubling(ms(3), ms(3)).jitter(0);
    let supervisor = Supervisor::builder(&rt, "s")
        .strategy(Strategy::OneForAll)
        .intensity(1)
        .restart_delay(delay)
        .event_capacity(Limit::MAX)
        .child(ChildSpec::permanent("a", |context: ChildContext<R>| async move {
            context.token().cancelled().await;
            Ok(())
        }))
        .child(ChildSpec::permanent("b", |_| async { Err(Boom) }))
        .build()
        .expect("it makes sense");
    let mut events = supervisor.events();
    let start = rt.now();
    let error = rt.timeout(SOON, supervisor.run(&rt)).await.expect("it ends").expect_err("it gives up");
    assert!(rt.now() - start >= ms(3));
    assert_eq!(error.to_string(), "supervisor `s` gave up: `b` failed, after 1 restarts within 5s");
    let mut told = Vec::new();
    while let Ok(event) = events.recv().await {
        told.push(event.to_string());
    }
    let expected = [
        "a: started",
        "b: started",
        "b: failed: boom",
        "b: to be restarted after 3ms",
        "a: finished",
        "a: started again (1)",
        "b: started again (1)",
        "b: failed: boom",
        "b: given up on",
        "a: finished",
        "stopped",
    ];
    assert_eq!(told, expected);
}

async fn too_many_restarts_go_up_the_tree<R: Runtime>(rt: R) {
    let branch = ChildSpec::permanent("branch", |context: ChildContext<R>| async move {
        let leaf = ChildSpec::permanent("leaf", |_| async { Err(Boom) });
        let inner = Supervisor::builder(context.runtime(), "inner").intensity(1).child(leaf).build();
        inner.expect("it makes sense").run(&context).await.map(drop).map_err(|gave_up| {
            assert_eq!(gave_up.report.starts, 2);
            Boom
        })
    });
    let supervisor = Supervisor::builder(&rt, "outer").intensity(2).child(branch).build();
    let run = supervisor.expect("it makes sense").run(&rt);
    let error = rt.timeout(SOON, run).await.expect("it ends").expect_err("it gives up");
    assert_eq!((&*error.child, error.report.failed), ("branch", 3));
}

async fn children_come_and_go<R: Runtime>(rt: R) {
    let supervisor = Supervisor::<R, Boom>::builder(&rt, "s").strategy(Strategy::Dynamic).build();
    let supervisor = supervisor.expect("it makes sense");
    let handle = supervisor.handle();
    let run = rt.spawn(supervisor.run(&rt));
    let child = |name: String| {
        ChildSpec::permanent(name, |context: ChildContext<R>| async move {
            context.token().cancelled().await;
            Ok(())
        })
    };
    for number in 0..50 {
        handle.add(child(number.to_string())).expect("the name is free");
    }
    assert!(handle.add(child("7".to_owned())).is_err());
    for number in 0..25 {
        let removal = handle.remove(&number.to_string()).expect("it is there");
        rt.timeout(SOON, removal).await.expect("it ends");
        handle.add(child(number.to_string())).expect("the name is free again");
    }
    assert_eq!(handle.children().len(), 50);
    handle.stop();
    let report = rt.timeout(SOON, run).await.expect("it ends").expect("no panic").expect("it was stopped");
    // Some may have been removed, or stopped, before they were started.
    assert_eq!(report.finished, report.starts);
    assert!((50..=75).contains(&(report.starts + report.never_started.len() as u64)), "{report:?}");
}

async fn a_child_that_stops_its_supervisor_and_fails_is_not_given_up_on<R: Runtime>(rt: R) {
    for _ in 0..50 {
        let supervisor = Supervisor::<R, Boom>::builder(&rt, "s").intensity(0).build();
        let supervisor = supervisor.expect("it makes sense");
        let handle = supervisor.handle();
        let own = handle.clone();
        let child = ChildSpec::permanent("a", move |_| {
            let own = own.clone();
            async move {
                own.stop();
                Err(Boom)
            }
        });
        handle.add(child).expect("there is none");
        let run = rt.timeout(SOON, supervisor.run(&rt));
        assert_eq!(run.await.expect("it ends").expect("it was stopped first").failed, 1);
    }
}

/// On one thread. Those that are restarted without a pause leave the supervisor no poll in which it has nothing else to
/// do: here some end at once, and one is never made.
#[test]
fn s11_children_that_end_at_once_starve_no_limit() {
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).expect("it can be made");
    let rt = owner.runtime().clone();
    owner.block_on(async move {
        let limit = StopLimit::Within(ms(10));
        let stuck = ChildSpec::<Tokio, Boom>::temporary("stuck", |_| pending()).stop_limit(limit);
        let never = ChildSpec::permanent("never", |_| -> Ready<Result<(), Boom>> {
            std::panic::resume_unwind(Box::new("never"))
        });
        let supervisor = (0..200)
            .fold(Supervisor::builder(&rt, "s").child(stuck).child(never), |s, number| {
                s.child(ChildSpec::permanent(number.to_string(), |_| async { Ok(()) }))
            })
            .strategy(Strategy::Dynamic)
            .intensity(u32::MAX)
            .build()
            .expect("it makes sense");
        let handle = supervisor.handle();
        let run = rt.spawn(supervisor.run(&rt));
        rt.sleep(ms(5)).await; // they have been started
        let removal = handle.remove("stuck").expect("it is there");
        let removed = rt.timeout(Duration::from_secs(2), removal).await;
        handle.stop();
        let report =
            rt.timeout(SOON, run).await.expect("it ends").expect("no panic").expect("it was stopped");
        removed.expect("it is aborted at its limit");
        assert_eq!((report.aborted, report.overdue), (1, vec![Arc::from("stuck")]));
    });
}

/// Children are added on another thread as it stops: each is accounted for.
#[test]
#[allow(clippy::disallowed_methods, reason = "a thread of its own")]
fn what_is_added_as_it_stops_is_refused_or_in_the_report() {
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).expect("it can be made");
    let rt = owner.runtime().clone();
    for _ in 0..200 {
        let supervisor = Supervisor::<Tokio, Boom>::builder(&rt, "s").strategy(Strategy::Dynamic).build();
        let supervisor = supervisor.expect("it makes sense");
        let (handle, adder) = (supervisor.handle(), supervisor.handle());
        let (go, gone) = std::sync::mpsc::channel();
        let adding = std::thread::spawn(move || {
            let child = |number: u32| {
                ChildSpec::permanent(number.to_string(), |context: ChildContext<Tokio>| async move {
                    context.token().cancelled().await;
                    Ok(())
                })
            };
            let mut added = 0;
            while added < 100 && adder.add(child(added)).is_ok() {
                added += 1;
                let _ = go.send(());
            }
            u64::from(added)
        });
        gone.recv().expect("one is added");
        handle.stop();
        let report = owner.block_on(rt.timeout(SOON, supervisor.run(&rt)));
        let report = report.expect("it ends").expect("it was stopped");
        let added = adding.join().expect("no panic");
        assert_eq!(report.starts + report.never_started.len() as u64, added, "{report:?}");
    }
}
