//! What the fields say of limits: read, written, and ignored.

use backstay::resilience::{Quota, RateLimiter, Told, ToldQuota};
use backstay::time::Instant;
use backstay_hyper::rate_limit::{self, Malformed};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let field = |&(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("it is a value"))
    };
    // Appends what is there twice.
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter().map(field) {
        headers.append(name, value);
    }
    headers
}

/// What is said, where all of it makes sense.
#[track_caller]
fn told(fields: &[(&'static str, &str)]) -> Told {
    let read = rate_limit::read(&headers(fields), None);
    assert_eq!(read.ignored, []);
    read.told
}

/// What was ignored, where nothing else is said.
#[track_caller]
fn ignored(fields: &[(&'static str, &str)]) -> Vec<(String, Malformed)> {
    let read = rate_limit::read(&headers(fields), None);
    assert_eq!(read.told, Told::new());
    read.ignored.into_iter().map(|ignored| (ignored.field.to_string(), ignored.why)).collect()
}

#[test]
fn the_fields_of_the_draft() {
    let burst = ToldQuota::of("burst").quota(100).window(secs(60)).remaining(50).reset(secs(30));
    let daily = ToldQuota::of("daily").quota(1_000).window(secs(86_400)).remaining(900);
    let fields = [
        ("ratelimit-policy", r#""burst";q=100;w=60,"daily";q=1000;w=86400"#),
        ("ratelimit", r#""burst";r=50;t=30"#),
        ("ratelimit", r#""daily";r=900;comment="fine";x"#),
    ];
    assert_eq!(told(&fields), Told::new().quota(burst).quota(daily));
    // Keys and units.
    let fields = [
        ("ratelimit-policy", r#""user";q=65535;qu="content-bytes";w=10;pk=:AQI=:, "all";q=3"#),
        ("ratelimit", r#""user";r=7;pk=:AQI=:, "all";r=2;pk=:/w==:, "new";r=1;t=0"#),
    ];
    let bytes = ToldQuota::of("user").quota(65_535).unit("content-bytes").window(secs(10)).remaining(7);
    let all = Told::new()
        .quota(bytes.partition([1, 2]))
        .quota(ToldQuota::of("all").quota(3))
        .quota(ToldQuota::of("all").quota(3).remaining(2).partition([255]))
        .quota(ToldQuota::of("new").remaining(1).reset(secs(0)));
    assert_eq!(told(&fields), all);
    assert_eq!(told(&[]), Told::new());
}

#[test]
fn a_policy_of_one_key_is_the_keys_and_a_general_one_is_all_others() {
    let of = |key: u8| ToldQuota::of("user").partition([key]);
    // Whichever comes first.
    for policies in
        [r#""user";q=10;w=60, "user";q=3;w=5;pk=:AQ==:"#, r#""user";q=3;w=5;pk=:AQ==:, "user";q=10;w=60"#]
    {
        let limits = r#""user";r=1;pk=:AQ==:, "user";r=7, "user";r=2;pk=:Ag==:"#;
        let told = told(&[("ratelimit-policy", policies), ("ratelimit", limits)]);
        for quota in [
            of(1).quota(3).window(secs(5)).remaining(1),
            of(2).quota(10).window(secs(60)).remaining(2),
            ToldQuota::of("user").quota(10).window(secs(60)).remaining(7),
        ] {
            assert!(told.quotas.contains(&quota), "{quota:?} of {told:?}");
        }
        assert_eq!(told.quotas.len(), 3);
    }
}

#[test]
fn many_policies_and_limits_take_no_time() {
    let list = |of: fn(usize) -> String| (0..10_000).map(of).collect::<Vec<_>>().join(",");
    let policies = list(|n| format!(r#""{n}";q=1"#));
    let limits = list(|n| format!(r#""{}";r=1"#, n + 5_000));
    let told = told(&[("ratelimit-policy", &policies), ("ratelimit", &limits)]);
    let merged =
        told.quotas.iter().filter(|quota| quota.quota.is_some() && quota.remaining.is_some()).count();
    assert_eq!((told.quotas.len(), merged), (15_000, 5_000));
}

#[test]
fn when_to_come_back_in_seconds_or_at_a_date() {
    for (value, pause) in [("0", secs(0)), (" 120 ", secs(120)), ("99999999999999999999", secs(u64::MAX))] {
        assert_eq!(told(&[("retry-after", value)]), Told::new().retry_after(pause));
    }
    // By the response's own date, whoever's clock is right; several forms of it; and in the past.
    let date = ("date", "Fri, 31 Dec 1999 23:59:00 GMT");
    for (value, pause) in [
        ("Fri, 31 Dec 1999 23:59:59 GMT", secs(59)),
        ("Friday, 31-Dec-99 23:59:30 GMT", secs(30)),
        ("Fri Dec 31 23:59:01 1999", secs(1)),
        ("Fri, 31 Dec 1999 00:00:00 GMT", secs(0)),
    ] {
        assert_eq!(told(&[date, ("retry-after", value)]), Told::new().retry_after(pause));
    }
    let at = headers(&[("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT")]);
    let read = rate_limit::read(&at, Some(UNIX_EPOCH + secs(50)));
    assert_eq!(read.told.retry_after, Some(secs(10)));
    assert_eq!(rate_limit::read(&at, None).ignored[0].why, Malformed::NoDate);
    // The server's clock before one's own.
    let both = headers(&[
        ("date", "Thu, 01 Jan 1970 00:00:20 GMT"),
        ("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT"),
    ]);
    assert_eq!(rate_limit::read(&both, Some(UNIX_EPOCH + secs(50))).told.retry_after, Some(secs(40)));
    // The longest of several.
    assert_eq!(told(&[("retry-after", "7"), ("retry-after", "5")]).retry_after, Some(secs(7)));
    for wrong in ["-1", "1.5", "NaN", "soon", "", "+1", "Fri, 99 Dec 1999 23:59:59 GMT"] {
        assert_eq!(ignored(&[("retry-after", wrong)]), [("retry-after".to_owned(), Malformed::Syntax)]);
    }
}

#[test]
fn a_malformed_field_is_ignored_and_said_to_be() {
    use Malformed::{Cached, Name, Parameter, Syntax};
    for (value, why) in [
        (r#""a";r=1;t=2,"#, Syntax),
        ("limit=100, remaining=50, reset=5", Syntax),
        (r#""a;r=1"#, Syntax),
        ("", Parameter("none")),
        ("a;r=1", Name),
        ("7;r=1", Name),
        (r#"("a";r=1)"#, Name),
        (r#""a""#, Parameter("r")),
        (r#""a";r=-1"#, Parameter("r")),
        (r#""a";r=1.5"#, Parameter("r")),
        (r#""a";r"#, Parameter("r")),
        (r#""a";r=1;t=-1"#, Parameter("t")),
        (r#""a";r=1;t="soon""#, Parameter("t")),
        (r#""a";r=1;pk="x""#, Parameter("pk")),
        // One is wrong, and so is the field.
        (r#""a";r=1, "b";r=-1"#, Parameter("r")),
    ] {
        let ignored = ignored(&[("ratelimit", value)]);
        if value.is_empty() {
            assert_eq!(ignored, []);
        } else {
            assert_eq!(ignored, [("ratelimit".to_owned(), why)], "{value}");
        }
    }
    for (value, why) in [
        (r#""a";w=1"#, Parameter("q")),
        (r#""a";q=-1"#, Parameter("q")),
        (r#""a";q=1;w=0"#, Parameter("w")),
        (r#""a";q=1;qu=requests"#, Parameter("qu")),
    ] {
        assert_eq!(
            ignored(&[("ratelimit-policy", value)]),
            [("ratelimit-policy".to_owned(), why)],
            "{value}"
        );
    }
    let cached = [("age", "3"), ("ratelimit", r#""a";r=1"#), ("x-ratelimit-limit", "5")];
    let fields = ["ratelimit", "x-ratelimit-limit"].map(|field| (field.to_owned(), Cached));
    assert_eq!(ignored(&cached), fields);
    assert_eq!(told(&[("age", "0"), ("ratelimit", r#""a";r=1"#)]).quotas.len(), 1);
    let read = rate_limit::read(&headers(&[("ratelimit", "7")]), None);
    assert_eq!(read.ignored[0].to_string(), "`ratelimit` was ignored: the name of a policy is no string");
}

#[test]
fn what_there_was_before() {
    // The draft's three, and what is said in them of policies.
    let three = [
        ("ratelimit-limit", "100, 50;w=1, 100;w=60"),
        ("ratelimit-remaining", "7"),
        ("ratelimit-reset", "9"),
    ];
    let quota = ToldQuota::of("").quota(100).window(secs(60)).remaining(7).reset(secs(9));
    assert_eq!(told(&three), Told::new().quota(quota.clone()));
    // A window of nothing is none, and policies alone say nothing of what is left.
    let none = ToldQuota::of("").quota(100).remaining(7);
    let fields = [("ratelimit-limit", "100, 100;w=0"), ("ratelimit-remaining", "7")];
    assert_eq!(told(&fields), Told::new().quota(none.clone()));
    let policy = ToldQuota::of("a").quota(1);
    let fields = [("ratelimit-policy", r#""a";q=1"#), fields[0], fields[1]];
    assert_eq!(told(&fields), Told::new().quota(policy).quota(none));
    // GitHub's, with a time since 1970.
    let mut fields = vec![
        ("date", "Thu, 27 Aug 2009 00:00:00 GMT"),
        ("x-ratelimit-limit", "5000"),
        ("x-ratelimit-remaining", "4999"),
        ("x-ratelimit-reset", "1251331500"),
        ("x-ratelimit-resource", "core"),
        ("x-ratelimit-used", "1"),
    ];
    let core = ToldQuota::of("core").quota(5_000).remaining(4_999).reset(secs(300));
    assert_eq!(told(&fields), Told::new().quota(core));
    // With how many seconds there are.
    let seconds = [("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "60")];
    assert_eq!(told(&seconds), Told::new().quota(ToldQuota::of("").remaining(3).reset(secs(60))));
    // The newer ones first.
    fields.extend(three);
    assert_eq!(told(&fields), Told::new().quota(quota));
    fields.push(("ratelimit", r#""x";r=1"#));
    assert_eq!(told(&fields), Told::new().quota(ToldQuota::of("x").remaining(1)));

    let no_date = [("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "1251331500")];
    let read = rate_limit::read(&headers(&no_date), None);
    assert_eq!(read.told, Told::new().quota(ToldQuota::of("").remaining(3)));
    assert_eq!(read.ignored[0].why, Malformed::NoDate);
    for field in ["ratelimit-limit", "ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset"] {
        for wrong in ["-1", "many", "1e3", "(1)"] {
            assert_eq!(
                ignored(&[(field, wrong)]),
                [(field.to_owned(), Malformed::Syntax)],
                "{field}: {wrong}"
            );
        }
    }
}

#[test]
fn of_the_older_fields_several_lines_are_one_list_or_nothing() {
    let lines = [("ratelimit-limit", "100"), ("ratelimit-limit", "100;w=60"), ("ratelimit-remaining", "7")];
    let quota = ToldQuota::of("").quota(100).window(secs(60)).remaining(7);
    assert_eq!(told(&lines), Told::new().quota(quota));
    for field in ["ratelimit-remaining", "x-ratelimit-remaining"] {
        // What a proxy has said once more; but of two numbers nobody knows which.
        let same = [(field, "5"), (field, "5")];
        assert_eq!(told(&same), Told::new().quota(ToldQuota::of("").remaining(5)), "{field}");
        assert_eq!(ignored(&[(field, "5"), (field, "0")]), [(field.to_owned(), Malformed::Syntax)]);
    }
}

#[test]
fn what_is_written_can_be_read_and_is_rounded_up() {
    let told = Told::new()
        .retry_after(Duration::from_millis(1_001))
        .quota(
            ToldQuota::of("a\"b\\")
                .quota(9)
                .unit("tokens")
                .window(Duration::from_nanos(1))
                .partition(*b"key"),
        )
        .quota(ToldQuota::of("rest").remaining(u64::MAX).reset(Duration::MAX))
        .quota(ToldQuota::of("na\u{ef}ve").remaining(0));
    let mut written = headers(&[("ratelimit", "old"), ("ratelimit-policy", "old"), ("retry-after", "old")]);
    rate_limit::write(&told, &mut written);
    assert_eq!(written["retry-after"], "2");
    assert_eq!(written["ratelimit-policy"], r#""a\"b\\";q=9;qu="tokens";w=1;pk=:a2V5:"#);
    assert_eq!(written["ratelimit"], r#""rest";r=999999999999999;t=999999999999999"#);
    let read = rate_limit::read(&written, None);
    assert_eq!((read.ignored.len(), read.told.quotas.len()), (0, 2));
    rate_limit::write(&Told::new(), &mut written);
    assert!(written.is_empty());
    // A window of nothing could not be read.
    let nothing = ToldQuota::of("a").quota(1).window(secs(0));
    rate_limit::write(&Told::new().quota(nothing), &mut written);
    assert_eq!(written["ratelimit-policy"], r#""a";q=1;w=1"#);
}

#[test]
fn what_a_limiter_tells() {
    let now = Instant::ORIGIN;
    let limiter = RateLimiter::new(Quota::new(3, secs(2)).burst(4)).expect("a good quota");
    for (left, reset) in [(4, "0"), (3, "1"), (2, "2"), (1, "2"), (0, "3")] {
        let mut written = HeaderMap::new();
        rate_limit::write(&Told::new().quota(limiter.told("api", now)), &mut written);
        assert_eq!(written["ratelimit-policy"], r#""api";q=4;w=3"#);
        assert_eq!(written["ratelimit"], format!(r#""api";r={left};t={reset}"#));
        let _ = limiter.try_acquire(now);
    }
    let strict = RateLimiter::new(Quota::strict(2, secs(5))).expect("a good quota");
    let told = ToldQuota::of("strict").quota(2).window(secs(5));
    assert_eq!(strict.told("strict", now), told.clone().remaining(2).reset(secs(0)));
    let _ = strict.try_acquire(now);
    assert_eq!(strict.told("strict", now), told.remaining(1).reset(secs(5)));
}

const FIELDS: [&str; 12] = [
    "retry-after",
    "date",
    "age",
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-resource",
];

/// Anything, and what is nearly right.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        r#"("[a-z"]{0,3}"?(;(r|t|q|w|qu|pk)(=(-?[0-9]{0,17}|"x"|:[A-Za-z=]{0,5}:|[0-9]\.5))?){0,4},? ?){0,3}"#
            .prop_map(String::into_bytes),
        "-?[0-9]{0,25}".prop_map(String::into_bytes),
        any::<u32>().prop_map(|at| httpdate::fmt_http_date(UNIX_EPOCH + secs(at.into())).into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn whatever_is_in_the_fields_nothing_panics_and_what_is_read_can_be_written(
        fields in proptest::collection::vec((0..FIELDS.len(), value()), 0..6),
        clock in proptest::option::of(any::<u32>()),
    ) {
        let mut headers = HeaderMap::new();
        for (field, value) in fields {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(HeaderName::from_static(FIELDS[field]), value);
            }
        }
        let clock: Option<SystemTime> = clock.map(|at| UNIX_EPOCH + secs(at.into()));
        let read = rate_limit::read(&headers, clock);
        let mut written = HeaderMap::new();
        rate_limit::write(&read.told, &mut written);
        let again = rate_limit::read(&written, None);
        prop_assert_eq!(again.ignored, []);
        prop_assert_eq!(again.told.retry_after, read.told.retry_after);
    }
}
