//! Recipes 6.1 to 6.5: errors passed on, retries, a circuit breaker, a fallback, the last good answer, a bulkhead, a
//! limit that finds its own size, a single flight; and all of them as one pipeline, in front of a real HTTP server that
//! fails, slows down and asks for a pause.
//!
//!     cargo run -p backstay-examples --example r06_recovery -- --runtime smol

use backstay::future::join_all;
use backstay::net::Net;
use backstay::resilience::{
    AdaptiveLimit, Aimd, Backoff, Bulkhead, CircuitBreaker, CircuitState, Classify, DynPipeline, Error,
    Event, Fallback, Inherit, LastGood, Pipeline, Quota, RateLimiter, Reason, Retry, RetryBudget, Role,
    SingleFlight, Source, Stop, Verdict,
};
use backstay::{AnyRuntime, Runtime};
use backstay_examples::http::{FetchError, Reply, Server, get, reply};
use backstay_examples::{Outcome, run};
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};
use std::error::Error as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Health {
    Well,
    Failing,
    Slow,
    Busy,
}

/// The server: what it answers is set from outside, and what it was asked is counted.
#[derive(Clone)]
struct Weather {
    rt: AnyRuntime,
    health: Arc<AtomicU8>,
    asked: Arc<AtomicU32>,
}

impl Weather {
    fn set(&self, health: Health) {
        self.health.store(health as u8, Relaxed);
    }

    fn asked(&self) -> u32 {
        self.asked.load(Relaxed)
    }

    async fn answer(self, path: String) -> Reply {
        self.asked.fetch_add(1, Relaxed);
        match self.health.load(Relaxed) {
            _ if path == "/missing" => reply(StatusCode::NOT_FOUND, ""),
            health if health == Health::Failing as u8 => reply(StatusCode::INTERNAL_SERVER_ERROR, ""),
            health if health == Health::Busy as u8 => {
                let mut busy = reply(StatusCode::SERVICE_UNAVAILABLE, "");
                busy.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                busy
            }
            health => {
                self.rt.sleep(if health == Health::Slow as u8 { ms(600) } else { ms(5) }).await;
                reply(StatusCode::OK, r#"{"celsius":21}"#)
            }
        }
    }
}

/// What an answer says of the server: that it has no such page says that it works.
fn judge(result: Result<&Value, &Error<FetchError>>) -> Verdict {
    match result {
        Ok(_) => Verdict::Success,
        Err(Error::Operation(FetchError::Status { status, retry_after })) => {
            if status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS {
                Verdict::Failure { retry_after: *retry_after, cost: 1 }
            } else {
                Verdict::Success
            }
        }
        Err(error) => Verdict::of_error(error),
    }
}

/// 6.1: `?` passes errors on, and what they came from stays with them.
async fn errors_passed_on<N: Net>(net: &N, server: SocketAddr) -> Outcome {
    async fn temperature<N: Net>(net: &N, server: SocketAddr, path: &str) -> Result<i64, FetchError> {
        let weather = get(net, server, path).await?;
        Ok(weather["celsius"].as_i64().unwrap_or(0))
    }

    assert_eq!(temperature(net, server, "/").await?, 21);
    let status = temperature(net, server, "/missing").await.expect_err("there is no such page");
    let closed =
        temperature(net, SocketAddr::from(([127, 0, 0, 1], 9)), "/").await.expect_err("nobody is there");
    assert!(closed.source().is_some(), "the system's error is below it");
    println!("6.1 passed on   {status}; {closed}");
    Ok(())
}

/// 6.2: each delay up to twice as long as the one before, and never longer than the cap.
async fn retries(rt: &AnyRuntime, server: SocketAddr, weather: &Weather) -> Outcome {
    let backoff = Backoff::exponential(ms(10)).max_delay(ms(40));
    let retry = Retry::builder().max_attempts(5).backoff(backoff).classify(judge).build()?;

    weather.set(Health::Failing);
    let asked = weather.asked();
    let error = retry.run(rt, |_| get(rt, server, "/")).await.expect_err("it fails each time");
    assert!(matches!(error, Error::RetriesExhausted { attempts: 5, why: Stop::MaxAttempts, .. }));
    assert_eq!(weather.asked() - asked, 5);
    let last = error.operation().map(ToString::to_string);

    weather.set(Health::Well);
    retry.run(rt, |_| get(rt, server, "/")).await?;
    println!("6.2 retry       five attempts, the last: {}", last.unwrap_or_default());
    Ok(())
}

/// 6.3: what is down is left alone for a while, and then tried with one call.
async fn a_breaker(rt: &AnyRuntime, server: SocketAddr, weather: &Weather) -> Outcome {
    let tell = |event: &Event| println!("                · {event}");
    let breaker =
        CircuitBreaker::named("weather").consecutive_failures(3).open_for(ms(50)).observer(tell).build()?;
    let breaker = breaker.classify(judge);

    weather.set(Health::Failing);
    for _ in 0..3 {
        breaker.run(rt, |_| get(rt, server, "/")).await.expect_err("it fails");
    }
    let asked = weather.asked();
    let refused = breaker.run(rt, |_| get(rt, server, "/")).await.expect_err("it is open");
    assert_eq!(weather.asked(), asked, "the server was not asked");
    let wait = refused.retry_after().expect("it knows when");
    assert!(wait <= ms(50));
    println!("6.3 breaker     refused, without asking the server");

    weather.set(Health::Well);
    rt.sleep(wait).await;
    breaker.run(rt, |_| get(rt, server, "/")).await?;
    assert_eq!(breaker.state(rt.now()), CircuitState::Closed);
    Ok(())
}

/// 6.4: another answer, made only when it is needed; who asks is told whose it is.
async fn a_fallback(rt: &AnyRuntime, server: SocketAddr, weather: &Weather) -> Outcome {
    let yesterday = Fallback::value(json!({ "celsius": 19 })).when(|error: &Error<FetchError>| {
        // What the client did wrong is not hidden.
        !matches!(error, Error::Operation(FetchError::Status { status, .. }) if status.is_client_error())
    });

    weather.set(Health::Failing);
    let answer = yesterday.run(rt, |_| get(rt, server, "/")).detailed().await?;
    assert_eq!((answer.source, &answer.value["celsius"]), (Source::Fallback, &json!(19)));
    let missing = yesterday.run(rt, |_| get(rt, server, "/missing")).await.expect_err("not hidden");
    assert!(matches!(missing, Error::Operation(_)));

    weather.set(Health::Well);
    let answer = yesterday.run(rt, |_| get(rt, server, "/")).detailed().await?;
    assert_eq!(answer.source, Source::Operation);
    println!("6.4 fallback    yesterday's while it fails, today's when it works");
    Ok(())
}

/// 6.4: the last good answer, while the server fails, and how old it is.
async fn a_stale_answer(rt: &AnyRuntime, server: SocketAddr, weather: &Weather) -> Outcome {
    let last = LastGood::new(Duration::from_secs(60));
    let client = Pipeline::named("weather").stale_if_error(&last).classify(judge).build(rt)?;
    weather.set(Health::Well);
    client.call(|_| get(rt, server, "/")).await?;
    weather.set(Health::Failing);
    let answer = client.call(|_| get(rt, server, "/")).detailed().await?;
    let Source::Stale { age } = answer.source else { panic!("{answer:?}") };
    assert_eq!(answer.value["celsius"], json!(21));
    weather.set(Health::Well);
    println!("6.4 stale       the last good answer stands in, {age:.0?} old");
    Ok(())
}

/// A hundred who ask for the same at the same time are one request.
async fn a_single_flight(rt: &AnyRuntime, server: SocketAddr, weather: &Weather) -> Outcome {
    let flights = SingleFlight::new(rt);
    let asked = weather.asked();
    let ask = async || get(rt, server, "/").await.map_err(Arc::new);
    let answers = join_all((0..100).map(|_| flights.run("/", ask()).detailed())).await;
    let led = answers.iter().filter(|(_, role)| *role == Role::Leader).count();
    for (answer, _) in answers {
        assert_eq!(answer?["celsius"], json!(21));
    }
    assert_eq!((led, weather.asked() - asked, flights.in_flight()), (1, 1, 0));
    println!("6.4 flight      a hundred calls, one request");
    Ok(())
}

/// 6.5: two at a time, two wait, and whoever comes then is refused at once.
async fn a_bulkhead(rt: &AnyRuntime, server: SocketAddr, weather: &Weather) -> Outcome {
    let bulkhead = Bulkhead::named("weather").max_in_flight(2).max_waiting(2).build()?;
    weather.set(Health::Slow);
    let calls = (0..6).map(|_| bulkhead.run(rt, |_| get(rt, server, "/")));
    let (mut served, mut refused) = (0, 0);
    for result in join_all(calls).await {
        match result {
            Ok(_) => served += 1,
            Err(error) if error.rejected().is_some_and(|rejected| rejected.reason() == Reason::QueueFull) => {
                refused += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    weather.set(Health::Well);
    assert_eq!((served, refused, bulkhead.in_flight()), (4, 2, 0));
    println!("6.5 bulkhead    {served} served two at a time, {refused} refused at once");
    Ok(())
}

/// 6.5 too: nobody has to know that the service takes four calls at a time.
async fn an_adaptive_limit(rt: &AnyRuntime) -> Outcome {
    #[derive(Debug)]
    struct Busy;
    let classify = |result: Result<&(), &Error<Busy>>| match result {
        // It comes at once, so it says nothing of when: as 503 without Retry-After.
        Err(Error::Operation(Busy)) => Verdict::failure().after(Duration::ZERO),
        other => Inherit.classify(other),
    };
    let limit = AdaptiveLimit::named("weather").algorithm(Aimd::new()).initial_limit(32).build()?;
    let calls = Pipeline::named("weather").classify(classify).adaptive_limit(&limit).build(rt)?;
    let inside = AtomicU32::new(0);
    let (mut first, mut last) = (0, 0);
    for round in 0..60 {
        let call = |_| async {
            let is_busy = inside.fetch_add(1, Relaxed) >= 4;
            rt.sleep(ms(1)).await;
            inside.fetch_sub(1, Relaxed);
            if is_busy { Err(Busy) } else { Ok(()) }
        };
        let results = join_all((0..limit.limit()).map(|_| calls.call(call))).await;
        let refused = results.iter().filter(|result| result.is_err()).count();
        if round == 0 { first = refused } else { last = refused }
    }
    assert_eq!((first, limit.in_flight()), (28, 0));
    // How near it comes to four, and how soon, depends on how busy the machine is.
    assert!((3..16).contains(&limit.limit()) && last < first / 2, "{limit:?}");
    println!("6.5 limit       found to be {}, after {first} refusals at once", limit.limit());
    Ok(())
}

/// A client of the service, with everything in its place. The pipeline's type is erased, so that it can be a field.
struct Client {
    rt: AnyRuntime,
    server: SocketAddr,
    weather: DynPipeline<Value, FetchError>,
}

impl Client {
    fn new(rt: &AnyRuntime, server: SocketAddr) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let tell = |event: &Event| println!("                · {event}");
        let breaker = CircuitBreaker::named("weather")
            .consecutive_failures(4)
            .open_for(ms(200))
            .observer(tell)
            .build()?;
        let limiter = RateLimiter::new(Quota::per_second(200).burst(50))?;
        let bulkhead = Bulkhead::named("weather").max_in_flight(4).max_waiting(16).build()?;
        let budget = RetryBudget::token_bucket().build()?;
        let retry =
            Retry::builder().max_attempts(3).backoff(Backoff::exponential(ms(10))).budget(&budget).build()?;
        let pipeline = Pipeline::named("weather")
            .fallback(Fallback::value(json!({ "celsius": 19 })))
            .deadline(ms(1_000))
            .retry(retry)
            .rate_limit(&limiter)
            .breaker(&breaker)
            .bulkhead(&bulkhead)
            .attempt_timeout(ms(250))
            .classify(judge)
            .observer(|event: &Event| {
                if event.kind.name() != "call.completed" {
                    println!("                · {event}");
                }
            })
            .build(rt)?;
        assert!(pipeline.lints().is_empty());
        println!("{}", pipeline.describe().to_string().replace('\n', "\n                "));
        Ok(Self { rt: rt.clone(), server, weather: pipeline.erase() })
    }

    async fn celsius(&self) -> Result<i64, Error<FetchError>> {
        let weather = self.weather.call(|_| get(&self.rt, self.server, "/")).await?;
        Ok(weather["celsius"].as_i64().unwrap_or(0))
    }
}

/// All together: whatever happens to the server, there is an answer in time, and the server is left alone.
async fn everything(rt: &AnyRuntime, server: SocketAddr, weather: &Weather) -> Outcome {
    print!("6   pipeline    ");
    let client = Client::new(rt, server)?;
    for health in [Health::Well, Health::Failing, Health::Slow, Health::Busy, Health::Well] {
        println!("6   the server  {health:?}");
        weather.set(health);
        // What was open before has had its time.
        rt.sleep(ms(300)).await;
        let asked = weather.asked();
        for _ in 0..3 {
            let start = rt.now();
            let celsius = client.celsius().await?;
            assert_eq!(celsius, if health == Health::Well { 21 } else { 19 });
            assert!(rt.now() - start <= Duration::from_secs(5), "in time, with room for a busy machine");
        }
        println!("                  3 answers, {} requests", weather.asked() - asked);
        assert!(weather.asked() - asked <= 9);
    }
    Ok(())
}

async fn program(rt: AnyRuntime) -> Outcome {
    let weather = Weather { rt: rt.clone(), health: Arc::default(), asked: Arc::default() };
    let handler = weather.clone();
    let server = Server::start(&rt, move |path| handler.clone().answer(path)).await?;
    errors_passed_on(&rt, server.addr()).await?;
    retries(&rt, server.addr(), &weather).await?;
    a_breaker(&rt, server.addr(), &weather).await?;
    a_fallback(&rt, server.addr(), &weather).await?;
    a_stale_answer(&rt, server.addr(), &weather).await?;
    a_single_flight(&rt, server.addr(), &weather).await?;
    a_bulkhead(&rt, server.addr(), &weather).await?;
    an_adaptive_limit(&rt).await?;
    everything(&rt, server.addr(), &weather).await?;
    server.stop().await;
    Ok(())
}

fn main() -> ExitCode {
    run(program)
}
