//! Backoffs and limits on time.

use crate::kit::{read, refused_at, round_trip};
use backstay_core::resilience::{AttemptTimeout, Backoff, Jitter, TotalTimeout};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

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
