//! Recipe 1.5: an HTTP client with retries.
//!
//! The server it starts is real, and for a while in trouble. The client tries again where that helps: after a broken
//! connection, after a status that may pass, not before the time the server names, and never past its deadline.
//!
//!     cargo run -p backstay-examples --example retry_http -- --runtime smol

use backstay::net::Net;
use backstay::resilience::{Backoff, Classify, Error, Pipeline, Retry, Stop, Verdict};
use backstay::{AnyRuntime, Runtime};
use backstay_examples::http::{FetchError, Reply, Server, get, reply};
use backstay_examples::{Outcome, run};
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The first request finds the server overloaded, the second is told to come back in a second, and the third is served.
async fn troubled(request: u32, path: String) -> Reply {
    match (path.as_str(), request) {
        ("/user/7", 1) => reply(StatusCode::SERVICE_UNAVAILABLE, ""),
        ("/user/7", 2) => {
            let mut busy = reply(StatusCode::TOO_MANY_REQUESTS, "");
            busy.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            busy
        }
        ("/user/7", _) => reply(StatusCode::OK, r#"{"name":"ada"}"#),
        ("/down", _) => reply(StatusCode::BAD_GATEWAY, ""),
        _ => reply(StatusCode::NOT_FOUND, ""),
    }
}

/// What is worth another attempt: a broken connection, and a status that says so. What the client did wrong stays wrong,
/// and says that the server works.
fn judge(result: Result<&Value, &Error<FetchError>>) -> Verdict {
    match result {
        Err(Error::Operation(FetchError::Status { status, retry_after })) => {
            if status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS {
                Verdict::Failure { retry_after: *retry_after, cost: 1 }
            } else {
                Verdict::Success
            }
        }
        Err(Error::Operation(FetchError::Request(_) | FetchError::Decode(_))) => Verdict::Fatal,
        other => backstay::resilience::Inherit.classify(other),
    }
}

/// A client is an address and the policies of its calls.
async fn client<N: Runtime + Net>(rt: &N, server: SocketAddr) -> Outcome {
    let retry =
        Retry::builder().max_attempts(4).backoff(Backoff::exponential(ms(20)).max_delay(ms(200))).build()?;
    let api = Pipeline::named("users-api")
        .deadline(Duration::from_secs(3))
        .retry(retry)
        .attempt_timeout(ms(500))
        .classify(judge)
        .build(rt)?;

    let start = rt.now();
    let mut attempts = 0;
    let user = api
        .call(|attempt| {
            attempts = attempt.number();
            get(rt, server, "/user/7")
        })
        .await?;
    assert_eq!((user["name"].as_str(), attempts), (Some("ada"), 3));
    assert!(rt.now() - start >= Duration::from_secs(1), "not before the server wants it");
    println!("1.5 transient   {user} at the third attempt, not before the second that the server asked for");

    let missing = api.call(|_| get(rt, server, "/user/8")).await.expect_err("there is no such user");
    assert!(matches!(missing, Error::Operation(FetchError::Status { .. })), "{missing:?}");
    println!("1.5 permanent   {}, asked once", missing.operation().expect("the server answered"));

    let down = api.call(|_| get(rt, server, "/down")).await.expect_err("it is down");
    let Error::RetriesExhausted { attempts, why, .. } = down else { panic!("{down:?}") };
    assert_eq!((attempts, why), (4, Stop::MaxAttempts));
    println!("1.5 down        gave up after {attempts} attempts: {why}");

    let start = rt.now();
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let patient = Pipeline::named("nobody")
        .deadline(ms(250))
        .retry(Retry::builder().max_attempts(u32::MAX).backoff(Backoff::constant(ms(40))).build()?)
        .attempt_timeout(ms(100))
        .classify(judge)
        .build(rt)?;
    let error = patient.call(|_| get(rt, nobody, "/")).await.expect_err("nobody listens");
    assert!(matches!(error, Error::RetriesExhausted { why: Stop::Deadline, .. }), "{error:?}");
    assert!(rt.now() - start <= Duration::from_secs(2), "the deadline holds, with room for a busy machine");
    println!("1.5 deadline    {error}");
    Ok(())
}

async fn program(rt: AnyRuntime) -> Outcome {
    let requests = Arc::new(AtomicU32::new(0));
    let server = Server::start(&rt, move |path| {
        let request = requests.fetch_add(1, Relaxed) + 1;
        troubled(request, path)
    })
    .await?;
    client(&rt, server.addr()).await?;
    server.stop().await;
    Ok(())
}

fn main() -> ExitCode {
    run(program)
}
