//! What the tests share.

use backstay::testing::Failure;
use backstay_core::Limit;
use std::time::Duration;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

/// What came of it; a failure is reported.
pub(crate) fn passed<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
}
