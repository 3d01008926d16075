//! Corners where a simulated runtime could go wrong, each found by somebody who looked for it.

use backstay_core::{BlockOn, JoinHandle, Runtime, probe, sometimes};
use backstay_sim::{
    Explore, FailureKind, Faults, Mode, Schedule, Sim, SimJoinHandle, SimOwner, SimSleep, Subject,
};
use backstay_sim::{abort_sweep, cancel_sweep};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::{pending, poll_fn};
use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Who was first of several tasks that are ready together.
async fn order_of(rt: &Sim, names: [&'static str; 3]) -> String {
    let list = Arc::new(Mutex::new(String::new()));
    let tasks = names.map(|name| {
        let list = Arc::clone(&list);
        rt.spawn(async move { list.lock().expect("no panic").push_str(name) })
    });
    for task in tasks {
        task.await.expect("it runs");
    }
    list.lock().expect("no panic").clone()
}

/// A loop that yields until a timer has fired.
async fn spins_until_a_timer_fires(rt: Sim) {
    let fired = Arc::new(AtomicBool::new(false));
    let timer = rt.spawn({
        let (rt, fired) = (rt.clone(), Arc::clone(&fired));
        async move {
            rt.sleep(ms(1)).await;
            fired.store(true, SeqCst);
        }
    });
    while !fired.load(SeqCst) {
        rt.yield_now().await;
    }
    timer.await.expect("it runs");
}

#[test]
fn time_passes_for_a_yield_loop_under_faults_too() {
    let builder = Sim::builder().faults(Faults::off().spurious_polls(0.05));
    Explore::seeds(0..8).builder(builder).run(spins_until_a_timer_fires).expect("it is no livelock");
    for &mode in Mode::ALL {
        mode.run(32, Sim::builder(), spins_until_a_timer_fires).expect("it is no livelock");
    }
}

#[test]
fn the_number_of_tasks_is_told() {
    let run = Sim::builder().run(|rt: Sim| async move {
        rt.spawn(async {}).await.expect("it runs");
        rt.spawn_blocking(|| ()).await.expect("it runs");
    });
    assert_eq!(run.expect("it ends").tasks, 2);
}

#[test]
fn a_crash_ends_what_was_there_and_not_what_comes_after_a_restart() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let host = rt.host("host");
        let before = host.spawn(async { unreachable!("it crashes first") });
        rt.crash("host").expect("it is there");
        let meanwhile = host.spawn(async {});
        rt.restart("host").expect("it is there");
        let after = host.spawn(async { 42 });
        let before: Result<(), _> = before.await;
        assert!(before.is_err_and(|error| error.is_shutdown()));
        assert!(meanwhile.await.is_err_and(|error| error.is_shutdown()));
        after.await.expect("it runs")
    });
    assert_eq!(run.expect("it ends").value, 42);
}

#[test]
fn what_a_host_that_crashes_wakes_and_spawns_runs() {
    struct SpawnsElsewhere(Sim, Arc<AtomicU32>);
    impl Drop for SpawnsElsewhere {
        fn drop(&mut self) {
            let ran = Arc::clone(&self.1);
            self.0.spawn(async move { ran.fetch_add(1, SeqCst) }).detach();
        }
    }
    let explored = Explore::seeds(0..20).run(|rt: Sim| async move {
        let ran = Arc::new(AtomicU32::new(0));
        let held = SpawnsElsewhere(rt.clone(), Arc::clone(&ran));
        let task = rt.host("host").spawn(async move {
            pending::<()>().await;
            drop(held);
        });
        rt.sleep(ms(1)).await;
        rt.crash("host").expect("it is there");
        assert!(task.await.is_err());
        rt.quiesce(Duration::ZERO).await;
        assert_eq!(ran.load(SeqCst), 1);
    });
    explored.expect("nothing is forgotten");
}

#[test]
fn a_fault_does_not_end_a_pause_of_the_test() {
    let builder = Sim::builder().faults(Faults::off().host_pauses(0.5, ms(200))).allow_leak("counts");
    let explored = Explore::seeds(0..50).builder(builder).run(|rt: Sim| async move {
        let (host, count) = (rt.host("host"), Arc::new(AtomicU32::new(0)));
        let (sleeping, counting) = (host.clone(), Arc::clone(&count));
        let counts = async move {
            loop {
                sleeping.sleep(ms(1)).await;
                counting.fetch_add(1, SeqCst);
            }
        };
        host.spawn_named("counts", counts).detach();
        rt.sleep(ms(3)).await;
        rt.pause("host").expect("it is there");
        rt.yield_now().await;
        let before = count.load(SeqCst);
        rt.sleep(secs(1)).await;
        assert!(count.load(SeqCst) <= before + 1, "it runs although it is paused");
    });
    explored.expect("a pause lasts");
}

#[test]
fn hosts_that_always_pause_still_get_on() {
    for most in [Duration::ZERO, ms(1)] {
        let builder = Sim::builder().faults(Faults::off().host_pauses(1.0, most)).max_polls(1_000);
        builder.run(|rt: Sim| async move { rt.spawn(async {}).await.expect("it runs") }).expect("it ends");
    }
}

#[test]
fn a_job_of_one_host_waits_for_no_thread_of_another() {
    let builder = Sim::builder().max_blocking_threads(NonZeroUsize::MIN).blocking_cost(ms(10));
    let run = builder.run(|rt: Sim| async move {
        let (a, b) = (rt.host("a"), rt.host("b"));
        let job = a.spawn_blocking(|| ());
        rt.sleep(ms(1)).await;
        rt.pause("a").expect("it is there");
        b.spawn_blocking(|| ()).await.expect("it runs");
        assert_eq!(rt.now().since_origin(), ms(11));
        rt.resume("a").expect("it is there");
        job.await.expect("it runs");
    });
    run.expect("it ends");
}

#[test]
fn when_faults_end_wakers_count_again() {
    let faults = Faults::off().fresh_wakers().only_for(ms(1), secs(3_600));
    let run = Sim::builder().strict_wakers().faults(faults).run(|rt: Sim| async move {
        for _ in 0..5 {
            rt.sleep(ms(1)).await;
        }
    });
    run.expect("a sleep has the task's waker");
}

#[test]
fn when_faults_end_what_they_delayed_comes_at_once() {
    let settles = |faults: Faults| {
        let builder = Sim::builder().faults(faults.only_for(secs(1), secs(1)));
        let explored = Explore::seeds(0..20).builder(builder).run(|rt: Sim| async move {
            rt.sleep(ms(10)).await;
            rt.spawn_blocking(|| ()).await.expect("it runs");
            rt.spawn(async {}).await.expect("it runs");
            rt.sleep(ms(10)).await;
        });
        explored.expect("it settles");
    };
    settles(Faults::off().clock_jumps(1.0, secs(10)));
    settles(Faults::off().late_wakes(1.0, secs(3_600)));
    settles(Faults::off().late_jobs(1.0, secs(3_600)));
    settles(Faults::off().host_pauses(1.0, secs(3_600)));
}

#[test]
fn faults_for_no_time_are_none_and_for_ever_hide_no_deadlock() {
    let faults = Faults::off().slow_polls(1.0, secs(1)).only_for(Duration::ZERO, secs(1));
    let run = Sim::builder().faults(faults).run(|rt: Sim| async move { rt.now().since_origin() });
    assert_eq!(run.expect("it ends").value, Duration::ZERO);
    let builder = Sim::builder().faults(Faults::gentle().only_for(Duration::MAX, secs(1)));
    let failure = builder.run(|_: Sim| pending::<()>()).expect_err("it can't end");
    assert!(matches!(failure.kind(), FailureKind::Deadlock), "{failure}");
}

#[test]
fn a_run_that_does_not_settle_is_told() {
    let builder = Sim::builder().faults(Faults::gentle().only_for(secs(1), secs(2)));
    let failure = builder.run(|rt: Sim| async move {
        loop {
            rt.sleep(ms(100)).await;
        }
    });
    let failure = failure.expect_err("it goes on for ever");
    assert!(matches!(failure.kind(), FailureKind::NotSettled), "{failure}");
}

#[test]
fn a_wrong_probability_is_refused_whatever_the_seed() {
    let faults = || Faults::swarm().spurious_polls(1.5);
    assert!((0..50).all(|seed| Sim::builder().seed(seed).faults(faults()).build().is_err()));
}

#[test]
fn what_may_be_left_over_may_go_on_as_it_likes() {
    let with = |task: fn(Sim) -> Pin<Box<dyn Future<Output = ()> + Send>>| {
        let builder = Sim::builder().max_time(secs(10)).allow_leak("server");
        let run = builder.run(|rt: Sim| async move {
            rt.spawn_named("server", task(rt.clone())).detach();
            rt.sleep(secs(5)).await;
        });
        run.expect("it may be left over");
    };
    with(|rt| {
        Box::pin(async move {
            loop {
                rt.sleep(secs(1)).await;
            }
        })
    });
    with(|rt| {
        Box::pin(async move {
            rt.sleep(secs(5)).await;
            loop {
                rt.yield_now().await;
            }
        })
    });
}

#[test]
fn one_owner_runs_one_future_after_another() {
    let owner = Sim::builder().build().expect("a good configuration");
    let rt = owner.runtime().clone();
    // A wake of the first that comes too late is not the second's.
    owner.block_on(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::Ready(())
    }));
    let polls_of = |sleep: SimSleep| {
        let (mut sleep, mut polls) = (Box::pin(sleep), 0);
        owner.block_on(poll_fn(move |cx| {
            polls += 1;
            sleep.as_mut().poll(cx).map(|()| polls)
        }))
    };
    assert_eq!(polls_of(rt.sleep(ms(1))), 2);

    // Nor is the turn of a task that was found at its end in a report.
    let (go_on, kept) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None::<Waker>)));
    let (seen, keep) = (Arc::clone(&go_on), Arc::clone(&kept));
    rt.spawn(poll_fn(move |cx| {
        if seen.load(SeqCst) {
            return Poll::Ready(());
        }
        *keep.lock().expect("no panic") = Some(cx.waker().clone());
        Poll::Pending
    }))
    .detach();
    let stuck = catch_unwind(AssertUnwindSafe(|| {
        owner.block_on(async {
            rt.sleep(ms(1)).await;
            go_on.store(true, SeqCst);
            pending::<()>().await;
        });
    }));
    let report = *stuck.expect_err("a deadlock").downcast::<String>().expect("a report");
    assert!(report.contains("it would go on, and nobody woke it"), "{report}");
    let waker = kept.lock().expect("no panic").take();
    waker.expect("it was polled").wake();
    assert_eq!(polls_of(rt.sleep(ms(1))), 2);
}

#[test]
fn whom_an_end_wakes_may_look_at_the_handle() {
    struct Looks(Mutex<Option<SimJoinHandle<()>>>);
    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            let handle = self.0.lock().expect("no panic");
            assert!(handle.as_ref().is_some_and(|handle| handle.is_finished()));
        }
    }
    let run = Sim::builder().run(|rt: Sim| async move {
        let looks = Arc::new(Looks(Mutex::new(None)));
        let mut task = rt.spawn(async {});
        let waker = Waker::from(Arc::clone(&looks));
        assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
        *looks.0.lock().expect("no panic") = Some(task);
        rt.sleep(ms(1)).await;
    });
    run.expect("nothing is locked meanwhile");
}

#[test]
fn wakers_may_do_anything_when_they_are_dropped() {
    struct Spawns(Sim);
    impl Wake for Spawns {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Spawns {
        fn drop(&mut self) {
            self.0.spawn(async {}).detach();
            self.0.spawn_blocking(|| ()).detach();
        }
    }
    let run = Sim::builder().max_blocking_threads(NonZeroUsize::MIN).run(|rt: Sim| async move {
        let twice = |mut future: Pin<&mut dyn Future<Output = ()>>| {
            let waker = Waker::from(Arc::new(Spawns(rt.clone())));
            let _ = future.as_mut().poll(&mut Context::from_waker(&waker));
            drop(waker);
            let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        };
        twice(pin!(rt.quiesce(ms(1))));
        twice(pin!(rt.sleep(ms(1))));
        let mut task = rt.spawn(pending::<()>());
        twice(pin!(async { drop((&mut task).await) }));
        task.abort();
    });
    run.expect("nothing is locked meanwhile");
}

#[test]
fn labels_may_look_at_anything() {
    let label = || {
        let inner = Sim::builder().run(|rt: Sim| async move { rt.yield_now().await });
        inner.expect("it ends");
        "a label".to_owned()
    };
    let run = Sim::builder().run(|rt: Sim| async move {
        rt.spawn(async move { drop(probe::hold(label)) }).await.expect("it runs");
    });
    run.expect("nothing is borrowed meanwhile");
}

#[test]
fn a_quiesce_that_is_dropped_wakes_nobody() {
    let run = Sim::builder().run(|rt: Sim| async move {
        {
            let mut quiesce = pin!(rt.quiesce(secs(1)));
            poll_fn(|cx| Poll::Ready(quiesce.as_mut().poll(cx))).await.is_pending();
        }
        let (mut sleep, mut polls) = (pin!(rt.sleep(secs(10))), 0);
        poll_fn(|cx| {
            polls += 1;
            sleep.as_mut().poll(cx)
        })
        .await;
        polls
    });
    assert_eq!(run.expect("it ends").value, 2);
}

#[test]
fn a_quiesce_ends_beside_what_never_rests() {
    let run = Sim::builder().allow_leak("restless").run(|rt: Sim| async move {
        let (spinning, ticking) = (rt.clone(), rt.clone());
        let spinner = async move {
            loop {
                spinning.yield_now().await;
            }
        };
        rt.spawn_named("restless", spinner).detach();
        let ticker = async move {
            loop {
                ticking.sleep(ms(1)).await;
            }
        };
        rt.spawn_named("restless", ticker).detach();
        rt.quiesce(ms(5)).await;
        rt.now().since_origin()
    });
    assert_eq!(run.expect("it ends").value, ms(5));
}

#[test]
fn pct_draws_for_each_task_whatever_place_it_gets() {
    let depth = NonZeroU32::MIN;
    let patterns: BTreeSet<_> = (0..300)
        .map(|seed| {
            let builder = Sim::builder().seed(seed).schedule(Schedule::Pct { depth, polls: 100 });
            let run = builder.run(|rt: Sim| async move {
                let mut pattern = String::new();
                for _ in 0..5 {
                    pattern.push_str(&order_of(&rt, ["a", "b", "c"]).await[..1]);
                }
                pattern
            });
            run.expect("it ends").value
        })
        .collect();
    assert!(patterns.len() > 100, "{} of 243: {patterns:?}", patterns.len());
}

#[test]
fn a_panic_out_of_a_value_hangs_nobody() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("a destructor's panic"));
        }
    }
    let two = NonZeroUsize::new(2).expect("not zero");
    let outcome = catch_unwind(|| {
        Explore::exhaustive(100).threads(two).collect(|rt: Sim| async move {
            rt.spawn(pending::<()>()).detach();
            rt.yield_now().await;
            PanicsOnDrop
        })
    });
    let failure =
        outcome.expect("the panic is contained").map(std::mem::forget).expect_err("a task is left over");
    assert!(matches!(failure.kind(), FailureKind::Leak), "{failure}");
}

#[test]
fn a_schedule_is_made_simple_for_the_same_failure_only() {
    let failure = Explore::seeds(0..200).run(|rt: Sim| async move {
        match order_of(&rt, ["a", "b", "c"]).await.as_str() {
            "cba" => panic!("the bug"),
            // What the simplest schedule gives.
            "abc" if rt.random_u64() == 0 => unreachable!("a number of 64 bits"),
            "bca" => panic!("another one"),
            _ => {}
        }
    });
    let failure = failure.expect_err("both are found");
    let FailureKind::Panicked(panic) = failure.kind() else { panic!("{failure}") };
    let (seed, message) = (failure.seed().expect("a seed"), panic.message());
    let first = Sim::builder().seed(seed).run(|rt: Sim| async move { order_of(&rt, ["a", "b", "c"]).await });
    let expected = if first.expect("it ends").value == "cba" { "the bug" } else { "another one" };
    assert_eq!(message, Some(expected), "{failure}");
}

#[test]
fn a_list_of_choices_that_nobody_can_type_is_left_out() {
    let failure = Explore::seeds(0..8).once().run(|rt: Sim| async move {
        let turns = rt.clone();
        let task = rt.spawn(async move {
            for _ in 0..5_000 {
                turns.yield_now().await;
            }
        });
        for _ in 0..5_000 {
            rt.yield_now().await;
        }
        task.await.expect("it runs");
        assert_eq!(order_of(&rt, ["a", "b", "c"]).await, "abc");
    });
    let failure = failure.expect_err("another order comes up");
    assert!(failure.choices().is_none_or(|choices| choices.len() <= 1_000));
    assert!(failure.to_string().lines().next().is_some_and(|first| first.len() < 10_000));
}

#[test]
fn a_report_is_short_whatever_people_write_into_it() {
    let panics = Sim::builder().run(|_: Sim| async move { panic!("{}", "a line\n".repeat(1_000)) });
    let panics: Result<backstay_sim::Completed<()>, _> = panics;
    let waits = Sim::builder().run(|rt: Sim| async move {
        let wordy = poll_fn(|_| {
            probe::waiting(|| "a\nb\n".repeat(300));
            Poll::<()>::Pending
        });
        rt.spawn_named("a\nb", wordy).await.expect("it never ends")
    });
    for failure in [panics.expect_err("it panics"), waits.expect_err("a deadlock")] {
        let report = failure.to_string();
        assert!(report.lines().count() <= 200, "{} lines", report.lines().count());
    }
}

#[test]
fn a_report_runs_nothing_that_could_run() {
    for seed in 0..20 {
        let ran = Arc::new(AtomicBool::new(false));
        let runs = Arc::clone(&ran);
        let outcome = Sim::builder().seed(seed).run(|rt: Sim| async move {
            rt.spawn(async move { runs.store(true, SeqCst) }).abort();
            std::panic::resume_unwind(Box::new("the end"));
        });
        let outcome: Result<backstay_sim::Completed<()>, _> = outcome;
        outcome.expect_err("it panics");
        assert!(!ran.load(SeqCst), "aborted before its first poll, and polled for the report");
    }
}

#[test]
fn runs_that_differ_name_their_seed() {
    let runs = AtomicU32::new(0);
    let failure = Explore::seeds(17..18).run(|rt: Sim| {
        let nap = runs.fetch_add(1, SeqCst);
        async move { rt.sleep(ms(nap.into())).await }
    });
    let failure = failure.expect_err("the second sleeps longer");
    assert_eq!(failure.seed(), Some(17));
    assert!(failure.to_string().starts_with("BACKSTAY_SEED=17 "), "{failure}");
}

#[test]
fn a_mark_is_asked_for_where_runs_are_many() {
    let marked = |rt: Sim| async move {
        let first = order_of(&rt, ["a", "b", "c"]).await;
        sometimes!(first.starts_with('b'), "b was first");
    };
    for &mode in Mode::ALL {
        mode.run(32, Sim::builder(), marked).expect("true in some run, or not asked for");
    }
    let fifo = Explore::seeds(0..4).builder(Sim::builder().schedule(Schedule::Fifo));
    assert!(fifo.clone().run(marked).is_err());
    fifo.allow_unreached().run(marked).expect("it may be");
}

#[test]
fn a_subject_is_cut_once_and_whoever_awaits_it() {
    let cut = Mutex::new(0);
    let swept = cancel_sweep(
        |rt: Sim, subject: Subject| {
            let cut = &cut;
            async move {
                let both = [subject.run(rt.sleep(ms(1))).await, subject.run(rt.sleep(ms(1))).await];
                assert!(both.iter().filter(|output| output.is_none()).count() <= 1);
                *cut.lock().expect("no panic") += u32::from(both.contains(&None));
            }
        },
        |_, ()| async {},
    );
    assert_eq!(swept.expect("nothing is violated").polls, 4);
    // Eight seeds, and each run is made twice.
    assert_eq!(cut.into_inner().expect("no panic"), 4 * 8 * 2);

    // Awaited late, and not at all.
    let late = |rt: Sim, subject: Subject| async move {
        let held = Arc::new(());
        let (napping, holding) = (rt.clone(), Arc::clone(&held));
        let task = subject.spawn(&rt, async move {
            let _holding = holding;
            napping.sleep(ms(1)).await;
        });
        rt.sleep(ms(5)).await;
        assert_eq!(Arc::strong_count(&held), 1, "it is cut, and its destructor has run");
        task.await;
    };
    let dropped = |rt: Sim, subject: Subject| async move {
        let napping = rt.clone();
        drop(subject.spawn(&rt, async move { napping.sleep(ms(5)).await }));
    };
    cancel_sweep(late, |_, ()| async {}).expect("nothing is violated");
    abort_sweep(late, |_, ()| async {}).expect("nothing is violated");
    cancel_sweep(dropped, |_, ()| async {}).expect("nothing is violated");
    abort_sweep(dropped, |_, ()| async {}).expect("nothing is violated");
}

#[test]
fn nothing_that_can_be_written_panics() {
    let sleeps = |rt: Sim| async move {
        rt.sleep(ms(1)).await;
        rt.spawn(async {}).await.expect("it runs");
        rt.spawn_blocking(|| ()).await.expect("it runs");
    };
    let extreme = |faults| Sim::builder().faults(faults).max_time(Duration::MAX).run(sleeps);
    let always = (1.0, Duration::MAX);
    for faults in [
        Faults::off().late_wakes(always.0, always.1),
        Faults::off().slow_polls(always.0, always.1),
        Faults::off().clock_jumps(always.0, always.1),
        Faults::off().late_jobs(always.0, always.1),
        Faults::off().host_pauses(always.0, always.1),
        Faults::gentle().only_for(Duration::ZERO, Duration::ZERO),
        Faults::swarm().only_for(Duration::MAX, Duration::MAX),
    ] {
        // It may end or not: it is told which, and nothing hangs.
        let _ = extreme(faults);
    }
    for (depth, polls) in [(1, 0), (u32::MAX, u64::MAX)] {
        let depth = NonZeroU32::new(depth).expect("not zero");
        Sim::builder().schedule(Schedule::Pct { depth, polls }).run(sleeps).expect("it ends");
    }
    let never = Duration::MAX;
    Sim::builder().max_time(never).grace(never).run(sleeps).expect("it ends");
    let limits = [Sim::builder().max_polls(0), Sim::builder().max_time(Duration::ZERO)];
    for builder in limits {
        builder.run(sleeps).expect_err("it can't end");
    }
    Sim::builder().livelock_after(0).run(sleeps).expect_err("one poll is too many");
    Sim::builder().blocking_cost(never).run(sleeps).expect_err("the job never ends");
}

#[test]
fn no_time_passes_for_many_tasks_that_yield_once_each() {
    let scenario = async |rt: Sim| {
        let late = Arc::new(AtomicU32::new(0));
        for _ in 0..5_000 {
            let (rt, late) = (rt.clone(), Arc::clone(&late));
            rt.clone().spawn(async move {
                rt.yield_now().await;
                late.fetch_add(u32::from(!rt.now().since_origin().is_zero()), SeqCst);
            });
        }
        rt.sleep(secs(1)).await;
        assert_eq!(late.load(SeqCst), 0, "the clock has moved while tasks could run");
    };
    Explore::seeds(0..4).run(scenario).expect("all run at once");
}

#[test]
fn an_owner_may_block_as_often_as_it_likes_at_one_instant() {
    let owner = Sim::builder().livelock_after(100).build().expect("valid");
    for i in 0..1_000 {
        assert_eq!(owner.block_on(async { i }), i);
    }
}

#[test]
fn an_owner_may_be_dropped_when_its_thread_ends() {
    thread_local! {
        static OWNER: RefCell<Option<SimOwner>> = const { RefCell::new(None) };
    }
    #[allow(clippy::disallowed_methods, reason = "it owns the run, and is no part of it")]
    let thread = std::thread::spawn(|| {
        // First of what this thread keeps, and so dropped after all that a run needs of it.
        OWNER.set(None);
        let owner = Sim::builder().build().expect("valid");
        let rt = owner.runtime().clone();
        rt.spawn(pending::<()>()).detach();
        owner.block_on(async move { rt.yield_now().await });
        OWNER.set(Some(owner));
    });
    thread.join().expect("it ends in peace");
}
