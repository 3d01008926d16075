//! Ten times as much as there may be.

use crate::kit::{Gateway, on_every_runtime};
use serde_json::Value;
use std::process::Command;

/// The load generator's figures.
fn load(gateway: &Gateway, arguments: &[&str]) -> Value {
    let url = gateway.url("");
    let output = Command::new(env!("CARGO_BIN_EXE_app_load"))
        .args(["--json", "--runtime", "smol", "--to", &url])
        .args(arguments)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("figures")
}

fn count(figures: &Value, end: &str) -> u64 {
    figures[end]["count"].as_u64().unwrap_or_default()
}

fn total(figures: &Value) -> u64 {
    figures.as_object().expect("a table").keys().map(|end| count(figures, end)).sum()
}

/// One client asks ten times as often as it may: it gets what it may, and the rest is refused.
#[test]
fn a_client_gets_its_rate_and_no_more() {
    let config = r#"
        [server]
        client_header = "x-client"
        request_timeout = "25s"
        [clients]
        permits = 1
        per = "1h"
        burst = 40
        [prices]
        deadline = "20s"
        attempt_timeout = "20s"
    "#;
    on_every_runtime(config, |gateway| {
        let figures = load(&gateway, &["--rate", "200", "--seconds", "2", "--clients", "1", "--orders", "0"]);
        let (answered, refused) = (count(&figures, "200"), count(&figures, "429"));
        assert_eq!((answered, refused, total(&figures)), (40, 360, 400), "{figures}");
        // Another client is not affected.
        assert_eq!(gateway.get("/prices/ACME").status, 200);
    });
}

/// The service can do two a second, and there is more: who has no place is told so, and nobody is left without an
/// answer.
#[test]
fn who_finds_no_place_is_refused() {
    refuses_who_finds_no_place(r#"bulkhead = { max_in_flight = 4, max_waiting = 8, max_wait = "200ms" }"#);
}

#[test]
fn under_an_adaptive_limit_too() {
    refuses_who_finds_no_place(
        r#"adaptive_limit = { initial_limit = 4, max_limit = 8, max_waiting = 8, max_wait = "200ms" }"#,
    );
}

fn refuses_who_finds_no_place(limit: &str) {
    let config = r#"
        [clients]
        permits = 100000
        per = "1s"
        burst = 100000
        [prices]
        deadline = "5s"
        attempt_timeout = "4s"
        retry = { max_attempts = 1 }
    "#;
    on_every_runtime(&format!("{config}{limit}\n"), |gateway| {
        // Two seconds each: two a second, and ten times as many come.
        gateway.trouble("prices", "slow");
        let figures = load(&gateway, &["--rate", "20", "--seconds", "3", "--orders", "0"]);
        let (answered, refused) = (count(&figures, "200"), count(&figures, "503"));
        assert_eq!((answered + refused, total(&figures)), (60, 60), "{figures}");
        assert!(answered >= 4 && refused > answered, "{figures}");
        gateway.terminate();
        let ended = gateway.end();
        // The one more told it to be slow.
        assert_eq!((ended.code, ended.count("answered")), (Some(0), 61), "{ended:?}");
    });
}
