//! A quota in a file.

use super::Quota;
use super::quota::{BURST, PER, PERMITS};
use crate::config_error::ConfigError;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::time::Duration;

struct Table {
    permits: u32,
    per: Duration,
    // That of a strict window is its permits.
    burst: Option<u32>,
    strict: bool,
}

crate::settings! {
    Table as Quota requires [permits, per] from Self::EMPTY;
    permits: PERMITS,
    per: PER,
    burst: BURST,
    strict,
}

impl Table {
    const EMPTY: Self = Self { permits: 0, per: Duration::ZERO, burst: None, strict: false };

    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        match self.burst {
            Some(burst) if self.strict => {
                let reason =
                    "must not be given where `strict` is true: a window has no burst but its permits";
                Err(ConfigError::invalid_value("burst", burst.into(), reason))
            }
            _ => self.quota().check(),
        }
    }

    const fn quota(&self) -> Quota {
        match (self.strict, self.burst) {
            (true, _) => Quota::strict(self.permits, self.per),
            (false, Some(burst)) => Quota::new(self.permits, self.per).burst(burst),
            (false, None) => Quota::new(self.permits, self.per),
        }
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Table::deserialize(deserializer).map(|table| table.quota())
    }
}

impl Serialize for Quota {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let burst = (!self.is_strict()).then_some(self.max_burst());
        let table = Table { permits: self.permits(), per: self.per(), burst, strict: self.is_strict() };
        table.serialize(serializer)
    }
}
