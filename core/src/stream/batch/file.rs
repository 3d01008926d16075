//! The bounds of a batch in a file.

use super::config::BatchConfig;
use crate::config_error::ConfigError;
use crate::limit::Limit;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::time::Duration;

struct Table {
    max: Limit,
    within: Option<Duration>,
}

crate::settings! {
    Table as BatchConfig requires [max] from Self { max: Limit::ONE, within: None };
    max,
    within,
}

impl Table {
    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }
}

impl<'de> Deserialize<'de> for BatchConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Table { max, within } = Table::deserialize(deserializer)?;
        Ok(Self::new(max).within(within.unwrap_or(Duration::MAX)))
    }
}

impl Serialize for BatchConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let max = Limit::new(self.bounds.max).unwrap_or(Limit::ONE);
        Table { max, within: self.bounds.within }.serialize(serializer)
    }
}
