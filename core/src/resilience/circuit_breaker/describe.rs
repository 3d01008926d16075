//! A circuit breaker in a pipeline's description.

use super::CircuitBreaker;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::rejected::PolicyKind;

impl<C> Describe for CircuitBreaker<C> {
    fn facts(&self) -> Facts {
        Facts::new(PolicyKind::CircuitBreaker, self.name(), String::new())
    }
}
