//! SIGTERM.

use crate::kit::{Answer, Gateway, on_every_runtime};
use backstay::{BlockOn, JoinHandle, Runtime};
use hyper::{Method, StatusCode};
use std::thread;
use std::time::Duration;

const CONFIG: &str = r#"
[clients]
permits = 100000
per = "1s"
burst = 100000
[prices]
bulkhead = { max_in_flight = 1000 }
"#;

type Asked = Vec<Result<Answer, String>>;

/// Clients that ask one after the other, until there is no answer; what each was answered comes at the end.
fn clients(gateway: &Gateway, count: usize) -> Vec<impl JoinHandle<Asked> + use<>> {
    let client = |n| {
        let (asker, path) = (gateway.asker(), format!("/prices/S{n}"));
        gateway.rt.runtime().spawn(async move {
            let mut asked = Vec::new();
            while asked.last().is_none_or(Result::is_ok) {
                asked.push(asker.ask(Method::GET, &path, &[], "").await);
            }
            asked
        })
    };
    (0..count).map(client).collect()
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
        let clients = clients(&gateway, 16);
        thread::sleep(Duration::from_millis(300));
        gateway.terminate();
        let asked = all(&gateway, clients);
        let answered = asked.iter().filter(|answer| answer.is_ok()).count() as u64;
        for answer in asked.iter().flatten() {
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        }
        let ended = gateway.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!((ended.count("answered"), ended.count("cut")), (answered, 0), "{ended:?}");
        assert!(answered >= 16, "{ended:?}");
    });
}

/// A service that takes two seconds, and a grace of much less: what has to be cut is in the report.
#[test]
fn what_does_not_end_in_time_is_cut_and_counted() {
    let config = format!(
        "{CONFIG}attempt_timeout = \"5s\"\ndeadline = \"5s\"\n[shutdown]\ndrain = \"100ms\"\ngrace = \"100ms\""
    );
    on_every_runtime(&config, |gateway| {
        gateway.trouble("prices", "slow");
        let clients = clients(&gateway, 8);
        // All are under way.
        while gateway.get("/health").json()["prices"]["in_flight"] != 8 {
            thread::sleep(Duration::from_millis(10));
        }
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
    let config =
        format!("{CONFIG}attempt_timeout = \"50s\"\ndeadline = \"50s\"\n[shutdown]\ndrain = \"60s\"");
    on_every_runtime(&config, |gateway| {
        gateway.trouble("prices", "slow");
        let clients = clients(&gateway, 2);
        while gateway.get("/health").json()["prices"]["in_flight"] != 2 {
            thread::sleep(Duration::from_millis(10));
        }
        gateway.terminate();
        // It listens no more when it has seen the first.
        while std::net::TcpStream::connect(gateway.addr).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        gateway.terminate();
        let asked = all(&gateway, clients);
        assert!(asked.iter().all(Result::is_err), "{asked:?}");
        let ended = gateway.end();
        assert_eq!((ended.code, ended.count("cut")), (Some(2), 2), "{ended:?}");
    });
}
