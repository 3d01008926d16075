//! What it is for.

use crate::kit::{SOON, on_every_runtime};
use backstay::{BlockOn, Runtime};
use backstay_sources::websocket::CloseCode;
use futures::StreamExt;
use futures::future::join_all;
use hyper::{Method, StatusCode};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

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
        let (rt, mut socket) = (gateway.rt.runtime().clone(), gateway.events());
        let order = gateway.order("key", r#"{"symbol":"ACME","quantity":2}"#).json();

        let told = gateway.told(&mut socket);
        assert_eq!((&told["event"], &told["id"]), (&"placed".into(), &order["id"]));

        gateway.terminate();
        let end = gateway.rt.block_on(rt.timeout(SOON, socket.next())).expect("it ends");
        assert!(end.is_none(), "{end:?}");
        assert_eq!(socket.close_frame().expect("it was closed").code, CloseCode::GOING_AWAY);
        let ended = gateway.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    });
}

const ACME: &str = r#"{"symbol":"ACME","quantity":1}"#;

/// What a client asks wrongly is its own matter: no service is asked, and no breaker opens for the others.
#[test]
fn what_is_no_symbol_is_told_and_harms_nobody() {
    on_every_runtime("[prices]\nbreaker = { consecutive_failures = 2 }", |gateway| {
        for path in ["/prices/A%20B", "/prices/ACME%3Fall", "/prices/..%2Fentries", "/prices/%20"] {
            let answer = gateway.get(path);
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {answer:?}");
            assert!(answer.json()["error"].is_string(), "{answer:?}");
        }
        for body in [r#"{"symbol":"A B","quantity":1}"#, r#"{"symbol":"ACME","quantity":0}"#] {
            let answer = gateway.order("key", body);
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {answer:?}");
        }
        assert_eq!(gateway.get("/prices/ACME").status, StatusCode::OK);
    });
}

#[test]
fn a_key_is_one_order_also_at_the_same_time() {
    let patient =
        "[server]\nrequest_timeout = \"25s\"\n[ledger]\ndeadline = \"20s\"\nattempt_timeout = \"20s\"";
    on_every_runtime(patient, |gateway| {
        let mut socket = gateway.events();
        // When the first is kept, all have found that it is not there.
        gateway.trouble("ledger", "slow");
        let asker = gateway.asker();
        let key = [("idempotency-key", "one")];
        let asked = (0..8).map(|_| asker.ask(Method::POST, "/orders", &key, ACME));
        let answers = gateway.rt.block_on(join_all(asked)).into_iter().map(|answer| answer.expect("one"));
        let (new, again): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.status == StatusCode::CREATED);
        assert_eq!((new.len(), again.len()), (1, 7), "{new:?} {again:?}");
        for answer in again {
            assert_eq!((answer.status, answer.json()), (StatusCode::OK, new[0].json()));
        }
        // Another order is not that one.
        let other = gateway.order("one", r#"{"symbol":"ACME","quantity":2}"#);
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{other:?}");

        // It is told once.
        gateway.trouble("ledger", "none");
        gateway.order("two", ACME);
        for key in ["one", "two"] {
            assert_eq!(gateway.told(&mut socket)["key"], key);
        }
    });
}

#[test]
fn orders_of_two_runs_are_all_kept() {
    on_every_runtime("", |gateway| {
        let first = gateway.order("first", ACME);
        assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
        let gateway = gateway.restart();
        let second = gateway.order("second", ACME);
        assert_eq!(second.status, StatusCode::CREATED, "{second:?}");
        let orders = gateway.get("/orders").body;
        let keys: Vec<Value> =
            orders.lines().map(|row| serde_json::from_str::<Value>(row).unwrap()["key"].clone()).collect();
        assert_eq!(keys, ["first", "second"]);
        assert_eq!(gateway.order("first", ACME).json(), first.json());
    });
}

/// A key that is as long as it may be: a few hundred of them fill all buffers between two who don't read.
fn long(n: usize) -> String {
    format!("{n:030000}")
}

const MANY: &str = "[clients]\npermits = 100000\nper = \"1s\"\nburst = 100000";

/// A client that stops in the midst of all orders: others see what has come since.
#[test]
fn who_reads_slowly_hides_nothing_from_others() {
    on_every_runtime(MANY, |gateway| {
        for n in 0..400 {
            gateway.order(&long(n), ACME);
        }
        let mut slow = TcpStream::connect(gateway.addr).expect("it listens");
        slow.write_all(b"GET /orders HTTP/1.1\r\nhost: g\r\n\r\n").expect("it is read");
        slow.read_exact(&mut [0; 100]).expect("it begins");

        let placed = gateway.order("last", ACME);
        assert_eq!(placed.status, StatusCode::CREATED, "{placed:?}");
        let again = gateway.order("last", ACME);
        assert_eq!((again.status, again.json()), (StatusCode::OK, placed.json()));
        let orders = gateway.get("/orders").body;
        let last: Value = serde_json::from_str(orders.lines().last().expect("a row")).expect("JSON");
        assert_eq!((orders.lines().count(), last), (401, placed.json()));
    });
}

/// A client that looks on and does not read: the gateway does not wait for it.
#[test]
fn who_does_not_read_events_holds_up_no_stop() {
    on_every_runtime(MANY, |gateway| {
        let mut deaf = TcpStream::connect(gateway.addr).expect("it listens");
        let upgrade = "GET /events HTTP/1.1\r\nhost: g\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        deaf.write_all(upgrade.as_bytes()).expect("it is read");
        let mut answer = [0; 12];
        deaf.read_exact(&mut answer).expect("it is answered");
        assert_eq!(&answer, b"HTTP/1.1 101");
        for n in 0..400 {
            gateway.order(&long(n), ACME);
        }
        gateway.terminate();
        let ended = gateway.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    });
}
