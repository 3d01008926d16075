//! The configuration file, changed while it runs.

use crate::kit::{Gateway, RUNTIMES, on_every_runtime};
use hyper::StatusCode;

/// A client may ask once an hour.
const MEAN: &str = "[clients]\npermits = 1\nper = \"1h\"\nburst = 1\n";
const GENEROUS: &str = "[clients]\npermits = 1000\nper = \"1s\"\nburst = 1000\n";

fn is_refused(gateway: &Gateway) -> bool {
    gateway.get("/prices/ACME").status == StatusCode::TOO_MANY_REQUESTS
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
        // What was used up comes back at the new rate.
        let begun = std::time::Instant::now();
        while is_refused(&gateway) {
            assert!(begun.elapsed() < crate::kit::SOON);
        }

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
    std::fs::write(&path, "listen = \"127.0.0.1:0\"\n\n[server]\nmax_boddy = 3\n").expect("a file");
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
