//! Who waits: in which order, for how long, and what is left when it goes.

use super::{is_limited, limit, limiter, ms};
use crate::kit::on_sim;
use backstay::testing::{
    Explore, Failure, Sim, Subject, Tracker, abort_sweep, cancel_sweep, checked, panic_sweep,
};
use backstay_core::resilience::{Quota, RateLimiter, Reason};
use backstay_core::time::Instant;
use backstay_core::{Limit, Runtime};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

fn passed<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
}

/// Who was served, and when, in order.
type Log = Arc<Mutex<Vec<(&'static str, u64)>>>;

/// A task that asks after so many milliseconds, and logs when it is served.
fn asks(
    rt: &Sim,
    limiter: &RateLimiter,
    log: &Log,
    who: &'static str,
    n: usize,
    at: u64,
) -> <Sim as Runtime>::JoinHandle<()> {
    let (rt, limiter, log) = (rt.clone(), limiter.clone(), Arc::clone(log));
    rt.clone().spawn(async move {
        rt.sleep(ms(at)).await;
        if limiter.acquire_many(&rt, limit(n)).await.is_ok() {
            let at = rt.now().since_origin().as_millis() as u64;
            log.lock().unwrap().push((who, at));
        }
    })
}

#[test]
fn d19_a_large_request_is_not_starved() {
    // One of ten, and twenty who ask for one again and again.
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = limiter(Quota::per_second(200).burst(10));
        let singles: Vec<_> = (0..20)
            .map(|_| {
                let (rt, limiter) = (rt.clone(), limiter.clone());
                rt.clone().spawn(async move {
                    loop {
                        let _permit = limiter.acquire(&rt).await.expect("no limit to waiting");
                    }
                })
            })
            .collect();
        rt.sleep(ms(100)).await;
        let before = rt.now();
        let _ten = limiter.acquire_many(&rt, limit(10)).await.expect("no limit to waiting");
        // Those before it, and its own ten.
        assert!(rt.now() - before <= ms(150), "{:?}", rt.now() - before);
        for task in singles {
            use backstay_core::JoinHandle;
            task.abort();
            let _ = task.await;
        }
        assert_eq!(limiter.waiting(), 0);
    });
    passed(run);
}

#[test]
fn who_came_first_is_served_first_and_nobody_overtakes() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (limiter, log) = (limiter(Quota::per_second(10).burst(4)), Log::default());
        assert!(limiter.try_acquire_many(limit(4), rt.now()).is_ok());
        let tasks = [("four", 4, 0), ("one", 1, 50), ("two", 2, 100)]
            .map(|(who, n, at)| asks(&rt, &limiter, &log, who, n, at));
        rt.sleep(ms(350)).await;
        // There are three, and they are kept for who asks for four.
        assert_eq!((limiter.waiting(), limiter.available(rt.now())), (3, 0));
        let rejected = limiter.try_acquire(rt.now()).unwrap_err();
        assert!(is_limited(&rejected));
        assert_eq!(rejected.retry_after(), Some(ms(450)), "behind all of them");
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(*log.lock().unwrap(), [("four", 400), ("one", 500), ("two", 700)]);
    });
    assert_eq!(passed(run).elapsed, ms(700));
}

#[test]
fn b20_a_head_that_leaves_lets_the_next_through() {
    let run = Sim::builder().run(|rt: Sim| async move {
        use backstay_core::JoinHandle;
        let (limiter, log) = (limiter(Quota::per_second(10).burst(10)), Log::default());
        assert!(limiter.try_acquire_many(limit(10), rt.now()).is_ok());
        let head = asks(&rt, &limiter, &log, "ten", 10, 0);
        let tasks = [("one", 1, 1), ("two", 2, 2)].map(|(who, n, at)| asks(&rt, &limiter, &log, who, n, at));
        rt.sleep(ms(250)).await;
        head.abort();
        for task in tasks {
            task.await.expect("no panic");
        }
        // There were two and a half.
        assert_eq!(*log.lock().unwrap(), [("one", 250), ("two", 300)]);
        let _ = head.await;
    });
    passed(run);
}

#[test]
fn s25_who_was_served_and_never_looked_gives_back() {
    let run = Sim::builder().run(|rt: Sim| async move {
        use futures::FutureExt;
        let limiter = limiter(Quota::per_second(10).burst(2));
        assert!(limiter.try_acquire_many(limit(2), rt.now()).is_ok());
        let mut waits = Box::pin(limiter.acquire_many(&rt, limit(2)));
        assert!((&mut waits).now_or_never().is_none());
        rt.sleep(ms(200)).await;
        // Whoever looks serves who waits.
        assert_eq!((limiter.available(rt.now()), limiter.waiting()), (0, 0));
        drop(waits);
        assert_eq!(limiter.available(rt.now()), 2);
    });
    passed(run);
}

#[test]
fn whose_wait_can_not_fit_is_told_before_it_waits() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = RateLimiter::named("test")
            .quota(Quota::per_second(10))
            .max_wait(ms(250))
            .build()
            .expect("a good quota");
        let log = Log::default();
        assert!(limiter.acquire(&rt).await.is_ok());
        let tasks = ["a", "b"].map(|who| asks(&rt, &limiter, &log, who, 1, 0));
        rt.sleep(ms(1)).await;
        // It would be served after 299 ms.
        let rejected = limiter.acquire(&rt).await.unwrap_err();
        assert!(is_limited(&rejected));
        assert_eq!(rejected.retry_after(), Some(ms(299)));
        assert_eq!(rt.now().since_origin(), ms(1));
        assert_eq!(
            limiter.acquire_many(&rt, limit(2)).await.unwrap_err().reason(),
            Reason::TooLarge { capacity: 1 }
        );
        // And when it fits just so, it is.
        rt.sleep(ms(49)).await;
        assert!(limiter.acquire(&rt).await.is_ok());
        assert_eq!(rt.now().since_origin(), ms(300));
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    passed(run);
}

#[test]
fn with_no_time_to_wait_nobody_does() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = RateLimiter::named("test")
            .quota(Quota::per_second(10))
            .max_wait(Duration::ZERO)
            .build()
            .expect("a good quota");
        assert!(limiter.acquire(&rt).await.is_ok());
        assert!(is_limited(&limiter.acquire(&rt).await.unwrap_err()));
        assert_eq!(limiter.waiting(), 0);
    });
    assert_eq!(passed(run).elapsed, Duration::ZERO);
}

#[test]
fn a_full_queue_refuses() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = RateLimiter::named("test")
            .quota(Quota::per_second(10))
            .max_waiting(limit(2))
            .build()
            .expect("a good quota");
        let log = Log::default();
        assert!(limiter.acquire(&rt).await.is_ok());
        let tasks = ["a", "b"].map(|who| asks(&rt, &limiter, &log, who, 1, 0));
        rt.sleep(ms(1)).await;
        let rejected = limiter.acquire(&rt).await.unwrap_err();
        assert_eq!((rejected.reason(), rejected.retry_after()), (Reason::QueueFull, Some(ms(299))));
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    passed(run);
}

#[test]
fn a_slower_quota_ends_a_wait_at_its_limit_and_a_faster_one_at_once() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = RateLimiter::named("test")
            .quota(Quota::per_second(10))
            .max_wait(ms(100))
            .build()
            .expect("a good quota");
        assert!(limiter.acquire(&rt).await.is_ok());
        let wait = rt.spawn({
            let (rt, limiter) = (rt.clone(), limiter.clone());
            async move { limiter.acquire(&rt).await.map(drop) }
        });
        rt.sleep(ms(50)).await;
        limiter.set_quota(Quota::per_second(1), rt.now()).expect("a good quota");
        let rejected = wait.await.expect("no panic").unwrap_err();
        assert_eq!(rejected.reason(), Reason::MaxWait { limit: ms(100) });
        assert_eq!(rt.now().since_origin(), ms(100));

        let slow = self::limiter(Quota::per_hour(1).burst(3));
        assert!(slow.try_acquire_many(limit(3), rt.now()).is_ok());
        let log = Log::default();
        let tasks = [("three", 3, 0), ("two", 2, 1)].map(|(who, n, at)| asks(&rt, &slow, &log, who, n, at));
        rt.sleep(ms(10)).await;
        let changed = rt.now();
        slow.set_quota(Quota::per_second(10).burst(2), changed).expect("a good quota");
        for task in tasks {
            task.await.expect("no panic");
        }
        // Who waited for three would wait for ever.
        assert_eq!(log.lock().unwrap().len(), 1);
        // Two at the new rate, but for the three millionths that had come back by then.
        let waited = rt.now() - changed;
        assert!(waited < ms(200) && waited > ms(199), "{waited:?}");
    });
    passed(run);
}

#[test]
fn who_is_refused_by_a_change_is_waited_for_by_nobody() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = limiter(Quota::per_hour(1).burst(3));
        assert!(limiter.try_acquire_many(limit(3), rt.now()).is_ok());
        let mut three = pin!(limiter.acquire_many(&rt, limit(3)));
        assert!(three.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        limiter.set_quota(Quota::per_second(1).burst(2), rt.now()).expect("a good quota");
        let next = limiter.reserve(limit(1), rt.now()).expect("it may wait").commit();
        assert_eq!(next, rt.now() + ms(1_000));
        assert_eq!(three.await.unwrap_err().reason(), Reason::TooLarge { capacity: 2 });
    });
    passed(run);
}

/// Woken, it asks at once: whether it may have its turn in a minute.
struct Asks {
    limiter: RateLimiter,
    now: Instant,
    reserved: Mutex<Vec<bool>>,
}

impl Wake for Asks {
    fn wake(self: Arc<Self>) {
        let reserved = self.limiter.reserve(limit(1), self.now).is_ok();
        self.reserved.lock().unwrap().push(reserved);
    }
}

#[test]
fn who_is_woken_by_other_settings_asks_by_all_of_them() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let builder = |max_wait| RateLimiter::named("test").quota(Quota::per_hour(1)).max_wait(max_wait);
        let limiter = builder(ms(10_000_000)).build().expect("a good quota");
        assert!(limiter.try_acquire(rt.now()).is_ok());
        let (now, reserved) = (rt.now(), Mutex::default());
        let asks = Arc::new(Asks { limiter: limiter.clone(), now, reserved });
        let mut waits = pin!(limiter.acquire(&rt));
        let waker = Waker::from(Arc::clone(&asks));
        assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        limiter.reconfigure(builder(ms(1)).quota(Quota::per_minute(1)), now).expect("a good quota");
        assert_eq!(*asks.reserved.lock().unwrap(), [false]);
    });
    passed(run);
}

#[test]
fn who_waits_has_its_time_fixed_by_a_reservation_behind_it() {
    let run = Sim::builder().run(|rt: Sim| async move {
        use backstay_core::JoinHandle;
        let (limiter, log) = (limiter(Quota::per_second(10)), Log::default());
        assert!(limiter.acquire(&rt).await.is_ok());
        let [a, b] = ["a", "b"].map(|who| asks(&rt, &limiter, &log, who, 1, 0));
        rt.sleep(ms(50)).await;
        let reserved = limiter.reserve(Limit::ONE, rt.now()).expect("no limit to waiting");
        assert_eq!(reserved.ready_at().since_origin(), ms(300));
        assert_eq!(limiter.waiting(), 0);
        rt.sleep(ms(10)).await;
        a.abort();
        let _ = a.await;
        b.await.expect("no panic");
        assert_eq!(*log.lock().unwrap(), [("b", 200)]);
        reserved.wait(&rt).await;
        assert_eq!(rt.now().since_origin(), ms(300));
        // Nothing of it is left, nor owed.
        assert_eq!(limiter.try_acquire(rt.now()).unwrap_err().retry_after(), Some(ms(100)));
    });
    passed(run);
}

#[test]
fn a_wait_that_is_dropped_gives_its_reservation_back() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = limiter(Quota::per_second(1));
        assert!(limiter.acquire(&rt).await.is_ok());
        let reserved = limiter.reserve(Limit::ONE, rt.now()).expect("no limit to waiting");
        assert!(rt.timeout(ms(10), reserved.wait(&rt)).await.is_err());
        assert_eq!(limiter.try_acquire(rt.now()).unwrap_err().retry_after(), Some(ms(990)));
    });
    passed(run);
}

#[test]
fn a_strict_window_is_waited_for_too() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (limiter, log) = (limiter(Quota::strict(3, Duration::from_secs(1))), Log::default());
        let tasks = [("a", 2, 0), ("b", 1, 100), ("c", 3, 200), ("d", 1, 300), ("e", 2, 300)]
            .map(|(who, n, at)| asks(&rt, &limiter, &log, who, n, at));
        for task in tasks {
            task.await.expect("no panic");
        }
        let log = log.lock().unwrap();
        let times: Vec<_> = log.iter().map(|(_, at)| *at).collect();
        assert_eq!(times, [0, 100, 1_100, 2_100, 2_100]);
    });
    passed(run);
}

/// Times to come in a strict window, behind somebody who takes two of them together.
#[test]
fn b25_a_hint_behind_a_large_request_in_a_strict_window_is_enough() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let builder = RateLimiter::named("test").quota(Quota::strict(3, ms(1_000)));
        let limiter = builder.max_wait(ms(2_000)).build().expect("a good quota");
        for at in [0, 500, 900] {
            rt.sleep_until(Instant::from_nanos(at * 1_000_000)).await;
            assert!(limiter.acquire(&rt).await.is_ok());
        }
        let mut two = std::pin::pin!(limiter.acquire_many(&rt, limit(2)));
        assert!(futures::poll!(&mut two).is_pending());
        // At 1.5 s two are taken; so two more can't be at 2.0, when the first of them is free.
        let hint =
            limiter.try_acquire_many(limit(2), rt.now()).unwrap_err().retry_after().expect("there is one");
        let reserved = limiter.reserve(limit(2), rt.now());
        if let Ok(reserved) = &reserved {
            assert!(reserved.ready_at() - rt.now() <= ms(2_000));
        }
        drop(reserved);
        two.await.expect("it has its turn").give_back(rt.now());
        let _two = limiter.try_acquire_many(limit(2), rt.now()).expect("they are back");
        rt.sleep_until(Instant::from_nanos(900_000_000) + hint).await;
        assert!(limiter.try_acquire_many(limit(2), rt.now()).is_ok(), "after {hint:?}");
    });
    passed(run);
}

#[test]
fn a_time_that_is_fixed_too_late_is_not_waited_for() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let builder = RateLimiter::named("test").quota(Quota::per_second(1).burst(2));
        let limiter = builder.max_wait(ms(2_000)).build().expect("a good quota");
        assert!(limiter.acquire_many(&rt, limit(2)).await.is_ok());
        let later = async {
            // The one that waits would have its turn at 2.2 s, and a reservation at 3.3 s, after it.
            limiter
                .set_quota(Quota::new(10, Duration::from_secs(11)).burst(2), rt.now())
                .expect("a good quota");
            rt.sleep(ms(1_500)).await;
            limiter.reserve(Limit::ONE, rt.now()).map(|reserved| reserved.commit().since_origin())
        };
        let waits = async {
            let result = limiter.acquire_many(&rt, limit(2)).await;
            (result.map(drop).map_err(|rejected| rejected.reason()), rt.now().since_origin())
        };
        let (waits, reserved) = futures::join!(waits, later);
        assert_eq!(reserved, Ok(ms(3_300)));
        assert_eq!(waits, (Err(Reason::MaxWait { limit: ms(2_000) }), ms(2_000)));
    });
    passed(run);
}

#[test]
fn a_deadlock_report_names_the_limiter() {
    let failure = Sim::builder()
        .run(|rt: Sim| async move {
            let limiter = RateLimiter::named("mail").quota(Quota::new(1, Duration::from_secs(1 << 30)));
            let limiter = limiter.build().expect("a good quota");
            assert!(limiter.acquire(&rt).await.is_ok());
            // Its turn would come after the end of its time.
            let _second = limiter.reserve(Limit::ONE, rt.now());
            let _ = limiter.acquire(&rt).await;
        })
        .unwrap_err();
    let report = failure.to_string();
    assert!(report.contains("rate limiter `mail`, 1 waiting"), "{report}");
}

/// Somebody has all, the subject waits for two, somebody waits behind it.
async fn in_the_middle(rt: Sim, subject: Subject, tracker: Tracker) -> RateLimiter {
    let limiter = limiter(Quota::per_second(100).burst(2));
    let held = tracker.track(());
    let ask = |n: usize, at: u64| {
        let (rt, limiter) = (rt.clone(), limiter.clone());
        async move {
            rt.sleep(ms(at)).await;
            let permit = checked(limiter.acquire_many(&rt, limit(n))).await;
            permit.expect("no limit to waiting").give_back(rt.now());
        }
    };
    let taken = limiter.acquire_many(&rt, limit(2)).await.expect("it is full");
    let behind = rt.spawn(ask(1, 2));
    let work = ask(2, 1);
    subject
        .spawn(&rt, async move {
            work.await;
            drop(held);
        })
        .await;
    taken.give_back(rt.now());
    let behind = rt.timeout(ms(1_000), behind).await;
    behind.expect("it is not kept waiting").expect("no panic");
    limiter
}

#[test]
fn s09_s25_an_acquire_that_is_cut_anywhere_loses_nothing() {
    let tracker = Tracker::new();
    let scenario = |rt, subject| in_the_middle(rt, subject, tracker.clone());
    let check = |rt: Sim, limiter: RateLimiter| async move {
        assert_eq!((limiter.available(rt.now()), limiter.waiting()), (2, 0));
        assert!(limiter.try_acquire_many(limit(2), rt.now()).is_ok());
        assert!(limiter.try_acquire(rt.now()).is_err());
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 3);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
    tracker.assert_none_alive();
}

#[test]
fn b20_every_schedule_of_a_head_that_gives_up() {
    let explored = Explore::exhaustive(20_000).run(|rt: Sim| async move {
        use backstay_core::JoinHandle;
        let (limiter, log) = (limiter(Quota::per_second(100).burst(2)), Log::default());
        assert!(limiter.try_acquire_many(limit(2), rt.now()).is_ok());
        let head = asks(&rt, &limiter, &log, "head", 2, 0);
        let behind = asks(&rt, &limiter, &log, "behind", 1, 0);
        rt.sleep(ms(10)).await;
        head.abort();
        behind.await.expect("no panic");
        let _ = head.await;
        // Before the head, behind it, or when it went.
        assert!(rt.now().since_origin() <= ms(30));
        assert_eq!(limiter.waiting(), 0);
    });
    passed(explored);
}

#[test]
fn who_has_waited_is_told_how_long_it_was_allowed_to() {
    on_sim(|rt| async move {
        let named = |name| RateLimiter::named(name);
        let limiter = named("t").quota(Quota::per_second(1)).max_wait(ms(2_000)).build().unwrap();
        assert!(limiter.try_acquire(rt.now()).is_ok());
        let later = async {
            rt.sleep(ms(500)).await;
            limiter.reconfigure(named("").quota(Quota::per_minute(1)), rt.now()).unwrap();
        };
        let (waited, ()) = futures::join!(limiter.acquire(&rt), later);
        assert_eq!(waited.unwrap_err().reason(), Reason::MaxWait { limit: ms(2_000) });
    });
}
