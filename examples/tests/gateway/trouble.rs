//! The services behind it in trouble.

use crate::kit::{Gateway, SOON, on_every_runtime};
use hyper::StatusCode;
use std::time::{Duration, Instant};

const CONFIG: &str = r#"
[clients]
permits = 1000
per = "1s"
burst = 1000

[prices]
deadline = "4s"
attempt_timeout = "1s"
retry = { max_attempts = 2, backoff = { schedule = "exponential", initial = "10ms", max_delay = "50ms" } }
breaker = { consecutive_failures = 4, open_for = "300ms" }

[ledger]
attempt_timeout = "1s"
retry = { max_attempts = 2, backoff = { schedule = "constant", delay = "10ms" } }
breaker = { consecutive_failures = 1000 }
"#;

/// Until it is well again.
fn heals(gateway: &Gateway) {
    let begun = Instant::now();
    while gateway.get("/prices/ACME").status != StatusCode::OK {
        assert!(begun.elapsed() < SOON, "it does not heal");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn whatever_is_wrong_the_answer_comes_in_time_and_it_heals() {
    on_every_runtime(CONFIG, |gateway| {
        for (trouble, first) in [
            ("killed", StatusCode::BAD_GATEWAY),
            ("failing", StatusCode::BAD_GATEWAY),
            ("resetting", StatusCode::BAD_GATEWAY),
            ("hanging", StatusCode::GATEWAY_TIMEOUT),
        ] {
            heals(&gateway);
            gateway.trouble("prices", trouble);
            let answer = gateway.get("/prices/ACME");
            assert_eq!(answer.status, first, "{trouble}: {answer:?}");
            assert!(
                !answer.body.contains("127.0.0.1"),
                "where the services are is nobody's business: {answer:?}"
            );
            // It does not go on for ever: the breaker opens, and says when to come back.
            let begun = Instant::now();
            let refused = loop {
                let answer = gateway.get("/prices/ACME");
                if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                    break answer;
                }
                assert!(begun.elapsed() < SOON, "the breaker never opens: {answer:?}");
            };
            assert_eq!(refused.retry_after.as_deref(), Some("1"), "{trouble}: {refused:?}");
            assert!(refused.body.contains("circuit breaker `prices`"), "{refused:?}");
            gateway.trouble("prices", "none");
        }
        heals(&gateway);
        let metrics = gateway.get("/metrics").body;
        assert!(
            metrics.contains(r#"backstay_circuit_changes_total{policy="prices",state="open"}"#),
            "{metrics}"
        );
    });
}

#[test]
fn a_service_that_fails_now_and_then_is_not_noticed() {
    let config = CONFIG
        .replace("max_attempts = 2", "max_attempts = 30")
        .replace("consecutive_failures = 4", "failure_rate = 1.0");
    on_every_runtime(&config, |gateway| {
        gateway.trouble("prices", "flaky");
        for _ in 0..30 {
            assert_eq!(gateway.get("/prices/ACME").status, StatusCode::OK);
        }
    });
}

/// The ledger has entered it, and its answer was lost: asked again with the same key, it is one order.
#[test]
fn an_answer_that_is_lost_is_no_second_order() {
    on_every_runtime(CONFIG, |gateway| {
        gateway.trouble("ledger", "resetting");
        let lost = gateway.order("first", r#"{"symbol":"ACME","quantity":1}"#);
        assert_eq!(lost.status, StatusCode::BAD_GATEWAY, "{lost:?}");
        assert_eq!(gateway.get("/orders").body, "");

        gateway.trouble("ledger", "none");
        let first = gateway.order("first", r#"{"symbol":"ACME","quantity":1}"#);
        let second = gateway.order("second", r#"{"symbol":"ACME","quantity":1}"#);
        assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::CREATED));
        // The ledger numbers them from one, without a gap.
        assert_eq!((first.json()["id"].as_i64(), second.json()["id"].as_i64()), (Some(1), Some(2)));
    });
}

#[test]
fn a_service_that_asks_for_time_gets_it() {
    let config = CONFIG.replace("deadline = \"4s\"", "deadline = \"1s\"");
    on_every_runtime(&config, |gateway| {
        gateway.trouble("prices", "busy");
        // In a second, says the service: that is when the deadline is over.
        let answer = gateway.get("/prices/ACME");
        assert_eq!(
            (answer.status, answer.retry_after.as_deref()),
            (StatusCode::TOO_MANY_REQUESTS, Some("1"))
        );
    });
}

const PATIENT: &str = r#"
[prices]
attempt_timeout = "50s"
deadline = "50s"
retry = { max_attempts = 1 }
breaker = { consecutive_failures = 1, open_for = "1h" }
"#;

/// A request has its time, however patient the policies are; what was done for it is dropped.
#[test]
fn a_request_that_takes_too_long_is_given_up() {
    on_every_runtime(&format!("[server]\nrequest_timeout = \"300ms\"\n{PATIENT}"), |gateway| {
        gateway.trouble("prices", "hanging");
        let answer = gateway.get("/prices/ACME");
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
        assert_eq!(gateway.get("/health").json()["prices"]["in_flight"], 0);
    });
}

#[test]
fn who_looks_on_is_told_that_a_breaker_opens() {
    on_every_runtime(PATIENT, |gateway| {
        let mut socket = gateway.events();
        gateway.trouble("prices", "failing");
        gateway.get("/prices/ACME");
        let told = gateway.told(&mut socket);
        assert_eq!(told.to_string(), r#"{"event":"circuit","service":"prices","state":"open"}"#);
    });
}

/// Every other request is not answered at all: the one that is sent beside it is, and whoever asks notices nothing.
#[test]
fn what_is_slow_is_asked_twice() {
    let config =
        CONFIG.replace("attempt_timeout = \"1s\"\nretry", "attempt_timeout = \"3s\"\nretry").replace(
            "breaker = { consecutive_failures = 4, open_for = \"300ms\" }",
            "hedge = { delay = { fixed = \"20ms\" } }\nbreaker = { consecutive_failures = 1000 }",
        );
    on_every_runtime(&config, |gateway| {
        gateway.trouble("prices", "straggling");
        for _ in 0..5 {
            let answer = gateway.get("/prices/ACME");
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        }
        let metrics = gateway.get("/metrics").body;
        for line in [
            r#"backstay_hedges_total{policy="prices",cause="delay"} 5"#,
            r#"backstay_hedges_won_total{policy="prices"} 5"#,
        ] {
            assert!(metrics.contains(line), "{line} is not in {metrics}");
        }
    });
}
