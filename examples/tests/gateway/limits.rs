//! What a client may not do.

use crate::kit::{Gateway, SOON, on_every_runtime};
use hyper::Method;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const CONFIG: &str = r#"
[server]
max_body = 100
header_read_timeout = "200ms"
body_read_timeout = "200ms"
request_timeout = "10s"
"#;

/// Sends this, and nothing more; gives all that comes back, and how long it took.
fn sends(gateway: &Gateway, text: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(gateway.addr).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("a time");
    let begun = Instant::now();
    stream.write_all(text.as_bytes()).expect("it is read");
    let mut answer = Vec::new();
    // The connection may be reset after the answer.
    let _end = stream.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
}

const HEAD: &str =
    "POST /orders HTTP/1.1\r\nhost: g\r\nconnection: close\r\ncontent-type: application/json\r\n";

#[test]
fn a_body_that_is_too_long_is_answered_413() {
    on_every_runtime(CONFIG, |gateway| {
        let long = "x".repeat(101);
        let (answer, _) = sends(&gateway, &format!("{HEAD}content-length: 101\r\n\r\n{long}"));
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        let (answer, _) =
            sends(&gateway, &format!("{HEAD}transfer-encoding: chunked\r\n\r\n65\r\n{long}\r\n0\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        let order = r#"{"symbol":"ACME","quantity":1}"#;
        let (answer, _) = sends(&gateway, &format!("{HEAD}content-length: {}\r\n\r\n{order}", order.len()));
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    });
}

#[test]
fn a_client_that_stalls_is_cut() {
    on_every_runtime(CONFIG, |gateway| {
        let (answer, took) = sends(&gateway, "POST /orders HTT");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        // The server's own limit would be ten seconds.
        assert!(took >= Duration::from_millis(190) && took < Duration::from_secs(9), "{took:?}");
        let (answer, took) = sends(&gateway, &format!("{HEAD}content-length: 50\r\n\r\n{{\"symbol\":"));
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(took >= Duration::from_millis(190), "{took:?}");
        // Others are served meanwhile and afterwards.
        assert_eq!(gateway.get("/prices/ACME").status, 200);
    });
}

/// Who says that it is somebody else is that only where the configuration says whom to believe.
#[test]
fn a_client_is_who_it_comes_from() {
    let mean = "[clients]\npermits = 1\nper = \"1h\"\nburst = 1\n";
    for (server, second) in [("", 429), ("[server]\nclient_header = \"x-client\"\n", 200)] {
        on_every_runtime(&format!("{server}{mean}"), |gateway| {
            let status =
                |client| gateway.ask(Method::GET, "/prices/ACME", &[("x-client", client)], "").status;
            assert_eq!((status("ann").as_u16(), status("bob").as_u16()), (200, second), "{server}");
        });
    }
}

/// Beyond the limit nobody is accepted until somebody goes.
#[test]
fn there_are_no_more_connections_than_there_may_be() {
    on_every_runtime("[server]\nmax_connections = 1", |gateway| {
        let asks = || {
            let mut stream = TcpStream::connect(gateway.addr).expect("the system accepts it");
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: g\r\n\r\n").expect("it is kept");
            stream
        };
        let mut first = asks();
        first.read_exact(&mut [0; 15]).expect("it is answered");
        let mut second = asks();
        second.set_read_timeout(Some(Duration::from_millis(300))).expect("a time");
        assert!(second.read(&mut [0; 15]).is_err(), "it was accepted too");
        drop(first);
        second.set_read_timeout(Some(SOON)).expect("a time");
        let mut answer = [0; 15];
        second.read_exact(&mut answer).expect("it is answered");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    });
}
