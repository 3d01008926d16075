//! How values are written in files.

use super::field::{Field, InFile};
use super::{Rule, Setting};
use crate::human::{self, Human};
use crate::limit::Limit;
use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

/// What stands for the largest count, where the rule allows that.
const UNLIMITED: &str = "unlimited";

impl<T: InFile> InFile for Option<T> {
    fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        field: &'static str,
        rule: &Rule<T::Value>,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_option(Optional(Field::new(field, rule)))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(serializer),
            None => serializer.serialize_none(),
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// What may be absent, or null where a file has that.
struct Optional<'a, T: Setting>(Field<'a, T>);

impl<'de, T: InFile> Visitor<'de> for Optional<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// A whole number of some type, with the rule for it.
struct Integer<'a, T> {
    field: &'static str,
    rule: &'a Rule<T>,
    has_unlimited: bool,
    min: T,
    max: T,
}

impl<T: Copy + fmt::Display + TryFrom<i128>> Integer<'_, T> {
    fn fit<E: Error>(&self, number: i128) -> Result<T, E> {
        T::try_from(number).map_err(|_| {
            let Self { field, rule: Rule { reason, holds }, min, max, .. } = self;
            // The rule says more than the type, where it doesn't allow all of it.
            match number < 0 {
                true if holds(min) => {
                    E::custom(format_args!("invalid `{field}` = {number}: must be at least {min}"))
                }
                false if holds(max) => {
                    E::custom(format_args!("invalid `{field}` = {number}: must be at most {max}"))
                }
                _ => E::custom(format_args!("invalid `{field}` = {number}: {reason}")),
            }
        })
    }
}

impl<T: Copy + fmt::Display + TryFrom<i128>> Visitor<'_> for Integer<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number for `{}`", self.field)?;
        if self.has_unlimited { write!(f, ", or \"{UNLIMITED}\"") } else { Ok(()) }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.fit(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.fit(number.into())
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<T, E> {
        self.fit(number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        if self.has_unlimited && text == UNLIMITED {
            return Ok(self.max);
        }
        Err(E::invalid_type(serde::de::Unexpected::Str(text), &self))
    }
}

macro_rules! integers {
    ($($type:ident $has_unlimited:literal),*) => {$(
        impl InFile for $type {
            fn read<'de, D: Deserializer<'de>>(
                deserializer: D,
                field: &'static str,
                rule: &Rule<Self>,
            ) -> Result<Self, D::Error> {
                let (min, max) = ($type::MIN, $type::MAX);
                let has_unlimited = $has_unlimited && (rule.holds)(&max);
                deserializer.deserialize_any(Integer { field, rule, has_unlimited, min, max })
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match *self {
                    $type::MAX if $has_unlimited => serializer.serialize_str(UNLIMITED),
                    number => number.serialize(serializer),
                }
            }
        }
    )*};
}

// The largest number of 64 bits is more than TOML has.
integers!(u8 false, u32 false, u64 true, usize true);

macro_rules! not_zero {
    ($($type:ty, $make:expr);*) => {$(
        impl InFile for $type {
            fn read<'de, D: Deserializer<'de>>(
                deserializer: D,
                field: &'static str,
                rule: &Rule<usize>,
            ) -> Result<Self, D::Error> {
                let and_not_zero = if rule.reason.is_empty() { &Rule::<usize>::NOT_ZERO } else { rule };
                let number = usize::read(deserializer, field, and_not_zero)?;
                number.check(field, and_not_zero).map_err(D::Error::custom)?;
                number.check(field, &Rule::<usize>::NOT_ZERO).map_err(D::Error::custom)?;
                $make(number).ok_or_else(|| D::Error::custom("a number that is not zero is zero"))
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.get().write(serializer)
            }
        }
    )*};
}

not_zero!(Limit, |number| Limit::new(number).ok(); NonZeroUsize, NonZeroUsize::new);

impl InFile for String {
    fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        _: &'static str,
        _: &Rule<Self>,
    ) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl InFile for f64 {
    fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        field: &'static str,
        _: &Rule<Self>,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number(field))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(*self)
    }
}

struct Number(&'static str);

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number for `{}`", self.0)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }
}

impl InFile for Duration {
    fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        field: &'static str,
        _: &Rule<Self>,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Time(Some(field).filter(|field| !field.is_empty())))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Human(*self))
    }
}

/// A duration, for a field if its name is known.
pub(crate) struct Time(pub(crate) Option<&'static str>);

impl Time {
    fn refuse<E: Error>(&self, value: impl fmt::Display, why: impl fmt::Display) -> E {
        match self.0 {
            Some(field) => {
                E::custom(format_args!("invalid `{field}` = {value}: {why}; it {}", human::ALLOWED))
            }
            None => E::custom(format_args!("invalid duration {value}: {why}; it {}", human::ALLOWED)),
        }
    }
}

impl Visitor<'_> for Time {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(field) => write!(f, "a duration for `{field}`, which {}", human::ALLOWED),
            None => write!(f, "a duration, which {}", human::ALLOWED),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        human::parse(text).map_err(|why| self.refuse(format_args!("{text:?}"), why))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
        Err(self.refuse(number, "it has no unit"))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
        Err(self.refuse(number, "it has no unit"))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Duration, E> {
        Err(self.refuse(number, "it has no unit"))
    }
}

/// By itself it is a field without a name.
impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer, "limit", &Rule::<usize>::ANY)
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write(serializer)
    }
}
