//! What a file says when it is wrong.

use crate::kit::{read, refused_at, round_trip};
use backstay_core::Limit;
use backstay_core::resilience::{
    BulkheadConfig, CircuitBreakerConfig, KeyedRateLimiterConfig, RateLimiterConfig,
};

#[test]
fn what_is_wrong_is_named_with_its_line_its_value_and_what_is_allowed() {
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct File {
        breaker: CircuitBreakerConfig,
    }
    let units = "with the units ns, us, ms, s, m, h, d, w";
    for (field, words) in [
        ("failure_rate = 1.5", "invalid `failure_rate` = 1.5: must be above 0 and at most 1"),
        ("failure_rate = nan", "invalid `failure_rate` = NaN: must be above 0 and at most 1"),
        ("failure_rate = -inf", "invalid `failure_rate` = -inf: must be above 0 and at most 1"),
        ("failure_rate = 0", "invalid `failure_rate` = 0: must be above 0 and at most 1"),
        ("failure_rate = '50%'", "expected a number for `failure_rate`"),
        ("jitter = -0.1", "invalid `jitter` = -0.1: must be within 0..=1"),
        ("probes = 0", "invalid `probes` = 0: must be at least 1"),
        ("probes = -1", "invalid `probes` = -1: must be at least 1"),
        ("probes = 4294967296", "invalid `probes` = 4294967296: must be at most 4294967295"),
        ("probes = 1.5", "expected a whole number for `probes`"),
        (
            "count_window = 1000001",
            "invalid `count_window` = 1000001: must be at least 1 and at most 1,000,000",
        ),
        (
            "count_window = 5000000000",
            "invalid `count_window` = 5000000000: must be at least 1 and at most 1,000,000",
        ),
        ("open_for = '0s'", "invalid `open_for` = 0s: must be longer than zero"),
        ("open_for = 5", "invalid `open_for` = 5: it has no unit; it must be a text like \"250ms\", \"2s\""),
        ("open_for = 5.0", units),
        ("open_for = '5'", "invalid `open_for` = \"5\": `5` has no unit"),
        ("open_for = '5 parsecs'", "invalid `open_for` = \"5 parsecs\": `parsecs` is no unit"),
        ("open_for = '-5s'", "invalid `open_for` = \"-5s\": `-5s` doesn't begin with a digit"),
        ("open_for = ''", units),
        ("open_for = '1e3s'", units),
        ("open_for = true", units),
        (
            "opens_for = '5s'",
            "unknown field `opens_for`, expected one of `consecutive_failures`, `count_window`",
        ),
    ] {
        let text = format!("# of a service\n[breaker]\nmin_calls = 10\n{field}\n");
        refused_at::<File>(&text, 4, words);
    }
    // Of two fields, the table's line.
    for (fields, words) in [
        ("open_for = '9s'\nmax_open = '5s'", "invalid `max_open` = 5s: must not be less than `open_for`"),
        (
            "count_window = 9\ntime_window = '5s'",
            "invalid `time_window` = 5s: can't be combined with `count_window`",
        ),
        ("count_window = 9\nmin_calls = 10", "invalid `min_calls` = 10: must be at most `count_window`"),
        ("min_calls = 101", "invalid `min_calls` = 101: must be at most `count_window`, 100 unless set"),
        ("slow_call_rate = 0.1", "invalid `slow_call_duration`: must be set with `slow_call_rate`"),
        ("success_threshold = 2\nprobe_failure_rate = 0.1", "can't be combined with `success_threshold`"),
    ] {
        refused_at::<File>(&format!("\n[breaker]\n{fields}\n"), 2, words);
    }
    refused_at::<File>("breaker = 7", 1, "expected a table with the fields of `CircuitBreakerConfig`");
}

#[test]
fn json_says_the_line_too() {
    let error = |text| serde_json::from_str::<CircuitBreakerConfig>(text).unwrap_err().to_string();
    let wrong = error("{\n  \"failure_rate\": 1.5, \"probes\": 2\n}");
    assert!(
        wrong.starts_with("invalid `failure_rate` = 1.5: must be above 0 and at most 1 at line 2"),
        "{wrong}"
    );
    assert!(error("{\"probes\": 1, \"probes\": 1}").contains("duplicate field `probes`"));
    assert!(error("{\"open_for\": null}").contains("expected a duration"));
    let nothing: CircuitBreakerConfig = serde_json::from_str("{\"max_open\": null}").unwrap();
    assert_eq!(nothing, CircuitBreakerConfig::default());
}

#[test]
fn quotas_and_places_are_checked_where_they_are_read() {
    for (text, line, words) in [
        ("[quota]\nper = '1s'", 1, "invalid `permits`: must be given"),
        ("[quota]\npermits = 0\nper = '1s'", 2, "invalid `permits` = 0: must be at least 1"),
        (
            "[quota]\npermits = 1\nper = '0s'",
            3,
            "invalid `per` = 0s: must be longer than zero and less than 2^60 ns",
        ),
        ("[quota]\npermits = 1\nper = '37w'\nburst = 0", 4, "invalid `burst` = 0: must be at least 1"),
        (
            "[quota]\npermits = 1\nper = '14000d'",
            3,
            "invalid `per` = 14000d: must be longer than zero and less",
        ),
        ("[quota]\npermits = 2\nper = '1ns'", 1, "invalid `permits` = 2: must be at most one a nanosecond"),
        (
            "[quota]\npermits = 1\nper = '1d'\nburst = 4294967295",
            1,
            "invalid `burst` = 4294967295: must be small",
        ),
        (
            "[quota]\npermits = 2000000\nper = '1d'\nstrict = true",
            1,
            "must be at most 1,048,576 in a strict window",
        ),
        ("[quota]\npermits = 2\nper = '1d'\nstrict = true\nburst = 2", 1, "must not be given where `strict`"),
        (
            "max_waiting = 0\n[quota]\npermits = 2\nper = '1d'",
            1,
            "invalid `max_waiting` = 0: must be at least 1",
        ),
    ] {
        refused_at::<RateLimiterConfig>(text, line, words);
    }
    let strict = "[quota]\npermits = 2\nper = '1s'\nstrict = true";
    refused_at::<KeyedRateLimiterConfig>(strict, 1, "invalid `quota`: must not be strict");
    let unlimited: RateLimiterConfig = read("max_waiting = 'unlimited'\n[quota]\npermits = 2\nper = '1s'");
    assert_eq!(unlimited.max_waiting, Some(Limit::MAX));
    round_trip(&unlimited);

    refused_at::<BulkheadConfig>("max_in_flight = 0", 1, "invalid `max_in_flight` = 0: must be at least 1");
    refused_at::<BulkheadConfig>(
        "\nmax_in_flight = -3",
        2,
        "invalid `max_in_flight` = -3: must be at least 1",
    );
    let wait = "max_in_flight = 1\nmax_wait = '1s'";
    refused_at::<BulkheadConfig>(
        wait,
        1,
        "invalid `max_waiting` = 0: must be at least 1 where there is a `max_wait`",
    );
}
