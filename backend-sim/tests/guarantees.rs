//! What the simulated runtime guarantees, each with a test named after it: docs/guide/testing.md lists them.

use backstay_core::testing::Tracker;
use backstay_core::time::Instant;
use backstay_core::{BlockOn, JoinError, JoinHandle, Runtime, probe};
use backstay_sim::{Builder, Explore, FailureKind, Faults, Schedule, Sim};
use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn push(&self, line: impl Into<String>) {
        self.0.lock().expect("no panic while it is locked").push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic while it is locked"))
    }
}

/// Writes into the log when it is dropped.
struct LogDrop(Log, u32);

impl Drop for LogDrop {
    fn drop(&mut self) {
        self.0.push(format!("drop {}", self.1));
    }
}

fn schedules() -> Vec<Schedule> {
    let depth = 3.try_into().expect("not zero");
    let pct = Schedule::Pct { depth, polls: 100 };
    let choices = Schedule::Choices(vec![1, 0, 2, 7, 1, 1]);
    let bytes = Schedule::Bytes(vec![200, 3, 77, 4, 5]);
    vec![Schedule::Random, Schedule::Fifo, Schedule::Lifo, Schedule::RoundRobin, pct, choices, bytes]
}

/// A bit of everything: tasks, jobs, timers, aborts, random numbers, and tasks that are left to be dropped.
async fn a_bit_of_everything(rt: Sim, log: Log) {
    let tasks: Vec<_> = (0..6_u32)
        .map(|i| {
            let (rt, log) = (rt.clone(), log.clone());
            rt.clone().spawn(async move {
                for _ in 0..3 {
                    rt.sleep(ms(rt.random_u64() % 4)).await;
                    log.push(format!("{i} at {:?}", rt.now()));
                    rt.yield_now().await;
                }
                let job_log = log.clone();
                rt.spawn_blocking(move || job_log.push(format!("job of {i}"))).await.expect("it runs");
            })
        })
        .collect();
    for i in 0..4 {
        let left = LogDrop(log.clone(), i);
        rt.spawn_named("left", async move {
            pending::<()>().await;
            drop(left);
        })
        .detach();
    }
    tasks[2].abort();
    for task in tasks {
        log.push(format!("{:?}", task.await.map_err(|error| error.to_string())));
    }
}

#[test]
fn g1_the_same_seed_gives_the_same_run() {
    for schedule in schedules() {
        for faults in [Faults::off(), Faults::gentle(), Faults::swarm()] {
            let run = |seed| {
                let log = Log::default();
                let builder = Sim::builder().seed(seed).schedule(schedule.clone()).faults(faults.clone());
                let run = builder.allow_leak("left").run(|rt| a_bit_of_everything(rt, log.clone()));
                let run = run.expect("it ends");
                (run.hash, run.polls, run.elapsed, run.tasks, log.take())
            };
            for seed in 0..5 {
                assert_eq!(run(seed), run(seed), "{schedule:?}, {faults:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn g1_the_same_seed_gives_the_same_report() {
    let report = |seed| {
        let builder = Sim::builder().seed(seed).faults(Faults::swarm());
        builder.run(|rt| a_bit_of_everything(rt, Log::default())).expect_err("tasks are left").to_string()
    };
    for seed in 0..20 {
        assert_eq!(report(seed), report(seed));
    }
}

#[test]
fn g1_other_seeds_give_other_runs() {
    let hash = |seed| {
        let builder = Sim::builder().seed(seed).allow_leak("left");
        builder.run(|rt| a_bit_of_everything(rt, Log::default())).expect("it ends").hash
    };
    let hashes: std::collections::BTreeSet<_> = (0..100).map(|seed| hash(seed).to_string()).collect();
    assert!(hashes.len() > 95, "{}", hashes.len());
}

#[test]
fn g1_a_run_that_depends_on_the_world_is_told() {
    let runs = std::sync::atomic::AtomicU64::new(0);
    let failure = Sim::builder()
        .run_twice(|rt| {
            let naps = runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move { rt.sleep(ms(naps)).await }
        })
        .expect_err("the second sleeps longer");
    assert!(matches!(failure.kind(), FailureKind::NotDeterministic));
    assert!(failure.to_string().contains("ended after 1ms"), "{failure}");
}

#[test]
fn g2_tasks_are_numbered_in_the_order_of_spawning() {
    let failure = Sim::builder()
        .run(|rt| async move {
            for name in ["first", "second", "third"] {
                rt.spawn_named(name, pending::<()>()).detach();
            }
            pending::<()>().await;
        })
        .expect_err("a deadlock")
        .to_string();
    let rows: Vec<_> = failure.lines().filter(|line| line.contains("guarantees.rs")).collect();
    let firsts: Vec<_> = rows.iter().map(|row| row.split_whitespace().take(2).collect::<Vec<_>>()).collect();
    assert_eq!(firsts, [["0", "(root)"], ["1", "first"], ["2", "second"], ["3", "third"]], "{failure}");
}

#[test]
fn g2_random_numbers_come_from_the_seed_and_from_nothing_else() {
    let numbers = |seed, faults| {
        let builder = Sim::builder().seed(seed).faults(faults);
        let run = builder.run(|rt: Sim| async move {
            rt.spawn(async {}).await.expect("it runs");
            [rt.random_u64(), rt.random_u64(), rt.random_u64()]
        });
        run.expect("it ends").value
    };
    assert_eq!(numbers(1, Faults::off()), numbers(1, Faults::off()));
    assert_ne!(numbers(1, Faults::off()), numbers(2, Faults::off()));
    // Streams of their own: faults don't shift them.
    assert_eq!(numbers(1, Faults::off()), numbers(1, Faults::swarm()));
}

/// Which of two tasks that are ready together ran first.
async fn who_is_first(rt: Sim) -> char {
    let log = Log::default();
    let tasks = ['a', 'b'].map(|name| {
        let log = log.clone();
        rt.spawn(async move { log.push(name) })
    });
    for task in tasks {
        task.await.expect("it runs");
    }
    log.take()[0].chars().next().expect("a name")
}

#[test]
fn g3_either_of_two_is_first_as_often() {
    const RUNS: i64 = 10_000;
    let first = |seed| Sim::builder().seed(seed).run(who_is_first).expect("it ends").value;
    let a = (0..RUNS as u64).filter(|&seed| first(seed) == 'a').count() as i64;
    // Five standard deviations: a fair schedule fails once in two million such tests, and this one is seeded.
    assert!((a - RUNS / 2).abs() < 250, "a was first in {a} of {RUNS} runs");
}

#[test]
fn g3_every_order_occurs() {
    let mut orders = BTreeMap::<_, u32>::new();
    for seed in 0..2_000 {
        let run = Sim::builder().seed(seed).run(|rt| async move {
            let log = Log::default();
            let tasks = ["a", "b", "c", "d"].map(|name| {
                let log = log.clone();
                rt.spawn(async move { log.push(name) })
            });
            for task in tasks {
                task.await.expect("it runs");
            }
            log.take().concat()
        });
        *orders.entry(run.expect("it ends").value).or_default() += 1;
    }
    assert_eq!(orders.len(), 24, "{orders:?}");
    assert!(orders.values().all(|&count| count > 40), "{orders:?}");
}

#[test]
fn g3_exhaustive_runs_each_order_once() {
    let orders = Mutex::new(BTreeMap::<String, u32>::new());
    let explored = Explore::exhaustive(1_000_000).run(|rt| {
        let orders = &orders;
        async move {
            let log = Log::default();
            let tasks: Vec<_> = ["a", "b", "c"]
                .map(|name| {
                    let (rt, log) = (rt.clone(), log.clone());
                    rt.clone().spawn(async move {
                        log.push(name);
                        rt.yield_now().await;
                        log.push(name);
                    })
                })
                .into();
            // Not joined: the root would be one more to be scheduled.
            rt.quiesce(Duration::ZERO).await;
            drop(tasks);
            *orders.lock().expect("no panic").entry(log.take().concat()).or_default() += 1;
        }
    });
    let explored = explored.expect("none fails");
    let orders = orders.into_inner().expect("no panic");
    // The interleavings of three sequences of two.
    assert_eq!(orders.len(), 90);
    assert!(orders.values().all(|&count| count == 1), "{orders:?}");
    assert_eq!((explored.runs, explored.complete), (90, true));
}

#[test]
fn g4_a_sleep_takes_exactly_its_time() {
    let run = Sim::builder().run(|rt| async move {
        for nanos in [0, 1, 999, 1_000_000, 86_400_000_000_000, 365 * 86_400_000_000_000] {
            let (start, nap) = (rt.now(), Duration::from_nanos(nanos));
            rt.sleep(nap).await;
            assert_eq!(rt.now() - start, nap);
        }
    });
    // A year of nothing is a poll.
    assert!(run.expect("it ends").polls < 20);
    let failure = Sim::builder().run(|rt: Sim| async move {
        rt.sleep(Duration::from_secs(5 * 365 * 86_400)).await;
        pending::<()>().await;
    });
    assert!(failure.expect_err("a deadlock").to_string().contains("157680000s  the clock moves"));
}

#[test]
fn g4_no_timer_is_early_under_faults() {
    let explored =
        Explore::seeds(0..200).builder(Sim::builder().faults(Faults::swarm())).run(|rt| async move {
            let tasks: Vec<_> = (0..10)
                .map(|i| {
                    let rt = rt.clone();
                    rt.clone().spawn(async move {
                        let at = rt.now() + ms(i % 5);
                        rt.sleep_until(at).await;
                        assert!(rt.now() >= at);
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("no timer is early");
            }
        });
    assert_eq!(explored.expect("no timer is early").runs, 200);
}

#[test]
fn g4_timers_of_one_instant_fire_in_any_order_or_as_they_were_set() {
    let order = |seed, schedule| {
        let run = Sim::builder().seed(seed).schedule(schedule).run(|rt: Sim| async move {
            let log = Log::default();
            // All in one task, so that it is the timers' order that shows.
            let sleeps: Vec<_> = (0..3)
                .map(|i| {
                    let log = log.clone();
                    let mut sleep = Box::pin(rt.sleep(ms(1)));
                    let waker = std::task::Waker::from(Arc::new(LogWake(log, i)));
                    assert!(sleep.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
                    sleep
                })
                .collect();
            rt.sleep(ms(1)).await;
            drop(sleeps);
            log.take().concat()
        });
        run.expect("it ends").value
    };
    struct LogWake(Log, u32);
    impl std::task::Wake for LogWake {
        fn wake(self: Arc<Self>) {
            self.0.push(self.1.to_string());
        }
    }
    let orders: std::collections::BTreeSet<_> = (0..100).map(|seed| order(seed, Schedule::Random)).collect();
    assert_eq!(orders.len(), 6, "{orders:?}");
    assert!((0..10).all(|seed| order(seed, Schedule::Fifo) == "012"));
}

#[test]
fn g5_a_deadlock_is_reported_at_once() {
    let failure = Sim::builder().run(|_: Sim| pending::<()>()).expect_err("it can't end");
    assert!(matches!(failure.kind(), FailureKind::Deadlock));
}

#[test]
fn g5_a_livelock_is_reported() {
    let builder = Sim::builder().livelock_after(5_000);
    let spin = |rt: Sim| async move {
        loop {
            rt.yield_now().await;
        }
    };
    let failure = builder.run(spin).expect_err("it can't end");
    assert!(matches!(failure.kind(), FailureKind::Livelock));
    // With a timer somewhere, time passes while everybody yields; then the polls run out.
    let builder = Sim::builder().max_polls(50_000);
    let failure = builder
        .run(|rt: Sim| async move {
            let ticking = rt.clone();
            rt.spawn(async move {
                loop {
                    ticking.sleep(ms(1)).await;
                }
            })
            .detach();
            spin(rt).await;
        })
        .expect_err("it can't end");
    assert!(matches!(failure.kind(), FailureKind::PollLimit));
}

#[test]
fn g5_the_budgets_are_kept() {
    let failure = Sim::builder()
        .max_time(Duration::from_secs(10))
        .run(|rt: Sim| async move { rt.sleep(Duration::from_secs(11)).await })
        .expect_err("too long");
    assert!(matches!(failure.kind(), FailureKind::TimeLimit));
    let failure = Sim::builder()
        .max_polls(100)
        .run(|rt: Sim| async move {
            loop {
                rt.sleep(ms(1)).await;
            }
        })
        .expect_err("too many");
    assert!(matches!(failure.kind(), FailureKind::PollLimit));
}

/// Pending, and keeps no waker, though it will be ready at its second poll.
async fn forgetful() {
    let mut polled = false;
    poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[test]
fn g6_a_task_without_a_waker_is_told_in_the_report() {
    let failure = Sim::builder()
        .run(|rt: Sim| async move {
            rt.spawn_named("for ever", pending::<()>()).detach();
            rt.spawn_named("forgetful", forgetful()).await
        })
        .expect_err("nobody wakes it")
        .to_string();
    let row = |name| failure.lines().find(|line| line.contains(name)).expect("it is there").to_owned();
    assert!(row("for ever").ends_with("nobody can wake it"), "{failure}");
    assert!(row("forgetful").ends_with("nothing: it would go on, and nobody woke it"), "{failure}");
    assert!(row("(root)").ends_with("task 2"), "{failure}");
}

#[test]
fn g6_strict_wakers_end_the_run_at_that_poll() {
    let run = |task: fn(&Sim)| {
        Sim::builder().strict_wakers().run(move |rt: Sim| async move {
            task(&rt);
            rt.sleep(ms(1)).await;
        })
    };
    let failure = run(|rt| rt.spawn_named("forgetful", forgetful()).detach()).expect_err("at its first poll");
    assert!(matches!(failure.kind(), FailureKind::NoWaker));
    assert!(failure.to_string().contains("forgetful"));
    assert!(!failure.to_string().contains("(root)"), "only the culprit is shown: {failure}");
    // Legal: somebody could abort it; it is woken during the poll; somebody has its waker.
    let kept = |rt: Sim| async move {
        let task = rt.spawn(pending::<()>());
        rt.yield_now().await;
        rt.sleep(ms(1)).await;
        task.abort();
    };
    Sim::builder().strict_wakers().run(kept).expect("all that is legal");
}

#[test]
fn g7_panics_stay_inside_and_the_run_tells_its_own() {
    let failure = Sim::builder()
        .seed(77)
        .run(|rt: Sim| async move {
            let outcome = rt.spawn(async { panic!("inside") }).await;
            assert!(matches!(outcome, Err(JoinError::Panicked(_))), "{outcome:?}");
            let () = outcome.map_err(|error| error.to_string()).expect("the root's own");
        })
        .expect_err("it panics");
    let FailureKind::Panicked(panic) = failure.kind() else { panic!("{failure}") };
    assert!(panic.message().is_some_and(|message| message.contains("inside")));
    assert!(failure.to_string().starts_with("BACKSTAY_SEED=77 "), "{failure}");
}

#[test]
fn g7_the_end_drops_all_in_a_seeded_order_and_spawns_nothing() {
    struct SpawnOnDrop(Sim, Log);
    impl Drop for SpawnOnDrop {
        fn drop(&mut self) {
            let mut task = self.0.spawn(async {});
            let mut job = self.0.spawn_blocking(|| ());
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            for handle in [&mut task, &mut job] {
                let poll = std::pin::Pin::new(handle).poll(&mut cx);
                assert!(matches!(poll, Poll::Ready(Err(JoinError::Shutdown))), "{poll:?}");
            }
            self.1.push("spawned in vain");
        }
    }
    let order = |seed| {
        let log = Log::default();
        let owner = Sim::builder().seed(seed).build().expect("a good configuration");
        let rt = owner.runtime().clone();
        for i in 0..4 {
            let held = (LogDrop(log.clone(), i), SpawnOnDrop(rt.clone(), log.clone()));
            rt.spawn(async move {
                pending::<()>().await;
                drop(held);
            })
            .detach();
        }
        owner.block_on(rt.sleep(ms(1)));
        drop(owner);
        log.take()
    };
    let vain = |log: &[String]| log.iter().filter(|line| line.starts_with("spawned")).count();
    assert_eq!(order(1), order(1));
    assert_eq!(vain(&order(1)), 4);
    let orders: std::collections::BTreeSet<_> = (0..200).map(|seed| order(seed).concat()).collect();
    assert_eq!(orders.len(), 24, "every order of dropping occurs");
}

#[test]
fn g8_what_is_left_over_fails_the_run() {
    let left = |builder: Builder| {
        builder.run(|rt: Sim| async move {
            let sleeping = rt.clone();
            rt.spawn_named("sleeper", async move { sleeping.sleep(Duration::from_secs(3_600)).await })
                .detach();
            let held = probe::hold(|| "a permit".to_owned());
            rt.spawn_named("holder", async move {
                pending::<()>().await;
                drop(held);
            })
            .detach();
            // Ends by itself, a while after the run: not left over.
            let short = rt.clone();
            rt.spawn_named("short", async move { short.sleep(ms(10)).await }).detach();
        })
    };
    let failure = left(Sim::builder()).expect_err("two are left");
    assert!(matches!(failure.kind(), FailureKind::Leak));
    let report = failure.to_string();
    for part in ["sleeper", "sleep until 3600s", "holder", "with 1 timers set", "a permit"] {
        assert!(report.contains(part), "{part} is not in: {report}");
    }
    assert!(!report.contains("short"), "{report}");
    let failure =
        left(Sim::builder().allow_leak("sleeper").allow_leak("holder")).expect_err("a permit is held");
    assert!(!failure.to_string().contains("sleeper"), "{failure}");
    left(Sim::builder().allow_leak("sleeper").allow_leak("holder").allow_leak("a permit"))
        .expect("all allowed");
}

#[test]
fn g8_everything_is_dropped_with_the_run() {
    let tracker = Tracker::new();
    let made = tracker.clone();
    let run = Sim::builder().allow_leak("left").run(|rt: Sim| async move {
        for i in 0..10 {
            let (value, rt) = (made.track(i), rt.clone());
            rt.spawn_blocking(|| ()).detach();
            rt.clone()
                .spawn_named("left", async move {
                    rt.sleep_until(Instant::MAX).await;
                    drop(value);
                })
                .detach();
        }
    });
    run.expect("it ends");
    tracker.assert_none_alive();
}

#[test]
fn g9_it_is_safe_code_on_core_and_the_traits_of_futures() {
    let manifest = include_str!("../Cargo.toml");
    let dependencies = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next());
    let names: Vec<_> = dependencies
        .expect("there are some")
        .lines()
        .filter_map(|line| line.split(['.', ' ']).next())
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(names, ["backstay-core", "futures-core", "futures-io"]);
    assert!(include_str!("../src/lib.rs").contains("#![forbid(unsafe_code)]"));
}
