//! The policies of `resilience`.

use crate::kit::{documented, fields, read, refused, refused_at, round_trip};
use backstay_core::Limit;
use backstay_core::resilience::{
    AdaptiveAlgorithm, AdaptiveLimit, AdaptiveLimitConfig, Aimd, Backoff, Bulkhead, BulkheadConfig,
    ChaosConfig, CircuitBreaker, CircuitBreakerConfig, CircuitState, Gradient, HealthCheck,
    HealthCheckConfig, Hedge, HedgeConfig, HedgeDelay, Jitter, KeyedCircuitBreaker,
    KeyedCircuitBreakerConfig, KeyedRateLimiter, KeyedRateLimiterConfig, LoadShed, LoadShedConfig,
    OnStoreFailure, Pacing, PercentileDelay, PipelineConfig, Priority, Quota, RateLimiter, RateLimiterConfig,
    RatioBudget, Retry, RetryBudget, RetryBudgetConfig, RetryConfig, ServiceLimit, ServiceLimitConfig,
    SharedRateLimiter, SharedRateLimiterConfig, Throttle, ThrottleBudget, ThrottleConfig, TokenBucketBudget,
    Vegas,
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
    assert_eq!(read::<KeyedCircuitBreakerConfig>(""), KeyedCircuitBreakerConfig::default());
    assert_eq!(KeyedCircuitBreaker::<u32>::named("").as_config(), &KeyedCircuitBreakerConfig::default());

    assert_eq!(read::<RetryConfig>(""), RetryConfig::default());
    assert_eq!(read::<AdaptiveLimitConfig>(""), AdaptiveLimitConfig::default());
    assert_eq!(AdaptiveLimit::named("").as_config(), &AdaptiveLimitConfig::default());
    assert_eq!(read::<Aimd>(""), Aimd::default());
    assert_eq!(read::<Vegas>(""), Vegas::default());
    assert_eq!(read::<Gradient>(""), Gradient::default());
    assert_eq!(Retry::builder().as_config(), &RetryConfig::default());

    assert_eq!(read::<HedgeConfig>(""), HedgeConfig::default());
    assert_eq!(Hedge::builder().as_config(), &HedgeConfig::default());

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

    let shared = SharedRateLimiter::named("");
    assert_eq!(shared.as_config(), &SharedRateLimiterConfig::default());
    assert!(refused::<SharedRateLimiterConfig>("").contains("invalid `quota`: must be given"));
    assert_eq!(&read::<SharedRateLimiterConfig>(quota), shared.quota(Quota::per_second(5)).as_config());

    assert_eq!(read::<ServiceLimitConfig>(""), ServiceLimitConfig::default());
    assert_eq!(ServiceLimit::named("").as_config(), &ServiceLimitConfig::default());
    assert_eq!(read::<ThrottleConfig>(""), ThrottleConfig::default());
    assert_eq!(Throttle::named("").as_config(), &ThrottleConfig::default());
    assert_eq!(read::<LoadShedConfig>(""), LoadShedConfig::default());
    assert_eq!(LoadShed::named("").as_config(), &LoadShedConfig::default());

    assert_eq!(read::<HealthCheckConfig>(""), HealthCheckConfig::default());
    assert_eq!(HealthCheck::named("").as_config(), &HealthCheckConfig::default());
    assert_eq!(read::<TokenBucketBudget>(""), TokenBucketBudget::default());
    assert_eq!(RetryBudget::token_bucket(), TokenBucketBudget::default());
    assert_eq!(read::<RatioBudget>("ratio = 0.2"), RetryBudget::ratio(0.2));
    assert!(refused::<RatioBudget>("").contains("invalid `ratio`: must be given"));
}

#[test]
fn the_defaults_are_those_of_the_tables() {
    let written = |text: Result<String, toml::ser::Error>| text.unwrap().replace('"', "'");
    assert_eq!(
        written(toml::to_string(&CircuitBreakerConfig::default())),
        "probes = 1\nopen_for = '5s'\nopen_multiplier = 1\njitter = 0.0\n"
    );
    assert_eq!(
        written(toml::to_string(&KeyedCircuitBreakerConfig::default())),
        "max_keys = 16384\nidle_for = '10m'\n\n[breaker]\nprobes = 1\nopen_for = '5s'\nopen_multiplier = 1\n\
         jitter = 0.0\n"
    );
    assert_eq!(
        written(toml::to_string(&RetryConfig::default())),
        "max_attempts = 3\nmax_retry_after = '1m'\n\n[backoff]\nschedule = 'exponential'\ninitial = '100ms'\n\
         max_delay = '20s'\njitter = 'full'\n"
    );
    assert_eq!(
        written(toml::to_string(&HedgeConfig::default())),
        "max_hedges = 1\n\n[delay.percentile]\npercentile = 0.95\ninitial = '1s'\nmin = '1ms'\nwindow = '30s'\n"
    );
    assert_eq!(written(toml::to_string(&ChaosConfig::default())), "enabled = true\nrate = 0.001\n");
    assert_eq!(written(toml::to_string(&BulkheadConfig::default())), "max_waiting = 0\n");
    assert_eq!(
        written(toml::to_string(&AdaptiveLimitConfig::default())),
        "initial_limit = 20\nmin_limit = 1\nmax_limit = 200\nbackoff_ratio = 0.9\nmax_waiting = 0\n\n\
         [algorithm.gradient]\ntolerance = 1.5\nsmoothing = 0.2\nqueue = 4\nlong_window = 600\nwindow = '100ms'\n\
         min_samples = 10\nprobe_after = 100\n"
    );
    assert_eq!(
        written(toml::to_string(&Vegas::default())),
        "alpha = 3\nbeta = 6\nwindow = '100ms'\nmin_samples = 10\nprobe_after = 100\n"
    );
    assert_eq!(written(toml::to_string(&Aimd::default())), "increase = 1\n");
    assert_eq!(written(toml::to_string(&RateLimiterConfig::default())), "");
    assert_eq!(written(toml::to_string(&KeyedRateLimiterConfig::default())), "max_keys = 1048576\n");
    assert_eq!(
        written(toml::to_string(&SharedRateLimiterConfig::default())),
        "max_wait = '1s'\nstore_timeout = '20ms'\non_store_failure = 'allow'\nlease_for = '1s'\n"
    );
    assert_eq!(
        written(toml::to_string(&ServiceLimitConfig::default())),
        "pacing = 'at_once'\njitter = 0.0\nmax_pause = '1d'\nassumed_window = '1m'\n"
    );
    assert_eq!(
        written(toml::to_string(&ThrottleConfig::default())),
        "ratio = 2.0\nwindow = '2m'\nmin_requests = 10\nmax_rejection = 0.9\n"
    );
    assert_eq!(written(toml::to_string(&LoadShedConfig::default())), "target = '5ms'\ninterval = '100ms'\n");
    assert_eq!(
        written(toml::to_string(&HealthCheckConfig::default())),
        "interval = '10s'\ntimeout = '1s'\nhealthy_after = 2\nunhealthy_after = 3\njitter = 0.0\n"
    );
    assert_eq!(
        written(toml::to_string(&RetryBudget::ratio(0.5))),
        "ratio = 0.5\nwindow = '10s'\nmin_per_second = 10\n"
    );
    assert_eq!(
        written(toml::to_string(&TokenBucketBudget::default())),
        "capacity = 500\nretry_cost = 5\ntimeout_cost = 10\nsuccess_refill = 1\n"
    );
}

#[test]
fn every_setting_of_a_builder_is_in_the_file() {
    let breaker = documented(source!("circuit_breaker/builder.rs"), "CircuitBreakerBuilder");
    assert_eq!(fields::<CircuitBreakerConfig>(), without(breaker, &["observer"]));
    let keyed = documented(source!("keyed_circuit_breaker/config.rs"), "KeyedCircuitBreakerBuilder");
    let of_closures = ["observer", "key_observer"];
    assert_eq!(fields::<KeyedCircuitBreakerConfig>(), without(keyed, &of_closures));
    let retry = documented(source!("retry/config.rs"), "RetryBuilder");
    let closures = ["budget", "classify", "retry_if", "on_retry", "hook"];
    assert_eq!(fields::<RetryConfig>(), without(retry, &closures));
    let hedge = documented(source!("hedge/config.rs"), "HedgeBuilder");
    assert_eq!(fields::<HedgeConfig>(), without(hedge, &["percentile", "delay_by", "budget", "classify"]));
    let percentile = documented(source!("hedge/config.rs"), "PercentileDelay");
    assert_eq!(fields::<PercentileDelay>(), percentile);
    let chaos = documented(source!("chaos/config.rs"), "ChaosBuilder");
    assert_eq!(fields::<ChaosConfig>(), without(chaos, &["enabled_if", "seed"]));
    let bulkhead = documented(source!("bulkhead/config.rs"), "BulkheadBuilder");
    assert_eq!(fields::<BulkheadConfig>(), without(bulkhead, &["observer"]));
    let limit = documented(source!("adaptive_limit/config.rs"), "AdaptiveLimitBuilder");
    assert_eq!(fields::<AdaptiveLimitConfig>(), without(limit, &["observer"]));
    assert_eq!(fields::<Aimd>(), documented(source!("adaptive_limit/aimd.rs"), "Aimd"));
    assert_eq!(fields::<Vegas>(), documented(source!("adaptive_limit/vegas.rs"), "Vegas"));
    assert_eq!(fields::<Gradient>(), documented(source!("adaptive_limit/gradient.rs"), "Gradient"));
    let limiter = documented(source!("rate_limiter/config.rs"), "RateLimiterBuilder");
    assert_eq!(fields::<RateLimiterConfig>(), without(limiter, &["observer"]));
    let keyed = documented(source!("keyed_rate_limiter/config.rs"), "KeyedRateLimiterBuilder");
    assert_eq!(fields::<KeyedRateLimiterConfig>(), without(keyed, &["observer"]));
    let shared = documented(source!("shared_rate_limiter/config.rs"), "SharedRateLimiterBuilder");
    let not_in_files = ["store", "breaker", "observer"];
    assert_eq!(fields::<SharedRateLimiterConfig>(), without(shared, &not_in_files));
    let service = documented(source!("service_limit/config.rs"), "ServiceLimitBuilder");
    assert_eq!(fields::<ServiceLimitConfig>(), without(service, &["unit", "observer"]));
    let throttle = documented(source!("throttle/config.rs"), "ThrottleBuilder");
    assert_eq!(fields::<ThrottleConfig>(), without(throttle, &["observer"]));
    let load_shed = documented(source!("load_shed/config.rs"), "LoadShedBuilder");
    assert_eq!(fields::<LoadShedConfig>(), without(load_shed, &["observer"]));
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
    let keyed: KeyedCircuitBreakerConfig =
        read("max_keys = 100\nidle_for = '1h'\n[breaker]\nconsecutive_failures = 5\n");
    let each = CircuitBreaker::named("").consecutive_failures(5);
    let same = KeyedCircuitBreaker::<u32>::named("").breaker(each).max_keys(Limit::new(100).unwrap());
    assert_eq!(&keyed, same.idle_for(3_600 * SECOND).as_config());
    round_trip(&keyed);
    let wrong = "max_keys = 5\n[breaker]\nfailure_rate = 1.5\n";
    refused_at::<KeyedCircuitBreakerConfig>(wrong, 3, "invalid `failure_rate` = 1.5");
    refused_at::<KeyedCircuitBreakerConfig>("\nidle_for = '0s'\n", 2, "invalid `idle_for` = 0s");
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

    let config: SharedRateLimiterConfig = read(
        "key = 'v2'\nmax_wait = '5s'\nstore_timeout = '5ms'\non_store_failure = { local_share = 3 }\nlease = 8\n\
         lease_for = '2s'\nquota = { permits = 5, per = '1s', burst = 9 }",
    );
    let same = SharedRateLimiter::named("").key("v2").max_wait(5 * SECOND).store_timeout(5 * MS).lease(8);
    let same =
        same.on_store_failure(OnStoreFailure::LocalShare(Limit::new(3).unwrap())).lease_for(2 * SECOND);
    assert_eq!(&config, same.quota(Quota::per_second(5).burst(9)).as_config());
    round_trip(&config);
    for text in ["on_store_failure = 'deny'", "on_store_failure = 'allow'"] {
        let quota = "quota = { permits = 5, per = '1s' }";
        round_trip(&read::<SharedRateLimiterConfig>(&format!("{text}\n{quota}")));
    }
    let config: ServiceLimitConfig = read(
        "pacing = 'even'\ninitial_quota = 4\nmax_wait = '5s'\nmax_waiting = 9\njitter = 0.25\nmax_pause = '30s'\n\
         assumed_window = '10s'",
    );
    let limit = |limit| Limit::new(limit).unwrap();
    let same = ServiceLimit::named("").pacing(Pacing::Even).initial_quota(limit(4)).max_wait(5 * SECOND);
    let same = same.max_waiting(limit(9)).jitter(0.25).max_pause(30 * SECOND).assumed_window(10 * SECOND);
    assert_eq!(&config, same.as_config());
    let config: ThrottleConfig = read("ratio = 1.5\nwindow = '30s'\nmin_requests = 5\nmax_rejection = 0.75");
    let same = Throttle::named("").ratio(1.5).window(30 * SECOND).min_requests(5).max_rejection(0.75);
    assert_eq!(&config, same.as_config());
    round_trip(&config);
    let config: LoadShedConfig = read("target = '20ms'\ninterval = '1s'");
    assert_eq!(&config, LoadShed::named("").target(20 * MS).interval(SECOND).as_config());
    round_trip(&config);
    let text = "initial_limit = 8\nmin_limit = 2\nmax_limit = 64\nbackoff_ratio = 0.5\nmax_waiting = 16\n\
                max_wait = '250ms'\n[algorithm.vegas]\nalpha = 2\nbeta = 5\nwindow = '1s'\nmin_samples = 50\n\
                probe_after = 30";
    let config: AdaptiveLimitConfig = read(text);
    let vegas = Vegas::new().alpha(2).beta(5).window(SECOND).min_samples(50).probe_after(30);
    let same = AdaptiveLimit::named("").initial_limit(8).min_limit(2).max_limit(64).backoff_ratio(0.5);
    let same = same.max_waiting(16).max_wait(250 * MS).algorithm(vegas);
    assert_eq!(&config, same.as_config());
    round_trip(&config);
    let aimd = AdaptiveAlgorithm::from(Aimd::new().increase(2).latency_threshold(SECOND));
    assert_eq!(read::<AdaptiveAlgorithm>("[aimd]\nincrease = 2\nlatency_threshold = '1s'"), aimd);
    round_trip(&aimd);
    let gradient = Gradient::new().tolerance(2.0).smoothing(0.5).queue(8).long_window(60);
    let text = "tolerance = 2\nsmoothing = 0.5\nqueue = 8\nlong_window = 60";
    assert_eq!(read::<Gradient>(text), gradient);
    round_trip(&gradient);
    refused_at::<AdaptiveLimitConfig>("min_limit = 0", 1, "invalid `min_limit` = 0: must be at least 1");
    refused_at::<AdaptiveLimitConfig>("max_limit = 9", 1, "invalid `initial_limit` = 20: must be at least");
    let text = "[algorithm.vegas]\nalpha = 7";
    refused_at::<AdaptiveLimitConfig>(text, 1, "invalid `beta` = 6: must not be less than `alpha`");
    refused_at::<AdaptiveAlgorithm>("[reno]", 1, "unknown variant `reno`, expected one of `aimd`");

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

    let config: HedgeConfig = read("max_hedges = 2\ndelay = { fixed = '50ms' }");
    let same = Hedge::builder().max_hedges(2).delay(50 * MS);
    assert_eq!(&config, same.as_config());
    assert_eq!(config.delay, HedgeDelay::Fixed(50 * MS));
    round_trip(&config);
    let config: HedgeConfig =
        read("[delay.percentile]\npercentile = 0.99\ninitial = '20ms'\nmax = '1s'\nwindow = '1m'");
    let mut percentile = PercentileDelay::new(0.99);
    (percentile.initial, percentile.max, percentile.window) = (20 * MS, Some(SECOND), 60 * SECOND);
    assert_eq!(&config, Hedge::builder().percentile(percentile).as_config());
    round_trip(&config);
    refused_at::<ChaosConfig>("enabled = true\nrate = 1.5", 2, "invalid `rate` = 1.5: must be within 0..=1");
    round_trip(&read::<ChaosConfig>("rate = 0.25"));
    refused_at::<HedgeConfig>("max_hedges = 17", 1, "invalid `max_hedges` = 17: must be at most 16");
    refused_at::<HedgeConfig>("delay = { fixed = 5 }", 1, "it has no unit");
    let text = "max_hedges = 1\n[delay.percentile]\npercentile = 1";
    refused_at::<HedgeConfig>(text, 3, "invalid `percentile` = 1: must be at least 0.5 and at most 0.9999");

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
fn what_is_wrong_with_a_throttle_or_a_load_shedder_is_named() {
    for (text, words) in [
        ("\nratio = 0.5", "invalid `ratio` = 0.5: must be at least 1 and at most 1,000"),
        ("\nratio = nan", "invalid `ratio` = NaN: must be at least 1 and at most 1,000"),
        ("\nwindow = '0s'", "invalid `window` = 0s: must be longer than zero"),
        ("\nmin_requests = -1", "invalid `min_requests` = -1: must be at least 0"),
        (
            "\nmax_rejection = 1.5",
            "invalid `max_rejection` = 1.5: must be at least a millionth and at most 1",
        ),
    ] {
        refused_at::<ThrottleConfig>(text, 2, words);
    }
    refused_at::<LoadShedConfig>("\ntarget = '0s'", 2, "invalid `target` = 0s: must be longer than zero");
    refused_at::<LoadShedConfig>(
        "target = '1s'",
        1,
        "invalid `target` = 1s: must be shorter than `interval`",
    );
}

#[test]
fn a_priority_is_its_name() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Route {
        priority: Priority,
    }
    for priority in Priority::ALL {
        assert_eq!(read::<Route>(&format!("priority = '{priority}'")), Route { priority });
        round_trip(&Route { priority });
    }
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

#[test]
fn a_pipeline_has_a_table_for_each_of_its_policies() {
    assert_eq!(read::<PipelineConfig>(""), PipelineConfig::default());
    let policies = [
        "deadline",
        "load_shed",
        "throttle",
        "retry",
        "retry_budget",
        "hedge",
        "rate_limit",
        "breaker",
        "bulkhead",
        "adaptive_limit",
        "attempt_timeout",
    ];
    assert_eq!(fields::<PipelineConfig>(), policies.map(str::to_owned).into());
    // An empty table is the policy with its defaults, and no table is none.
    let some = read::<PipelineConfig>("breaker = {}\nretry = {}\nload_shed = {}\nthrottle = {}\nhedge = {}");
    assert_eq!(some.breaker, Some(CircuitBreakerConfig::default()));
    assert_eq!((some.retry.clone(), some.bulkhead.clone()), (Some(RetryConfig::default()), None));
    round_trip(&some);
    let all = "
deadline = '2s'
attempt_timeout = { limit = '500ms', grace = '50ms' }
[load_shed]
target = '10ms'
[throttle]
ratio = 1.5
[retry]
max_attempts = 5
[retry_budget.ratio]
ratio = 0.2
[hedge.delay]
fixed = '100ms'
[rate_limit]
quota = { permits = 10, per = '1s' }
[breaker]
open_for = '9s'
[bulkhead]
max_in_flight = 9
[adaptive_limit]
max_limit = 99
";
    let config = read::<PipelineConfig>(all);
    assert_eq!(config.validate().map_err(|error| error.to_string()), Ok(()));
    round_trip(&config);
    assert_eq!(
        (config.deadline, config.bulkhead.unwrap().max_in_flight),
        (Some((2 * SECOND).into()), Some(9))
    );

    refused_at::<PipelineConfig>("deadline = '0s'", 1, "invalid `limit` = 0s: must be longer than zero");
    refused_at::<PipelineConfig>("[retry]\n\nmax_attempts = 0", 3, "invalid `max_attempts` = 0");
    refused_at::<PipelineConfig>("[breaker]\nopens_for = '5s'", 2, "unknown field `opens_for`");
    refused_at::<PipelineConfig>("[bulkhead]\nmax_waiting = 5", 1, "invalid `max_in_flight`: must be given");
    refused_at::<PipelineConfig>("[cache]", 1, "unknown field `cache`");
    let error =
        refused::<PipelineConfig>("retry_budget = { throttle = { max_tokens = 9, token_ratio = 0.1 } }");
    assert!(
        error.contains("invalid `retry_budget`: must not be given without `retry` or `hedge`"),
        "{error}"
    );
}
