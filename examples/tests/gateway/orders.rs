//! What it is for.

use crate::kit::{SOON, on_every_runtime};
use backstay::{BlockOn, Runtime};
use backstay_sources::websocket::{self, CloseCode, Config};
use futures::StreamExt;
use hyper::StatusCode;
use serde_json::Value;

#[test]
fn orders_are_placed_kept_and_streamed_back() {
    on_every_runtime("", |gateway| {
        assert_eq!(gateway.get("/prices/ACME").json()["symbol"], "ACME");
        assert_eq!(gateway.get("/prices/NONE").status, StatusCode::NOT_FOUND);

        let mut placed = Vec::new();
        for n in 1..=20 {
            let answer =
                gateway.order(&format!("key-{n}"), &format!(r#"{{"symbol":"ACME","quantity":{n}}}"#));
            assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
            placed.push(answer.json());
        }
        // The same key again is the same order.
        let again = gateway.order("key-7", r#"{"symbol":"ACME","quantity":7}"#);
        assert_eq!((again.status, &again.json()), (StatusCode::OK, &placed[6]));

        let rows = gateway.get("/orders").body;
        let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
        assert_eq!(rows, placed);

        let metrics = gateway.get("/metrics").body;
        for series in [
            r#"backstay_calls_total{policy="ledger",verdict="success"} 20"#,
            r#"backstay_circuit_state{policy="prices",state="closed"} 1"#,
            r#"backstay_bulkhead_in_flight{policy="prices"} 0"#,
            "# HELP backstay_call_duration_seconds",
        ] {
            assert!(metrics.contains(series), "no {series} in {metrics}");
        }
        assert_eq!(gateway.get("/health").json()["ledger"]["breaker"], "closed");

        gateway.terminate();
        let ended = gateway.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        // 2 prices, 20 orders and one again, the rows, the metrics, the health.
        assert_eq!(ended.count("answered"), 26, "{ended:?}");
    });
}

#[test]
fn what_is_asked_wrongly_is_told() {
    on_every_runtime("", |gateway| {
        for (body, status, why) in [
            ("{", StatusCode::BAD_REQUEST, "EOF"),
            (r#"{"symbol":"ACME","quantity":-1}"#, StatusCode::UNPROCESSABLE_ENTITY, "quantity"),
            (r#"{"symbol":"ACME","quantity":1,"price":2}"#, StatusCode::UNPROCESSABLE_ENTITY, "price"),
            (r#"{"symbol":"NONE","quantity":1}"#, StatusCode::NOT_FOUND, "404"),
        ] {
            let answer = gateway.order("key", body);
            assert_eq!(answer.status, status, "{answer:?}");
            assert!(answer.body.contains(why), "{answer:?}");
        }
        assert_eq!(gateway.get("/events").status, StatusCode::BAD_REQUEST);
        assert_eq!(gateway.get("/nothing").status, StatusCode::NOT_FOUND);
        assert_eq!(gateway.get("/orders").body, "");
    });
}

#[test]
fn events_are_told_live_and_end_with_the_gateway() {
    on_every_runtime("", |gateway| {
        let rt = gateway.rt.runtime().clone();
        let url = gateway.url("/events").replace("http:", "ws:");
        let connect = websocket::connect(&rt, &url, Config::new());
        let mut socket = gateway.rt.block_on(connect).expect("a WebSocket");
        let order = gateway.order("key", r#"{"symbol":"ACME","quantity":2}"#).json();

        let told = gateway.rt.block_on(rt.timeout(SOON, socket.next())).expect("it is told at once");
        let told: Value = serde_json::from_str(told.unwrap().unwrap().as_text().unwrap()).unwrap();
        assert_eq!((&told["event"], &told["id"]), (&"placed".into(), &order["id"]));

        gateway.terminate();
        let end = gateway.rt.block_on(rt.timeout(SOON, socket.next())).expect("it ends");
        assert!(end.is_none(), "{end:?}");
        assert_eq!(socket.close_frame().expect("it was closed").code, CloseCode::GOING_AWAY);
        let ended = gateway.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    });
}
