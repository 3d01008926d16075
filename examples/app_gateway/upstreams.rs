//! The services behind the gateway: two real HTTP servers that this process starts itself, and that are told what is
//! wrong with them. Here the gateway's failures come from.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use backstay::channel::watch;
use backstay::net::TcpListener;
use backstay::task::Shutdown;
use backstay::{AnyRuntime, Net, Runtime};
use backstay_hyper::{TowerToHyperService, serve};
use bytes::Bytes;
use futures::{future, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is wrong with a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// One request in three is answered with 503.
    Flaky,
    /// Every request is.
    Failing,
    /// Every request is answered with 429, and to come back in a second.
    Busy,
    /// Every answer takes two seconds.
    Slow,
    /// Every other request is taken and not answered.
    Straggling,
    /// Every request is taken, and none is answered.
    Hanging,
    /// The work is done, and the connection breaks before the answer is through.
    Resetting,
    /// Nobody listens.
    Killed,
}

/// A service that runs, or is dead until it is told otherwise.
#[derive(Debug)]
pub struct Upstream {
    pub name: &'static str,
    pub addr: SocketAddr,
    trouble: watch::Sender<Trouble>,
}

impl Upstream {
    /// Starts it, on a port of its own.
    async fn start(shutdown: &Shutdown<AnyRuntime>, name: &'static str, router: Router) -> io::Result<Self> {
        let rt = shutdown.runtime();
        let listener = rt.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let addr = listener.local_addr()?;
        let (trouble, seen) = watch::channel(Trouble::None);
        let router = router.layer(from_fn_with_state((rt.clone(), seen.clone(), Arc::default()), suffer));
        let lives = live(rt.clone(), addr, listener, router, seen);
        if shutdown.named(name).spawn(lives).is_err() {
            return Err(io::Error::other("the gateway is stopping"));
        }
        Ok(Self { name, addr, trouble })
    }

    /// What is wrong with it from now on.
    pub fn trouble(&self, trouble: Trouble) {
        self.trouble.send_replace(trouble);
    }
}

/// Serves while it is not killed, on the same port each time.
async fn live(
    rt: AnyRuntime,
    addr: SocketAddr,
    first: <AnyRuntime as Net>::TcpListener,
    router: Router,
    mut trouble: watch::Receiver<Trouble>,
) {
    let mut listener = Some(first);
    loop {
        let life = Shutdown::new(&rt);
        if let Some(listener) = listener.take() {
            let service = TowerToHyperService::new(router.clone());
            let dies = async {
                while *trouble.borrow_and_update() != Trouble::Killed && trouble.changed().await.is_ok() {}
                life.force();
            };
            future::join(serve(&rt, listener, service, &life), dies).await;
        }
        while *trouble.borrow_and_update() == Trouble::Killed {
            if trouble.changed().await.is_err() {
                return;
            }
        }
        listener = rt.bind(addr).await.ok();
        if listener.is_none() {
            rt.sleep(Duration::from_millis(50)).await; // somebody else has the port, for now
        }
    }
}

/// What the trouble does to a request.
async fn suffer(
    State((rt, trouble, requests)): State<(AnyRuntime, watch::Receiver<Trouble>, Arc<AtomicU64>)>,
    request: Request,
    next: Next,
) -> Response {
    let trouble = *trouble.borrow();
    match trouble {
        Trouble::Failing => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Trouble::Flaky if rt.random_u64() % 3 == 0 => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Trouble::Busy => return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")]).into_response(),
        Trouble::Slow => rt.sleep(Duration::from_secs(2)).await,
        Trouble::Straggling if requests.fetch_add(1, Relaxed) % 2 == 0 => future::pending().await,
        // What comes in the moment in which it dies is cut with it.
        Trouble::Hanging | Trouble::Killed => future::pending().await,
        _ => {}
    }
    let response = next.run(request).await;
    if trouble == Trouble::Resetting {
        // The body breaks, and the connection with it.
        let broken = stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
        return response.map(|_| Body::from_stream(broken));
    }
    response
}

/// What a symbol costs.
pub async fn prices(shutdown: &Shutdown<AnyRuntime>) -> io::Result<Upstream> {
    let price = async |Path(symbol): Path<String>| {
        if symbol == "NONE" {
            return Err(StatusCode::NOT_FOUND);
        }
        let cents =
            symbol.bytes().fold(1_000_u32, |sum, byte| sum.wrapping_mul(31) % 90_000 + u32::from(byte));
        Ok(Json(json!({ "symbol": symbol, "cents": cents })))
    };
    Upstream::start(shutdown, "prices", Router::new().route("/prices/{symbol}", get(price))).await
}

/// Numbers the entries that it is sent: each key once, however often it comes. It keeps nothing for its next run, and so
/// goes on after the `last` number there was.
pub async fn ledger(shutdown: &Shutdown<AnyRuntime>, last: i64) -> io::Result<Upstream> {
    type Entries = Arc<Mutex<BTreeMap<String, i64>>>;
    let enter = async move |State(entries): State<Entries>, headers: HeaderMap, Json(_entry): Json<Value>| {
        let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) else {
            return Err((StatusCode::BAD_REQUEST, "no idempotency-key"));
        };
        let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
        let next = last + entries.len() as i64 + 1;
        let id = *entries.entry(key.to_owned()).or_insert(next);
        Ok(Json(json!({ "id": id })))
    };
    let count = async |State(entries): State<Entries>| {
        let count = entries.lock().unwrap_or_else(PoisonError::into_inner).len();
        Json(json!({ "count": count }))
    };
    let entries = Entries::default();
    let router = Router::new().route("/entries", post(enter).get(count)).with_state(entries);
    Upstream::start(shutdown, "ledger", router).await
}
