//! A server that states its limits, with `RateLimit` fields and `Retry-After`; a client that obeys them, and one that
//! doesn't. Both want the same: 25 answers, of ten that there are in a second.
//!
//!     cargo run -p backstay-examples --example server_limits -- --runtime smol

use backstay::future::join_all;
use backstay::net::Net;
use backstay::resilience::{
    Backoff, Error, Pipeline, Quota, RateLimiter, Retry, ServiceLimit, Told, Verdict,
};
use backstay::{AnyRuntime, Limit, Runtime};
use backstay_examples::http::{FetchError, Reply, Server, fetch, reply};
use backstay_examples::{Outcome, run};
use backstay_hyper::rate_limit;
use bytes::Bytes;
use hyper::{Response, StatusCode};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// How many answers each client wants.
const WANTED: usize = 25;

/// The server's side: a limiter whose state goes out with each answer.
#[derive(Clone)]
struct Partner {
    rt: AnyRuntime,
    limiter: RateLimiter,
    refused: Arc<AtomicU32>,
}

impl Partner {
    fn new(rt: &AnyRuntime) -> Result<Self, backstay::ConfigError> {
        let limiter = RateLimiter::new(Quota::per_second(10).burst(10))?;
        Ok(Self { rt: rt.clone(), limiter, refused: Arc::default() })
    }

    async fn answer(self) -> Reply {
        let now = self.rt.now();
        let (mut reply, told) = match self.limiter.try_acquire(now) {
            Ok(_permit) => (reply(StatusCode::OK, "{}"), Told::new()),
            Err(refused) => {
                self.refused.fetch_add(1, Relaxed);
                let wait = refused.retry_after().unwrap_or_default();
                (reply(StatusCode::TOO_MANY_REQUESTS, ""), Told::new().retry_after(wait))
            }
        };
        rate_limit::write(&told.quota(self.limiter.told("api", now)), reply.headers_mut());
        reply
    }
}

type Answer = Response<Bytes>;

/// Whether an answer is one: a refusal is a reason to ask again.
fn judge(result: Result<&Answer, &Error<FetchError>>) -> Verdict {
    match result {
        Ok(answer) if answer.status() == StatusCode::OK => Verdict::Success,
        _ => Verdict::failure(),
    }
}

/// What an answer says of the limits, also a refusal.
fn hear(result: Result<&Answer, &Error<FetchError>>) -> Option<Told> {
    Some(rate_limit::read(result.ok()?.headers(), None).told)
}

async fn clients<N: Runtime + Net>(rt: &N, server: SocketAddr, refused: &AtomicU32) -> Outcome {
    let again = Backoff::constant(Duration::from_millis(50));
    let retry = Retry::builder().max_attempts(u32::MAX).backoff(again).build()?;
    let heedless = Pipeline::named("heedless").retry(retry.clone()).classify(judge).build(rt)?;

    // Inside the retry: the server counts every attempt. The first call finds out what there is.
    let limit = ServiceLimit::named("partner").initial_quota(Limit::ONE).build()?;
    let heeding = limit.clone().hear(hear);
    let obedient =
        Pipeline::named("obedient").retry(retry).service_limit(&heeding).classify(judge).build(rt)?;

    println!("  {:<12} {:>8} {:>8} {:>8}", "client", "answers", "refused", "took");
    let report = |client: &str, answers: usize, took: Duration| {
        let refused = refused.swap(0, Relaxed);
        println!("  {client:<12} {answers:>8} {refused:>8} {:>6} ms", took.as_millis());
        assert_eq!(answers, WANTED);
        refused
    };

    let start = rt.now();
    let answers = join_all((0..WANTED).map(|_| heedless.call(|_| fetch(rt, server, "/")))).await;
    let many = report("heedless", answers.iter().flatten().count(), rt.now() - start);
    rt.sleep(Duration::from_secs(1)).await; // so that the other finds as much

    let start = rt.now();
    let answers = join_all((0..WANTED).map(|_| obedient.call(|_| fetch(rt, server, "/")))).await;
    let few = report("obedient", answers.iter().flatten().count(), rt.now() - start);
    assert!(few * 10 <= many, "who obeys is hardly refused: {few} and {many}");
    println!("  the limit now: {:?} left", limit.remaining(rt.now()));
    Ok(())
}

async fn program(rt: AnyRuntime) -> Outcome {
    let partner = Partner::new(&rt)?;
    let refused = partner.refused.clone();
    let server = Server::start(&rt, move |_path| partner.clone().answer()).await?;
    clients(&rt, server.addr(), &refused).await?;
    server.stop().await;
    Ok(())
}

fn main() -> ExitCode {
    run(program)
}
