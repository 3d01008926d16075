//! A backoff in a file.

use super::schedule::Schedule;
use super::{Backoff, FACTOR, FIRST, Jitter};
use crate::config_error::ConfigError;
use crate::settings::required;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Error as _, Serialize, Serializer};
use std::time::Duration;

/// One table for all schedules.
struct Table {
    schedule: Option<Kind>,
    initial: Option<Duration>,
    step: Option<Duration>,
    delay: Option<Duration>,
    factor: Option<f64>,
    max_delay: Option<Duration>,
    jitter: Option<Jitter>,
}

#[derive(Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Exponential,
    Fibonacci,
    Linear,
    Constant,
    None,
}

crate::settings_of_its_own!(Kind);

crate::settings! {
    Table as Backoff requires [schedule] from Self::NOTHING;
    schedule,
    initial: FIRST,
    step: FIRST,
    delay: FIRST,
    factor: FACTOR,
    max_delay,
    jitter,
}

impl Table {
    const NOTHING: Self = Self {
        schedule: None,
        initial: None,
        step: None,
        delay: None,
        factor: None,
        max_delay: None,
        jitter: None,
    };

    /// Each schedule has its own first delay, and no other's.
    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        let own = match self.schedule {
            Some(Kind::Exponential | Kind::Fibonacci) => "initial",
            Some(Kind::Linear) => "step",
            Some(Kind::Constant) => "delay",
            Some(Kind::None) | None => "",
        };
        for (field, value) in [("initial", self.initial), ("step", self.step), ("delay", self.delay)] {
            match value {
                Some(value) if field != own => {
                    let reason = "this schedule has none: `initial` is for exponential and fibonacci, `step` for \
                                  linear, `delay` for constant";
                    return Err(ConfigError::invalid_value(field, value.into(), reason));
                }
                None if field == own => return Err(ConfigError::invalid(field, "must be given")),
                _ => {}
            }
        }
        self.backoff().map_or(Ok(()), |backoff| backoff.check())
    }

    fn backoff(&self) -> Option<Backoff> {
        let mut backoff = match self.schedule? {
            Kind::Exponential => Backoff::exponential(self.initial?),
            Kind::Fibonacci => Backoff::fibonacci(self.initial?),
            Kind::Linear => Backoff::linear(self.step?),
            Kind::Constant => Backoff::constant(self.delay?),
            Kind::None => Backoff::none(),
        };
        backoff.factor = self.factor;
        backoff.max_delay = self.max_delay.unwrap_or(backoff.max_delay);
        backoff.jitter = self.jitter.unwrap_or(backoff.jitter);
        Some(backoff)
    }
}

/// A table: `schedule`, its first delay, and what the others are to be.
impl<'de> Deserialize<'de> for Backoff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Table::deserialize(deserializer)?.backoff().ok_or_else(|| required("schedule"))
    }
}

impl Serialize for Backoff {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = Table {
            factor: self.factor,
            max_delay: (self.max_delay != Duration::MAX).then_some(self.max_delay),
            jitter: Some(self.jitter),
            ..Table::NOTHING
        };
        let kind = match self.schedule {
            Schedule::Exponential { initial } => {
                table.initial = Some(initial);
                Kind::Exponential
            }
            Schedule::Fibonacci { initial } => {
                table.initial = Some(initial);
                Kind::Fibonacci
            }
            Schedule::Linear { step } => {
                table.step = Some(step);
                Kind::Linear
            }
            Schedule::Constant { delay } => {
                table.delay = Some(delay);
                Kind::Constant
            }
            Schedule::None => Kind::None,
            Schedule::Custom(_) => return Err(S::Error::custom("a backoff of a function can't be written")),
        };
        table.schedule = Some(kind);
        table.serialize(serializer)
    }
}
