//! A field of a table in a file.

use super::{Rule, Setting};
use serde::de::{DeserializeSeed, Deserializer, Error};
use serde::{Serialize, Serializer};

/// The form of a field's type in a file.
pub trait InFile: Setting + Sized {
    /// Reads a value; the rule is for the text of errors.
    ///
    /// # Errors
    ///
    /// The file's, or that the type has no such value.
    fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        field: &'static str,
        rule: &Rule<Self::Value>,
    ) -> Result<Self, D::Error>;

    /// Writes it.
    ///
    /// # Errors
    ///
    /// The file's.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Whether a file doesn't have it.
    fn is_absent(&self) -> bool {
        false
    }
}

/// The value of a field, by its rule.
#[derive(Debug)]
pub struct Field<'a, T: Setting> {
    name: &'static str,
    rule: &'a Rule<T::Value>,
}

impl<'a, T: Setting> Field<'a, T> {
    /// Of that field.
    pub const fn new(name: &'static str, rule: &'a Rule<T::Value>) -> Self {
        Self { name, rule }
    }
}

impl<'de, T: InFile> DeserializeSeed<'de> for Field<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let value = T::read(deserializer, self.name, self.rule)?;
        // Here, so that the error is at this value's place in the file.
        value.check(self.name, self.rule).map_err(D::Error::custom)?;
        Ok(value)
    }
}

/// A field's value in the form of files.
#[derive(Debug)]
pub struct Written<'a, T>(pub &'a T);

impl<T: InFile> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}
