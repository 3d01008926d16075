//! How a bulkhead is set up.

use super::Bulkhead;
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::resilience::observer::{Observed, Observer};
use crate::sync::Semaphore;
use std::time::Duration;

/// A bulkhead in the making: [`Bulkhead::named`].
///
/// | field | default | valid |
/// |---|---|---|
/// | `max_in_flight` | none: it must be given | from 1 |
/// | `max_waiting` | 0: nobody waits | any |
/// | `max_wait` | as long as it takes | any, with a `max_waiting`; zero means that nobody waits |
/// | `observer` | none | |
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::Bulkhead;
/// use std::time::Duration;
///
/// let error = Bulkhead::named("db").max_in_flight(0).build().unwrap_err();
/// assert_eq!(error.to_string(), "invalid `max_in_flight`: must be at least 1");
///
/// let error = Bulkhead::named("db").max_in_flight(9).max_wait(Duration::from_secs(1)).build().unwrap_err();
/// assert_eq!(error.field(), Some("max_waiting"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is built"]
pub struct BulkheadBuilder {
    pub(super) name: &'static str,
    pub(super) max_in_flight: Option<usize>,
    pub(super) max_waiting: Option<usize>,
    pub(super) max_wait: Option<Duration>,
    pub(super) observed: Observed,
}

impl BulkheadBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, max_in_flight: None, max_waiting: None, max_wait: None, observed: Observed::NONE }
    }

    /// How many calls there are at a time, or how many places, where [some take several](Bulkhead::weighing).
    pub const fn max_in_flight(mut self, places: usize) -> Self {
        self.max_in_flight = Some(places);
        self
    }

    /// How many calls may wait for a place, whatever they weigh.
    pub const fn max_waiting(mut self, calls: usize) -> Self {
        self.max_waiting = Some(calls);
        self
    }

    /// How long each of them may wait.
    pub const fn max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = Some(limit);
        self
    }

    /// Who is told of its refusals, and how long who waited did. It hears of all calls, from whatever pipeline.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The bulkhead.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<Bulkhead, ConfigError> {
        let Some(max_in_flight) = self.max_in_flight else {
            return Err(ConfigError::invalid("max_in_flight", "must be given"));
        };
        if max_in_flight > Semaphore::MAX_PERMITS {
            return Err(ConfigError::invalid("max_in_flight", "must be at most `Semaphore::MAX_PERMITS`"));
        }
        let Ok(max_in_flight) = Limit::new(max_in_flight) else {
            return Err(ConfigError::invalid("max_in_flight", "must be at least 1"));
        };
        if self.max_waiting.unwrap_or(0) == 0 && self.max_wait.is_some_and(|limit| !limit.is_zero()) {
            return Err(ConfigError::invalid(
                "max_waiting",
                "must be at least 1 where there is a `max_wait`",
            ));
        }
        Ok(Bulkhead::from_parts(max_in_flight, self))
    }
}
