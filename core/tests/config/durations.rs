//! Durations as people write them.

use crate::kit::{read, refused, round_trip};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct File {
    #[serde(with = "backstay_core::time::human")]
    d: Duration,
    #[serde(default, with = "backstay_core::time::human::option", skip_serializing_if = "Option::is_none")]
    maybe: Option<Duration>,
}

fn parse(text: &str) -> Duration {
    read::<File>(&format!("d = '{text}'")).d
}

#[test]
fn every_unit_and_every_way_to_write_it() {
    let table = [
        ("250ms", 250_000_000),
        ("2s", 2_000_000_000),
        ("1m 30s", 90_000_000_000),
        ("1m30s", 90_000_000_000),
        ("  1 min   30 sec ", 90_000_000_000),
        ("1.5s", 1_500_000_000),
        ("0.25 ms", 250_000),
        ("1.0000000009s", 1_000_000_000),
        // Digits that are less than a nanosecond each, and more together: 1.2 of them.
        ("0.00000000001999m", 1),
        ("0s", 0),
        ("0.5h 0m", 1_800_000_000_000),
        ("1ns", 1),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("2 hours", 7_200_000_000_000),
        ("1 day", 86_400_000_000_000),
        ("1w", 604_800_000_000_000),
        ("1000ms 1000ms", 2_000_000_000),
    ];
    for (text, nanos) in table {
        assert_eq!(parse(text), Duration::from_nanos(nanos), "{text}");
    }
    assert_eq!(parse("18446744073709551615s 999999999ns"), Duration::MAX);
}

#[test]
fn anything_else_is_refused_and_never_a_panic() {
    for (text, words) in [
        ("'5'", "`5` has no unit"),
        ("'0'", "`0` has no unit"),
        ("'1s 5'", "`5` has no unit"),
        ("5", "invalid duration 5: it has no unit"),
        ("-5", "invalid duration -5: it has no unit"),
        ("'-5s'", "`-5s` doesn't begin with a digit"),
        ("'+5s'", "doesn't begin with a digit"),
        ("'s'", "`s` doesn't begin with a digit"),
        ("'.5s'", "doesn't begin with a digit"),
        ("'5M'", "`M` is no unit"),
        ("'5 months'", "`months` is no unit"),
        ("'1,5s'", "`1` has no unit"),
        ("'1.5.5s'", "is no number"),
        ("' '", "it is empty"),
        ("'18446744073709551615s 1000ms'", "it is too long"),
        ("'99999999999999999999999999999999999999999999s'", "it is too long"),
        ("'340282366920938463463374607431768211455w'", "it is too long"),
    ] {
        let error = refused::<File>(&format!("d = {text}"));
        assert!(error.contains(words), "{error}");
        assert!(
            error.contains("line 1,") && error.contains("the units ns, us, ms, s, m, h, d, w"),
            "{error}"
        );
    }
    assert_eq!(round_trip(&File { d: Duration::ZERO, maybe: None }), "d = \"0s\"\n");
}

proptest! {
    #[test]
    fn what_is_written_is_read_exactly(seconds: u64, nanos in 0..1_000_000_000_u32, small in 0..100_000_u64) {
        for d in [Duration::new(seconds, nanos), Duration::new(small, nanos), Duration::new(small, 0)] {
            round_trip(&File { d, maybe: Some(d) });
        }
    }

    #[test]
    fn no_text_is_a_panic(text in "[0-9.]{0,30}[ a-zµ]{0,3}[0-9. -]{0,12}[mshdwn]{0,2}", any: String) {
        for text in [text, any] {
            let _ = serde_json::from_value::<File>(serde_json::json!({ "d": text }));
        }
    }
}
