//! Live events, over WebSockets.

use crate::api::Problem;
use crate::gateway::Failure;
use crate::store::Order;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use backstay::channel::broadcast::{self, Receiver, RecvError};
use backstay::select::{OneOf2, select2};
use backstay::task::Shutdown;
use backstay::{AnyRuntime, Limit, Runtime};
use backstay_hyper::{FuturesIo, PeerAddr};
use backstay_sources::websocket::{self, CloseCode, Config, WebSocket};
use futures::StreamExt;
use hyper::upgrade::Upgraded;
use serde::Serialize;
use std::time::Duration;

/// What happens, for whoever looks on.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An order was placed.
    Placed(Order),
    /// The breaker of a service has changed its state.
    Circuit { service: &'static str, state: String },
    /// Another configuration is in force, or would be if it made sense.
    Config { is_in_force: bool },
    /// This client was too slow for so many.
    Missed { events: u64 },
}

/// Tells everybody who looks on. A clone tells the same.
#[derive(Clone, Debug)]
pub struct Events {
    sender: broadcast::Sender<Event>,
}

impl Events {
    /// Who is more than so many events behind misses the oldest, and is told how many.
    pub fn new(kept: Limit) -> Self {
        Self { sender: broadcast::channel(kept).0 }
    }

    /// Tells of an event; nobody may be looking.
    pub fn tell(&self, event: Event) {
        let _nobody = self.sender.send(event);
    }
}

type Socket = WebSocket<AnyRuntime, FuturesIo<Upgraded>>;

impl Events {
    /// Answers a request for a WebSocket, and sends the events of from now on over it, until the client closes or the
    /// gateway stops. That is a task of its own; the request has been answered when it begins.
    pub fn upgrade(&self, shutdown: &Shutdown<AnyRuntime>, mut request: Request) -> Response {
        let peer = request.extensions().get().map_or_else(String::new, |PeerAddr(peer)| peer.to_string());
        let response = match websocket::answer_upgrade(&request, &peer) {
            Ok(response) => response.map(|()| Body::empty()),
            Err(error) => return Problem::new(StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        };
        // Events from now on: the client may place an order as soon as it is answered.
        let (events, upgrade) = (self.sender.subscribe(), hyper::upgrade::on(&mut request));
        let own = shutdown.named(format!("events of {peer}"));
        let (path, inner) = (request.uri().path().to_owned(), own.clone());
        let task = async move {
            let Ok(io) = upgrade.await else { return };
            let socket = websocket::upgraded(inner.runtime(), FuturesIo::new(io), &peer, &path, config());
            if let Err(error) = send(socket, events, &inner).await {
                eprintln!("events: {error}");
            }
        };
        match own.spawn(task) {
            Ok(()) => response,
            Err(_refused) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping").into_response(),
        }
    }
}

/// A client that takes longer for an event does not read, and is cut.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client that is gone without a word is found out within half a minute.
fn config() -> Config {
    let config = Config::builder().keep_alive(Duration::from_secs(20), Duration::from_secs(10));
    config.close_timeout(Duration::from_secs(2)).build().expect("a good configuration")
}

async fn send(
    mut socket: Socket,
    events: Receiver<Event>,
    shutdown: &Shutdown<AnyRuntime>,
) -> Result<(), Failure> {
    // The stop comes first, also where a client does not read.
    match shutdown.stop_token().run(tell(shutdown.runtime(), &mut socket, events)).await {
        Ok(ended) => ended,
        Err(_stop) => Ok(socket.close(CloseCode::GOING_AWAY, "the gateway stops").await.map(drop)?),
    }
}

async fn tell(rt: &AnyRuntime, socket: &mut Socket, mut events: Receiver<Event>) -> Result<(), Failure> {
    loop {
        // Reading finds out that the client has gone, and answers its pings.
        let next = match select2(events.recv(), socket.next()).await {
            OneOf2::First(Ok(event)) => event,
            OneOf2::First(Err(RecvError::Lagged(events))) => Event::Missed { events },
            OneOf2::Second(Some(message)) => {
                message?; // nobody has anything to say
                continue;
            }
            OneOf2::First(Err(RecvError::Closed)) | OneOf2::Second(None) => return Ok(()),
        };
        let text = serde_json::to_string(&next).expect("an event is JSON");
        rt.timeout(PATIENCE, socket.send(text)).await??;
    }
}
