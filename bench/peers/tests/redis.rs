//! Every contestant of `redis` has all its turns, where there is a server.

use backstay_bench::sample::nanoseconds;
use backstay_peers::redis_limits::{MISSING, is_there, rows};
use std::env;

#[test]
fn everybody_has_all_turns() {
    if !is_there() {
        assert!(env::var("BACKSTAY_REDIS").is_err(), "BACKSTAY_REDIS is set, and {MISSING}");
        eprintln!("skipped: {MISSING}");
        return;
    }
    for work in rows(320) {
        for way in &work.ways {
            work.run(way, nanoseconds)
                .unwrap_or_else(|wrong| panic!("{} on {}: {wrong}", work.name, way.name));
        }
    }
}
