//! Additive increase, multiplicative decrease.

use crate::config_error::ConfigError;
use crate::settings::Rule;
use std::time::Duration;

/// Grows by so many for each round trip in which the limit was used, and shrinks to a part of itself when the service
/// is overloaded: as TCP Reno does (Jacobson, *Congestion Avoidance and Control*, 1988).
///
/// It listens to refusals and timeouts alone, and so it finds the limit by going beyond it: latencies don't matter,
/// unless there is a `latency_threshold`. Without that, and without timeouts, it grows to the maximum. For services
/// that refuse when they are overloaded, and for operations of all lengths.
///
/// | setting | default | valid |
/// |---|---|---|
/// | `increase` | 1 | at least 1 |
/// | `latency_threshold` | none | longer than zero |
///
/// It is plain data, and can be in a file.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{AdaptiveLimit, Aimd};
/// use std::time::Duration;
///
/// let aimd = Aimd::new().latency_threshold(Duration::from_millis(200));
/// let limit = AdaptiveLimit::named("search").algorithm(aimd).build()?;
/// assert_eq!(limit.limit(), 20);
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until it is given to a limit"]
#[non_exhaustive]
pub struct Aimd {
    /// By how much it grows in a round trip.
    pub increase: u32,
    /// A call that takes longer than this is a sign of overload, as a timeout is.
    pub latency_threshold: Option<Duration>,
}

crate::settings! {
    Aimd from Self::new();
    increase: Rule::<u32>::NOT_ZERO,
    latency_threshold: Rule::<Duration>::NOT_ZERO,
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new()
    }
}

impl Aimd {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self { increase: 1, latency_threshold: None }
    }

    /// By how much it grows in a round trip: while as many calls end as the limit says.
    pub const fn increase(mut self, places: u32) -> Self {
        self.increase = places;
        self
    }

    /// A call that takes longer than this is a sign of overload, as a timeout is.
    #[doc(alias = "timeout")]
    pub const fn latency_threshold(mut self, longer_than: Duration) -> Self {
        self.latency_threshold = Some(longer_than);
        self
    }

    /// Whether it makes sense: what building a limit checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }

    /// Whether a call of this length is one too many.
    pub(super) fn is_overload(&self, latency: Duration) -> bool {
        self.latency_threshold.is_some_and(|threshold| latency > threshold)
    }

    /// After a call that went well, at a limit that is used.
    pub(super) fn grown(&self, limit: f64) -> f64 {
        limit + f64::from(self.increase) / limit
    }
}
