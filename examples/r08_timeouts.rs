//! Recipes 8.1 to 8.6: a timeout for each attempt and one for all, a deadline that goes with a request through two
//! servers, a rate limiter that refuses who could not wait, a health check; and a hedge, for a replica that is slow.
//!
//!     cargo run -p backstay-examples --example r08_timeouts -- --runtime smol

use backstay::resilience::{
    AttemptTimeout, Backoff, Error, Event, Health, HealthCheck, Hedge, Pipeline, Quota, RateLimiter, Reason,
    Retry, Scope, Stop,
};
use backstay::task::CancelToken;
use backstay::time::Deadline;
use backstay::{AnyRuntime, Limit, Runtime};
use backstay_examples::http::{FetchError, Reply, Server, get, reply};
use backstay_examples::{Outcome, run};
use hyper::StatusCode;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 8.1 and 8.2: each attempt has its time, and all together have theirs; the last error is not lost.
async fn timeouts_and_retries(rt: &AnyRuntime, slow: SocketAddr) -> Outcome {
    let once = AttemptTimeout::new(ms(50));
    let error = once.run(rt, |_| get(rt, slow, "/wait/5000")).await.expect_err("it takes longer");
    assert!(matches!(error, Error::TimedOut { scope: Scope::Attempt, .. }), "{error:?}");
    println!("8.1 timeout     {error}");

    let retry = Retry::builder().max_attempts(u32::MAX).backoff(Backoff::constant(ms(20))).build()?;
    let api = Pipeline::named("slow").deadline(ms(400)).retry(retry).attempt_timeout(ms(100)).build(rt)?;
    let start = rt.now();
    let error = api.call(|_| get(rt, slow, "/wait/5000")).await.expect_err("no attempt is long enough");
    let took = rt.now() - start;
    let Error::RetriesExhausted { attempts, why: Stop::Deadline, .. } = error else { panic!("{error:?}") };
    assert!(error.is_timeout() && attempts >= 2 && took <= Duration::from_secs(5));
    println!("8.2 in total    {attempts} attempts of 100 ms in 400 ms: {}", Stop::Deadline);
    Ok(())
}

/// 8.3: the time that is left goes with the request. Each server asks the next within it, and knows when not to begin.
async fn a_deadline_through_two_hops(rt: &AnyRuntime, slow: SocketAddr) -> Outcome {
    /// Has so many milliseconds, by whoever asks, and needs the slow server for some of them.
    async fn gateway(rt: AnyRuntime, slow: SocketAddr, path: String) -> Reply {
        let Some((left, work)) = path.trim_start_matches("/within/").split_once("/wait/") else {
            return reply(StatusCode::NOT_FOUND, "");
        };
        let (Ok(left), Ok(work)) = (left.parse(), work.parse::<u64>()) else {
            return reply(StatusCode::BAD_REQUEST, "");
        };
        let deadline = Deadline::after(&rt, ms(left));
        // Its own limit would be longer; the earlier one counts.
        let api =
            Pipeline::named("slow").attempt_timeout(Duration::from_secs(10)).build(&rt).expect("it is good");
        let path = format!("/wait/{work}");
        let answer = api.call(|_| get(&rt, slow, &path)).within(deadline).await;
        match answer {
            Ok(value) => reply(StatusCode::OK, value.to_string()),
            Err(Error::TimedOut { .. }) => reply(StatusCode::GATEWAY_TIMEOUT, ""),
            Err(_) => reply(StatusCode::BAD_GATEWAY, ""),
        }
    }

    let server = Server::start(rt, {
        let rt = rt.clone();
        move |path| gateway(rt.clone(), slow, path)
    })
    .await?;
    let gateway = server.addr();
    let api = Pipeline::named("gateway").attempt_timeout(Duration::from_secs(10)).build(rt)?;
    let ask = async |limit: Duration, work: u64| {
        let deadline = Deadline::after(rt, limit);
        api.call(|attempt| {
            // A little less than there is: the answer has to come back.
            let left = attempt.remaining().saturating_sub(ms(20)).as_millis();
            let path = format!("/within/{left}/wait/{work}");
            async move { get(rt, gateway, &path).await }
        })
        .within(deadline)
        .await
    };

    assert_eq!(ask(Duration::from_secs(5), 10).await?["waited"], 10);
    let start = rt.now();
    let late = ask(ms(300), 5_000).await.expect_err("there is no time for that");
    assert!(rt.now() - start <= Duration::from_secs(4), "nobody waited for the slow server");
    match late.operation() {
        Some(FetchError::Status { status, .. }) => println!("8.3 two hops    the gateway says {status}"),
        _ => println!("8.3 two hops    {late}"),
    }
    let past = Deadline::at(rt.now());
    let never = api.call(|_| get(rt, gateway, "/")).within(past).await.expect_err("it is past");
    assert!(matches!(never, Error::TimedOut { scope: Scope::Total, .. }));
    println!("8.3 past        nothing was sent");
    server.stop().await;
    Ok(())
}

/// 8.5: who could not be served within its time is told so at once, and when to come back.
async fn a_rate_limiter(rt: &AnyRuntime, slow: SocketAddr) -> Outcome {
    let limiter =
        RateLimiter::named("reports").quota(Quota::per_second(4).burst(2)).max_wait(ms(300)).build()?;
    let start = rt.now();
    for _ in 0..3 {
        limiter.run(rt, |_| get(rt, slow, "/wait/0")).await?; // two at once, the third in its turn
    }
    assert!(rt.now() - start >= ms(250));

    let held = limiter.reserve(Limit::ONE, rt.now())?; // somebody's, in 250 ms
    let refused = limiter.run(rt, |_| get(rt, slow, "/wait/0")).await.expect_err("300 ms are not enough");
    let rejected = refused.rejected().expect("the server was not asked");
    assert_eq!(rejected.reason(), Reason::RateLimited);
    println!("8.5 rate        {rejected}");
    rt.sleep(rejected.retry_after().expect("it knows when")).await;
    limiter.run(rt, |_| get(rt, slow, "/wait/0")).await?; // so long is enough
    drop(held);
    Ok(())
}

/// 8.6: asked again and again; it takes several answers to change its mind, and one that is late counts as none.
async fn a_health_check(rt: &AnyRuntime) -> Outcome {
    let healthy = Arc::new(AtomicBool::new(true));
    let server = Server::start(rt, {
        let (rt, healthy) = (rt.clone(), Arc::clone(&healthy));
        move |_| {
            let (rt, healthy) = (rt.clone(), Arc::clone(&healthy));
            async move {
                if !healthy.load(Relaxed) {
                    rt.sleep(Duration::from_secs(60)).await; // it hangs
                }
                reply(StatusCode::OK, "{}")
            }
        }
    })
    .await?;

    let tell = |event: &Event| println!("                · {event}");
    let mut check = HealthCheck::named("shop")
        .interval(ms(20))
        .timeout(ms(200))
        .healthy_after(2)
        .unhealthy_after(3)
        .observer(tell)
        .build()?;
    let (mut status, token, addr) = (check.status(), CancelToken::new(), server.addr());
    println!("8.6 health");
    let probing = check.run(rt, &token, || get(rt, addr, "/health"));
    let watching = async {
        for (works, expected) in
            [(true, Health::Healthy), (false, Health::Unhealthy), (true, Health::Healthy)]
        {
            healthy.store(works, Relaxed);
            status.wait_for(|health| *health == expected).await?;
        }
        token.cancel();
        Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    };
    let (_cancelled, watched) = futures::join!(probing, watching);
    watched?;
    server.stop().await;
    Ok(())
}

/// Two replicas, and the first is slow: after 30 ms the second is asked as well, and its answer is the first.
async fn a_slow_replica(rt: &AnyRuntime, slow: SocketAddr) -> Outcome {
    let fast = Server::start(rt, |_| async { reply(StatusCode::OK, r#"{"waited":0}"#) }).await?;
    let replicas = [slow, fast.addr()];
    let hedge = Hedge::builder().delay(ms(30)).build()?;
    let api = Pipeline::named("replicas").hedge(hedge).build(rt)?;
    let start = rt.now();
    let answer =
        api.call(|attempt| get(rt, replicas[attempt.hedge() as usize], "/wait/5000")).detailed().await?;
    let took = rt.now() - start;
    assert_eq!((answer.value["waited"].as_u64(), answer.attempts), (Some(0), 2));
    assert!(took >= ms(30) && took < ms(5_000), "{took:?}");
    fast.stop().await;
    println!("    hedge       asked both, and the second was the first to answer");
    Ok(())
}

/// Waits as long as it is told, and says so.
async fn wait(rt: AnyRuntime, path: String) -> Reply {
    match path.trim_start_matches("/wait/").parse() {
        Ok(millis) => {
            rt.sleep(ms(millis)).await;
            reply(StatusCode::OK, Value::from_iter([("waited", millis)]).to_string())
        }
        Err(_) => reply(StatusCode::NOT_FOUND, ""),
    }
}

async fn program(rt: AnyRuntime) -> Outcome {
    let server = Server::start(&rt, {
        let rt = rt.clone();
        move |path| wait(rt.clone(), path)
    })
    .await?;
    timeouts_and_retries(&rt, server.addr()).await?;
    a_deadline_through_two_hops(&rt, server.addr()).await?;
    a_rate_limiter(&rt, server.addr()).await?;
    a_health_check(&rt).await?;
    a_slow_replica(&rt, server.addr()).await?;
    server.stop().await;
    Ok(())
}

fn main() -> ExitCode {
    run(program)
}
