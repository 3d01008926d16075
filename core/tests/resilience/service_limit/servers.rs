//! Simulated servers that state their limits, and clients that obey or don't.

use super::{builder, built};
use crate::kit::{ms, passed, secs};
use backstay::testing::Sim;
use backstay_core::resilience::{Pacing, Quota, RateLimiter, ServiceLimit, Told, ToldQuota};
use backstay_core::time::Instant;
use backstay_core::{JoinHandle, Runtime};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server that counts; times are said in whole seconds, rounded up.
trait Server: Send + 'static {
    /// Whether it takes the call, and what it says.
    fn ask(&mut self, now: Instant) -> (bool, ToldQuota);
    /// How many it would take in that time, at most.
    fn most(&self, time: Duration) -> u64;
}

/// So many in each window, which begin at fixed times.
struct Fixed {
    quota: u64,
    window: Duration,
    count: u64,
    current: u64,
}

impl Server for Fixed {
    fn ask(&mut self, now: Instant) -> (bool, ToldQuota) {
        let since = now.since_origin();
        let current = (since.as_nanos() / self.window.as_nanos()) as u64;
        if current != self.current {
            (self.current, self.count) = (current, 0);
        }
        let is_taken = self.count < self.quota;
        self.count += u64::from(is_taken);
        let rest = self.window * (current as u32 + 1) - since;
        let told = ToldQuota::of("fixed").quota(self.quota).window(self.window);
        (is_taken, told.remaining(self.quota - self.count).reset(seconds(rest)))
    }

    fn most(&self, time: Duration) -> u64 {
        time.as_nanos().div_ceil(self.window.as_nanos()) as u64 * self.quota
    }
}

/// A rate and a burst.
struct Gcra(RateLimiter);

impl Server for Gcra {
    fn ask(&mut self, now: Instant) -> (bool, ToldQuota) {
        let is_taken = self.0.try_acquire(now).is_ok();
        let (quota, left) = (self.0.quota(), self.0.available(now));
        let burst = u64::from(quota.max_burst());
        let each = quota.per() / quota.permits();
        let told = ToldQuota::of("rate").quota(burst).window(seconds(each * burst as u32));
        (is_taken, told.remaining(left).reset(seconds(each * (burst - left) as u32)))
    }

    fn most(&self, time: Duration) -> u64 {
        let quota = self.0.quota();
        let rate = time.as_nanos() * u128::from(quota.permits()) / quota.per().as_nanos();
        rate as u64 + u64::from(quota.max_burst())
    }
}

fn seconds(time: Duration) -> Duration {
    secs(time.as_nanos().div_ceil(1_000_000_000) as u64)
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    taken: u64,
    refused: u64,
}

const TIME: Duration = Duration::from_secs(100);

/// So many clients that call again and again for a while, with a network that takes up to so long each way.
async fn run(
    rt: &Sim,
    server: impl Server,
    limit: Option<&ServiceLimit>,
    clients: usize,
    latency: u64,
    says_pause: bool,
) -> Count {
    let server = Arc::new(Mutex::new((server, Count::default())));
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (rt, limit, server) = (rt.clone(), limit.cloned(), Arc::clone(&server));
            rt.clone().spawn(async move {
                loop {
                    let permit = match &limit {
                        Some(limit) => Some(limit.acquire(&rt).await.expect("it waits")),
                        None => None,
                    };
                    rt.sleep(ms(1 + rt.random_u64() % latency)).await;
                    let quota = {
                        let (server, count) = &mut *server.lock().unwrap();
                        let (is_taken, quota) = server.ask(rt.now());
                        count.taken += u64::from(is_taken);
                        count.refused += u64::from(!is_taken);
                        (is_taken, quota)
                    };
                    rt.sleep(ms(1 + rt.random_u64() % latency)).await;
                    let told = match quota {
                        (false, quota) if says_pause => {
                            Told::new().retry_after(quota.reset.expect("it is said"))
                        }
                        (_, quota) if !says_pause => Told::new().quota(quota),
                        _ => Told::new(),
                    };
                    if let Some(permit) = permit {
                        permit.told(&told, rt.now(), rt.random_u64());
                    }
                }
            })
        })
        .collect();
    rt.sleep(TIME).await;
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
    server.lock().unwrap().1
}

fn fixed() -> Fixed {
    Fixed { quota: 100, window: secs(10), count: 0, current: 0 }
}

fn gcra() -> Gcra {
    Gcra(RateLimiter::new(Quota::per_second(10).burst(20)).expect("a good quota"))
}

fn counted(
    server: impl Fn() -> Box<dyn FnOnce(Sim) -> std::pin::Pin<Box<dyn Future<Output = (Count, u64)>>>>,
) -> Vec<(Count, u64)> {
    (0..3).map(|seed| passed(Sim::builder().seed(seed).run(server())).value).collect()
}

/// Runs a server with its clients on some seeds; what came of it, and how many could have been taken.
macro_rules! counts {
    ($server:expr, $limit:expr, $clients:expr, $latency:expr, $pause:expr) => {
        counted(|| {
            Box::new(|rt: Sim| {
                Box::pin(async move {
                    let server = $server;
                    let most = server.most(TIME);
                    let limit: Option<ServiceLimit> = $limit;
                    (run(&rt, server, limit.as_ref(), $clients, $latency, $pause).await, most)
                })
            })
        })
    };
}

/// Of those who obey few are refused, and they get most of what they could; of the others many are refused.
fn assert_obeys(obeys: &[(Count, u64)], ungated: &[(Count, u64)], most_refused: u64) {
    for ((count, most), (wild, _)) in obeys.iter().zip(ungated) {
        assert!(count.taken * 10 >= most * 9, "{count:?} of {most}");
        assert!(count.refused <= most_refused, "{count:?}");
        assert!(wild.refused > 100 * (most_refused + 1).min(10), "{wild:?}");
    }
}

#[test]
fn clients_of_a_fixed_window_use_it_up_and_no_more() {
    let wild = counts!(fixed(), None, 20, 50, false);
    // Before the first answer all twenty go: none of them is refused here. Calls that overtake each other are.
    assert_obeys(&counts!(fixed(), Some(built(builder())), 20, 50, false), &wild, 10);
    let one = counts!(fixed(), Some(built(builder())), 1, 10, false);
    assert_obeys(&one, &wild, 0);
    let even = counts!(fixed(), Some(built(builder().pacing(Pacing::Even))), 20, 50, false);
    assert_obeys(&even, &wild, 10);
}

#[test]
fn clients_of_a_rate_use_it_up_and_no_more() {
    let wild = counts!(gcra(), None, 15, 50, false);
    // What is left grows meanwhile: which of two answers is the newer one can't be told from it.
    assert_obeys(&counts!(gcra(), Some(built(builder())), 15, 50, false), &wild, 50);
    assert_obeys(&counts!(gcra(), Some(built(builder())), 5, 10, false), &wild, 20);
}

#[test]
fn clients_of_a_server_that_says_only_when_to_come_back_do_so() {
    let wild = counts!(fixed(), None, 20, 50, true);
    // In each window those who were under way when the first was refused.
    assert_obeys(&counts!(fixed(), Some(built(builder())), 20, 50, true), &wild, 200);
}
