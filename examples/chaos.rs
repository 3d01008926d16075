//! Faults on purpose, to see what the policies make of them: a client of a real HTTP server, of whose calls one in ten
//! fails and one in ten hangs; alone, with a timeout, with retries, and with hedges as well.
//!
//!     cargo run -p backstay-examples --example chaos -- --runtime smol

use backstay::future::join_all;
use backstay::resilience::{
    AttemptTimeout, Backoff, Chaos, DynPipeline, Hedge, Lint, Pipeline, Retry, RetryBudget,
};
use backstay::{AnyRuntime, ConfigError, Runtime};
use backstay_examples::http::{FetchError, Server, get, reply};
use backstay_examples::{Outcome, run};
use hyper::StatusCode;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const CALLS: usize = 200;

/// How a client's calls went.
#[derive(Debug)]
struct Went {
    failed: usize,
    slowest: Duration,
}

type Users = DynPipeline<Value, FetchError>;

/// The same faults for each: by their seed.
macro_rules! with_chaos {
    ($pipeline:expr, $rt:expr) => {
        $pipeline
            .chaos(
                Chaos::fault(|| FetchError::Connect(std::io::Error::other("chaos")))
                    .rate(0.1)
                    .seed(1)
                    .build()?,
            )
            .chaos(Chaos::latency(ms(400)).rate(0.1).seed(2).build()?)
            .build($rt)?
            .erase()
    };
}

fn clients(rt: &AnyRuntime) -> Result<[(&'static str, Users); 4], ConfigError> {
    let budget = RetryBudget::ratio(1.0).build()?;
    let retry = Retry::builder().max_attempts(5).backoff(Backoff::constant(ms(5))).budget(&budget).build()?;
    let hedge = Hedge::builder().delay(ms(40)).budget(&budget).build()?;
    let limit = AttemptTimeout::new(ms(150));
    Ok([
        ("alone", with_chaos!(Pipeline::named("alone"), rt)),
        ("a timeout", with_chaos!(Pipeline::named("timeout").attempt_timeout(limit), rt)),
        ("retries", with_chaos!(Pipeline::named("retries").retry(retry.clone()).attempt_timeout(limit), rt)),
        (
            "and hedges",
            with_chaos!(Pipeline::named("hedges").retry(retry).hedge(hedge).attempt_timeout(limit), rt),
        ),
    ])
}

/// Many calls, ten at a time.
async fn calls(rt: &AnyRuntime, users: &Users, server: SocketAddr) -> Went {
    let mut went = Went { failed: 0, slowest: Duration::ZERO };
    for _ in 0..CALLS / 10 {
        let answers = join_all((0..10).map(|_| async {
            let start = rt.now();
            let rt = rt.clone();
            let answer = users
                .call(move |_| {
                    let rt = rt.clone();
                    async move { get(&rt, server, "/user").await }
                })
                .await;
            (answer, start)
        }));
        for (answer, start) in answers.await {
            went.slowest = went.slowest.max(rt.now() - start);
            went.failed += usize::from(answer.is_err());
        }
    }
    went
}

async fn program(rt: AnyRuntime) -> Outcome {
    let server = Server::start(&rt, |_| async { reply(StatusCode::OK, r#"{"name":"ada"}"#) }).await?;
    let mut all = Vec::new();
    for (name, users) in clients(&rt)? {
        assert_eq!(users.lints(), Vec::<Lint>::new());
        let went = calls(&rt, &users, server.addr()).await;
        println!("{name:<12}{:>3} of {CALLS} failed, the slowest took {:?}", went.failed, went.slowest);
        all.push(went);
    }
    server.stop().await;
    let [alone, timeout, retries, hedges] = &all[..] else { unreachable!("there are four") };
    // What a timeout gains in time it loses in answers; a retry brings both; a hedge needs no timeout to pass first.
    assert!(alone.failed > 0 && alone.slowest >= ms(400), "{alone:?}");
    assert!(timeout.failed > alone.failed, "{timeout:?}");
    assert!(retries.failed == 0 && hedges.failed == 0, "{retries:?}, {hedges:?}");
    assert!(retries.slowest >= ms(150), "{retries:?}");
    Ok(())
}

fn main() -> ExitCode {
    run(program)
}
