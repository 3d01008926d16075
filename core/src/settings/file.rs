//! A configuration as a table of a file.

use crate::config_error::ConfigError;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A configuration; `settings!` implements it.
pub trait Table: Sized {
    /// Its type.
    const NAME: &'static str;
    /// Their names.
    const FIELDS: &'static [&'static str];
    /// Those without a default.
    const REQUIRED: &'static [&'static str];

    /// What it is where nothing is said.
    fn start() -> Self;

    /// Reads the value of a field.
    ///
    /// # Errors
    ///
    /// The file's, or that the value is refused.
    fn read_field<'de, A: MapAccess<'de>>(
        &mut self,
        field: &'static str,
        map: &mut A,
    ) -> Result<(), A::Error>;

    /// Whether all of it makes sense.
    ///
    /// # Errors
    ///
    /// Why it doesn't.
    fn check(&self) -> Result<(), ConfigError>;
}

/// Reads one.
///
/// # Errors
///
/// The file's; an unknown field, or one that is missing; what the configuration refuses.
pub fn read<'de, T: Table, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_struct(T::NAME, T::FIELDS, TableVisitor(PhantomData))
}

/// That a field must be given.
pub fn required<E: Error>(field: &'static str) -> E {
    E::custom(ConfigError::invalid(field, "must be given"))
}

struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: Table> Visitor<'de> for TableVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a table with the fields of `{}`: `{}`", T::NAME, T::FIELDS.join("`, `"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut table = T::start();
        let mut seen = Vec::new();
        while let Some(field) = map.next_key_seed(Name(T::FIELDS))? {
            if seen.contains(&field) {
                return Err(A::Error::duplicate_field(field));
            }
            seen.push(field);
            table.read_field(field, &mut map)?;
        }
        if let Some(field) = T::REQUIRED.iter().find(|field| !seen.contains(field)) {
            return Err(required(field));
        }
        table.check().map_err(A::Error::custom)?;
        Ok(table)
    }
}

/// The name of a field.
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name of a field, one of `{}`", self.0.join("`, `"))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<&'static str, E> {
        let field = self.0.iter().find(|field| **field == name);
        field.copied().ok_or_else(|| E::unknown_field(name, self.0))
    }
}
