//! The real clock's origin, one for the process, so that instants of different handles compare.
//!
//! Core itself reads no clock: whoever converts says how to read it.

use crate::instant::Instant;
use std::sync::OnceLock;
use std::time::Duration;

/// The one static of core.
static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();

/// How long before its first use the origin lies, so that instants taken a while ago convert exactly
/// (where the platform's clock goes back so far).
const PAST: Duration = Duration::from_secs(3600);

/// As far ahead as every platform's clock can tell, for instants that it can't.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

fn origin(now: impl FnOnce() -> std::time::Instant) -> std::time::Instant {
    *ORIGIN.get_or_init(|| {
        let now = now();
        now.checked_sub(PAST).unwrap_or(now)
    })
}

/// The standard library's instant as ours; what lies before the origin becomes the origin.
pub fn from_std(at: std::time::Instant, now: impl FnOnce() -> std::time::Instant) -> Instant {
    Instant::ORIGIN + at.saturating_duration_since(origin(now))
}

/// Our instant as the standard library's; what its clock can't tell is as far ahead as it can.
pub fn to_std(at: Instant, now: impl FnOnce() -> std::time::Instant) -> std::time::Instant {
    let origin = origin(now);
    origin.checked_add(at.since_origin()).unwrap_or_else(|| origin + FAR)
}
