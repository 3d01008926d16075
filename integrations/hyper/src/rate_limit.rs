//! What a server says of its limits, in the fields of a response: read by a client, for a
//! [`ServiceLimit`](backstay_core::resilience::ServiceLimit), and written by a server that has a limiter.
//!
//! | fields | read | written |
//! |---|---|---|
//! | `Retry-After` (RFC 9110): seconds, or a date | yes | seconds, rounded up |
//! | `RateLimit-Policy` and `RateLimit`, of [draft-ietf-httpapi-ratelimit-headers][draft]-08 to -11 | yes | yes |
//! | `RateLimit-Limit`, `-Remaining` and `-Reset`, of -00 to -06 | where there is no `RateLimit` | no |
//! | `X-RateLimit-Limit`, `-Remaining` and `-Reset`, as GitHub and others have them | where there is none of these | no |
//! | `RateLimit: limit=…, remaining=…, reset=…`, of -07 | no: it is malformed | no |
//! | `X-Rate-Limit-…`, `X-RateLimit-Reset-After`, a vendor's own | no | no |
//!
//! `X-RateLimit-Reset` is a time since 1970 in seconds where it is larger than 1,000,000,000, as GitHub's, and otherwise how
//! many seconds there are. `X-RateLimit-Resource`, if there is one, is the policy's name; the others of the older fields have
//! the empty name.
//!
//! **A malformed field is ignored**, as the draft wants it, and said to be: [`Read::ignored`]. The `RateLimit` fields of a
//! response from a cache, which has an `Age`, are ignored too: they are of an older time.
//!
//! ```
//! use backstay_core::resilience::{Told, ToldQuota};
//! use backstay_hyper::rate_limit;
//! use hyper::HeaderMap;
//! use std::time::Duration;
//!
//! let mut headers = HeaderMap::new();
//! let quota = ToldQuota::of("burst").quota(100).window(Duration::from_secs(60));
//! let told = Told::new().quota(quota.remaining(50).reset(Duration::from_secs(30)));
//! rate_limit::write(&told, &mut headers);
//! assert_eq!(headers["ratelimit-policy"], r#""burst";q=100;w=60"#);
//! assert_eq!(headers["ratelimit"], r#""burst";r=50;t=30"#);
//! assert_eq!(rate_limit::read(&headers, None).told, told);
//! ```
//!
//! [draft]: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/

mod fields;
mod older;
mod retry_after;
mod write;

pub use write::write;

use backstay_core::resilience::Told;
use hyper::HeaderMap;
use hyper::header::{AGE, DATE, HeaderName};
use std::fmt;
use std::time::SystemTime;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What the fields of a response say, and which of them were ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read {
    /// What was said.
    pub told: Told,
    /// What made no sense.
    pub ignored: Vec<Ignored>,
}

/// A field that was ignored, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// The name of the field.
    pub field: HeaderName,
    /// Why it was ignored.
    pub why: Malformed,
}

/// Why a field was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// It is no structured field of that type, or no number, or no date.
    Syntax,
    /// The name of a policy is no string.
    Name,
    /// A parameter that must be there is not there, or one has a value that it can't have.
    Parameter(&'static str),
    /// It is a date, and nobody knows what time it was: the response has no `Date`, and none was given.
    NoDate,
    /// The response comes from a cache.
    Cached,
}

/// Reads what a server says of its limits from the fields of its response.
///
/// Where a field is a date, time is counted from the response's own `Date`, so that it doesn't matter whose clock is right;
/// and from `wall_clock` where there is none. Numbers that are too large are as large as can be.
///
/// # Panics
///
/// Never, whatever is in the fields.
pub fn read(headers: &HeaderMap, wall_clock: Option<SystemTime>) -> Read {
    let mut read = Read::default();
    let date = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let now = date.or(wall_clock);
    retry_after::read(headers, now, &mut read);
    let is_cached =
        headers.get(AGE).is_some_and(|age| age.as_bytes().iter().any(|byte| (b'1'..=b'9').contains(byte)));
    if is_cached {
        for field in [POLICY, LIMIT].into_iter().chain(older::FIELDS) {
            if headers.contains_key(&field) {
                read.ignore(field, Malformed::Cached);
            }
        }
    } else if !fields::read(headers, &mut read) {
        older::read(headers, now, &mut read);
    }
    read
}

impl Read {
    fn ignore(&mut self, field: HeaderName, why: Malformed) {
        self.ignored.push(Ignored { field, why });
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` was ignored: {}", self.field, self.why)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => f.write_str("its syntax is wrong"),
            Self::Name => f.write_str("the name of a policy is no string"),
            Self::Parameter(name) => write!(f, "its parameter `{name}` is missing or wrong"),
            Self::NoDate => f.write_str("it is a date, and nobody knows what time it was"),
            Self::Cached => f.write_str("the response comes from a cache"),
        }
    }
}
