//! A service behind the gateway, as a client with policies.

use crate::config::ServiceConfig;
use crate::gateway::Told;
use backstay::observe::Metrics;
use backstay::resilience::{
    Bulkhead, Cause, CircuitBreaker, Classify, DynPipeline, Error, Inherit, Pipeline, PolicyKind, Reloadable,
    Retry, RetryBudget, Scope, Verdict,
};
use backstay::time::Deadline;
use backstay::{AnyRuntime, ConfigError, Runtime};
use backstay_hyper::{Client, ClientBuilder, rate_limit};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode};
use serde_json::Value;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// No answer of a service is longer.
const MAX_ANSWER: usize = 1 << 20;

/// One service. What its calls share lives as long as this; limits and times can be changed meanwhile.
pub struct Service {
    rt: AnyRuntime,
    name: &'static str,
    addr: SocketAddr,
    client: Client<AnyRuntime, Full<Bytes>>,
    breaker: CircuitBreaker,
    bulkhead: Bulkhead,
    budget: RetryBudget,
    told: Told,
    pipeline: Reloadable<DynPipeline<Value, Fault>>,
}

impl Service {
    pub fn new(
        rt: &AnyRuntime,
        name: &'static str,
        addr: SocketAddr,
        config: &ServiceConfig,
        told: Told,
    ) -> Result<Self, ConfigError> {
        let client = ClientBuilder::new(rt).connect_timeout(Duration::from_millis(250)).build()?;
        let breaker =
            CircuitBreaker::named(name).config(config.breaker.clone()).observer(told.clone()).build()?;
        let bulkhead =
            Bulkhead::named(name).config(config.bulkhead.clone()).observer(told.clone()).build()?;
        let budget = RetryBudget::ratio(0.2).build()?;
        let pipeline = pipeline(rt, name, config, &breaker, &bulkhead, &budget, &told)?;
        let pipeline = Reloadable::new(pipeline);
        Ok(Self { rt: rt.clone(), name, addr, client, breaker, bulkhead, budget, told, pipeline })
    }

    /// Goes by other settings from now on; calls in progress go on as they began. What the breaker has counted stays,
    /// and who waits for the bulkhead goes on waiting.
    pub fn reconfigure(&self, config: &ServiceConfig) -> Result<(), ConfigError> {
        let Self { rt, name, breaker, bulkhead, budget, told, .. } = self;
        let next = pipeline(rt, name, config, breaker, bulkhead, budget, told)?;
        breaker.reconfigure(CircuitBreaker::named(name).config(config.breaker.clone()), rt.now())?;
        bulkhead.reconfigure(config.bulkhead.clone())?;
        drop(self.pipeline.replace(next));
        Ok(())
    }

    /// Records what it is at.
    pub fn record(&self, metrics: &Metrics) {
        metrics.record(self.name, &self.bulkhead);
        metrics.record(self.name, &self.breaker.metrics(self.rt.now()));
    }

    /// The gateway's view of the service, for whoever asks how it is.
    pub fn state(&self) -> Value {
        serde_json::json!({
            "breaker": self.breaker.state(self.rt.now()).to_string(),
            "in_flight": self.bulkhead.in_flight(),
            "waiting": self.bulkhead.waiting(),
        })
    }

    pub async fn get(&self, deadline: Deadline, path: &str) -> Result<Value, Error<Fault>> {
        let uri = format!("http://{}{path}", self.addr);
        self.call(deadline, move || Request::get(uri.as_str()).body(Full::default())).await
    }

    /// Posts JSON. The key makes it safe to send it again: the service takes the same key for the same thing.
    pub async fn post(
        &self,
        deadline: Deadline,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<Value, Error<Fault>> {
        let (uri, body) = (format!("http://{}{path}", self.addr), Bytes::from(body.to_string()));
        self.call(deadline, move || {
            let request = Request::post(uri.as_str()).header("content-type", "application/json");
            request.header("idempotency-key", key).body(Full::new(body.clone()))
        })
        .await
    }

    async fn call(
        &self,
        deadline: Deadline,
        request: impl Fn() -> hyper::http::Result<Request<Full<Bytes>>> + Send + Sync,
    ) -> Result<Value, Error<Fault>> {
        self.pipeline.current().call_within(deadline, |_attempt| ask(&self.client, request())).await
    }
}

/// The order of the policies, from the outside: all attempts together have so long; a failure is tried again, if the
/// budget allows; each attempt goes by the breaker, then waits for a place, and then its own time begins.
fn pipeline(
    rt: &AnyRuntime,
    name: &'static str,
    config: &ServiceConfig,
    breaker: &CircuitBreaker,
    bulkhead: &Bulkhead,
    budget: &RetryBudget,
    told: &Told,
) -> Result<DynPipeline<Value, Fault>, ConfigError> {
    let pipeline = Pipeline::named(name)
        .deadline(config.deadline)
        .retry(Retry::builder().config(config.retry.clone()).budget(budget).build()?)
        .breaker(breaker)
        .bulkhead(bulkhead)
        .attempt_timeout(config.attempt_timeout)
        .classify(judge)
        .observer(told.clone())
        .build(rt)?;
    Ok(pipeline.erase())
}

/// One attempt: a request, and all of its answer.
async fn ask(
    client: &Client<AnyRuntime, Full<Bytes>>,
    request: hyper::http::Result<Request<Full<Bytes>>>,
) -> Result<Value, Fault> {
    let response = client.request(request.map_err(Fault::Request)?).await.map_err(Fault::Client)?;
    let status = response.status();
    let retry_after = rate_limit::read(response.headers(), None).told.retry_after;
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(Fault::Body)?;
    if !status.is_success() {
        return Err(Fault::Status { status, retry_after });
    }
    serde_json::from_slice(&body.to_bytes()).map_err(Fault::Decode)
}

/// What a result says of the service. What the client asked wrongly stays wrong, and says that the service works.
fn judge(result: Result<&Value, &Error<Fault>>) -> Verdict {
    match result {
        Err(Error::Operation(Fault::Status { status, retry_after })) => {
            if status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS {
                Verdict::Failure { retry_after: *retry_after, cost: 1 }
            } else {
                Verdict::Success
            }
        }
        Err(Error::Operation(Fault::Request(_) | Fault::Decode(_))) => Verdict::Fatal,
        // There would be time to wait until the breaker lets somebody through. But whoever asks is told at once.
        Err(Error::Rejected(refused)) if refused.policy() == PolicyKind::CircuitBreaker => Verdict::Fatal,
        other => Inherit.classify(other),
    }
}

/// Why a service gave no answer that is one.
#[derive(Debug)]
pub enum Fault {
    /// The request can't be made.
    Request(hyper::http::Error),
    /// There is no connection, or it broke.
    Client(hyper_util::client::legacy::Error),
    /// The answer broke off, or is too long.
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// It answered with something else than success.
    Status { status: StatusCode, retry_after: Option<Duration> },
    /// The answer is not JSON.
    Decode(serde_json::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(_) => f.write_str("invalid request"),
            Self::Client(_) => f.write_str("no answer"),
            Self::Body(_) => f.write_str("the answer broke off"),
            Self::Status { status, .. } => write!(f, "the service answered {status}"),
            Self::Decode(_) => f.write_str("the answer is not JSON"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Request(source) => Some(source),
            Self::Client(source) => Some(source),
            Self::Body(source) => Some(source.as_ref()),
            Self::Status { .. } => None,
            Self::Decode(source) => Some(source),
        }
    }
}

/// The status for whoever asked the gateway, and when to come back.
pub fn to_status(error: &Error<Fault>) -> (StatusCode, Option<Duration>) {
    match error.cause() {
        Some(Cause::Operation(Fault::Status { status, retry_after })) if status.is_client_error() => {
            (*status, *retry_after)
        }
        Some(Cause::Operation(Fault::Status { retry_after, .. })) => (StatusCode::BAD_GATEWAY, *retry_after),
        Some(Cause::Operation(_)) => (StatusCode::BAD_GATEWAY, None),
        Some(Cause::TimedOut { scope: Scope::Attempt | Scope::Total, .. }) => {
            (StatusCode::GATEWAY_TIMEOUT, None)
        }
        // It was not asked: the breaker is open, or no place has become free in time.
        _ => (StatusCode::SERVICE_UNAVAILABLE, error.retry_after()),
    }
}
