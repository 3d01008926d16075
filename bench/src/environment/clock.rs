//! What time is taken with.

use super::word;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

/// What time is taken with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The kernel's clock source.
    pub source: Option<String>,
    /// The least nanoseconds that two readings are apart, but for those that are equal.
    pub resolution_ns: u64,
}

impl Clock {
    /// This machine's; what the kernel says of it is read below `root`.
    pub fn read(root: &Path) -> Self {
        let source = word(root, "sys/devices/system/clocksource/clocksource0/current_clocksource");
        Self { source, resolution_ns: resolution() }
    }
}

/// Of a thousand pairs.
fn resolution() -> u64 {
    let step = |_| {
        let start = Instant::now();
        loop {
            let elapsed = start.elapsed();
            if !elapsed.is_zero() {
                return u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
            }
        }
    };
    (0..1_000).map(step).min().unwrap_or(u64::MAX)
}
