//! Children that come and go while it runs, and who watches.

use super::kit::{failing, run_for, sleeper, slow, told};
use crate::kit::ms;
use backstay::testing::Sim;
use backstay_core::task::{
    AddChildError, AutoShutdown, Restart, RestartDelay, StopLimit, Strategy, Supervisor, SupervisorEnd,
};
use backstay_core::{Limit, Runtime};
use std::future::pending;

#[test]
fn children_are_added_and_removed_while_it_runs() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic] {
        let run = Sim::builder().run(|rt| async move {
            let supervisor = Supervisor::builder(&rt, "s")
                .strategy(strategy)
                .child(sleeper("a", Restart::Permanent))
                .build()
                .expect("it makes sense");
            let (handle, mut events) = (supervisor.handle(), supervisor.events());
            handle.add(slow("b", 0, 10)).expect("there is none"); // also before it runs
            let run = rt.spawn(supervisor.run(&rt));
            rt.sleep(ms(5)).await;
            handle.add(sleeper("c", Restart::Permanent)).expect("there is none");
            let names: Vec<_> = handle.children();
            assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "c"]);

            let taken = handle.add(sleeper("b", Restart::Permanent)).expect_err("there is one");
            assert!(matches!(taken, AddChildError::NameTaken { .. }));
            assert_eq!(taken.to_string(), "there is a child `b` already");

            let removal = handle.remove("b").expect("it is there");
            let again = handle.remove("b").expect("it is still there");
            assert!(handle.add(taken.into_child()).is_err(), "it still stops");
            removal.await;
            again.await;
            assert_eq!(rt.now().since_origin(), ms(15));
            handle.add(slow("b", 0, 0)).expect("the name is free");
            let unknown = handle.remove("z").expect_err("there is none");
            assert_eq!((unknown.to_string().as_str(), unknown.name()), ("there is no child `z`", "z"));
            rt.sleep(ms(1)).await;
            handle.stop();
            let report = run.await.expect("no panic").expect("it is stopped");
            assert_eq!((report.end, report.starts, report.restarts), (SupervisorEnd::Stopped, 4, 0));

            let late = handle.add(sleeper("d", Restart::Permanent)).expect_err("it has ended");
            assert_eq!(late.to_string(), "child `d` was not added: the supervisor stops");
            assert_eq!(late.into_child().name(), "d");
            handle.stop();
            told(&mut events)
        });
        let told = run.expect("nothing is left").value;
        assert_eq!(told[..5], ["a: started", "b: started", "c: started", "b: finished", "b: started"]);
        if strategy != Strategy::Dynamic {
            assert_eq!(told[5..], ["b: finished", "c: finished", "a: finished", "stopped"]);
        }
    }
}

#[test]
fn a_removal_takes_effect_though_nobody_awaits_it_and_ends_with_the_supervisor() {
    let run = Sim::builder().run(|rt| async move {
        let stuck = super::kit::spec("a", Restart::Permanent, |_| pending()).stop_limit(StopLimit::Unlimited);
        let supervisor = Supervisor::builder(&rt, "s").child(stuck).child(sleeper("b", Restart::Permanent));
        let supervisor = supervisor.build().expect("it makes sense");
        let handle = supervisor.handle();
        let mut run = Box::pin(supervisor.run(&rt));
        assert!(rt.timeout(ms(1), run.as_mut()).await.is_err());
        drop(handle.remove("b").expect("it is there"));
        let removal = handle.remove("a").expect("it is there");
        assert!(rt.timeout(ms(1), run.as_mut()).await.is_err());
        assert_eq!(handle.children().len(), 1);
        drop(run);
        removal.await;
    });
    run.expect("nothing is left");
}

#[test]
fn what_waits_for_its_restart_is_removed_at_once() {
    let run = Sim::builder().run(|rt| async move {
        let supervisor = Supervisor::builder(&rt, "s")
            .restart_delay(RestartDelay::doubling(ms(1000), ms(1000)).jitter(0))
            .child(failing("a", Restart::Permanent, 1))
            .build()
            .expect("it makes sense");
        let handle = supervisor.handle();
        let run = rt.spawn(supervisor.run(&rt));
        rt.sleep(ms(10)).await;
        handle.remove("a").expect("it waits").await;
        assert_eq!(rt.now().since_origin(), ms(10));
        assert!(handle.children().is_empty());
        rt.sleep(ms(2000)).await;
        handle.stop();
        run.await.expect("no panic").expect("it is stopped").starts
    });
    assert_eq!(run.expect("nothing is left").value, 1);
}

#[test]
fn a_thousand_come_and_go() {
    let run = Sim::builder().run(|rt| async move {
        let supervisor = Supervisor::builder(&rt, "s").strategy(Strategy::Dynamic).build();
        let supervisor = supervisor.expect("it makes sense");
        let handle = supervisor.handle();
        let run = rt.spawn(supervisor.run(&rt));
        for number in 0..1000 {
            let name = format!("{number}");
            handle.add(failing(&name, Restart::Temporary, number % 7)).expect("the name is free");
        }
        rt.sleep(ms(10)).await;
        assert!(handle.children().is_empty(), "who is not to run again is forgotten");
        for number in 0..1000 {
            handle.add(sleeper(&format!("{number}"), Restart::Permanent)).expect("the name is free");
        }
        rt.sleep(ms(1)).await;
        let removals: Vec<_> = (0..500).filter_map(|n| handle.remove(&n.to_string()).ok()).collect();
        assert_eq!(removals.len(), 500);
        for removal in removals {
            removal.await;
        }
        assert_eq!(handle.children().len(), 500);
        handle.stop();
        run.await.expect("no panic").expect("it is stopped")
    });
    let report = run.expect("nothing is left").value;
    assert_eq!((report.starts, report.failed, report.finished, report.restarts), (2000, 1000, 1000, 0));
}

#[test]
fn what_makes_no_sense_is_given_back() {
    let run = Sim::builder().run(|rt| async move {
        let supervisor = Supervisor::builder(&rt, "s").build().expect("it makes sense");
        let handle = supervisor.handle();
        let refused = handle.add(sleeper("", Restart::Permanent)).expect_err("it has no name");
        assert!(matches!(&refused, AddChildError::Invalid { source, .. } if source.field() == Some("name")));
        let refused = handle.add(sleeper("a", Restart::Temporary).significant()).expect_err("for nothing");
        assert!(
            matches!(&refused, AddChildError::Invalid { source, .. } if source.field() == Some("significant"))
        );
        // One that never runs tells its handles.
        drop(supervisor);
        let refused = handle.add(sleeper("a", Restart::Temporary)).expect_err("it is gone");
        assert!(matches!(refused, AddChildError::Stopping { .. }));
        assert!(handle.events().try_recv().is_err());
        assert!(format!("{handle:?}").contains("\"s\""));
    });
    run.expect("nothing is left");
}

#[test]
fn who_does_not_keep_up_is_told_and_keeps_nobody_waiting() {
    let ran = run_for(10_000, |s, _| {
        s.event_capacity(Limit::new(4).expect("not zero")).intensity(99).period(ms(1_000_000)).child(failing(
            "a",
            Restart::Permanent,
            1,
        ))
    });
    let report = ran.outcome.expect_err("it gives up").report;
    assert_eq!((report.starts, ran.elapsed), (100, ms(100)));
    // Three for each restart; at the end an exit, a surrender, and the end.
    let all = 3 * 99 + 1 + 3;
    assert_eq!(ran.told[0], format!("({} missed)", all - 4));
    assert_eq!(ran.told[1..], ["a: started again (99)", "a: failed: boom", "a: given up on", "stopped"]);
}

#[test]
fn a_child_may_end_its_supervisor_by_its_handle() {
    let run = Sim::builder().run(|rt| async move {
        let builder = Supervisor::builder(&rt, "s").auto_shutdown(AutoShutdown::AllSignificant).intensity(0);
        let supervisor = builder.build().expect("it makes sense");
        let handle = supervisor.handle();
        let own = handle.clone();
        handle
            .add(super::kit::spec("a", Restart::Permanent, move |context| {
                let own = own.clone();
                async move {
                    context.runtime().sleep(ms(3)).await;
                    own.stop();
                    Err(super::kit::Boom("and so it fails"))
                }
            }))
            .expect("there is none");
        supervisor.run(&rt).await.expect("it was stopped first").failed
    });
    assert_eq!(run.expect("nothing is left").value, 1);
}
