//! The policies of `resilience`.

use crate::kit::{documented, fields, read, refused, refused_at, round_trip};
use backstay_core::Limit;
use backstay_core::resilience::{
    AttemptTimeout, Backoff, Bulkhead, BulkheadConfig, CircuitBreaker, CircuitBreakerConfig, CircuitState,
    HealthCheck, HealthCheckConfig, Jitter, KeyedRateLimiter, KeyedRateLimiterConfig, Quota, RateLimiter,
    RateLimiterConfig, RatioBudget, Retry, RetryBudget, RetryBudgetConfig, RetryConfig, ThrottleBudget,
    TokenBucketBudget, TotalTimeout,
};
use backstay_core::time::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

macro_rules! source {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/resilience/", $path))
    };
}

/// Those of the table, without what can't be in a file.
fn without(documented: BTreeSet<String>, not_in_files: &[&str]) -> BTreeSet<String> {
    for name in not_in_files {
        assert!(documented.contains(*name), "{name} is not documented");
    }
    documented.into_iter().filter(|name| !not_in_files.contains(&name.as_str())).collect()
}

#[test]
fn what_is_not_said_is_as_in_the_builder() {
    assert_eq!(read::<CircuitBreakerConfig>(""), CircuitBreakerConfig::default());
    assert_eq!(CircuitBreaker::named("").as_config(), &CircuitBreakerConfig::default());
    assert!(CircuitBreaker::named("").config(read("")).build().is_ok());

    assert_eq!(read::<RetryConfig>(""), RetryConfig::default());
    assert_eq!(Retry::builder().as_config(), &RetryConfig::default());

    // These must be given something: a file that doesn't is refused as the builder is.
    assert_eq!(Bulkhead::named("").as_config(), &BulkheadConfig::default());
    let error = Bulkhead::named("").build().unwrap_err().to_string();
    assert!(refused::<BulkheadConfig>("").contains(&error), "{error}");
    let eight = Bulkhead::named("").max_in_flight(8);
    assert_eq!(&read::<BulkheadConfig>("max_in_flight = 8"), eight.as_config());

    assert_eq!(RateLimiter::named("").as_config(), &RateLimiterConfig::default());
    let error = RateLimiter::named("").build().unwrap_err().to_string();
    assert!(refused::<RateLimiterConfig>("").contains(&error), "{error}");
    let quota = "quota = { permits = 5, per = '1s' }";
    assert_eq!(
        &read::<RateLimiterConfig>(quota),
        RateLimiter::named("").quota(Quota::per_second(5)).as_config()
    );

    let keyed = KeyedRateLimiter::<u32>::named("");
    assert_eq!(keyed.as_config(), &KeyedRateLimiterConfig::default());
    assert!(refused::<KeyedRateLimiterConfig>("").contains("invalid `quota`: must be given"));
    assert_eq!(&read::<KeyedRateLimiterConfig>(quota), keyed.quota(Quota::per_second(5)).as_config());

    assert_eq!(read::<HealthCheckConfig>(""), HealthCheckConfig::default());
    assert_eq!(HealthCheck::named("").as_config(), &HealthCheckConfig::default());
    assert_eq!(read::<TokenBucketBudget>(""), TokenBucketBudget::default());
    assert_eq!(RetryBudget::token_bucket(), TokenBucketBudget::default());
    assert_eq!(read::<RatioBudget>("ratio = 0.2"), RetryBudget::ratio(0.2));
    assert!(refused::<RatioBudget>("").contains("invalid `ratio`: must be given"));
}

#[test]
fn every_setting_of_a_builder_is_in_the_file() {
    let breaker = documented(source!("circuit_breaker/builder.rs"), "CircuitBreakerBuilder");
    assert_eq!(fields::<CircuitBreakerConfig>(), without(breaker, &["observer"]));
    let retry = documented(source!("retry/config.rs"), "RetryBuilder");
    let closures = ["budget", "classify", "retry_if", "on_retry", "hook"];
    assert_eq!(fields::<RetryConfig>(), without(retry, &closures));
    let bulkhead = documented(source!("bulkhead/config.rs"), "BulkheadBuilder");
    assert_eq!(fields::<BulkheadConfig>(), without(bulkhead, &["observer"]));
    let limiter = documented(source!("rate_limiter/config.rs"), "RateLimiterBuilder");
    assert_eq!(fields::<RateLimiterConfig>(), without(limiter, &["observer"]));
    let keyed = documented(source!("keyed_rate_limiter/config.rs"), "KeyedRateLimiterBuilder");
    assert_eq!(fields::<KeyedRateLimiterConfig>(), without(keyed, &["observer"]));
    let health = documented(source!("health_check/config.rs"), "HealthCheckBuilder");
    assert_eq!(fields::<HealthCheckConfig>(), without(health, &["observer"]));
    let budgets = source!("retry_budget/config.rs");
    assert_eq!(fields::<RatioBudget>(), documented(budgets, "RatioBudget"));
    assert_eq!(fields::<TokenBucketBudget>(), documented(budgets, "TokenBucketBudget"));
    let quota = documented(source!("rate_limiter/quota.rs"), "Quota");
    assert!(quota.is_subset(&fields::<Quota>()), "{quota:?}");
}

#[test]
fn every_field_is_read_and_written() {
    let text = "consecutive_failures = 5\ncount_window = 200\nfailure_rate = 0.25\nmin_calls = 30\n\
                slow_call_duration = '1s 500ms'\nslow_call_rate = 0.5\nprobes = 3\nsuccess_threshold = 4\n\
                half_open_timeout = '30s'\nopen_for = '2s'\nopen_multiplier = 2\nmax_open = '5m'\njitter = 0.125\n";
    let config: CircuitBreakerConfig = read(text);
    let same = CircuitBreaker::named("same")
        .consecutive_failures(5)
        .count_window(200)
        .failure_rate(0.25)
        .min_calls(30)
        .slow_call_duration(1_500 * MS)
        .slow_call_rate(0.5)
        .probes(3)
        .success_threshold(4)
        .half_open_timeout(30 * SECOND)
        .open_for(2 * SECOND)
        .open_multiplier(2)
        .max_open(300 * SECOND)
        .jitter(0.125, 7);
    assert_eq!(&config, same.as_config());
    let written = round_trip(&config).replace('"', "'");
    assert_eq!(written, text);
    let others: CircuitBreakerConfig = read("time_window = '1m'\nprobe_failure_rate = 1\n");
    assert_eq!(
        &others,
        CircuitBreaker::named("").time_window(60 * SECOND).probe_failure_rate(1.0).as_config()
    );
    round_trip(&others);

    let text = "max_attempts = 7\nmax_elapsed = '1m'\nmax_retry_after = '0s'\n\n[backoff]\nschedule = 'linear'\n\
                step = '10ms'\nmax_delay = '1s'\njitter = 'equal'\n";
    let config: RetryConfig = read(text);
    let backoff = Backoff::linear(10 * MS).max_delay(SECOND).jitter(Jitter::Equal);
    let same = Retry::builder().max_attempts(7).max_elapsed(60 * SECOND).max_retry_after(Duration::ZERO);
    assert_eq!(&config, same.backoff(backoff).as_config());
    round_trip(&config);
    round_trip(&RetryConfig::default());

    let config: BulkheadConfig = read("max_in_flight = 8\nmax_waiting = 16\nmax_wait = '250ms'");
    let same = Bulkhead::named("").max_in_flight(8).max_waiting(16).max_wait(250 * MS);
    assert_eq!(&config, same.as_config());
    round_trip(&config);

    let text = "max_wait = '2s'\nmax_waiting = 100\n[quota]\npermits = 100\nper = '1m'\nburst = 20";
    let config: RateLimiterConfig = read(text);
    let quota = Quota::per_minute(100).burst(20);
    let same = RateLimiter::named("").quota(quota).max_wait(2 * SECOND).max_waiting(Limit::new(100).unwrap());
    assert_eq!(&config, same.as_config());
    round_trip(&config);

    let text = "max_keys = 1000\n[quota]\npermits = 100\nper = '1m'\nburst = 20";
    let same = KeyedRateLimiter::<u32>::named("").quota(quota).max_keys(Limit::new(1_000).unwrap());
    assert_eq!(&read::<KeyedRateLimiterConfig>(text), same.as_config());
    round_trip(same.as_config());
    round_trip(&Quota::strict(9, SECOND));
    assert_eq!(read::<Quota>("permits = 9\nper = '1s'\nstrict = true"), Quota::strict(9, SECOND));
}

#[test]
fn a_health_check_and_budgets_too() {
    let text = "interval = '30s'\ntimeout = '2s'\nhealthy_after = 4\nunhealthy_after = 5\njitter = 0.25";
    let config: HealthCheckConfig = read(text);
    let same =
        HealthCheck::named("").interval(30 * SECOND).timeout(2 * SECOND).healthy_after(4).unhealthy_after(5);
    assert_eq!(&config, same.jitter(0.25).as_config());
    round_trip(&config);
    refused_at::<HealthCheckConfig>("timeout = '0s'", 1, "invalid `timeout` = 0s: must be longer than zero");
    refused_at::<HealthCheckConfig>("jitter = nan", 1, "invalid `jitter` = NaN: must be within 0..=1");

    let table = [
        (
            "[ratio]\nratio = 0.2\nwindow = '5s'\nmin_per_second = 1",
            RetryBudgetConfig::Ratio(RetryBudget::ratio(0.2).window(5 * SECOND).min_per_second(1)),
        ),
        (
            "[token_bucket]\ncapacity = 100\nretry_cost = 2\ntimeout_cost = 3\nsuccess_refill = 0",
            RetryBudgetConfig::TokenBucket(
                RetryBudget::token_bucket().capacity(100).retry_cost(2).timeout_cost(3).success_refill(0),
            ),
        ),
        (
            "[throttle]\nmax_tokens = 10\ntoken_ratio = 0.5",
            RetryBudgetConfig::Throttle(ThrottleBudget { max_tokens: 10, token_ratio: 0.5 }),
        ),
    ];
    for (text, config) in table {
        assert_eq!(read::<RetryBudgetConfig>(text), config);
        round_trip(&config);
        config.validate().unwrap();
        assert!(config.build().is_ok());
    }
    for (text, line, words) in [
        ("[ratios]", 1, "unknown variant `ratios`, expected one of `ratio`, `token_bucket`, `throttle`"),
        (
            "[ratio]\nratio = 1000.5",
            2,
            "invalid `ratio` = 1000.5: must be 0, or at least a millionth and at most 1,000",
        ),
        ("[ratio]\nratio = 1e-9", 2, "invalid `ratio` = 0.000000001: must be 0, or at least a millionth"),
        (
            "[ratio]\nratio = 0\nmin_per_second = 0",
            1,
            "invalid `ratio` = 0: must not be 0 where `min_per_second`",
        ),
        (
            "[ratio]\nratio = 1\nwindow = '2h'",
            3,
            "invalid `window` = 2h: must be at least 1 ms and at most an hour",
        ),
        ("[token_bucket]\nretry_cost = 0", 2, "invalid `retry_cost` = 0: must be at least 1"),
        ("[token_bucket]\ncapacity = 9", 1, "invalid `capacity` = 9: must not be less than `retry_cost`"),
        (
            "[throttle]\nmax_tokens = 0\ntoken_ratio = 1",
            2,
            "invalid `max_tokens` = 0: must be at least 1 and at most",
        ),
        (
            "[throttle]\nmax_tokens = 1\ntoken_ratio = 0",
            3,
            "invalid `token_ratio` = 0: must be at least 0.001",
        ),
        (
            "[throttle]\nmax_tokens = 1\ntoken_ratio = 2",
            1,
            "invalid `token_ratio` = 2: must be at least 0.001 and",
        ),
        ("[throttle]\nmax_tokens = 1", 1, "invalid `token_ratio`: must be given"),
    ] {
        refused_at::<RetryBudgetConfig>(text, line, words);
    }
}

#[test]
fn a_backoff_has_a_schedule_and_its_first_delay() {
    let table = [
        ("schedule = 'exponential'\ninitial = '1s'", Backoff::exponential(SECOND)),
        ("schedule = 'exponential'\ninitial = '1s'\nfactor = 3", Backoff::exponential(SECOND).factor(3.0)),
        (
            "schedule = 'fibonacci'\ninitial = '1s'\nmax_delay = '9s'",
            Backoff::fibonacci(SECOND).max_delay(9 * SECOND),
        ),
        ("schedule = 'linear'\nstep = '1s'\njitter = 'none'", Backoff::linear(SECOND).jitter(Jitter::None)),
        (
            "schedule = 'constant'\ndelay = '1s'\njitter = 'full'",
            Backoff::constant(SECOND).jitter(Jitter::Full),
        ),
        (
            "schedule = 'constant'\ndelay = '1s'\njitter = { additive = '50ms' }",
            Backoff::constant(SECOND).jitter(Jitter::Additive(50 * MS)),
        ),
        (
            "schedule = 'exponential'\ninitial = '1s'\njitter = 'decorrelated'",
            Backoff::exponential(SECOND).jitter(Jitter::Decorrelated),
        ),
        ("schedule = 'none'", Backoff::none()),
    ];
    for (text, backoff) in table {
        assert_eq!(read::<Backoff>(text), backoff, "{text}");
        round_trip(&backoff);
    }
    let custom = Backoff::custom(|_| SECOND);
    assert!(toml::to_string(&custom).is_err());
    assert!(custom.clone() == custom && custom != Backoff::custom(|_| SECOND));

    for (text, line, words) in [
        ("", 1, "invalid `schedule`: must be given"),
        ("schedule = 'cubic'", 1, "expected one of `exponential`, `fibonacci`, `linear`, `constant`, `none`"),
        ("schedule = 'linear'", 1, "invalid `step`: must be given"),
        (
            "schedule = 'linear'\nstep = '1s'\ninitial = '1s'",
            1,
            "invalid `initial` = 1s: this schedule has none",
        ),
        ("schedule = 'linear'\nstep = '0s'", 2, "invalid `step` = 0s: must be longer than zero"),
        ("schedule = 'linear'\nstep = '1s'\nfactor = 2", 1, "only an exponential schedule has one"),
        (
            "schedule = 'exponential'\ninitial = '1s'\nfactor = 0.5",
            3,
            "invalid `factor` = 0.5: must be a number of",
        ),
        (
            "schedule = 'exponential'\ninitial = '2s'\nmax_delay = '1s'",
            1,
            "invalid `max_delay` = 1s: must not be",
        ),
        ("schedule = 'none'\njitter = 'lots'", 2, "unknown variant `lots`, expected one of `none`, `full`"),
        ("schedule = 'none'\njitter = { additive = 5 }", 2, "it has no unit"),
    ] {
        refused_at::<Backoff>(text, line, words);
    }
}

#[test]
fn time_limits_are_durations_or_tables() {
    #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
    struct Limits {
        attempt: AttemptTimeout,
        total: TotalTimeout,
    }
    let limits: Limits = read("attempt = '250ms'\ntotal = { limit = '2s', grace = '100ms' }");
    let same = Limits { attempt: (250 * MS).into(), total: TotalTimeout::new(2 * SECOND).grace(100 * MS) };
    assert_eq!(limits, same);
    assert!(round_trip(&limits).contains("attempt = \"250ms\""));
    for (attempt, words) in [
        ("'0s'", "invalid `limit` = 0s: must be longer than zero"),
        ("250", "invalid `limit` = 250: it has no unit"),
        ("'-1s'", "invalid `limit` = \"-1s\": `-1s` doesn't begin with a digit"),
        ("{ grace = '1s' }", "invalid `limit`: must be given"),
        ("{ limit = '1s', grave = '1s' }", "unknown field `grave`, expected `limit` or `grace`"),
        ("true", "expected a duration"),
    ] {
        refused_at::<Limits>(&format!("total = '1s'\nattempt = {attempt}"), 2, words);
    }
}

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

#[test]
fn a_breaker_in_use_is_reconfigured_by_what_was_read() {
    let now = Instant::ORIGIN;
    let breaker = CircuitBreaker::named("db").config(read("consecutive_failures = 10")).build().unwrap();
    for _ in 0..4 {
        breaker.try_acquire(now).unwrap().failure(now);
    }
    let mut bad = CircuitBreakerConfig::default();
    bad.probes = 0;
    assert_eq!(breaker.reconfigure(bad, now).unwrap_err().field(), Some("probes"));
    breaker.reconfigure(read::<CircuitBreakerConfig>("consecutive_failures = 5"), now).unwrap();
    assert_eq!(breaker.state(now), CircuitState::Closed);
    breaker.try_acquire(now).unwrap().failure(now);
    assert_eq!(breaker.state(now), CircuitState::Open);
}
