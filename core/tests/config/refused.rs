//! What a file says when it is wrong.

use crate::kit::{read, refused_at, round_trip};
use backstay::testing::Sim;
use backstay_core::future::Ordered;
use backstay_core::resilience::{
    Backoff, Bulkhead, BulkheadConfig, CircuitBreakerConfig, KeyedRateLimiterConfig, RateLimiterConfig,
    RetryConfig,
};
use backstay_core::stream::BatchConfig;
use backstay_core::sync::Semaphore;
use backstay_core::task::{SupervisorConfig, WorkerPoolBuilder};
use backstay_core::time::ticker;
use backstay_core::{BlockOn, Config, Limit};
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn what_is_wrong_is_named_with_its_line_its_value_and_what_is_allowed() {
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct File {
        breaker: CircuitBreakerConfig,
    }
    let units = "with the units ns, us, ms, s, m, h, d, w";
    for (field, words) in [
        ("failure_rate = 1.5", "invalid `failure_rate` = 1.5: must be at least a millionth and at most 1"),
        ("failure_rate = nan", "invalid `failure_rate` = NaN: must be at least a millionth and at most 1"),
        ("failure_rate = -inf", "invalid `failure_rate` = -inf: must be at least a millionth and at most 1"),
        ("failure_rate = 0", "invalid `failure_rate` = 0: must be at least a millionth and at most 1"),
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
        wrong.starts_with(
            "invalid `failure_rate` = 1.5: must be at least a millionth and at most 1 at line 2"
        ),
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

#[test]
fn the_range_that_is_said_is_the_range() {
    for field in ["failure_rate", "slow_call_duration = '1s'\nslow_call_rate", "probe_failure_rate"] {
        for good in ["0.000001", "1", "1.0"] {
            round_trip(&read::<CircuitBreakerConfig>(&format!("{field} = {good}")));
        }
        let name = field.lines().last().unwrap();
        for wrong in ["0.0000009999999999", "0.0000001", "1.0000001"] {
            let words = format!("invalid `{name}` = {wrong}: must be at least a millionth and at most 1");
            refused_at::<CircuitBreakerConfig>(&format!("{field} = {wrong}"), field.lines().count(), &words);
        }
    }
}

#[test]
fn unlimited_is_a_number_where_so_many_may_be() {
    for (text, words) in [
        ("\nmax_blocking_threads = 'unlimited'", "expected a whole number for `max_blocking_threads`\n"),
        ("\nmax_blocking_threads = 'many'", "expected a whole number for `max_blocking_threads`\n"),
    ] {
        refused_at::<Config>(text, 2, words);
    }
    refused_at::<WorkerPoolBuilder>("workers = 'unlimited'", 1, "expected a whole number for `workers`\n");
    refused_at::<WorkerPoolBuilder>(
        "queue = 'many'",
        1,
        "expected a whole number for `queue`, or \"unlimited\"\n",
    );
    let most = "must be at least 1 and at most `Semaphore::MAX_PERMITS`";
    for text in ["max_waiting = 1\nmax_in_flight = 'unlimited'", "max_waiting = 1\nmax_in_flight = 0"] {
        refused_at::<BulkheadConfig>(text, 2, "`max_in_flight`");
    }
    refused_at::<BulkheadConfig>("max_waiting = 1\nmax_in_flight = 9223372036854775807", 2, most);
    let max = Semaphore::MAX_PERMITS;
    assert!(Bulkhead::named("").max_in_flight(max).build().is_ok());
    let error = Bulkhead::named("").max_in_flight(max + 1).build().unwrap_err();
    assert_eq!(error.to_string(), format!("invalid `max_in_flight` = {}: {most}", max + 1));
}

#[test]
fn a_name_that_no_thread_can_have_is_refused_at_its_line() {
    let text = "\nthread_name = \"a\\u0000b\"\n";
    refused_at::<Config>(text, 2, "invalid `thread_name`: must not contain a NUL byte");
}

/// Where one field's value is what is wrong, the error has it.
#[test]
fn builders_say_the_value_too() {
    let rt = Sim::builder().build().unwrap().runtime().clone();
    let error = ticker(&rt, Duration::ZERO).build().unwrap_err();
    assert_eq!(error.to_string(), "invalid `period` = 0s: must be longer than zero");
    let (two, one) = (Limit::new(2).unwrap(), Limit::ONE);
    let error = Ordered::<std::future::Ready<()>>::new(two, one).unwrap_err();
    assert_eq!(error.to_string(), "invalid `window` = 1: must not be smaller than `limit`");
    let error = Backoff::constant(Duration::from_secs(1)).factor(3.5).build().unwrap_err();
    assert_eq!(error.to_string(), "invalid `factor` = 3.5: only an exponential schedule has one");
}

#[test]
fn what_is_no_table_is_told_whose_fields_it_should_have() {
    refused_at::<RateLimiterConfig>(
        "quota = 5",
        1,
        "expected a table with the fields of `Quota`: `permits`, `per`",
    );
    refused_at::<RetryConfig>(
        "backoff = '5s'",
        1,
        "expected a table with the fields of `Backoff`: `schedule`",
    );
    let delay = "expected a table with the fields of `RestartDelay`: `initial`";
    refused_at::<SupervisorConfig>("restart_delay = '5s'", 1, delay);
    let batch = "expected a table with the fields of `BatchConfig`: `max`";
    refused_at::<BTreeMap<String, BatchConfig>>("batch = 5", 1, batch);
}
