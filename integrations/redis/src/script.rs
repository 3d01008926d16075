//! The script that decides.

use crate::error::RedisError;
use crate::resp::Reply;
use backstay_core::ConfigError;
use backstay_core::resilience::{Ask, Quota, Taken};
use std::time::Duration;

/// What the server runs: one key, its own clock, and a write only where it grants.
pub(crate) const SOURCE: &str = include_str!("gcra.lua");

/// Its SHA-1, by which the server knows it.
pub(crate) const SHA1: &str = "278531cf2b64e3eb326346383d0077d3f937e0f0";

/// The server counts in doubles, whose whole numbers are exact up to here.
const EXACT: u128 = 1 << 53;

/// The arguments, after the key.
pub(crate) fn arguments(ask: &Ask) -> [String; 7] {
    let Ask { quota, at_least, up_to, max_wait, longest_wait, .. } = ask;
    [
        quota.permits().to_string(),
        quota.per().as_micros().to_string(),
        quota.max_burst().to_string(),
        at_least.to_string(),
        up_to.max(at_least).to_string(),
        max_wait.as_micros().to_string(),
        longest_wait.as_micros().to_string(),
    ]
}

/// Whether the server can count it, exactly.
pub(crate) fn check(quota: &Quota, max_wait: Duration) -> Result<(), ConfigError> {
    let per = quota.per();
    if per.is_zero() || !per.subsec_nanos().is_multiple_of(1_000) {
        let reason = "must be a whole number of microseconds in Redis";
        return Err(ConfigError::invalid_value("per", per.into(), reason));
    }
    let full = per.as_micros().saturating_mul(u128::from(quota.max_burst()) + 1);
    if full >= EXACT {
        let reason = "must be small enough that `burst` times `per` is less than 2^53 microseconds in Redis";
        return Err(ConfigError::invalid_value("burst", quota.max_burst().into(), reason));
    }
    // And a second more, by which the server's clock may go back.
    let waits = max_wait.as_micros().saturating_add(1_000_002).saturating_mul(quota.permits().into());
    if full.saturating_add(waits) >= EXACT {
        let reason = "must be short enough that it is less than 2^53 parts in Redis, of which there are `permits` in a \
                      microsecond";
        return Err(ConfigError::invalid_value("max_wait", max_wait.into(), reason));
    }
    Ok(())
}

/// The decision.
pub(crate) fn decision(reply: Reply) -> Result<Taken, RedisError> {
    const UNEXPECTED: RedisError = RedisError::Protocol("the script's answer is not three numbers");
    let Reply::Array(parts) = reply else { return Err(UNEXPECTED) };
    let [Reply::Integer(granted), Reply::Integer(wait), Reply::Integer(left)] = parts[..] else {
        return Err(UNEXPECTED);
    };
    let (Ok(permits), Ok(wait), Ok(left)) =
        (u32::try_from(granted), u64::try_from(wait), u64::try_from(left))
    else {
        return Err(UNEXPECTED);
    };
    let wait = Duration::from_micros(wait);
    Ok(match permits {
        0 => Taken::Refused { retry_after: wait },
        permits => Taken::Granted { permits, wait, left },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_can_count() {
        let second = Duration::from_secs(1);
        let refused = |quota: Quota, wait| check(&quota, wait).err().and_then(|error| error.field());
        let table = [
            (Quota::per_second(7).burst(100), second, None),
            (Quota::per_second(1_000_000).burst(1_000_000), Duration::from_secs(3_600), None),
            (Quota::new(5, Duration::from_nanos(1_500)), second, Some("per")),
            (Quota::new(5, Duration::ZERO), second, Some("per")),
            (Quota::per_hour(1).burst(u32::MAX), second, Some("burst")),
            (Quota::per_second(u32::MAX), Duration::from_secs(3_600), Some("max_wait")),
            (Quota::per_second(1), Duration::MAX, Some("max_wait")),
        ];
        for (quota, wait, field) in table {
            assert_eq!(refused(quota, wait), field, "{quota}");
        }
    }

    #[test]
    fn what_is_no_decision_is_an_error() {
        let of =
            |numbers: &[i64]| decision(Reply::Array(numbers.iter().map(|n| Reply::Integer(*n)).collect()));
        assert_eq!(of(&[2, 0, 5]).unwrap(), Taken::Granted { permits: 2, wait: Duration::ZERO, left: 5 });
        assert_eq!(of(&[0, 7, 0]).unwrap(), Taken::Refused { retry_after: Duration::from_micros(7) });
        for wrong in [&[1, 2][..], &[1, 2, 3, 4], &[-1, 0, 0], &[1, -1, 0], &[1, 0, -1], &[1 << 40, 0, 0]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
        assert!(decision(Reply::Integer(1)).is_err());
    }
}
