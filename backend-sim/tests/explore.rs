//! Many runs: which failure is reported, how it is made simple, and whether what it names repeats it.

use backstay_core::{Runtime, sometimes};
use backstay_sim::{Explore, FailureKind, Faults, Schedule, Sim};
use std::num::{NonZeroU32, NonZeroUsize};
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// Fails where the tasks run in one order of many.
async fn one_order_of_many(rt: Sim) {
    let order = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..5)
        .map(|i| {
            let (rt, order) = (rt.clone(), Arc::clone(&order));
            rt.clone().spawn(async move {
                rt.yield_now().await;
                order.lock().expect("no panic").push(i);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it runs");
    }
    let order = order.lock().expect("no panic").clone();
    assert!(order[..2] != [3, 1], "three before one before all others");
}

#[test]
fn the_lowest_seed_that_fails_is_reported_on_any_number_of_threads() {
    let report = |threads| {
        let explore = Explore::seeds(0..500).once().threads(NonZeroUsize::new(threads).expect("not zero"));
        explore.run(one_order_of_many).expect_err("some seed fails").to_string()
    };
    let lowest = (0..500).find(|&seed| Sim::builder().seed(seed).run(one_order_of_many).is_err());
    let expected = format!("BACKSTAY_SEED={} ", lowest.expect("some seed fails"));
    for threads in [1, 2, 5] {
        let report = report(threads);
        assert!(report.starts_with(&expected), "{threads} threads, expected {expected}: {report}");
    }
    assert_eq!(report(1), report(3));
}

fn choices_in(report: &str) -> Vec<u32> {
    let first = report.lines().next().expect("a line");
    let list = first.split("BACKSTAY_CHOICES=").nth(1).and_then(|rest| rest.split(' ').next());
    list.expect("a list of choices").split(',').map(|choice| choice.parse().expect("a number")).collect()
}

#[test]
fn a_failing_schedule_is_made_simple_and_repeats_the_failure() {
    let failure = Explore::seeds(0..500).run(one_order_of_many).expect_err("some seed fails");
    let report = failure.to_string();
    let choices = choices_in(&report);
    assert!(choices.len() <= 12, "{choices:?}");
    assert!(choices.iter().filter(|&&choice| choice != 0).count() <= 3, "{choices:?}");
    let seed = report.split(['=', ' ']).nth(1).and_then(|seed| seed.parse().ok()).expect("a seed");
    let again = Sim::builder().seed(seed).schedule(Schedule::Choices(choices)).run(one_order_of_many);
    assert!(matches!(again.expect_err("it fails again").kind(), FailureKind::Panicked(_)));
}

#[test]
fn recorded_choices_repeat_a_run_with_faults_and_all() {
    for seed in 0..50 {
        let builder = || Sim::builder().seed(seed).faults(Faults::swarm());
        let busy = |rt: Sim| async move {
            let tasks: Vec<_> = (0..5_u64)
                .map(|i| {
                    let rt = rt.clone();
                    rt.clone().spawn(async move {
                        rt.sleep(Duration::from_millis(i % 3)).await;
                        rt.spawn_blocking(move || i).await.expect("it runs") + rt.random_u64() % 10
                    })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.expect("it runs");
            }
            sum
        };
        let run = builder().record().run(busy).expect("it ends");
        let again = builder().schedule(Schedule::Choices(run.choices.clone())).run(busy).expect("it ends");
        assert_eq!((run.value, run.hash, run.polls), (again.value, again.hash, again.polls), "seed {seed}");
    }
}

#[test]
fn exhaustive_reports_the_least_schedule_on_any_number_of_threads() {
    let report = |threads| {
        let explore = Explore::exhaustive(1_000_000).threads(NonZeroUsize::new(threads).expect("not zero"));
        choices_in(&explore.run(one_order_of_many).expect_err("some schedule fails").to_string())
    };
    assert_eq!(report(1), report(2));
    assert_eq!(report(1), report(4));
}

#[test]
fn exhaustive_ends_when_its_runs_are_used_up() {
    let harmless = |rt: Sim| async move {
        let tasks = [(); 4].map(|()| rt.spawn(async {}));
        for task in tasks {
            task.await.expect("it runs");
        }
    };
    let explored = Explore::exhaustive(10).run(harmless).expect("nothing fails");
    assert_eq!((explored.runs, explored.complete), (10, false));
    let failure = Explore::exhaustive(0).run(harmless).expect_err("no runs");
    assert!(matches!(failure.kind(), FailureKind::NotCovered), "{failure}");
}

#[test]
fn a_mark_that_is_never_true_fails_the_runs() {
    let marked = |rt: Sim| async move {
        sometimes!(rt.random_u64().is_multiple_of(10), "one in ten");
        sometimes!(false, "never");
    };
    let failure = Explore::seeds(0..100).must_reach("nowhere").run(marked).expect_err("two are not covered");
    assert!(matches!(failure.kind(), FailureKind::NotCovered));
    let report = failure.to_string();
    assert!(
        report.contains("never\n") && report.contains("nowhere") && !report.contains("one in ten"),
        "{report}"
    );
}

#[test]
fn a_mark_that_must_be_reached_must_be_true_whatever_others_may() {
    let marked = |_: Sim| async { sometimes!(false, "wanted") };
    let explore = Explore::seeds(0..4).must_reach("wanted");
    for explore in [explore.clone(), explore.clone().must_reach("wanted"), explore.allow_unreached()] {
        let failure = explore.run(marked).expect_err("it is never true");
        assert!(matches!(failure.kind(), FailureKind::NotCovered), "{failure}");
        assert_eq!(failure.to_string().matches("wanted").count(), 1, "{failure}");
    }
}

#[test]
fn runs_are_collected_by_seed_and_the_slowest_is_known() {
    let sleepy = |rt: Sim| async move {
        let nap = rt.random_u64() % 1_000;
        rt.sleep(Duration::from_millis(nap)).await;
        nap
    };
    let runs = Explore::seeds(10..60).collect(sleepy).expect("nothing fails");
    assert!(runs.iter().map(|run| run.seed).eq(10..60));
    let slowest = runs.iter().map(|run| (run.elapsed, run.seed)).max().expect("some runs");
    let explored = Explore::seeds(10..60)
        .run(|rt| async move {
            sleepy(rt).await;
        })
        .expect("nothing fails");
    assert_eq!(explored.slowest, Some((slowest.1, slowest.0)));
    assert_eq!(explored.runs, 50);
}

#[test]
fn no_seeds_show_nothing_and_the_last_seed_is_one() {
    #[allow(clippy::reversed_empty_ranges, reason = "that is the point")]
    for seeds in [0..0, 5..5, 7..3, u64::MAX..u64::MAX] {
        let failure = Explore::seeds(seeds).run(|_: Sim| async {}).expect_err("no runs");
        assert!(matches!(failure.kind(), FailureKind::NotCovered), "{failure}");
    }
    let last = Explore::seeds(u64::MAX - 2..u64::MAX).run(|_: Sim| async {}).expect("nothing fails");
    assert_eq!(last.runs, 2);
}

#[test]
fn pct_finds_what_needs_a_few_turns_in_one_order() {
    let depth = NonZeroU32::new(3).expect("not zero");
    let pct = Sim::builder().schedule(Schedule::Pct { depth, polls: 20 });
    assert!(Explore::seeds(0..1_000).builder(pct).run(one_order_of_many).is_err());
}

/// Not a test by itself: `the_command_repeats_the_run` runs it in a process of its own.
#[test]
#[ignore = "for another test"]
fn fails_for_some_seed() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let outcome = Explore::seeds(0..500).once().run(|rt| {
        RUNS.fetch_add(1, SeqCst);
        one_order_of_many(rt)
    });
    #[allow(clippy::disallowed_macros, reason = "the other test reads it")]
    {
        println!("runs: {}", RUNS.load(SeqCst));
    }
    outcome.expect("it fails");
}

#[test]
fn the_command_repeats_the_run() {
    let run = |variables: &[(&str, &str)]| {
        let program = std::env::current_exe().expect("a path");
        let output = Command::new(program)
            .args(["--ignored", "--exact", "--nocapture", "fails_for_some_seed"])
            .envs(variables.iter().copied())
            .output()
            .expect("it runs");
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (_, report) = run(&[]);
    let first = report.lines().find(|line| line.contains("BACKSTAY_SEED=")).expect("a command");
    let first = &first[first.find("BACKSTAY_SEED=").expect("it is there")..];
    assert!(first.ends_with("cargo test -p backstay-sim fails_for_some_seed -- --exact"), "{first}");
    let variables: Vec<_> = first.split(' ').filter_map(|word| word.split_once('=')).collect();
    assert_eq!(variables.len(), 2, "{first}");
    let (counted, again) = run(&variables);
    assert!(
        counted.contains("runs: 1\n") || counted.contains("runs: 2\n"),
        "only that run is made: {counted}"
    );
    assert!(again.contains(first), "{again}");
    let (_, refused) = run(&[("BACKSTAY_SEED", "seven")]);
    assert!(refused.contains("BACKSTAY_SEED") && refused.contains("expected a number"), "{refused}");
}

#[test]
fn a_scenario_runs_on_every_core_at_the_same_time() {
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    let two = NonZeroUsize::new(2).expect("not zero");
    let explored = Explore::seeds(0..200).threads(two).run(|rt: Sim| {
        let (inside, most) = (&inside, &most);
        async move {
            most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            for _ in 0..2_000 {
                rt.yield_now().await;
            }
            inside.fetch_sub(1, SeqCst);
        }
    });
    explored.expect("nothing fails");
    assert_eq!(most.into_inner(), 2);
}
