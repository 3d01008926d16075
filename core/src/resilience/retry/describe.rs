//! A retry in a pipeline's description.

use super::Retry;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::rejected::PolicyKind;

impl<C, H> Describe for Retry<C, H> {
    fn facts(&self) -> Facts {
        let limits = &self.limits;
        let mut settings =
            format!("at most {} attempts, {}", limits.config.max_attempts, limits.config.backoff);
        if let Some(time) = limits.config.max_elapsed {
            settings.push_str(&format!(", within {time:?}"));
        }
        if limits.budget.is_some() {
            settings.push_str(", from a budget");
        }
        Facts::new(PolicyKind::Retry, "", settings)
    }
}
