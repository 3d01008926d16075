//! The health check.

use crate::kit::{ms, on_sim, passed};
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{Event, EventKind, Health, HealthCheck, HealthCheckBuilder};
use backstay_core::task::{CancelReason, CancelToken};
use futures::FutureExt;
use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn builder() -> HealthCheckBuilder {
    HealthCheck::named("db").interval(ms(100)).timeout(ms(30)).healthy_after(2).unhealthy_after(3)
}

fn check() -> HealthCheck {
    builder().build().expect("it is good")
}

type Told = Arc<Mutex<Vec<(Health, Health, u32)>>>;

fn told(builder: HealthCheckBuilder) -> (HealthCheck, Told) {
    let told = Told::default();
    let log = Arc::clone(&told);
    let check = builder.observer(move |event: &Event| {
        let EventKind::HealthChanged { from, to, probes } = event.kind else { panic!("{event:?}") };
        assert_eq!((event.source, event.kind.name()), ("db", "health.changed"));
        let by = match probes {
            0 => "nobody probes".to_owned(),
            1 => "by 1 probe".to_owned(),
            probes => format!("by {probes} probes"),
        };
        assert_eq!(event.to_string(), format!("db: {from} -> {to}: {by}"));
        log.lock().unwrap().push((from, to, probes));
    });
    (check.build().expect("it is good"), told)
}

/// Runs the check for so long, with a probe that takes so many milliseconds or hangs, and passes or not; gives when
/// each began.
async fn run_for(
    rt: &Sim,
    check: &mut HealthCheck,
    time: Duration,
    probes: &[(Option<u64>, bool)],
) -> Vec<Duration> {
    let began = rt.now();
    let token = CancelToken::with_deadline(rt, began + time);
    let (starts, next) = (RefCell::new(Vec::new()), Cell::new(0));
    let cancelled = check
        .run(rt, &token, || {
            starts.borrow_mut().push(rt.now() - began);
            let (takes, passes) = probes[next.replace(next.get() + 1) % probes.len()];
            async move {
                match takes {
                    Some(0) => {}
                    Some(takes) => rt.sleep(ms(takes)).await,
                    None => std::future::pending().await,
                }
                if passes { Ok(()) } else { Err("down") }
            }
        })
        .await;
    assert_eq!(cancelled.into_reason(), CancelReason::Deadline);
    assert_eq!(rt.now() - began, time);
    starts.into_inner()
}

#[test]
fn thresholds_up_and_down_and_what_is_told() {
    on_sim(|rt| async move {
        let (mut check, told) = told(builder());
        let (ok, fails, hangs) = ((Some(0), true), (Some(5), false), (None, true));
        let probes = [ok, fails, hangs, ok, fails, hangs, fails, ok, fails, ok, ok];
        let mut status = check.status();
        run_for(&rt, &mut check, ms(1_050), &probes).await;
        let changes = [
            (Health::Unknown, Health::Healthy, 1),
            (Health::Healthy, Health::Unhealthy, 3),
            (Health::Unhealthy, Health::Healthy, 2),
            (Health::Healthy, Health::Unknown, 0), // nobody probes any more
        ];
        assert_eq!(*told.lock().unwrap(), changes);
        assert!(status.has_changed());
        assert_eq!((*status.borrow_and_update(), check.health()), (Health::Unknown, Health::Unknown));
    });
}

#[test]
fn a_panic_of_the_observer_is_a_panic_and_no_abort() {
    on_sim(|rt| async move {
        let builder = builder().observer(|_: &Event| std::panic::resume_unwind(Box::new("an observer")));
        let mut check = builder.build().expect("it is good");
        let status = check.status();
        let token = CancelToken::new();
        let run = check.run(&rt, &token, async || Ok::<_, ()>(()));
        assert!(AssertUnwindSafe(run).catch_unwind().await.is_err());
        assert_eq!(*status.borrow(), Health::Unknown);
        assert_eq!(check.health(), Health::Unknown);
    });
}

#[test]
fn the_interval_is_from_start_to_start() {
    on_sim(|rt| async move {
        let mut check = check();
        let starts = run_for(&rt, &mut check, ms(350), &[(Some(20), true), (Some(0), true)]).await;
        assert_eq!(starts, [0, 100, 200, 300].map(ms));
        // A probe that hangs is cut off; one that takes longer than the interval is followed at once.
        let mut check = builder().interval(ms(20)).build().expect("it is good");
        let starts = run_for(&rt, &mut check, ms(75), &[(None, true)]).await;
        assert_eq!(starts, [0, 30, 60].map(ms));
        // However short it is, others have their turn.
        let mut check = builder().interval(Duration::from_nanos(1)).build().expect("it is good");
        assert!(!run_for(&rt, &mut check, Duration::from_nanos(50), &[(Some(0), true)]).await.is_empty());
    });
}

#[test]
fn jitter_makes_intervals_differ_around_theirs() {
    on_sim(|rt| async move {
        let mut check = builder().jitter(0.2).build().expect("it is good");
        let starts = run_for(&rt, &mut check, ms(100_000), &[(Some(0), true)]).await;
        let gaps: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| (ms(80)..=ms(120)).contains(gap)));
        let middle = gaps.iter().sum::<Duration>() / gaps.len() as u32;
        assert!((ms(98)..=ms(102)).contains(&middle), "{middle:?}");
        assert!(gaps.iter().any(|gap| *gap < ms(85)) && gaps.iter().any(|gap| *gap > ms(115)));
    });
}

#[test]
fn a_change_can_be_waited_for_while_it_runs() {
    on_sim(|rt| async move {
        let mut check = check();
        let mut status = check.status();
        assert_eq!(*status.borrow(), Health::Unknown);
        let token = CancelToken::new();
        let began = rt.now();
        let task = rt.spawn({
            let (rt, token) = (rt.clone(), token.clone());
            async move {
                let down_since = began + ms(150);
                let probe = || async { if rt.now() < down_since { Ok(()) } else { Err("down") } };
                check.run(&rt, &token, probe).await
            }
        });
        status.wait_for(|health| *health == Health::Healthy).await.expect("it is probed");
        assert_eq!(rt.now(), began);
        status.wait_for(|health| *health == Health::Unhealthy).await.expect("it is probed");
        assert_eq!(rt.now() - began, ms(400), "the third that failed");
        token.cancel_with("enough");
        let cancelled = task.await.expect("no panic");
        assert_eq!(cancelled.into_reason(), CancelReason::from("enough"));
        // The check has gone with its task: nobody will ever probe.
        assert!(status.changed().await.is_ok());
        assert_eq!(*status.borrow(), Health::Unknown);
        assert!(status.changed().await.is_err());
    });
}

#[test]
fn it_can_run_again_and_by_hand() {
    on_sim(|rt| async move {
        let mut check = check();
        assert_eq!([true, false, false].map(|passed| check.record(passed)), [Health::Healthy; 3]);
        assert_eq!(check.record(false), Health::Unhealthy);
        let status = check.status();
        assert_eq!(*status.borrow(), Health::Unhealthy);
        // One that was there before begins with what it knew.
        run_for(&rt, &mut check, ms(50), &[(Some(0), true)]).await;
        assert_eq!(check.health(), Health::Unknown);
        assert_eq!(run_for(&rt, &mut check, ms(250), &[(Some(0), true)]).await.len(), 3);
        assert_eq!((check.name(), Health::Unknown.to_string().as_str()), ("db", "unknown"));
    });
}

#[test]
fn a_token_that_is_cancelled_comes_first() {
    on_sim(|rt| async move {
        let token = CancelToken::new();
        token.cancel();
        let probed = Cell::new(false);
        let mut check = check();
        check
            .run(&rt, &token, || {
                probed.set(true);
                async { Ok::<_, &str>(()) }
            })
            .await;
        assert!(!probed.get());
    });
}

#[test]
fn b40_what_makes_no_sense_is_refused_by_name() {
    type Set = fn(HealthCheckBuilder) -> HealthCheckBuilder;
    let table: [(&str, Set); 6] = [
        ("interval", |b| b.interval(Duration::ZERO)),
        ("timeout", |b| b.timeout(Duration::ZERO)),
        ("healthy_after", |b| b.healthy_after(0)),
        ("unhealthy_after", |b| b.unhealthy_after(0)),
        ("jitter", |b| b.jitter(-0.1)),
        ("jitter", |b| b.jitter(f64::NAN)),
    ];
    for (field, set) in table {
        assert_eq!(set(HealthCheck::named("db")).build().expect_err("no sense").field(), Some(field));
    }
    let most = HealthCheck::named("db").interval(Duration::MAX).timeout(Duration::MAX).jitter(1.0);
    let mut most = most.healthy_after(u32::MAX).unhealthy_after(u32::MAX).build().expect("it is good");
    on_sim_once(async move |rt: Sim| {
        let starts = run_for(&rt, &mut most, ms(10), &[(Some(0), true)]).await;
        assert_eq!(starts.len(), 1);
    });
}

#[track_caller]
fn on_sim_once(test: impl AsyncFnOnce(Sim)) {
    let test = Cell::new(Some(test));
    passed(Sim::builder().run(|rt| async { (test.take().expect("it runs once"))(rt).await }));
}

/// The subject checks; a probe takes several polls.
async fn checking(rt: Sim, subject: Subject) -> backstay_core::channel::watch::Receiver<Health> {
    let mut check = check();
    let status = check.status();
    let checks = {
        let rt = rt.clone();
        async move {
            let token = CancelToken::with_deadline(&rt, rt.now() + ms(250));
            let probe = async || {
                rt.sleep(ms(1)).await;
                rt.yield_now().await;
                Ok::<_, &str>(())
            };
            check.run(&rt, &token, probe).await;
        }
    };
    subject.spawn(&rt, checks).await;
    status
}

#[test]
fn s09_a_check_that_is_cut_anywhere_knows_nothing_any_more() {
    let check = |_, status: backstay_core::channel::watch::Receiver<Health>| async move {
        assert_eq!(*status.borrow(), Health::Unknown);
        assert!(status.is_closed());
    };
    assert!(passed(cancel_sweep(checking, check)).polls >= 8);
    passed(abort_sweep(checking, check));
    passed(panic_sweep(checking, check));
}

#[test]
fn an_observer_that_panics_beside_a_probe_that_panics_ends_no_process() {
    let observer = |event: &Event| {
        let EventKind::HealthChanged { to, .. } = event.kind else { return };
        assert_ne!(to, Health::Unknown, "an observer's");
    };
    let mut check = builder().observer(observer).build().expect("it is good");
    let status = check.status();
    on_sim_once(async move |rt: Sim| {
        let probed = Cell::new(false);
        let task = std::panic::AssertUnwindSafe(async {
            let probe = || {
                assert!(!probed.replace(true), "a probe's");
                async { Ok::<_, &str>(()) }
            };
            check.run(&rt, &CancelToken::new(), probe).await
        });
        assert!(futures::FutureExt::catch_unwind(task).await.is_err());
    });
    assert_eq!(*status.borrow(), Health::Unknown);
}
