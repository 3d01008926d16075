//! Which algorithm.

use super::{Aimd, Gradient, Vegas};
use crate::config_error::ConfigError;

/// How an [`AdaptiveLimit`](super::AdaptiveLimit) finds its size.
///
/// | algorithm | listens to | settles |
/// |---|---|---|
/// | [`Gradient`], the default | latencies, beside those of a long time | where it is `tolerance` times as slow |
/// | [`Vegas`] | latencies, beside the shortest | where a few calls wait inside of the service |
/// | [`Aimd`] | refusals, timeouts, and a threshold if there is one | in a saw-tooth below the first overload |
///
/// All shrink to their `backoff_ratio` where the service is overloaded.
///
/// In a file it is a table of one table: `[limit.algorithm.gradient]`, `[limit.algorithm.vegas]`, or
/// `[limit.algorithm.aimd]`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AdaptiveAlgorithm {
    /// Additive increase, multiplicative decrease.
    Aimd(Aimd),
    /// As many as wait inside of the service.
    Vegas(Vegas),
    /// The latency of now beside that of a long time.
    Gradient(Gradient),
}

impl AdaptiveAlgorithm {
    /// Whether it makes sense: what building a limit checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self {
            Self::Aimd(aimd) => aimd.validate(),
            Self::Vegas(vegas) => vegas.validate(),
            Self::Gradient(gradient) => gradient.validate(),
        }
    }

    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Aimd(_) => "aimd",
            Self::Vegas(_) => "vegas",
            Self::Gradient(_) => "gradient",
        }
    }
}

impl From<Aimd> for AdaptiveAlgorithm {
    fn from(aimd: Aimd) -> Self {
        Self::Aimd(aimd)
    }
}

impl From<Vegas> for AdaptiveAlgorithm {
    fn from(vegas: Vegas) -> Self {
        Self::Vegas(vegas)
    }
}

impl From<Gradient> for AdaptiveAlgorithm {
    fn from(gradient: Gradient) -> Self {
        Self::Gradient(gradient)
    }
}

crate::settings_of_its_own!(AdaptiveAlgorithm);
