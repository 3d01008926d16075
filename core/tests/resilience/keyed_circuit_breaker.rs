//! A breaker for each key: apart, forgotten, bounded, and never two.

mod model;
mod threads;

use crate::kit::{Heard, at, limit, ms, on_sim, passed, secs};
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitState, Error, Event, EventKind, KeyedCircuitBreaker,
    KeyedCircuitBreakerBuilder, Reason,
};
use backstay_core::time::Instant;
use std::sync::{Arc, Mutex};

const HOUR: std::time::Duration = secs(3_600);
const IDLE: std::time::Duration = secs(600);

/// Each opens on the second failure in a row, for ten milliseconds.
fn each() -> CircuitBreakerBuilder {
    CircuitBreaker::named("hosts").consecutive_failures(2).open_for(ms(10))
}

fn builder() -> KeyedCircuitBreakerBuilder<u64> {
    KeyedCircuitBreaker::named("hosts").breaker(each())
}

fn hosts(rt: &Sim) -> KeyedCircuitBreaker<u64> {
    builder().build(rt).expect("it is good")
}

fn succeed(breaker: &CircuitBreaker, now: Instant) {
    breaker.try_acquire(now).expect("it passes").success(now);
}

fn fail(breaker: &CircuitBreaker, now: Instant) {
    breaker.try_acquire(now).expect("it passes").failure(now);
}

fn open(hosts: &KeyedCircuitBreaker<u64>, key: u64, now: Instant) {
    fail(&hosts.of(&key, now), now);
    fail(&hosts.of(&key, now), now);
    assert_eq!(hosts.of(&key, now).state(now), CircuitState::Open);
}

/// Which are kept, without using them.
fn kept(hosts: &KeyedCircuitBreaker<u64>, now: Instant) -> Vec<(u64, CircuitState)> {
    let mut kept = Vec::new();
    hosts.for_each(now, |key, metrics| kept.push((*key, metrics.state)));
    kept.sort_by_key(|(key, _)| *key);
    assert_eq!(kept.len(), hosts.len());
    kept
}

#[test]
fn each_key_has_its_own() {
    on_sim(|rt| async move {
        let hosts = KeyedCircuitBreaker::<String>::new(&rt, each()).expect("it is good");
        assert!(hosts.is_empty() && hosts.get("a").is_none());
        assert_eq!((hosts.name(), hosts.settings()), ("hosts", each().into()));
        for _ in 0..2 {
            let failed = hosts.run(&rt, "a", async |_| Err::<(), _>("down")).await;
            assert_eq!(failed, Err(Error::Operation("down")));
        }
        let refused = hosts.run(&rt, "a", async |_| Ok::<_, &str>(())).await.unwrap_err();
        assert_eq!(refused.retry_after(), Some(ms(10)));
        assert_eq!(hosts.run(&rt, "b", async |_| Ok::<_, &str>(1)).await, Ok(1));
        // A handle is the breaker of its key, and no other.
        let a = hosts.get("a").expect("it is there");
        a.reset();
        assert_eq!(hosts.of("a", rt.now()).state(rt.now()), CircuitState::Closed);
        hosts.of("b", rt.now()).isolate();
        let blocked = hosts.of("b", rt.now()).call_blocking(|| rt.now(), || Ok::<_, &str>(()));
        assert_eq!(blocked.unwrap_err().rejected().map(|rejected| rejected.reason()), Some(Reason::Isolated));
        assert_eq!(a.call_blocking(|| rt.now(), || Ok::<_, &str>(2)), Ok(2));
        assert_eq!((hosts.len(), hosts.unguarded()), (2, 0));
        assert!(format!("{hosts:?}").contains("len: 2"), "{hosts:?}");
    });
}

#[test]
fn a_future_that_is_not_polled_makes_no_key() {
    on_sim(|rt| async move {
        let hosts = hosts(&rt);
        drop(hosts.run(&rt, &1, async |_| Ok::<_, &str>(())));
        assert!(hosts.is_empty());
    });
}

/// Each as it was left at 0, with nobody who holds it.
#[test]
fn what_is_forgotten_and_when() {
    on_sim(|rt| async move {
        let hosts = builder().idle_for(IDLE).breaker(each().open_for(HOUR)).build(&rt).expect("it is good");
        let now = rt.now();
        succeed(&hosts.of(&0, now), now);
        fail(&hosts.of(&1, now), now);
        open(&hosts, 2, now);
        hosts.of(&3, now).isolate();
        hosts.of(&4, now).disable();
        hosts.of(&5, now).metrics_only();
        // What is as good as new is forgotten by `prune`, and the rest begins to be idle by it.
        hosts.prune(now);
        let states = |now| kept(&hosts, now).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(states(now), [1, 2, 3, 4, 5]);
        hosts.prune(now + (IDLE - ms(1)));
        assert_eq!(states(now), [1, 2, 3, 4, 5]);
        hosts.prune(now + IDLE);
        assert_eq!(states(now), [2, 3, 4, 5]);
        hosts.prune(now + (HOUR - ms(1)));
        assert_eq!(states(now), [2, 3, 4, 5]);
        // Half-open, would somebody ask, and idle for long.
        hosts.prune(now + HOUR);
        assert_eq!(states(now), [3, 4, 5]);
        for key in 3..6 {
            hosts.of(&key, now + HOUR).reset();
        }
        hosts.prune(now + HOUR);
        assert!(hosts.is_empty());
    });
}

#[test]
fn one_that_has_counted_a_slow_call_is_not_as_good_as_new() {
    on_sim(|rt| async move {
        let each = each().count_window(10).slow_call_duration(ms(5)).slow_call_rate(1.0);
        let hosts = builder().idle_for(IDLE).breaker(each).build(&rt).expect("it is good");
        for (key, took) in [(1, 5), (2, 6)] {
            hosts.of(&key, at(0)).try_acquire(at(0)).expect("it passes").success(at(took));
        }
        hosts.prune(at(6));
        assert_eq!(kept(&hosts, at(6)), [(2, CircuitState::Closed)]);
        hosts.prune(at(6) + IDLE);
        assert!(hosts.is_empty());
    });
}

#[test]
fn a_half_open_one_is_kept_while_it_is_not_idle_and_so_is_one_whose_probes_have_hung() {
    on_sim(|rt| async move {
        let each = each().half_open_timeout(secs(1_000)).open_for(secs(500)).max_open(HOUR);
        let hosts = builder().idle_for(IDLE).breaker(each.clone()).build(&rt).expect("it is good");
        open(&hosts, 1, at(0));
        let asked = at(0) + secs(500);
        drop(hosts.of(&1, asked).try_acquire(asked).expect("a probe"));
        assert_eq!(kept(&hosts, asked), [(1, CircuitState::HalfOpen)]);
        hosts.prune(asked);
        hosts.prune(asked + (IDLE - ms(1)));
        assert_eq!(hosts.len(), 1);
        // Its time in half-open is over: it is open again, until 2,000 s.
        for seconds in [1_500, 1_999] {
            hosts.prune(at(0) + secs(seconds));
            assert_eq!(kept(&hosts, at(0) + secs(seconds)), [(1, CircuitState::Open)]);
        }
        hosts.prune(at(0) + secs(2_000));
        assert!(hosts.is_empty());
    });
}

#[test]
fn they_are_forgotten_by_the_use_of_others() {
    on_sim(|rt| async move {
        let hosts = builder().idle_for(secs(1)).build(&rt).expect("it is good");
        for key in 0..2_000 {
            fail(&hosts.of(&key, at(0)), at(0));
        }
        assert_eq!(hosts.len(), 2_000);
        // These are asked for each second, and those not any more.
        for second in 1..500 {
            for key in 0..1_000 {
                succeed(&hosts.of(&key, at(0) + secs(second)), at(0) + secs(second));
            }
            if hosts.len() == 1_000 {
                assert!(second >= 2, "none before it has been idle");
                return;
            }
        }
        panic!("{} are left", hosts.len());
    });
}

#[test]
fn a_key_that_somebody_holds_is_not_forgotten() {
    on_sim(|rt| async move {
        let hosts = builder().max_keys(limit(2)).build(&rt).expect("it is good");
        let handle = hosts.of(&1, at(0));
        let call = hosts.of(&2, at(0)).try_acquire_owned(at(0)).expect("it passes");
        for now in [at(0), at(0) + HOUR, at(0) + 2 * HOUR] {
            hosts.prune(now);
            hosts.retain(|_| false);
            // Nor to make room.
            assert_eq!(hosts.of(&3, now).state(now), CircuitState::Disabled);
        }
        // The call is that of the breaker that is there.
        call.failure(at(0));
        drop(handle);
        let then = at(0) + 2 * HOUR;
        fail(&hosts.of(&2, then), then);
        assert_eq!(kept(&hosts, then), [(1, CircuitState::Closed), (2, CircuitState::Open)]);
        // By hand all may go.
        hosts.retain(|key| *key == 1);
        assert_eq!(kept(&hosts, then), [(1, CircuitState::Closed)]);
        hosts.retain(|_| false);
        assert!(hosts.is_empty());
    });
}

/// Held all the time, and dropped just now: it has not been idle, though nobody has asked for it.
#[test]
fn who_holds_a_handle_uses_the_key() {
    on_sim(|rt| async move {
        let hosts = hosts(&rt);
        let handle = hosts.of(&1, at(0));
        hosts.prune(at(0) + HOUR);
        fail(&handle, at(0) + HOUR);
        drop(handle);
        hosts.prune(at(0) + HOUR + ms(1));
        hosts.prune(at(0) + HOUR + IDLE);
        assert_eq!(hosts.len(), 1);
        hosts.prune(at(0) + HOUR + IDLE + ms(1));
        assert!(hosts.is_empty());
    });
}

#[test]
fn room_is_made_of_what_is_as_good_as_new_and_of_nothing_else() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let hosts = builder().max_keys(limit(3)).observer(heard.clone()).build(&rt).expect("it is good");
        fail(&hosts.of(&1, at(0)), at(0));
        hosts.of(&2, at(0)).isolate();
        succeed(&hosts.of(&3, at(0)), at(0));
        // Wherever the one is that can go: in its turn all shards are looked at.
        let guarded = |key| (0..8).any(|_| hosts.try_of(&key, at(0)).is_ok());
        assert!((4..50).all(guarded), "each in the place of the one before");
        assert_eq!(hosts.len(), 3);
        heard.take();
        fail(&hosts.of(&49, at(0)), at(0));
        assert_eq!(hosts.unguarded(), 0);

        let breaker = hosts.of(&50, at(0));
        for _ in 0..10 {
            fail(&breaker, at(0));
        }
        assert_eq!((breaker.state(at(0)), hosts.unguarded()), (CircuitState::Disabled, 1));
        // By hand it is for that handle alone.
        breaker.isolate();
        assert_eq!(hosts.of(&51, at(0)).state(at(0)), CircuitState::Disabled);
        assert!(heard.take().is_empty());

        let rejected = hosts.try_of(&50, at(0)).unwrap_err();
        assert_eq!((rejected.reason(), rejected.name()), (Reason::TooManyKeys, "hosts"));
        assert_eq!(heard.take(), [("hosts", EventKind::Rejected(rejected))]);
        assert_eq!((hosts.len(), hosts.unguarded()), (3, 2));
        let still = [(1, CircuitState::Closed), (2, CircuitState::Isolated), (49, CircuitState::Closed)];
        assert_eq!(kept(&hosts, at(0)), still);
        assert!(hosts.try_of(&1, at(0)).is_ok(), "one that is there");
    });
}

#[test]
fn a_crowd_of_made_up_keys_is_bounded_and_closes_nothing() {
    on_sim(|rt| async move {
        let each = each().open_for(HOUR);
        let hosts = builder().breaker(each).max_keys(limit(500)).build(&rt).expect("it is good");
        for key in 0..100 {
            open(&hosts, key, at(0));
        }
        let mut most = 0;
        // A day's worth in a minute, and each of them works.
        for key in 1_000..1_001_000 {
            let now = at(key / 20);
            succeed(&hosts.of(&key, now), now);
            most = most.max(hosts.len());
        }
        assert_eq!((most, hosts.unguarded()), (500, 0));
        // Those that fail stay, and the others pass.
        for key in 2_000_000..2_005_000 {
            fail(&hosts.of(&key, at(50_000)), at(50_000));
        }
        assert_eq!((hosts.len(), hosts.unguarded()), (500, 4_600));
        let now = at(0) + (HOUR - ms(1));
        assert_eq!(
            kept(&hosts, now)[..100],
            std::array::from_fn::<_, 100, _>(|key| (key as u64, CircuitState::Open))
        );
    });
}

#[test]
fn other_settings_are_those_of_all_keys() {
    on_sim(|rt| async move {
        let hosts = hosts(&rt);
        for key in 0..100 {
            fail(&hosts.of(&key, at(0)), at(0));
        }
        let error = hosts.reconfigure(each().consecutive_failures(0), at(0)).unwrap_err();
        assert_eq!(error.field(), Some("consecutive_failures"));
        assert_eq!(hosts.settings(), each().into());

        hosts.reconfigure(each().consecutive_failures(3), at(0)).expect("it is good");
        assert_eq!(hosts.settings().consecutive_failures, Some(3));
        for key in 0..100 {
            fail(&hosts.of(&key, at(0)), at(0));
            assert_eq!(hosts.of(&key, at(0)).state(at(0)), CircuitState::Closed);
            fail(&hosts.of(&key, at(0)), at(0));
            assert_eq!(hosts.of(&key, at(0)).state(at(0)), CircuitState::Open);
        }
        // A new one too.
        fail(&hosts.of(&200, at(0)), at(0));
        fail(&hosts.of(&200, at(0)), at(0));
        assert_eq!(hosts.of(&200, at(0)).state(at(0)), CircuitState::Closed);
    });
}

#[test]
fn observers_are_told_with_no_lock_held() {
    on_sim(|rt| async move {
        let this = Arc::new(Mutex::new(None::<KeyedCircuitBreaker<u64>>));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (again, log, keys) = (Arc::clone(&this), Arc::clone(&told), Arc::clone(&told));
        let observer = move |event: &Event| {
            log.lock().unwrap().push(format!("{event}"));
            // It uses all keys.
            if let Some(hosts) = &*again.lock().unwrap() {
                assert!(hosts.get(&1).is_some());
                hosts.prune(at(0));
            }
        };
        let each = each().half_open_timeout(ms(5)).probes(2);
        let hosts = builder()
            .breaker(each.clone())
            .observer(observer)
            .key_observer(move |key, event| keys.lock().unwrap().push(format!("{key}: {event}")))
            .build(&rt)
            .expect("it is good");
        *this.lock().unwrap() = Some(hosts.clone());
        open(&hosts, 1, at(0));
        let all = std::mem::take(&mut *told.lock().unwrap());
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[0].starts_with("hosts: closed -> open") && all[1] == format!("1: {}", all[0]), "{all:?}");
        // Half-open, and for too long: a change of settings finds it.
        drop(hosts.of(&1, at(10)).try_acquire(at(10)).expect("a probe"));
        told.lock().unwrap().clear();
        hosts.reconfigure(each, at(15)).expect("it is good");
        let all = std::mem::take(&mut *told.lock().unwrap());
        assert!(all.len() == 2 && all[0].starts_with("hosts: half-open -> open"), "{all:?}");
        this.lock().unwrap().take();
    });
}

/// Each key's own seed: what opened together does not come back together.
#[test]
fn the_jitter_of_each_key_is_its_own() {
    on_sim(|rt| async move {
        let hosts = builder().breaker(each().open_for(HOUR).jitter(0.5, 0)).build(&rt).expect("it is good");
        let mut times: Vec<_> = (0..50)
            .map(|key| {
                open(&hosts, key, at(0));
                hosts.of(&key, at(0)).try_acquire(at(0)).unwrap_err().retry_after()
            })
            .collect();
        times.sort();
        times.dedup();
        assert_eq!(times.len(), 50);
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    on_sim(|rt| async move {
        let error = builder().idle_for(ms(0)).build(&rt).unwrap_err();
        assert_eq!(error.to_string(), "invalid `idle_for` = 0s: must be longer than zero");
        let error = KeyedCircuitBreaker::<u8>::new(&rt, each().failure_rate(2.0)).unwrap_err();
        assert_eq!(error.field(), Some("failure_rate"));
        // All that there is.
        let hosts = builder().idle_for(std::time::Duration::MAX).build(&rt).expect("it is good");
        fail(&hosts.of(&1, Instant::MAX), Instant::MAX);
        hosts.prune(Instant::MAX);
        hosts.prune(Instant::ORIGIN);
        assert_eq!(hosts.len(), 1);
    });
}

/// The subject's call is a probe.
async fn a_probe(rt: Sim, subject: Subject) -> KeyedCircuitBreaker<u64> {
    let hosts = hosts(&rt);
    open(&hosts, 1, rt.now());
    rt.sleep(ms(10)).await;
    let probe = {
        let (rt, hosts) = (rt.clone(), hosts.clone());
        async move {
            let call = hosts.run(&rt, &1, async |_| {
                rt.sleep(ms(1)).await;
                rt.yield_now().await;
                Ok::<_, &str>(())
            });
            let _ = call.await;
        }
    };
    subject.spawn(&rt, probe).await;
    hosts
}

#[test]
fn s09_b12_a_probe_that_is_cut_anywhere_gives_its_place_and_its_key_back() {
    let check = |rt: Sim, hosts: KeyedCircuitBreaker<u64>| async move {
        assert_eq!(hosts.of(&1, rt.now()).metrics(rt.now()).probes_in_flight, 0);
        hosts.run(&rt, &1, async |_| Ok::<_, &str>(())).await.expect("there is a place");
        hosts.prune(rt.now());
        assert!(hosts.is_empty(), "closed, and nobody holds it");
    };
    assert!(passed(cancel_sweep(a_probe, check)).polls >= 3);
    passed(abort_sweep(a_probe, check));
    passed(panic_sweep(a_probe, check));
}
