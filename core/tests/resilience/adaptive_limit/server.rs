//! A server in virtual time that does so many calls at once, in the order in which they come, and more clients than
//! that: where each algorithm settles, and how it comes back after trouble. The guide's table is of what is seen here.

use crate::kit::{ms, sim};
use backstay::testing::Sim;
use backstay_core::resilience::{AdaptiveAlgorithm, AdaptiveLimit, Aimd, Attempt, Gradient, Pipeline, Vegas};
use backstay_core::sync::Semaphore;
use backstay_core::time::Instant;
use backstay_core::{Limit, Runtime};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Its workers take calls one after the other, for so long each.
struct Server {
    workers: Semaphore,
    service: AtomicU64,
    // Service times between a half and one and a half of that, or all the same.
    varies: bool,
}

impl Server {
    fn new(workers: usize, service: Duration, varies: bool) -> Arc<Self> {
        let service = AtomicU64::new(service.as_nanos() as u64);
        Arc::new(Self { workers: Semaphore::new(Limit::new(workers).unwrap()), service, varies })
    }

    fn takes(&self, service: Duration) {
        self.service.store(service.as_nanos() as u64, SeqCst);
    }

    async fn answer(&self, rt: &Sim) {
        let _worker = self.workers.acquire().await.expect("it is open");
        let service = self.service.load(SeqCst);
        let service = if self.varies { service / 2 + rt.random_u64() % service } else { service };
        rt.sleep(Duration::from_nanos(service)).await;
    }
}

/// What came of the calls that ended within a time.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    calls: u32,
    latency: Duration,
    // Of limits, after each call.
    limits: usize,
    least: usize,
    most: usize,
}

impl Seen {
    fn limit(&self) -> f64 {
        self.limits as f64 / f64::from(self.calls)
    }

    fn mean(&self) -> Duration {
        self.latency / self.calls
    }
}

/// So many clients, each of which calls again as soon as it has an answer or a refusal, and what they have seen.
#[derive(Clone)]
struct Clients {
    limit: AdaptiveLimit,
    server: Arc<Server>,
    seen: Arc<Mutex<Seen>>,
}

impl Clients {
    /// A task each, until then.
    async fn call(&self, rt: &Sim, count: usize, until: Instant) {
        let tasks: Vec<_> = (0..count)
            .map(|_| {
                let (rt, clients) = (rt.clone(), self.clone());
                rt.clone().spawn(async move { clients.client(&rt, until).await })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    }

    async fn client(&self, rt: &Sim, until: Instant) {
        let users = Pipeline::named("users").adaptive_limit(&self.limit).attempt_timeout(ms(2_000));
        let users = users.build(rt).expect("it is good");
        while rt.now() < until {
            let began = rt.now();
            let op = |_: Attempt| async {
                self.server.answer(rt).await;
                Ok::<_, &str>(())
            };
            match users.call(op).await {
                Ok(()) => {
                    let limit = self.limit.limit();
                    let mut seen = self.seen.lock().unwrap();
                    let least = if seen.calls == 0 { limit } else { seen.least.min(limit) };
                    *seen = Seen {
                        calls: seen.calls + 1,
                        latency: seen.latency + (rt.now() - began),
                        limits: seen.limits + limit,
                        least,
                        most: seen.most.max(limit),
                    };
                }
                Err(_) => rt.sleep(ms(20)).await,
            }
        }
    }

    /// What is seen in the next so many seconds.
    async fn watch(&self, rt: &Sim, seconds: u64) -> Seen {
        *self.seen.lock().unwrap() = Seen::default();
        rt.sleep(Duration::from_secs(seconds)).await;
        *self.seen.lock().unwrap()
    }
}

fn tested() -> [(&'static str, AdaptiveAlgorithm); 3] {
    [
        // Two and a half times what a call takes without load.
        ("aimd", Aimd::new().latency_threshold(ms(100)).into()),
        ("vegas", Vegas::new().into()),
        ("gradient", Gradient::new().into()),
    ]
}

fn clients(algorithm: AdaptiveAlgorithm, initial: usize, server: &Arc<Server>) -> Clients {
    let limit = AdaptiveLimit::named("l").algorithm(algorithm).initial_limit(initial).build();
    let seen = Arc::default();
    Clients { limit: limit.expect("it is good"), server: Arc::clone(server), seen }
}

/// Ten workers of forty milliseconds: 250 calls a second, and a knee at ten.
const KNEE: usize = 10;

const SERVICE: Duration = ms(40);

/// They would wait for four calls of others before theirs, if nobody kept them off.
const CLIENTS: usize = 50;

#[test]
fn each_settles_near_the_knee() {
    for (name, algorithm) in tested() {
        for varies in [false, true] {
            for initial in [1, 80] {
                sim(|rt: Sim| async move {
                    let clients = clients(algorithm, initial, &Server::new(KNEE, SERVICE, varies));
                    let end = rt.now() + Duration::from_secs(60);
                    let calls = rt.spawn({
                        let (rt, clients) = (rt.clone(), clients.clone());
                        async move { clients.call(&rt, CLIENTS, end).await }
                    });
                    rt.sleep(Duration::from_secs(40)).await;
                    let seen = clients.watch(&rt, 20).await;
                    // Nearly all that the server can do, in at most three times the time of a call without load; the
                    // clients by themselves would wait for six.
                    assert!(seen.calls >= 20 * 225, "{name} {seen:?}");
                    assert!(seen.mean() <= 3 * SERVICE, "{name} {seen:?}");
                    assert!(seen.limit() >= 0.9 * KNEE as f64, "{name} {seen:?}");
                    assert!(seen.limit() <= 3.0 * KNEE as f64, "{name} {seen:?}");
                    calls.await.expect("no panic");
                });
            }
        }
    }
}

#[test]
fn each_comes_back_after_a_slowdown() {
    for (name, algorithm) in tested() {
        sim(|rt: Sim| async move {
            let server = Server::new(KNEE, SERVICE, false);
            let clients = clients(algorithm, 20, &server);
            let end = rt.now() + Duration::from_secs(180);
            let calls = rt.spawn({
                let (rt, clients) = (rt.clone(), clients.clone());
                async move { clients.call(&rt, CLIENTS, end).await }
            });
            let seconds = Duration::from_secs;
            rt.sleep(seconds(40)).await;
            let before = clients.watch(&rt, 10).await;
            server.takes(5 * SERVICE);
            rt.sleep(seconds(60)).await;
            let slow = clients.watch(&rt, 20).await;
            server.takes(SERVICE);
            rt.sleep(seconds(40)).await;
            let after = clients.watch(&rt, 10).await;
            assert!(after.limit() <= before.limit() + 5.0, "{name} {before:?} {after:?}");
            // While it is slow, there is no use in fewer calls than workers; nor is there after.
            assert!(after.calls >= 10 * 225, "{name} {after:?}");
            assert!(after.mean() <= 3 * SERVICE, "{name} {after:?}");
            assert!(slow.limit() <= 4.0 * KNEE as f64, "{name} {slow:?}");
            if !matches!(algorithm, AdaptiveAlgorithm::Aimd(_)) {
                assert!(slow.calls >= 20 * 42, "{name} {slow:?}: it has learned that this is how it is");
            }
            calls.await.expect("no panic");
        });
    }
}

#[test]
fn each_comes_back_after_an_outage() {
    for (name, algorithm) in tested() {
        sim(|rt: Sim| async move {
            let server = Server::new(KNEE, SERVICE, false);
            let clients = clients(algorithm, 20, &server);
            let end = rt.now() + Duration::from_secs(130);
            let calls = rt.spawn({
                let (rt, clients) = (rt.clone(), clients.clone());
                async move { clients.call(&rt, CLIENTS, end).await }
            });
            let seconds = Duration::from_secs;
            rt.sleep(seconds(40)).await;
            // Nobody is answered in time: each call is an overload, once in two seconds.
            server.takes(seconds(10));
            rt.sleep(seconds(20)).await;
            let low = clients.limit.limit();
            server.takes(SERVICE);
            rt.sleep(seconds(50)).await;
            let after = clients.watch(&rt, 10).await;
            assert!(low < 2 * KNEE, "{name} {low}");
            assert!(after.calls >= 10 * 225, "{name} {after:?}");
            calls.await.expect("no panic");
        });
    }
}
