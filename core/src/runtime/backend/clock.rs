//! The real clock's origin, one for the process, so that instants of different handles compare.
//!
//! It is fixed by whatever instant is converted first; core itself reads no clock.

use crate::instant::Instant;
use std::sync::OnceLock;
use std::time::Duration;

/// The one static in the house.
static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();

/// As far ahead as every platform's clock can tell, for instants that it can't.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The standard library's instant as ours; what lies before the origin becomes the origin.
pub fn from_std(at: std::time::Instant) -> Instant {
    let origin = *ORIGIN.get_or_init(|| at);
    Instant::ORIGIN + at.saturating_duration_since(origin)
}

/// Our instant as the standard library's. `now` fixes the origin if nothing has yet.
pub fn to_std(at: Instant, now: impl FnOnce() -> std::time::Instant) -> std::time::Instant {
    let origin = *ORIGIN.get_or_init(now);
    origin.checked_add(at.since_origin()).unwrap_or_else(|| origin + FAR)
}
