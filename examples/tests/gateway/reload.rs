//! The configuration file, changed while it runs.

use crate::kit::{Answer, Gateway, RUNTIMES, SOON, on_every_runtime};
use hyper::StatusCode;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

/// A client may ask once an hour.
const MEAN: &str = "[clients]\npermits = 1\nper = \"1h\"\nburst = 1\n";
const GENEROUS: &str = "[clients]\npermits = 1000\nper = \"1s\"\nburst = 1000\n";

fn is_refused(gateway: &Gateway) -> bool {
    gateway.get("/prices/ACME").status == StatusCode::TOO_MANY_REQUESTS
}

/// What was used up comes back at the generous rate.
fn is_in_force(gateway: &Gateway) {
    let begun = Instant::now();
    while is_refused(gateway) {
        assert!(begun.elapsed() < SOON);
    }
}

#[test]
fn a_broken_file_changes_nothing_and_a_good_one_does() {
    on_every_runtime(MEAN, |gateway| {
        assert!(!is_refused(&gateway));
        assert!(is_refused(&gateway));
        // Lines one and two are the test's.
        for (broken, line, what) in [
            ("[clients]\npermits = 1000\nper = \"1s\"\nburts = 9", "line 6", "unknown field `burts`"),
            ("[prices]\ndeadline = \"2 parsecs\"", "line 4", "parsecs"),
            ("[prices]\ndeadline = 2", "line 4", "unit"),
            (
                "[ledger]\nbreaker = { failure_rate = 1.5 }",
                "line 4",
                "must be at least a millionth and at most 1",
            ),
            ("[ledger", "line 3", "table"),
        ] {
            gateway.configure(&format!("{broken}\n"));
            let said = gateway.has_said(what);
            assert!(said.contains(line), "{line} in {said}");
        }
        assert!(is_refused(&gateway));
        let said = gateway.has_said("stays in force");
        assert!(said.contains("`permits`, `per`, `burst`") || said.contains("expected one of"), "{said}");

        gateway.configure(GENEROUS);
        gateway.has_said("is in force");
        is_in_force(&gateway);

        gateway.configure(&format!("{GENEROUS}[shutdown]\ndrain = \"1s\"\n"));
        gateway.has_said("`shutdown` takes effect after a restart");
        gateway.terminate();
        assert_eq!(gateway.end().code, Some(0));
    });
}

#[test]
fn it_does_not_start_with_a_broken_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.toml");
    fs::write(&path, "listen = \"127.0.0.1:0\"\n\n[server]\nmax_boddy = 3\n").expect("a file");
    for runtime in RUNTIMES {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_app_gateway"));
        let output = command.args(["--runtime", runtime, "--config"]).arg(&path).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in ["line 4", "max_boddy", "`max_body`", "gateway.toml"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}

/// As Kubernetes mounts it: the file is a link by way of a link to a folder, and that one is replaced.
#[test]
fn a_link_that_leads_elsewhere_is_followed() {
    on_every_runtime(MEAN, |gateway| {
        let link = |to: &str, name: &str| {
            symlink(to, gateway.path("etc/..next")).expect("a link");
            fs::rename(gateway.path("etc/..next"), gateway.path(name)).expect("it takes its place");
        };
        let other = format!("{MEAN}[prices]\ndeadline = \"7s\"\n");
        for (version, config) in [("etc/..v1", other.as_str()), ("etc/..v2", GENEROUS)] {
            fs::create_dir(gateway.path(version)).expect("a folder");
            gateway.write(&format!("{version}/gateway.toml"), config);
        }
        link("..v1", "etc/..data");
        link("..data/gateway.toml", "etc/gateway.toml");
        gateway.has_said("is in force");
        assert!(!is_refused(&gateway));
        link("..v2", "etc/..data");
        is_in_force(&gateway);
    });
}

#[test]
fn a_folder_that_comes_back_is_followed() {
    on_every_runtime(MEAN, |gateway| {
        fs::rename(gateway.path("etc"), gateway.path("gone")).expect("it goes");
        gateway.has_said("config: ");
        fs::create_dir(gateway.path("etc")).expect("a folder");
        gateway.write("etc/gateway.toml", GENEROUS);
        gateway.has_said("is in force");
    });
}

#[test]
fn what_takes_a_restart_is_told() {
    on_every_runtime(MEAN, |gateway| {
        gateway.configure(&format!("{MEAN}[server]\nmax_connections = 7\n"));
        gateway.has_said("`server` takes effect after a restart");
    });
}

#[test]
fn what_it_can_not_start_with_is_told_with_the_cause() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address");
    let path = folder.path().join("gateway.toml");
    let db = folder.path().join("orders.db");
    for (config, parts) in [
        ("database = \"/no/such.db\"".to_owned(), ["/no/such.db".to_owned(), "unable to open".to_owned()]),
        (format!("listen = \"{taken}\"\ndatabase = {db:?}"), [taken.to_string(), "in use".to_owned()]),
    ] {
        fs::write(&path, config).expect("a file");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_app_gateway"));
        let output = command.arg("--config").arg(&path).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in parts {
            assert!(said.contains(&part), "{part} in {said}");
        }
    }
}

/// Each service goes by what is new: the one that hangs is waited for no longer.
#[test]
fn the_services_go_by_the_new_file() {
    let service = |name, time| format!("[{name}]\nattempt_timeout = \"{time}\"\ndeadline = \"{time}\"\n");
    let config = |prices, ledger| {
        let server = "[server]\nrequest_timeout = \"60s\"\n";
        format!("{server}{}{}", service("prices", prices), service("ledger", ledger))
    };
    on_every_runtime(&config("50s", "50s"), |gateway| {
        let answers_504 =
            |answer: Answer| assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
        gateway.trouble("ledger", "hanging");
        gateway.configure(&config("50s", "100ms"));
        gateway.has_said("is in force");
        answers_504(gateway.order("key", r#"{"symbol":"ACME","quantity":1}"#));

        gateway.trouble("prices", "hanging");
        let mut socket = gateway.events();
        gateway.configure(&config("100ms", "50s"));
        assert_eq!(gateway.told(&mut socket).to_string(), r#"{"event":"config","is_in_force":true}"#);
        answers_504(gateway.get("/prices/ACME"));
    });
}

/// The file that is there to copy from.
#[test]
fn the_file_beside_it_is_a_good_one() {
    let shipped = include_str!("../../app_gateway/gateway.toml").lines();
    let is_the_tests = |line: &&str| line.starts_with("listen = ") || line.starts_with("database = ");
    let shipped: Vec<_> = shipped.filter(|line| !is_the_tests(line)).collect();
    on_every_runtime(&shipped.join("\n"), |gateway| {
        assert_eq!(gateway.get("/prices/ACME").status, StatusCode::OK)
    });
}
