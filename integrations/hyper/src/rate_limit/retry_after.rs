//! `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).

use super::{Malformed, Read};
use hyper::HeaderMap;
use hyper::header::RETRY_AFTER;
use std::time::{Duration, SystemTime};

/// Reads it; of several the longest.
pub(super) fn read(headers: &HeaderMap, now: Option<SystemTime>, read: &mut Read) {
    for value in headers.get_all(RETRY_AFTER) {
        let pause = match value.to_str() {
            Ok(value) => pause(value.trim(), now),
            Err(_) => Err(Malformed::Syntax),
        };
        match pause {
            Ok(pause) => read.told.retry_after = read.told.retry_after.max(Some(pause)),
            Err(why) => read.ignore(RETRY_AFTER, why),
        }
    }
}

fn pause(value: &str, now: Option<SystemTime>) -> Result<Duration, Malformed> {
    if let Some(seconds) = seconds(value) {
        return Ok(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).map_err(|_| Malformed::Syntax)?;
    let now = now.ok_or(Malformed::NoDate)?;
    Ok(date.duration_since(now).unwrap_or_default())
}

/// Digits, and nothing else.
pub(super) fn seconds(value: &str) -> Option<u64> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| value.parse().unwrap_or(u64::MAX))
}
