//! Limits on time in a file: a duration, or a table where there is a grace.

use super::{AttemptTimeout, LIMIT, TotalTimeout, Until};
use crate::config_error::ConfigError;
use crate::human;
use crate::settings::{Field, InFile, Time};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

struct Table {
    limit: Duration,
    grace: Option<Duration>,
}

crate::settings! {
    Table as Timeout requires [limit] from Self { limit: Duration::ZERO, grace: None };
    limit: LIMIT,
    grace,
}

impl Table {
    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.grace {
            Some(_) => self.serialize(serializer),
            None => self.limit.write(serializer),
        }
    }
}

/// Either form.
struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Table;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a duration, which {}, or a table with `limit` and `grace`", human::ALLOWED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Table, E> {
        let limit = Field::<Duration>::new("limit", &LIMIT).deserialize(StrDeserializer::new(text))?;
        Ok(Table { limit, grace: None })
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Table, E> {
        Time(Some("limit")).visit_i64(number).map(|limit| Table { limit, grace: None })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Table, E> {
        Time(Some("limit")).visit_u64(number).map(|limit| Table { limit, grace: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Table, A::Error> {
        Table::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<'de> Deserialize<'de> for AttemptTimeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Table { limit, grace } = deserializer.deserialize_any(Either)?;
        Ok(Self { limit, grace })
    }
}

impl Serialize for AttemptTimeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Table { limit: self.limit, grace: self.grace }.write(serializer)
    }
}

impl<'de> Deserialize<'de> for TotalTimeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Table { limit, grace } = deserializer.deserialize_any(Either)?;
        Ok(Self { until: Until::After(limit), grace })
    }
}

impl Serialize for TotalTimeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.until {
            Until::After(limit) => Table { limit, grace: self.grace }.write(serializer),
            Until::At(_) => {
                Err(S::Error::custom("a deadline that is an instant of this run can't be written"))
            }
        }
    }
}
