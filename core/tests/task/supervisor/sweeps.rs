//! Every operation, cut off before each of its polls.

use super::kit::{Boom, failing_first, slow, spec};
use crate::kit::ms;
use backstay::testing::{Failure, Sim, Subject, Swept, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::task::{JoinSet, Restart, RestartDelay, Root, Strategy, Supervisor, SupervisorHandle};

fn supervisor(rt: &Sim, tracker: &Tracker, strategy: Strategy) -> Supervisor<Sim, Boom> {
    let tracker = tracker.clone();
    Supervisor::builder(rt, "s")
        .strategy(strategy)
        .intensity(9)
        .restart_delay(RestartDelay::doubling(ms(5), ms(5)))
        .child(slow("a", 2, 3))
        .child(spec("b", Restart::Permanent, move |context| {
            let held = tracker.track(());
            async move {
                let mut own = JoinSet::new(&context);
                own.spawn(std::future::pending::<()>());
                let _ = context.token().run(context.runtime().sleep(ms(8))).await;
                drop(held);
                Err(Boom("boom"))
            }
        }))
        .child(failing_first("c", Restart::Transient, 1, 4))
        .build()
        .expect("it makes sense")
}

/// Sweeps an operation on a supervisor that runs beside it, or is it, and is stopped after 40 ms.
fn check(swept: [Result<Swept, Failure>; 3], polls: u64) {
    for swept in swept {
        let swept = swept.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(swept.polls >= polls, "{swept:?}");
    }
}

#[test]
fn s09_run() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic] {
        let scenario = |spawn: bool| {
            move |rt: Sim, subject: Subject| async move {
                let tracker = Tracker::new();
                let root = Root::new(&rt);
                let supervisor = supervisor(&rt, &tracker, strategy);
                let handle = supervisor.handle();
                let removal = handle.remove("c").expect("it is there");
                handle.add(slow("d", 1, 1)).expect("there is none");
                let run = supervisor.run(&root);
                let stop = rt.spawn({
                    let (rt, handle) = (rt.clone(), handle.clone());
                    async move {
                        rt.sleep(ms(40)).await;
                        handle.stop();
                        removal.await;
                    }
                });
                let outcome = if spawn { subject.spawn(&rt, run).await } else { subject.run(run).await };
                let is_whole = outcome.is_some_and(|outcome| outcome.is_ok());
                (tracker, root, handle, stop, is_whole)
            }
        };
        type Left = (Tracker, Root<Sim>, SupervisorHandle<Sim, Boom>, <Sim as Runtime>::JoinHandle<()>, bool);
        let check_left = |_: Sim, (tracker, root, handle, stop, is_whole): Left| async move {
            tracker.assert_none_alive();
            assert!(!is_whole || root.orphaned() == 0, "who ends in order leaves nothing");
            assert!(handle.add(slow("late", 0, 0)).is_err());
            assert!(handle.events().recv().await.is_err());
            stop.await.expect("nobody waits for ever");
        };
        let swept = [
            cancel_sweep(scenario(false), check_left),
            abort_sweep(scenario(true), check_left),
            panic_sweep(scenario(true), check_left),
        ];
        check(swept, 8);
    }
}

#[test]
fn s09_removal() {
    let scenario = |spawn: bool| {
        move |rt: Sim, subject: Subject| async move {
            let tracker = Tracker::new();
            let supervisor = supervisor(&rt, &tracker, Strategy::OneForOne);
            let handle = supervisor.handle();
            let run = rt.spawn(supervisor.run(&rt));
            rt.sleep(ms(5)).await;
            let removal = handle.remove("a").expect("it is there");
            if spawn {
                subject.spawn(&rt, removal).await;
            } else {
                subject.run(removal).await;
            }
            rt.sleep(ms(5)).await;
            assert_eq!(handle.children().len(), 2, "it is removed all the same");
            handle.stop();
            run.await.expect("no panic").expect("it is stopped");
        }
    };
    let check_left = |_: Sim, ()| async {};
    check(
        [
            cancel_sweep(scenario(false), check_left),
            abort_sweep(scenario(true), check_left),
            panic_sweep(scenario(true), check_left),
        ],
        2,
    );
}
