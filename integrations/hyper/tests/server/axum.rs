//! axum's router on every runtime.

use crate::kit::*;
use ::axum::body::Body as AxumBody;
use ::axum::extract::{Path, State};
use ::axum::routing::{get, post};
use ::axum::{Extension, Json, Router};
use backstay::Runtime;
use backstay::net::Net;
use backstay::testing::*;
use backstay_hyper::{PeerAddr, TowerToHyperService};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

#[derive(Clone, Default)]
struct Count(Arc<AtomicU64>);

fn app<R: Runtime>(rt: &R) -> Router {
    let ticks = {
        let rt = rt.clone();
        async move || {
            let ticks = stream::iter(0..3).then(move |n| {
                let nap = rt.sleep(ms(1));
                async move {
                    nap.await;
                    Ok::<_, io::Error>(Bytes::from(format!("tick {n}\n")))
                }
            });
            AxumBody::from_stream(ticks)
        }
    };
    Router::new()
        .route("/hello/{name}", get(async |Path(name): Path<String>| format!("hello, {name}")))
        .route(
            "/sum",
            post(async |Json(numbers): Json<Vec<i64>>| Json(json!({ "sum": numbers.iter().sum::<i64>() }))),
        )
        .route(
            "/count",
            get(async |State(Count(count)): State<Count>| count.fetch_add(1, SeqCst).to_string()),
        )
        .route("/whoami", get(async |Extension(PeerAddr(peer)): Extension<PeerAddr>| peer.ip().to_string()))
        .route("/ticks", get(ticks))
        .with_state(Count::default())
}

test_on_every_runtime! {
    a_router_is_served
}

async fn a_router_is_served<R: Runtime + Net>(rt: R) {
    for client in [client(&rt), http2_client(&rt)] {
        let server = Running::start(&rt, |builder| builder, TowerToHyperService::new(app(&rt))).await;
        let get = async |path: &str| read(client.get(server.url(path)).await.expect("a response")).await;
        assert_eq!(get("/hello/you").await, (StatusCode::OK, "hello, you".to_owned()));
        assert_eq!(get("/count").await.1, "0");
        assert_eq!(get("/count").await.1, "1");
        assert!(get("/whoami").await.1.parse::<std::net::IpAddr>().is_ok());
        assert_eq!(get("/ticks").await.1, "tick 0\ntick 1\ntick 2\n");
        assert_eq!(get("/nothing").await.0, StatusCode::NOT_FOUND);

        let sum = Request::post(server.url("/sum")).header("content-type", "application/json");
        let sum = sum.body(Full::from("[1, 2, 39]")).expect("a request");
        let body =
            client.request(sum).await.expect("a response").into_body().collect().await.expect("a body");
        assert_eq!(serde_json::from_slice::<Value>(&body.to_bytes()).expect("json"), json!({ "sum": 42 }));

        let served = server.stop().await;
        // The client's pool may open one more than it needs.
        let connections = &served.connections;
        assert_eq!(connections.accepted, connections.drained + connections.closed, "{served}");
        assert_eq!((served.requests.begun, served.requests.answered), (7, 7), "{served}");
    }
}
