//! A fleet of three: what they may ask of a partner is one rate for all of them, and each has a breaker for each of the
//! partner's hosts, of which one is down. A process that is restarted goes on with what it knew of them.
//!
//! They share a store in memory, and with `--redis ADDRESS` a real Redis or Valkey: then it can run in several terminals.
//!
//!     cargo run -p backstay-examples --example fleet -- --runtime smol --redis redis://127.0.0.1

use backstay::net::Net;
use backstay::resilience::{
    CircuitBreaker, CircuitState, InMemoryStore, KeyedCircuitBreaker, Nested, Pipeline, Quota, QuotaStore,
    Retry, SharedRateLimiter,
};
use backstay::time::Instant;
use backstay::{AnyRuntime, Backend, ConfigError, Runtime, future};
use backstay_examples::http::{Server, get, reply};
use backstay_examples::{Outcome, run_on};
use backstay_redis::{RedisAddress, RedisStore};
use clap::Parser;
use hyper::StatusCode;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Three processes of a fleet, and the rate that they share.
#[derive(Debug, Parser)]
struct Args {
    /// The runtime to run on: tokio, smol, async-std, or sim, which is simulated.
    #[arg(long, default_value = "tokio")]
    runtime: Backend,
    /// A Redis or Valkey to share the rate over: redis://HOST:PORT.
    #[arg(long)]
    redis: Option<RedisAddress>,
}

const A_SECOND: u32 = 20;
const BURST: u32 = 5;
const CALLS: u32 = 10;
const FAILURES: u32 = 2;

/// A process: the rate is the others' too, what it knows of hosts is its own.
struct Node<S: QuotaStore> {
    limiter: SharedRateLimiter<S>,
    retries: SharedRateLimiter<S>,
    hosts: KeyedCircuitBreaker<SocketAddr>,
}

impl<S: QuotaStore + Clone> Node<S> {
    fn start<R: Runtime>(rt: &R, store: S) -> Result<Self, ConfigError> {
        let limiter = SharedRateLimiter::named("partner")
            .quota(Quota::per_second(A_SECOND).burst(BURST))
            .max_wait(Duration::from_secs(10))
            .store(store.clone())
            .build()?;
        // Retries of all of them are a quarter of that at most.
        let retries = SharedRateLimiter::named("partner-retries")
            .quota(Quota::per_second(A_SECOND / 4).burst(3 * FAILURES))
            .store(store)
            .build()?;
        let each = CircuitBreaker::named("hosts").consecutive_failures(FAILURES);
        Ok(Self {
            limiter,
            retries,
            hosts: KeyedCircuitBreaker::new(rt, each.open_for(Duration::from_secs(30)))?,
        })
    }

    /// The next host by turns, but for those that are known to be down: to ask them would cost a permit.
    fn host(&self, hosts: &[SocketAddr], turn: u32, now: Instant) -> SocketAddr {
        let mut by_turns = hosts.iter().cycle().skip(turn as usize).take(hosts.len());
        let is_up = |host: &&SocketAddr| self.hosts.of(*host, now).state(now) != CircuitState::Open;
        *by_turns.clone().find(is_up).or(by_turns.next()).expect("there is a host")
    }

    /// Makes its calls, one after the other; gives how many were answered, and how many attempts that took.
    async fn work<R: Runtime + Net>(&self, rt: &R, hosts: &[SocketAddr]) -> Result<(u32, u32), ConfigError> {
        let retry = Retry::builder().max_attempts(4).build()?;
        let partner = Pipeline::named("partner")
            .retry(retry)
            .retry_budget_shared(&self.retries)
            .rate_limit_shared(&self.limiter)
            .build(rt)?;
        let (mut answers, mut attempts) = (0, 0);
        for _ in 0..CALLS {
            let ask = |_| {
                attempts += 1;
                let host = self.host(hosts, attempts, rt.now());
                async move { self.hosts.run(rt, &host, async |_| get(rt, host, "/").await).await }
            };
            answers += u32::from(partner.call_operation(Nested(ask)).await.is_ok());
        }
        Ok((answers, attempts))
    }
}

async fn fleet<N: Runtime + Net, S: QuotaStore + Clone>(rt: &N, store: S, hosts: &[SocketAddr]) -> Outcome {
    let nodes = (0..3).map(|_| Node::start(rt, store.clone())).collect::<Result<Vec<_>, _>>()?;
    let start = rt.now();
    let came = future::try_join_all(nodes.iter().map(|node| node.work(rt, hosts))).await?;
    let took = rt.now() - start;

    for (node, (answers, attempts)) in (1..).zip(&came) {
        println!("  process {node}: {answers} answers with {attempts} attempts");
        assert_eq!(
            (*answers, *attempts),
            (CALLS, CALLS + FAILURES),
            "after two failures nobody asks it again"
        );
    }
    let attempts: u32 = came.iter().map(|(_, attempts)| attempts).sum();
    println!(
        "  together: {attempts} attempts in {} ms, of a burst of {BURST} and {A_SECOND} a second",
        took.as_millis()
    );
    let at_least = Duration::from_secs(1) * (attempts - BURST) / A_SECOND;
    assert!(took >= at_least, "more than they may have: {took:?}");
    Ok(())
}

/// What a process writes down when it ends is what the next begins with: plain data, in any format that serde has.
fn restart<R: Runtime>(rt: &R, host: SocketAddr) -> Outcome {
    let hosts = KeyedCircuitBreaker::new(rt, CircuitBreaker::named("hosts").consecutive_failures(1))?;
    let before = hosts.of(&host, rt.now());
    before.try_acquire(rt.now())?.failure(rt.now());
    let file = serde_json::to_string(&before.snapshot(rt.now()))?;

    let after = CircuitBreaker::named("hosts").consecutive_failures(1).build()?;
    after.restore(&serde_json::from_str(&file)?, rt.now())?;
    assert_eq!(after.state(rt.now()), CircuitState::Open);
    println!("  restarted: {host} is still known to be down");
    Ok(())
}

async fn program(rt: AnyRuntime, redis: Option<RedisAddress>) -> Outcome {
    let well = Server::start(&rt, async |_path| reply(StatusCode::OK, "{}")).await?;
    let down = Server::start(&rt, async |_path| reply(StatusCode::BAD_GATEWAY, "")).await?;
    let hosts = [well.addr(), down.addr()];
    match redis {
        Some(address) => {
            let store = RedisStore::new(&rt, address);
            rt.timeout(Duration::from_secs(5), store.ping()).await??;
            fleet(&rt, store, &hosts).await?;
        }
        None => fleet(&rt, InMemoryStore::new(), &hosts).await?,
    }
    restart(&rt, down.addr())?;
    well.stop().await;
    down.stop().await;
    Ok(())
}

fn main() -> ExitCode {
    let Args { runtime, redis } = Args::parse();
    run_on(runtime, |rt| program(rt, redis))
}
