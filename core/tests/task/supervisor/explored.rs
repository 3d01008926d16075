//! Random children under random schedules and faults: what is told is always a story that makes sense.

use super::kit::{Boom, spec};
use crate::kit::ms;
use backstay::sometimes;
use backstay::testing::{Explore, Faults, Sim, checked};
use backstay_core::task::{
    GaveUp, JoinSet, Restart, RestartDelay, Root, StopLimit, Strategy, Supervisor, SupervisorEvent,
};
use backstay_core::time::Instant;
use backstay_core::{Limit, Runtime};
use std::collections::BTreeMap;

fn pick<T: Copy>(rt: &Sim, from: &[T]) -> T {
    from[usize::try_from(rt.random_u64() % from.len() as u64).expect("it is small")]
}

/// `exact`: who hears something hears it in the instant in which it happens.
async fn a_life(rt: Sim, exact: bool) {
    let strategy =
        pick(&rt, &[Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic]);
    let delay = pick(&rt, &[RestartDelay::none(), RestartDelay::doubling(ms(2), ms(20))]);
    let (intensity, period) = (pick(&rt, &[1, 4, 40]), ms(pick(&rt, &[10, 200])));
    let mut builder = Supervisor::builder(&rt, "s")
        .strategy(strategy)
        .intensity(intensity)
        .period(period)
        .restart_delay(delay)
        .event_capacity(Limit::MAX);
    for number in 0..pick(&rt, &[1, 3, 6]) {
        let restart =
            pick(&rt, &[Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary]);
        let stop = pick(&rt, &[StopLimit::Within(ms(5)), StopLimit::Brutal, StopLimit::Unlimited]);
        let heeds = stop == StopLimit::Unlimited || pick(&rt, &[true, false]);
        let child = spec(&number.to_string(), restart, move |context| async move {
            let rt = context.runtime().clone();
            let mut own = JoinSet::new(&context);
            own.spawn(std::future::pending::<()>());
            rt.sleep(ms(rt.random_u64() % 8)).await;
            if rt.random_u64() % 8 == 0 {
                return Err(Boom("never up"));
            }
            context.ready();
            let life = ms(rt.random_u64() % 60);
            if heeds {
                if context.token().run(rt.sleep(life)).await.is_err() {
                    rt.sleep(ms(rt.random_u64() % 8)).await;
                }
            } else {
                rt.sleep(life).await;
            }
            match rt.random_u64() % 3 {
                0 => Ok(()),
                1 => Err(Boom("boom")),
                _ => std::panic::resume_unwind(Box::new("bang")),
            }
        });
        let child = child.stop_limit(stop);
        builder = builder.child(if pick(&rt, &[true, false]) { child.signals_ready() } else { child });
    }
    let supervisor = builder.build().expect("it makes sense");
    let mut events = supervisor.events();
    let root = Root::new(&rt);
    let watch = rt.spawn({
        let rt = rt.clone();
        async move {
            let mut story = Story::default();
            while let Ok(event) = events.recv().await {
                story.hear(&event);
                if let SupervisorEvent::Restarting { .. } = event {
                    let now = rt.now();
                    story.restarts.push(now);
                    let recent = story.restarts.iter().filter(|&&at| now - at <= period).count();
                    assert!(!exact || recent <= intensity as usize, "too many within {period:?}");
                }
            }
            assert!(story.ended, "the end is told");
            assert!(story.lives.values().all(|alive| !alive));
        }
    });
    let stop = rt.spawn({
        let (rt, token, limit) =
            (rt.clone(), root.token().clone(), ms(rt.random_u64() % pick(&rt, &[8, 300])));
        async move {
            let _ = token.run(rt.sleep(limit)).await;
            token.cancel();
        }
    });
    let outcome = checked(supervisor.run(&root)).await;
    root.token().cancel();
    stop.await.expect("no panic");
    watch.await.expect("the story makes sense");
    let report = outcome.as_ref().unwrap_or_else(|GaveUp { report, .. }| report);
    let ends = report.finished + report.failed + report.panicked + report.aborted;
    assert_eq!(report.starts, ends);
    assert_eq!(root.orphaned(), 0);
    sometimes!(outcome.is_err(), "it gave up");
    sometimes!(outcome.is_ok() && report.restarts > 3, "it went on and on");
    sometimes!(!report.overdue.is_empty(), "somebody was late");
    sometimes!(!report.never_started.is_empty(), "somebody was never started");
}

#[derive(Default)]
struct Story {
    restarts: Vec<Instant>,
    lives: BTreeMap<String, bool>,
    ended: bool,
}

impl Story {
    fn hear(&mut self, event: &SupervisorEvent<Boom>) {
        assert!(!self.ended, "nothing comes after the end");
        let alive = event.child().and_then(|child| self.lives.get(child).copied());
        match event {
            SupervisorEvent::Started { child, .. } => {
                assert_ne!(alive, Some(true), "it lives already");
                self.lives.insert(child.to_string(), true);
            }
            SupervisorEvent::Exited { child, .. } => {
                assert_eq!(alive, Some(true), "once for each start");
                self.lives.insert(child.to_string(), false);
            }
            SupervisorEvent::Restarting { .. } | SupervisorEvent::GaveUp { .. } => {
                assert_eq!(alive, Some(false));
            }
            SupervisorEvent::Stopped => self.ended = true,
            _ => unreachable!("there are no others"),
        }
    }
}

#[test]
fn whatever_children_do_the_story_makes_sense() {
    Explore::seeds(0..150).run(|rt| a_life(rt, true)).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn and_under_faults() {
    let builder = Sim::builder().faults(Faults::swarm());
    Explore::seeds(1000..1100)
        .builder(builder)
        .run(|rt| a_life(rt, false))
        .unwrap_or_else(|failure| panic!("{failure}"));
}
