//! SIGTERM.

use crate::kit::{Answer, Gateway, SOON, on_every_runtime};
use backstay::{BlockOn, JoinHandle, Runtime};
use hyper::{Method, StatusCode};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const CONFIG: &str = r#"
[server]
request_timeout = "60s"
[clients]
permits = 100000
per = "1s"
burst = 100000
[prices]
attempt_timeout = "50s"
deadline = "50s"
bulkhead = { max_in_flight = 1000 }
"#;

type Asked = Vec<Result<Answer, String>>;

/// Clients that ask one after the other, until there is no answer; what each was answered comes at the end. How many
/// answers have come so far is counted.
fn clients(gateway: &Gateway, count: usize, came: &Arc<AtomicU64>) -> Vec<impl JoinHandle<Asked> + use<>> {
    let client = |n| {
        let (asker, path, came) = (gateway.asker(), format!("/prices/S{n}"), Arc::clone(came));
        gateway.rt.runtime().spawn(async move {
            let mut asked = Vec::new();
            while asked.last().is_none_or(Result::is_ok) {
                asked.push(asker.ask(Method::GET, &path, &[], "").await);
                came.fetch_add(1, Relaxed);
            }
            asked
        })
    };
    (0..count).map(client).collect()
}

fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON);
        thread::sleep(Duration::from_millis(5));
    }
}

fn all(gateway: &Gateway, clients: Vec<impl JoinHandle<Asked>>) -> Asked {
    gateway.rt.block_on(async {
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.await.expect("a client ends"));
        }
        all
    })
}

/// Under load: what was accepted is answered, and the report says as many as the clients do.
#[test]
fn every_accepted_request_is_answered() {
    on_every_runtime(CONFIG, |gateway| {
        let came = Arc::default();
        let clients = clients(&gateway, 16, &came);
        until(|| came.load(Relaxed) >= 200);
        gateway.terminate();
        let asked = all(&gateway, clients);
        let answered = asked.iter().filter(|answer| answer.is_ok()).count() as u64;
        for answer in asked.iter().flatten() {
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        }
        let ended = gateway.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!((ended.count("answered"), ended.count("cut")), (answered, 0), "{ended:?}");
    });
}

/// An order that the ledger is at takes its time, and is kept.
#[test]
fn an_order_that_is_under_way_is_placed() {
    let config = format!(
        "{CONFIG}[ledger]\nattempt_timeout = \"50s\"\ndeadline = \"50s\"\n[shutdown]\ngrace = \"1ms\""
    );
    on_every_runtime(&config, |gateway| {
        gateway.trouble("ledger", "slow");
        let asker = gateway.asker();
        let order =
            async move { asker.ask(Method::POST, "/orders", &[], r#"{"symbol":"ACME","quantity":1}"#).await };
        let order = gateway.rt.runtime().spawn(order);
        until(|| gateway.get("/health").json()["ledger"]["in_flight"] == 1);
        gateway.terminate();
        let placed = gateway.rt.block_on(order).expect("it ends").expect("it is answered");
        assert_eq!(placed.status, StatusCode::CREATED, "{placed:?}");
        let gateway = gateway.restart();
        assert_eq!(gateway.get("/orders").body.trim_end(), placed.body);
    });
}

/// A service that never answers, and a stop that does not wait for ever: what has to be cut is in the report.
#[test]
fn what_does_not_end_in_time_is_cut_and_counted() {
    let config = format!("{CONFIG}[shutdown]\ndrain = \"100ms\"\ngrace = \"100ms\"");
    on_every_runtime(&config, |gateway| {
        gateway.trouble("prices", "hanging");
        let clients = clients(&gateway, 8, &Arc::default());
        // All are under way.
        until(|| gateway.get("/health").json()["prices"]["in_flight"] == 8);
        gateway.terminate();
        let asked = all(&gateway, clients);
        assert!(asked.iter().all(Result::is_err), "{asked:?}");
        let ended = gateway.end();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_eq!(ended.count("cut"), 8, "{ended:?}");
        assert!(ended.stdout.contains("aborted (") && ended.stdout.contains("connection"), "{ended:?}");
    });
}

/// A second signal waits for nobody.
#[test]
fn a_second_signal_ends_it_at_once() {
    let config = format!("{CONFIG}[shutdown]\ndrain = \"60s\"");
    on_every_runtime(&config, |gateway| {
        gateway.trouble("prices", "hanging");
        let clients = clients(&gateway, 2, &Arc::default());
        until(|| gateway.get("/health").json()["prices"]["in_flight"] == 2);
        gateway.terminate();
        // It listens no more when it has seen the first.
        until(|| TcpStream::connect(gateway.addr).is_err());
        gateway.terminate();
        let asked = all(&gateway, clients);
        assert!(asked.iter().all(Result::is_err), "{asked:?}");
        let ended = gateway.end();
        assert_eq!((ended.code, ended.count("cut")), (Some(2), 2), "{ended:?}");
    });
}

/// Clients that hung up while they were served are no reason to say that the stop was not in order.
#[test]
fn who_has_left_was_not_cut() {
    on_every_runtime(CONFIG, |gateway| {
        let in_flight = || gateway.get("/health").json()["prices"]["in_flight"].clone();
        gateway.trouble("prices", "hanging");
        let mut leaves = TcpStream::connect(gateway.addr).expect("it listens");
        leaves.write_all(b"GET /prices/ACME HTTP/1.1\r\nhost: g\r\n\r\n").expect("it is read");
        until(|| in_flight() == 1);
        drop(leaves);
        until(|| in_flight() == 0);
        gateway.terminate();
        let ended = gateway.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    });
}
