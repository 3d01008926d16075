//! Who is started again, when, and how often.

use super::kit::{Boom, Log, failing, failing_first, leaves, run_for, sleeper, slow, spec};
use crate::kit::{Wakes, ms, poll_with};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::task::{ChildExit, Restart, RestartDelay, Strategy, Supervisor, SupervisorEnd};
use futures::FutureExt;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn children_start_in_order_each_when_the_one_before_is_up() {
    let ran = run_for(50, |s, _| {
        s.child(slow("a", 10, 0)).child(sleeper("b", Restart::Permanent)).child(slow("c", 20, 0))
    });
    assert_eq!(
        ran.told,
        ["a: started", "b: started", "c: started", "c: finished", "b: finished", "a: finished", "stopped"]
    );
    let log = Log::default();
    let ran = run_for(50, |s, _| {
        let child = |name: &str| {
            let log = log.clone();
            spec(name, Restart::Permanent, move |context| {
                log.add(context.runtime(), context.name());
                async move {
                    context.runtime().sleep(ms(10)).await;
                    context.ready();
                    context.ready(); // once is enough
                    context.token().cancelled().await;
                    Ok(())
                }
            })
            .signals_ready()
        };
        s.child(child("a")).child(child("b")).child(child("c"))
    });
    assert_eq!(log.take(), ["0 a", "10 b", "20 c"]);
    assert_eq!(ran.elapsed, ms(50));
}

#[test]
fn the_restart_kind_decides() {
    let ends = |name: &str, restart| {
        spec(name, restart, |context| async move {
            context.runtime().sleep(ms(10)).await;
            Ok(())
        })
    };
    let ran = run_for(25, |s, _| {
        s.intensity(10)
            .child(ends("p", Restart::Permanent))
            .child(ends("t", Restart::Transient))
            .child(ends("x", Restart::Temporary))
            .child(failing_first("t!", Restart::Transient, 1, 12))
            .child(failing("x!", Restart::Temporary, 12))
    });
    let report = ran.outcome.expect("it is stopped");
    assert_eq!((report.starts, report.restarts), (8, 3));
    assert_eq!((report.finished, report.failed, report.aborted), (6, 2, 0));
    let count = |line: &str| ran.told.iter().filter(|told| *told == line).count();
    assert_eq!(
        (count("p: started"), count("p: started again (1)"), count("p: started again (2)")),
        (1, 1, 1)
    );
    assert_eq!((count("t: finished"), count("x: finished"), count("x!: failed: boom")), (1, 1, 1));
    assert_eq!((count("t!: started again (1)"), count("t!: to be restarted after 0ns")), (1, 1));
}

#[test]
fn s18_a_panic_of_a_child_or_of_its_factory_is_a_failure_like_others() {
    let ran = run_for(50, |s, _| {
        s.intensity(5)
            .child(spec("task", Restart::Permanent, |context| async move {
                if context.restarts() == 0 {
                    std::panic::resume_unwind(Box::new("disk full"));
                }
                context.token().cancelled().await;
                Ok(())
            }))
            .child(spec("factory", Restart::Permanent, |context| {
                if context.restarts() < 2 {
                    std::panic::resume_unwind(Box::new(String::from("no socket")));
                }
                async move {
                    context.token().cancelled().await;
                    Err(Boom("as it stopped"))
                }
            }))
    });
    let report = ran.outcome.expect("it is stopped");
    assert_eq!((report.starts, report.panicked, report.restarts, report.failed), (5, 3, 3, 1));
    for line in
        ["task: panicked: disk full", "factory: panicked: no socket", "factory: failed: as it stopped"]
    {
        assert!(ran.told.iter().any(|told| told == line), "{:?}", ran.told);
    }
}

#[test]
fn one_for_all_restarts_all_in_order() {
    let ran = run_for(50, |s, _| {
        s.strategy(Strategy::OneForAll)
            .child(sleeper("a", Restart::Permanent))
            .child(failing_first("b", Restart::Permanent, 1, 10))
            .child(sleeper("c", Restart::Temporary))
    });
    assert_eq!(
        ran.told[3..],
        [
            "b: failed: boom",
            "b: to be restarted after 0ns",
            "c: finished",
            "a: finished",
            "a: started again (1)",
            "b: started again (1)",
            "b: finished",
            "a: finished",
            "stopped"
        ]
    );
}

#[test]
fn rest_for_one_restarts_those_after() {
    let ran = run_for(50, |s, _| {
        s.strategy(Strategy::RestForOne)
            .child(sleeper("a", Restart::Permanent))
            .child(failing_first("b", Restart::Permanent, 1, 10))
            .child(slow("c", 5, 7))
    });
    assert_eq!(
        ran.told[3..],
        [
            "b: failed: boom",
            "b: to be restarted after 0ns",
            "c: finished",
            "b: started again (1)",
            "c: started again (1)",
            "c: finished",
            "b: finished",
            "a: finished",
            "stopped"
        ]
    );
    assert_eq!(ran.elapsed, ms(57));
}

#[test]
fn delays_double_up_to_the_cap_and_begin_anew() {
    let starts = Log::default();
    let delay = RestartDelay::doubling(ms(10), ms(35)).jitter(0).stable_after(ms(100));
    let ran = run_for(400, |s, _| {
        let starts = starts.clone();
        s.intensity(11).period(ms(1000)).restart_delay(delay).child(spec(
            "a",
            Restart::Permanent,
            move |context| {
                starts.add(context.runtime(), context.restarts());
                async move {
                    context.runtime().sleep(ms(if context.restarts() == 4 { 100 } else { 1 })).await;
                    Err(Boom("boom"))
                }
            },
        ))
    });
    // Up for 1 ms each, but for one: 10, 20, 35, 35; 10, 20, 35 …
    let expected =
        ["0 0", "11 1", "32 2", "68 3", "104 4", "214 5", "235 6", "271 7", "307 8", "343 9", "379 10"];
    assert_eq!(starts.take(), expected);
    assert!(ran.outcome.is_ok());
}

#[test]
fn jitter_comes_from_the_runtime_and_only_shortens() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let run = Sim::builder().seed(seed).run(|rt| async move {
            let supervisor = Supervisor::builder(&rt, "s")
                .restart_delay(RestartDelay::doubling(ms(1000), ms(1000)).jitter(30))
                .child(failing_first("a", Restart::Permanent, 1, 0))
                .build()
                .expect("it makes sense");
            let mut events = supervisor.events();
            let handle = supervisor.handle();
            let stop = rt.spawn(async move {
                loop {
                    let event = events.recv().await.expect("it tells").to_string();
                    if event == "a: started again (1)" {
                        break handle.stop();
                    }
                }
            });
            supervisor.run(&rt).await.expect("it is stopped");
            stop.await.expect("no panic");
        });
        let elapsed = run.expect("nothing is left").elapsed;
        assert!((ms(700)..=ms(1000)).contains(&elapsed), "{elapsed:?}");
        seen.insert(elapsed);
    }
    assert!(seen.len() > 15, "{seen:?}");
}

#[test]
fn it_gives_up_with_the_last_error_when_there_were_too_many() {
    let ran = run_for(1000, |s, _| {
        s.intensity(2)
            .period(Duration::from_secs(60))
            .child(sleeper("a", Restart::Permanent))
            .child(failing("b", Restart::Permanent, 10))
            .child(sleeper("c", Restart::Permanent))
    });
    assert_eq!(ran.elapsed, ms(30));
    let error = ran.outcome.expect_err("there were too many");
    assert_eq!(error.to_string(), "supervisor `s` gave up: `b` failed, after 2 restarts within 60s");
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("boom"));
    assert!(matches!(&*error.exit, ChildExit::Failed(Boom("boom"))));
    assert_eq!((&*error.supervisor, &*error.child, error.report.restarts), ("s", "b", 2));
    assert_eq!((error.report.starts, &error.report.end), (5, &SupervisorEnd::GaveUp));
    let last: Vec<_> = ran.told.iter().rev().take(5).rev().collect();
    assert_eq!(last, ["b: failed: boom", "b: given up on", "c: finished", "a: finished", "stopped"]);
}

#[test]
fn what_is_spread_out_is_not_too_much() {
    // A restart every 11 ms: no more than two in 20 ms, its ends included.
    let ran = run_for(1000, |s, _| s.intensity(2).period(ms(20)).child(failing("a", Restart::Permanent, 11)));
    assert_eq!(ran.outcome.expect("it is stopped").restarts, 90);
    let ran = run_for(1000, |s, _| s.intensity(2).period(ms(22)).child(failing("a", Restart::Permanent, 11)));
    assert_eq!(ran.outcome.expect_err("a third within 22 ms").report.restarts, 2);
}

#[test]
fn zero_intensity_never_restarts() {
    let ran = run_for(1000, |s, _| {
        s.intensity(0).child(failing("x", Restart::Temporary, 5)).child(failing("a", Restart::Permanent, 10))
    });
    let error = ran.outcome.expect_err("it gives up at once");
    assert_eq!((error.report.starts, error.report.restarts, ran.elapsed), (2, 0, ms(10)));
    let ran =
        run_for(30, |s, _| s.intensity(0).child(spec("ends", Restart::Permanent, |_| async { Ok(()) })));
    let error = ran.outcome.expect_err("a permanent child does not end");
    assert_eq!(error.to_string(), "supervisor `s` gave up: `ends` ended, after 0 restarts within 5s");
    assert!(error.source().is_none());
}

#[test]
fn s30_a_child_that_dies_before_it_is_up() {
    // It counts, and who comes after it waits.
    let ran = run_for(100, |s, _| {
        s.intensity(1)
            .child(failing("db", Restart::Permanent, 10).signals_ready())
            .child(sleeper("web", Restart::Permanent))
    });
    let error = ran.outcome.expect_err("it can't start");
    assert_eq!((error.report.starts, ran.elapsed), (2, ms(20)));
    assert_eq!(error.report.never_started, [Arc::from("web")]);

    // Told to stop as it starts: the next is not started.
    let ran = run_for(5, |s, _| s.child(slow("db", 10, 0)).child(sleeper("web", Restart::Permanent)));
    let report = ran.outcome.expect("it is stopped");
    assert_eq!((report.starts, report.never_started.len(), ran.elapsed), (1, 1, ms(10)));
}

#[test]
fn a_stop_between_two_tries_is_honoured() {
    let delay = RestartDelay::doubling(ms(1000), ms(1000)).jitter(0);
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic] {
        let ran = run_for(500, |s, _| {
            s.strategy(strategy).restart_delay(delay).child(failing("a", Restart::Permanent, 1))
        });
        assert_eq!((ran.outcome.expect("it is stopped").starts, ran.elapsed), (1, ms(500)));
    }
}

#[test]
fn restarts_without_delay_starve_nobody() {
    let run = Sim::builder().run(|rt| async move {
        let supervisor = Supervisor::builder(&rt, "s")
            .intensity(u32::MAX)
            .child(spec("a", Restart::Permanent, |_| -> std::future::Ready<Result<(), Boom>> {
                std::panic::resume_unwind(Box::new("never made"))
            }))
            .build()
            .expect("it makes sense");
        let handle = supervisor.handle();
        let stop = rt.spawn(async move { handle.stop() });
        let report = supervisor.run(&rt).await.expect("it is stopped");
        stop.await.expect("no panic");
        report
    });
    let report = run.expect("it ends").value;
    assert!(report.panicked >= 1 && report.starts == report.panicked);
}

#[test]
fn s30_a_factory_that_panics_has_not_started_its_child_and_the_next_one_waits() {
    let log = Log::default();
    let ran = run_for(100, |s, rt| {
        let (first, second, third) = (log.clone(), log.clone(), rt.clone());
        let mut is_made = false;
        s.restart_delay(RestartDelay::doubling(ms(50), ms(50)).jitter(0))
            .child(spec("a", Restart::Permanent, move |context| {
                if !std::mem::replace(&mut is_made, true) {
                    std::panic::resume_unwind(Box::new("not yet"));
                }
                async move {
                    context.token().cancelled().await;
                    Ok(())
                }
            }))
            .child(spec("b", Restart::Permanent, move |context| {
                first.add(context.runtime(), "b");
                async move {
                    context.token().cancelled().await;
                    Ok(())
                }
            }))
            .on_started(move || second.add(&third, "up"))
    });
    assert_eq!(log.take(), ["50 b", "50 up"]);
    let report = ran.outcome.expect("it is stopped");
    assert_eq!((report.starts, report.panicked, report.restarts), (3, 1, 1));
}

#[test]
fn a_child_that_says_again_that_it_is_ready_tells_the_supervisor_nothing() {
    let run = Sim::builder().run(|rt| async move {
        let (give, mut take) = backstay_core::channel::mpsc::channel(backstay_core::Limit::MAX);
        let child = spec("a", Restart::Permanent, move |context| {
            give.try_send(context.clone()).expect("there is room");
            std::future::pending()
        });
        let supervisor = Supervisor::builder(&rt, "s").child(child.signals_ready()).build();
        let mut run = Box::pin(supervisor.expect("it makes sense").run(&rt));
        let (wakes, waker) = Wakes::new();
        assert!(poll_with(run.as_mut(), &waker).is_pending());
        let context = take.try_recv().expect("it is started");
        let before = wakes.count();
        context.ready();
        assert_eq!(wakes.count(), before + 1);
        assert!(poll_with(run.as_mut(), &waker).is_pending());
        let before = wakes.count();
        (0..3).for_each(|_| context.clone().ready());
        assert_eq!(wakes.count(), before);
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn the_delay_is_from_the_failure_and_what_is_left_is_no_time_up() {
    let ran = run_for(300, |s, _| {
        let delay = RestartDelay::doubling(ms(10), ms(40)).jitter(0).stable_after(ms(45));
        s.intensity(100).restart_delay(delay).child(spec("a", Restart::Permanent, |context| async move {
            // It fails at once, and leaves something for fifty milliseconds.
            let nap = context.runtime().sleep(ms(50));
            leaves(&context, nap.map(Ok)).await;
            Err(Boom("boom"))
        }))
    });
    let delays: Vec<_> = ran.told.iter().filter(|line| line.contains("restart")).collect();
    let said = |wanted: &str| delays.iter().filter(|line| line.contains(wanted)).count();
    assert_eq!([said("10ms"), said("20ms")], [1, 1], "{delays:?}");
    assert!(said("40ms") >= 3, "{delays:?}");
    // Each delay had passed when the next could start.
    assert_eq!(ran.outcome.expect("it is stopped").starts, 6);
}

#[test]
fn a_failure_counts_when_it_happens_whatever_it_leaves() {
    let ran = run_for(300, |s, _| {
        s.intensity(1)
            .period(ms(100))
            .child(spec("a", Restart::Permanent, |context| async move {
                if context.restarts() > 0 {
                    context.token().cancelled().await;
                    return Ok(());
                }
                // What it leaves ends just before the other fails.
                let nap = context.runtime().sleep(ms(150));
                leaves(&context, nap.map(Ok)).await;
                Err(Boom("boom"))
            }))
            .child(failing_first("b", Restart::Permanent, 1, 160))
    });
    assert_eq!(ran.outcome.expect("they are far apart").failed, 2);
}
