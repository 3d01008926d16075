//! A restart delay in a file: an empty table for none.

use super::{Doubling, INITIAL, JITTER, RestartDelay};
use crate::config_error::ConfigError;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::time::Duration;

#[derive(Default)]
struct Table {
    initial: Option<Duration>,
    max: Option<Duration>,
    jitter: Option<u8>,
    stable_after: Option<Duration>,
}

crate::settings! {
    Table as RestartDelay from Self::default();
    initial: INITIAL,
    max,
    jitter: JITTER,
    stable_after,
}

impl Table {
    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        let is_empty = self.jitter.is_none() && self.stable_after.is_none();
        match (self.initial, self.max) {
            (None, None) if is_empty => Ok(()),
            (None, _) => Err(ConfigError::invalid("initial", "must be given")),
            (_, None) => Err(ConfigError::invalid("max", "must be given")),
            _ => self.delay().check(),
        }
    }

    fn delay(&self) -> RestartDelay {
        let (Some(initial), Some(max)) = (self.initial, self.max) else { return RestartDelay::none() };
        let mut delay = RestartDelay::doubling(initial, max);
        if let Some(percent) = self.jitter {
            delay = delay.jitter(percent);
        }
        if let Some(up) = self.stable_after {
            delay = delay.stable_after(up);
        }
        delay
    }
}

impl<'de> Deserialize<'de> for RestartDelay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Table::deserialize(deserializer).map(|table| table.delay())
    }
}

impl Serialize for RestartDelay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = match self.0 {
            None => Table::default(),
            Some(Doubling { initial, max, jitter, stable_after }) => Table {
                initial: Some(initial),
                max: Some(max),
                jitter: Some(jitter),
                stable_after: Some(stable_after),
            },
        };
        table.serialize(serializer)
    }
}
