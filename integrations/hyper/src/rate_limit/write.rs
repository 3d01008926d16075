//! The server's side.

use super::{LIMIT, POLICY};
use backstay_core::resilience::{Told, ToldQuota};
use hyper::HeaderMap;
use hyper::header::{HeaderValue, RETRY_AFTER};
use sfv::{Integer, KeyRef, ListSerializer, StringRef, key_ref};
use std::time::Duration;

const Q: &KeyRef = key_ref("q");
const QU: &KeyRef = key_ref("qu");
const W: &KeyRef = key_ref("w");
const R: &KeyRef = key_ref("r");
const T: &KeyRef = key_ref("t");
const PK: &KeyRef = key_ref("pk");

/// The largest number that a structured field can hold.
const MOST: u64 = 999_999_999_999_999;

/// Writes what is to be said of limits into the fields of a response, in place of what they were: `Retry-After`,
/// `RateLimit-Policy` and `RateLimit`.
///
/// Times are rounded up to whole seconds: who waits for so long has waited long enough. A quota whose name or unit has
/// characters that a structured field can't have, which are those beyond printable ASCII, is left out.
///
/// # Examples
///
/// A refusal of a limiter is a 429:
///
/// ```
/// use backstay_core::resilience::{Quota, RateLimiter, Told};
/// use backstay_core::time::Instant;
/// use backstay_hyper::rate_limit;
/// use hyper::{Response, StatusCode};
///
/// let (limiter, now) = (RateLimiter::new(Quota::per_minute(40)).unwrap(), Instant::ORIGIN); // or `rt.now()`
/// let _first = limiter.try_acquire(now).unwrap();
/// let refused = limiter.try_acquire(now).unwrap_err();
///
/// let mut told = Told::new().quota(limiter.told("api", now));
/// told.retry_after = refused.retry_after(); // 1.5 s
/// let mut response = Response::new(refused.to_string());
/// *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
/// rate_limit::write(&told, response.headers_mut());
/// assert_eq!(response.headers()["retry-after"], "2");
/// assert_eq!(response.headers()["ratelimit-policy"], r#""api";q=1;w=2"#);
/// assert_eq!(response.headers()["ratelimit"], r#""api";r=0;t=2"#);
/// ```
pub fn write(told: &Told, headers: &mut HeaderMap) {
    for field in [RETRY_AFTER, POLICY, LIMIT] {
        headers.remove(field);
    }
    if let Some(pause) = told.retry_after {
        headers.insert(RETRY_AFTER, seconds(pause).into());
    }
    let (mut policies, mut limits) = (ListSerializer::new(), ListSerializer::new());
    for quota in &told.quotas {
        let (Ok(name), Ok(unit)) = (StringRef::from_str(&quota.policy), StringRef::from_str(&quota.unit))
        else {
            continue;
        };
        let key = quota.partition.as_deref();
        if let Some(size) = quota.quota {
            let mut item = policies.bare_item(name).parameter(Q, integer(size));
            if quota.unit != ToldQuota::REQUESTS {
                item = item.parameter(QU, unit);
            }
            if let Some(window) = quota.window {
                item = item.parameter(W, integer(seconds(window).max(1)));
            }
            if let Some(key) = key {
                item = item.parameter(PK, key);
            }
            let _written: &mut String = item.finish();
        }
        if let Some(remaining) = quota.remaining {
            let mut item = limits.bare_item(name).parameter(R, integer(remaining));
            if let Some(reset) = quota.reset {
                item = item.parameter(T, integer(seconds(reset)));
            }
            if let Some(key) = key {
                item = item.parameter(PK, key);
            }
            let _written: &mut String = item.finish();
        }
    }
    for (field, list) in [(POLICY, policies.finish()), (LIMIT, limits.finish())] {
        if let Some(Ok(list)) = list.map(HeaderValue::try_from) {
            headers.insert(field, list);
        }
    }
}

/// Rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

fn integer(number: u64) -> Integer {
    Integer::constant(number.min(MOST) as i64)
}
