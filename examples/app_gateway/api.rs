//! What clients may ask.

use crate::config::ServerConfig;
use crate::events::{Event, Events};
use crate::limits::{Asked, within_limits};
use crate::metrics;
use crate::service::{Fault, Service, to_status};
use crate::store::{Order, Store};
use crate::upstreams::{Trouble, Upstream};
use axum::body::{Body, Bytes};
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use backstay::observe::Metrics;
use backstay::resilience::{self, Cause, KeyedRateLimiter, Told, ToldQuota};
use backstay::task::Shutdown;
use backstay::{AnyRuntime, Runtime};
use backstay_hyper::rate_limit;
use backstay_sources::sqlite::SqlError;
use futures::TryStreamExt;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use serde_json::{Value, json};
use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// What all requests share.
pub struct App {
    pub rt: AnyRuntime,
    pub shutdown: Shutdown<AnyRuntime>,
    pub store: Store,
    pub prices: Service,
    pub ledger: Service,
    pub events: Events,
    pub clients: KeyedRateLimiter<String>,
    pub server: ServerConfig,
    pub upstreams: Vec<Upstream>,
    pub metrics: Metrics,
    pub recorded: PrometheusHandle,
}

/// All routes. Limits are around those that cost something; who watches over the gateway has none but that of the
/// connections.
pub fn routes(app: Arc<App>) -> Router {
    let limited = Router::new()
        .route("/prices/{symbol}", get(price))
        .route("/orders", post(place).get(orders))
        .route("/events", get(events))
        .layer(from_fn_with_state(Arc::clone(&app), within_limits));
    Router::new()
        .merge(limited)
        .route("/health", get(health))
        .route("/metrics", get(scrape))
        .route("/upstreams/{name}", put(trouble))
        .with_state(app)
}

/// What something costs now, by the service's word.
async fn price(
    State(app): State<Arc<App>>,
    Extension(Asked { deadline, .. }): Extension<Asked>,
    symbol: Result<Path<Symbol>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path(Symbol(symbol)) = symbol?;
    Ok(Json(app.prices.get(deadline, &format!("/prices/{symbol}")).await?))
}

/// What something is called. It becomes part of a path: whoever could write `/` or `?` into it could ask the service
/// for something else.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Symbol(String);

impl TryFrom<String> for Symbol {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let is_one = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_one.then_some(Self(text)).ok_or("a symbol is up to twelve letters and digits")
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    symbol: Symbol,
    quantity: NonZeroU32,
}

/// Places an order: asks for the price, has the ledger number it, and keeps it. A client that sends the same
/// `idempotency-key` again gets the same order, whatever became of its first request.
async fn place(
    State(app): State<Arc<App>>,
    Extension(Asked { deadline, .. }): Extension<Asked>,
    headers: HeaderMap,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    let Json(Wanted { symbol: Symbol(symbol), quantity }) = body?;
    let quantity = quantity.get();
    // A key that is used for something else is a mistake of the client's, and no order.
    let same = |order: Order| match (&order.symbol, order.quantity) == (&symbol, quantity) {
        true => Ok((StatusCode::OK, Json(order))),
        false => {
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key: used for another order"))
        }
    };
    let key = match headers.get("idempotency-key") {
        Some(key) => key.to_str().map_err(|_| Problem::bad("idempotency-key: not a text"))?.to_owned(),
        None => format!("{:016x}{:016x}", app.rt.random_u64(), app.rt.random_u64()),
    };
    if let Some(order) = app.store.find(key.clone()).await? {
        return same(order);
    }
    let price = app.prices.get(deadline, &format!("/prices/{symbol}")).await?;
    let cents = price["cents"].as_u64().and_then(|cents| u32::try_from(cents).ok());
    let cents = cents.ok_or_else(|| Problem::bad_gateway("prices: no `cents`"))?;
    let entry = json!({ "symbol": symbol, "quantity": quantity, "cents": cents });
    let entered = app.ledger.post(deadline, "/entries", &key, &entry).await?;
    let id = entered["id"].as_i64().ok_or_else(|| Problem::bad_gateway("ledger: no `id`"))?;
    let order = Order { id, key, symbol: symbol.clone(), quantity, cents };
    let (order, is_new) = app.store.add(order).await?;
    if !is_new {
        return same(order); // it came twice at the same time
    }
    app.events.tell(Event::Placed(order.clone()));
    Ok((StatusCode::CREATED, Json(order)))
}

/// All orders, a line of JSON each, as they are read: nothing is collected.
async fn orders(State(app): State<Arc<App>>) -> Response {
    let lines = app.store.all().map_ok(|order| {
        let mut line = serde_json::to_vec(&order).expect("an order is JSON");
        line.push(b'\n');
        Bytes::from(line)
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

/// What happens, live.
async fn events(State(app): State<Arc<App>>, request: Request) -> Response {
    app.events.upgrade(&app.shutdown, request)
}

async fn health(State(app): State<Arc<App>>) -> Json<Value> {
    let tasks = app.shutdown.counts();
    Json(json!({
        "runtime": app.rt.name(),
        "prices": app.prices.state(),
        "ledger": app.ledger.state(),
        "tasks": tasks.running,
    }))
}

async fn scrape(State(app): State<Arc<App>>) -> String {
    metrics::scrape(&app)
}

/// What is wrong with an upstream from now on: for the demonstration. A gateway that does more has no such route.
async fn trouble(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    trouble: Result<Json<Trouble>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(trouble) = trouble?;
    let upstream = app.upstreams.iter().find(|upstream| upstream.name == name);
    upstream.ok_or(Problem::new(StatusCode::NOT_FOUND, "no such upstream"))?.trouble(trouble);
    Ok(StatusCode::NO_CONTENT)
}

/// Why there is no answer, as one.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    told: Told,
    what: String,
}

impl Problem {
    pub fn new(status: StatusCode, what: impl Into<String>) -> Self {
        Self { status, told: Told::new(), what: what.into() }
    }

    pub fn after(self, retry_after: Option<Duration>) -> Self {
        let mut told = self.told;
        told.retry_after = retry_after;
        Self { told, ..self }
    }

    /// With what is left of a limit.
    pub fn within(self, quota: ToldQuota) -> Self {
        Self { told: self.told.quota(quota), ..self }
    }

    fn bad(what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, what)
    }

    fn bad_gateway(what: &str) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, what)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "error": self.what }))).into_response();
        rate_limit::write(&self.told, response.headers_mut());
        response
    }
}

impl From<resilience::Error<Fault>> for Problem {
    fn from(error: resilience::Error<Fault>) -> Self {
        let (status, retry_after) = to_status(&error);
        let what = match error.cause() {
            Some(Cause::Operation(fault)) => fault.to_string(),
            _ => error.to_string(),
        };
        // Why in full, with addresses, is for whoever runs the gateway. Refusals are in the metrics.
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            eprintln!("request: {}", chain(&error));
        }
        Self::new(status, what).after(retry_after)
    }
}

impl From<SqlError> for Problem {
    fn from(error: SqlError) -> Self {
        eprintln!("request: {}", chain(&error));
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the orders are not at hand")
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

/// An error, and what it came from.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
