//! Configurations in files: read, written, refused.

use backstay::testing::Sim;
use backstay_core::Limit;
use backstay_sources::fs_events::{FsWatchConfig, Overflow, watch};
use backstay_sources::sqlite::rusqlite::Connection;
use backstay_sources::sqlite::{Database, DatabaseConfig};
use backstay_sources::websocket::Config;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_websocket_is_as_the_file_says() {
    assert_eq!(toml::from_str::<Config>("").unwrap(), Config::new());
    assert_eq!(Config::builder().build().unwrap(), Config::new());
    let text = "max_message_size = 65536\nmax_frame_size = 4096\nhandshake_timeout = \"3s\"\nclose_timeout = \"2s\"\n\
                read_buffer = 1024\nwrite_buffer = 2048\nmax_handshakes = 5\n\n[keep_alive]\ninterval = \"30s\"\n\
                timeout = \"10s\"\n";
    let builder = Config::builder().max_message_size(65_536).max_frame_size(4_096).max_handshakes(5);
    let builder = builder.handshake_timeout(3 * SECOND).close_timeout(2 * SECOND).read_buffer(1_024);
    let same = builder.write_buffer(2_048).keep_alive(30 * SECOND, 10 * SECOND).build().unwrap();
    assert_eq!(toml::from_str::<Config>(text).unwrap(), same);
    assert_eq!(toml::from_str::<Config>(&toml::to_string(&same).unwrap()).unwrap(), same);
    assert_eq!(toml::to_string(&same).unwrap().lines().count(), text.lines().count());
    for (text, line, words) in [
        ("\nmax_message_size = 0", 2, "invalid `max_message_size` = 0: must be at least 1 and at most 1 GiB"),
        ("max_message_size = 1073741825", 1, "must be at least 1 and at most 1 GiB"),
        (
            "read_buffer = 99999999",
            1,
            "invalid `read_buffer` = 99999999: must be at least 1 and at most 16 MiB",
        ),
        ("write_buffer = -1", 1, "invalid `write_buffer` = -1: must be at least 1"),
        ("max_handshakes = 0", 1, "invalid `max_handshakes` = 0: must be at least 1"),
        ("close_timeout = 5", 1, "invalid `close_timeout` = 5: it has no unit"),
        (
            "[keep_alive]\ninterval = '0s'\ntimeout = '1s'",
            2,
            "invalid `interval` = 0s: must be longer than zero",
        ),
        ("[keep_alive]\ninterval = '1s'", 1, "invalid `timeout`: must be given"),
        ("max_size = 5", 1, "unknown field `max_size`, expected one of `max_message_size`, `max_frame_size`"),
    ] {
        let error = toml::from_str::<Config>(text).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(&format!("line {line},")), "{error}");
    }
    let zero = Config::builder().keep_alive(SECOND, Duration::ZERO).build().unwrap_err();
    assert_eq!(zero.to_string(), "invalid `timeout` = 0s: must be longer than zero"); // as of a file
}

#[test]
fn a_watch_is_as_the_file_says() {
    let text = "recursive = true\nquiet = \"200ms\"\nat_latest = \"2s\"\ncapacity = 10\noverflow = \"drop_oldest\"\n";
    let config: FsWatchConfig = toml::from_str(text).unwrap();
    assert_eq!(toml::to_string(&config).unwrap(), text);
    assert_eq!(toml::from_str::<FsWatchConfig>("").unwrap(), FsWatchConfig::default());
    Sim::builder()
        .run(move |rt: Sim| async move {
            assert_eq!(watch(&rt, "/").as_config(), &FsWatchConfig::default());
            let same = watch(&rt, "/").recursive().quiet(SECOND / 5).at_latest(2 * SECOND);
            let same = same.capacity(Limit::new(10).unwrap()).overflow(Overflow::DropOldest);
            assert_eq!(same.as_config(), &config);
            assert_eq!(watch(&rt, "/").config(config).as_config(), &config);
        })
        .unwrap();
    let error = toml::from_str::<FsWatchConfig>("capacity = 0").unwrap_err().to_string();
    assert!(error.contains("invalid `capacity` = 0: must be at least 1"), "{error}");
}

#[test]
fn a_database_is_as_the_file_says() {
    let open = || Database::from_connection(Connection::open_in_memory().unwrap());
    assert_eq!(toml::from_str::<DatabaseConfig>("").unwrap(), DatabaseConfig::default());
    assert_eq!(open().as_config(), &DatabaseConfig::default());
    let text = "busy_timeout = \"1s\"\nread_ahead = 10\n";
    let config: DatabaseConfig = toml::from_str(text).unwrap();
    assert_eq!(toml::to_string(&config).unwrap(), text);
    assert_eq!(open().busy_timeout(SECOND).read_ahead(Limit::new(10).unwrap()).as_config(), &config);
    assert_eq!(open().config(config).as_config(), &config);
}
