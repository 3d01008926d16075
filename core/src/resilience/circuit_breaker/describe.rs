//! A circuit breaker in a pipeline's description.

use super::CircuitBreaker;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::rejected::PolicyKind;

impl<C> Describe for CircuitBreaker<C> {
    fn facts(&self) -> Facts {
        let (rules, has_rates) = self.shared.rules();
        let mut opens = Vec::new();
        if let Some(failures) = rules.consecutive_failures {
            opens.push(match failures {
                1 => "1 failure".to_owned(),
                _ => format!("{failures} failures in a row"),
            });
        }
        if has_rates {
            opens.push(format!("{} % failures", rules.failure_rate.percent()));
        }
        if let Some(rate) = rules.slow_call_rate {
            opens.push(format!("{} % slow calls", rate.percent()));
        }
        let settings = format!("opens at {}, for {:?}", opens.join(" or "), rules.open_for);
        Facts::new(PolicyKind::CircuitBreaker, self.name(), settings)
    }
}
