//! A service behind the gateway, as a client with policies.

use crate::config::ServiceConfig;
use crate::gateway::Told;
use backstay::observe::Metrics;
use backstay::resilience::{Cause, Classify, ConfiguredPipeline, Error, Inherit, PolicyKind, Scope, Verdict};
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
    policies: ConfiguredPipeline<AnyRuntime, Judge>,
}

/// What says what a result says of the service.
type Judge = fn(Result<&Value, &Error<Fault>>) -> Verdict;

impl Service {
    /// One call goes through the policies in the default order, from the outside: all attempts together have so long; a
    /// failure is tried again, and what is slow asked twice, if the budget allows; each of these goes by the breaker, then
    /// waits for a place, and then its own time begins.
    pub fn new(
        rt: &AnyRuntime,
        name: &'static str,
        addr: SocketAddr,
        config: &ServiceConfig,
        told: Told,
    ) -> Result<Self, ConfigError> {
        let client = ClientBuilder::new(rt).connect_timeout(Duration::from_millis(250)).build()?;
        let policies = ConfiguredPipeline::named(name).config(config.pipeline());
        let policies = policies.classify(judge as Judge).observer(told).build(rt)?;
        Ok(Self { rt: rt.clone(), name, addr, client, policies })
    }

    /// Goes by other settings from now on; calls in progress go on as they began. What the breaker has counted stays,
    /// and who waits for a place goes on waiting.
    pub fn reconfigure(&self, config: &ServiceConfig) -> Result<(), ConfigError> {
        self.policies.reconfigure(config.pipeline()).map(drop)
    }

    /// Records what it is at.
    pub fn record(&self, metrics: &Metrics) {
        if let Some(bulkhead) = self.policies.bulkhead() {
            metrics.record(self.name, &bulkhead);
        }
        if let Some(limit) = self.policies.adaptive_limit() {
            metrics.record(self.name, &limit);
        }
        if let Some(breaker) = self.policies.breaker() {
            metrics.record(self.name, &breaker.metrics(self.rt.now()));
        }
    }

    /// The gateway's view of the service, for whoever asks how it is.
    pub fn state(&self) -> Value {
        let bulkhead = self.policies.bulkhead().map(|it| (it.in_flight(), it.waiting()));
        let limit = self.policies.adaptive_limit().map(|it| (it.in_flight(), it.waiting()));
        let (in_flight, waiting) = bulkhead.or(limit).unwrap_or_default();
        serde_json::json!({
            "breaker": self.policies.breaker().map(|it| it.state(self.rt.now()).to_string()),
            "in_flight": in_flight,
            "waiting": waiting,
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
        let policies = self.policies.current();
        policies.call(|_attempt| ask(&self.client, request())).within(deadline).await
    }
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
