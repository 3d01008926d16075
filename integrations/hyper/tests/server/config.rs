//! Configurations: by code, and in files.

use crate::kit::*;
use crate::service::service;
use backstay::testing::*;
use backstay_hyper::{ClientBuilder, ClientConfig, Server, ServerConfig, Versions};
use bytes::Bytes;
use http_body_util::Full;
use serde_json::json;
use std::time::Duration;

const SERVER: &str = r#"versions = "http1"
max_connections = 1000
header_read_timeout = "5s"
idle_timeout = "1m 30s"
body_read_timeout = "20s"
write_timeout = "25s"
max_body = 1048576
max_header_size = 16384
date_header = false
http2_max_streams = 100

[http2_keep_alive]
interval = "30s"
timeout = "10s"
"#;

const CLIENT: &str = r#"connect_timeout = "2s"
idle_timeout = "50s"
max_idle_per_host = 16
http2 = true

[http2_keep_alive]
interval = "30s"
timeout = "10s"
"#;

#[test]
fn a_server_is_as_the_file_says() {
    let config: ServerConfig = toml::from_str(SERVER).unwrap();
    assert_eq!(toml::to_string(&config).unwrap(), SERVER);
    assert_eq!(toml::from_str::<ServerConfig>("").unwrap(), ServerConfig::new());
    let run = Sim::builder().run(move |rt: Sim| {
        let config = config.clone();
        async move {
            assert_eq!(Server::builder(&rt).as_config(), &ServerConfig::default());
            let same = Server::builder(&rt).versions(Versions::Http1).max_connections(1000);
            let same = same.header_read_timeout(secs(5)).idle_timeout(secs(90)).body_read_timeout(secs(20));
            let same = same.write_timeout(secs(25)).max_body(1 << 20).max_header_size(16 << 10);
            let same = same.date_header(false).http2_max_streams(100).http2_keep_alive(secs(30), secs(10));
            assert_eq!(same.as_config(), &config);
            // It is what counts.
            let server = Running::start(&rt, |b| b.config(config), service(&rt)).await;
            let answer = by_hand(&rt, server.addr, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
            assert!(!answer.starts_with('\0'), "it speaks HTTP/2");
            server.stop().await;
        }
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

#[test]
fn a_client_is_as_the_file_says() {
    let config: ClientConfig = toml::from_str(CLIENT).unwrap();
    assert_eq!(toml::to_string(&config).unwrap(), CLIENT);
    let unlimited = toml::from_str::<ClientConfig>("max_idle_per_host = 'unlimited'").unwrap();
    assert_eq!(unlimited, ClientConfig::new());
    let run = Sim::builder().run(move |rt: Sim| {
        let config = config.clone();
        async move {
            assert_eq!(ClientBuilder::new(&rt).as_config(), &ClientConfig::default());
            let same = ClientBuilder::new(&rt).connect_timeout(secs(2)).idle_timeout(secs(50));
            let same = same.max_idle_per_host(16).http2().http2_keep_alive(secs(30), secs(10));
            assert_eq!(same.as_config(), &config);
            assert!(ClientBuilder::new(&rt).config(config).build::<Full<Bytes>>().is_ok());
        }
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

#[test]
fn what_a_file_may_not_say() {
    for (text, line, words) in [
        ("\nmax_connections = 0", 2, "invalid `max_connections` = 0: must be at least 1"),
        ("max_body = 0", 1, "invalid `max_body` = 0: must be at least 1"),
        ("max_body = -1", 1, "invalid `max_body` = -1: must be at least 1"),
        (
            "max_header_size = 4294967296",
            1,
            "invalid `max_header_size` = 4294967296: must be at most 4294967295",
        ),
        ("http2_max_streams = 0", 1, "invalid `http2_max_streams` = 0: must be at least 1"),
        ("write_timeout = '0s'", 1, "invalid `write_timeout` = 0s: must be longer than zero"),
        ("idle_timeout = 5", 1, "invalid `idle_timeout` = 5: it has no unit"),
        ("versions = 'http3'", 1, "unknown variant `http3`, expected one of `both`, `http1`, `http2`"),
        ("[http2_keep_alive]\ninterval = '0s'", 2, "invalid `interval` = 0s: must be longer than zero"),
        ("http2_keep_alive = { interval = '1s' }", 1, "invalid `timeout`: must be given"),
        ("idle = '5s'", 1, "unknown field `idle`, expected one of `versions`, `max_connections`"),
    ] {
        let error = toml::from_str::<ServerConfig>(text).expect_err(text).to_string();
        assert!(error.contains(words) && error.contains(&format!("line {line},")), "{error}");
    }
    for (text, words) in [
        ("connect_timeout = '0s'", "invalid `connect_timeout` = 0s: must be longer than zero"),
        ("max_idle_per_host = -1", "invalid `max_idle_per_host` = -1: must be at least 0"),
        ("http2 = 1", "invalid type: integer `1`, expected a boolean"),
    ] {
        let error = toml::from_str::<ClientConfig>(text).expect_err(text).to_string();
        assert!(error.contains(words) && error.contains("line 1,"), "{error}");
    }
}

#[test]
fn the_largest_values_are_written_and_read() {
    let mut config = ServerConfig::new();
    config.max_body = Some(u64::MAX);
    config.max_connections = Some(usize::MAX);
    config.idle_timeout = Duration::MAX;
    let text = toml::to_string(&config).unwrap();
    assert!(text.contains("max_body = \"unlimited\"\n"), "{text}");
    assert_eq!(toml::from_str::<ServerConfig>(&text).unwrap(), config);
    let json = serde_json::to_value(&config).unwrap();
    assert_eq!(json["max_connections"], json!("unlimited"));
    assert_eq!(serde_json::from_value::<ServerConfig>(json).unwrap(), config);
}
