//! What the fields of a configuration may be: one list for who sets them in code and for who reads them from a file.
//!
//! Not for use outside of this project: the packages beside this one have configurations too.

#[cfg(feature = "serde")]
mod field;
#[cfg(feature = "serde")]
mod file;
#[cfg(feature = "serde")]
mod forms;

#[cfg(feature = "serde")]
pub use field::{Field, InFile, Written};
#[cfg(feature = "serde")]
pub use file::{Table, read, required};
#[cfg(feature = "serde")]
pub(crate) use forms::Time;
#[cfg(feature = "serde")]
pub use serde;

use crate::config_error::{ConfigError, ConfigValue};
use crate::limit::Limit;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Which values are allowed.
#[derive(Debug)]
pub struct Rule<T> {
    /// In words, after "must".
    pub reason: &'static str,
    /// Whether this one is.
    pub holds: fn(&T) -> bool,
}

impl<T> Rule<T> {
    /// All that the type can be.
    pub const ANY: Self = Self { reason: "", holds: |_| true };
}

impl Rule<u32> {
    /// A count.
    pub const NOT_ZERO: Self = Self { reason: "must be at least 1", holds: |number| *number > 0 };
}

impl Rule<u64> {
    /// A count.
    pub const NOT_ZERO: Self = Self { reason: "must be at least 1", holds: |number| *number > 0 };
}

impl Rule<usize> {
    /// A count.
    pub const NOT_ZERO: Self = Self { reason: "must be at least 1", holds: |number| *number > 0 };
}

impl Rule<Duration> {
    /// A time.
    pub const NOT_ZERO: Self = Self { reason: "must be longer than zero", holds: |time| !time.is_zero() };
}

impl Rule<f64> {
    /// A part of something, which may be nothing.
    pub const PART: Self = Self { reason: "must be within 0..=1", holds: |part| (0.0..=1.0).contains(part) };
}

/// The type of a field.
pub trait Setting {
    /// What rules are about.
    type Value;

    /// Whether a rule holds.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`], with the value if it is a number or a duration.
    fn check(&self, field: &'static str, rule: &Rule<Self::Value>) -> Result<(), ConfigError>;
}

macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            type Value = Self;

            fn check(&self, field: &'static str, rule: &Rule<Self>) -> Result<(), ConfigError> {
                if (rule.holds)(self) {
                    return Ok(());
                }
                Err(ConfigError::invalid_value(field, ConfigValue::from(*self), rule.reason))
            }
        }
    )*};
}

plain!(u8, u32, u64, usize, f64, Duration);

/// Of what checks itself, or is right by its type.
#[macro_export]
#[doc(hidden)]
macro_rules! settings_of_its_own {
    ($($type:ty),*) => {$(
        impl $crate::settings::Setting for $type {
            type Value = ();

            fn check(
                &self,
                _: &'static str,
                _: &$crate::settings::Rule<()>,
            ) -> Result<(), $crate::ConfigError> {
                Ok(())
            }
        }

        #[cfg(feature = "serde")]
        impl $crate::settings::InFile for $type {
            fn read<'de, D: $crate::settings::serde::Deserializer<'de>>(
                deserializer: D,
                _: &'static str,
                _: &$crate::settings::Rule<()>,
            ) -> Result<Self, D::Error> {
                $crate::settings::serde::Deserialize::deserialize(deserializer)
            }

            fn write<S: $crate::settings::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::settings::serde::Serialize::serialize(self, serializer)
            }
        }
    )*};
}

settings_of_its_own!(bool);

/// Without the value, which may be long.
impl Setting for String {
    type Value = Self;

    fn check(&self, field: &'static str, rule: &Rule<Self>) -> Result<(), ConfigError> {
        if (rule.holds)(self) { Ok(()) } else { Err(ConfigError::invalid(field, rule.reason)) }
    }
}

impl Setting for Limit {
    type Value = usize;

    fn check(&self, field: &'static str, rule: &Rule<usize>) -> Result<(), ConfigError> {
        self.get().check(field, rule)
    }
}

impl Setting for NonZeroUsize {
    type Value = usize;

    fn check(&self, field: &'static str, rule: &Rule<usize>) -> Result<(), ConfigError> {
        self.get().check(field, rule)
    }
}

impl<T: Setting> Setting for Option<T> {
    type Value = T::Value;

    fn check(&self, field: &'static str, rule: &Rule<T::Value>) -> Result<(), ConfigError> {
        self.as_ref().map_or(Ok(()), |value| value.check(field, rule))
    }
}

/// The fields of a configuration, each with its rule if it has one: `name: Rule::NOT_ZERO`.
///
/// All of them, or it doesn't compile. They are checked by `check_fields`; and with the feature `serde` they are the
/// fields of the configuration in a file, where each error points at its field. What is not in a file is as in the value
/// that is given after `from`, unless the type `requires` it. The type's `validate` is called at the end: it calls
/// `check_fields`, and checks what concerns several. A type that is there for files alone is called `as` what it is of.
#[macro_export]
#[doc(hidden)]
macro_rules! settings {
    (@rule) => { $crate::settings::Rule::ANY };
    (@rule $rule:expr) => { $rule };
    (@name $type:ident) => { stringify!($type) };
    (@name $type:ident $name:ident) => { stringify!($name) };
    (
        $type:ident $(as $name:ident)? $(requires [$($required:ident),+])? from $start:expr;
        $($field:ident $(: $rule:expr)?),+ $(,)?
    ) => {
        impl $type {
            /// Each field for itself.
            fn check_fields(&self) -> Result<(), $crate::ConfigError> {
                let Self { $($field),+ } = self;
                $($crate::settings::Setting::check(
                    $field,
                    stringify!($field),
                    &$crate::settings!(@rule $($rule)?),
                )?;)+
                Ok(())
            }
        }

        #[cfg(feature = "serde")]
        impl $crate::settings::Table for $type {
            const NAME: &'static str = $crate::settings!(@name $type $($name)?);
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];
            const REQUIRED: &'static [&'static str] = &[$($(stringify!($required)),+)?];

            fn start() -> Self {
                $start
            }

            fn read_field<'de, A: $crate::settings::serde::de::MapAccess<'de>>(
                &mut self,
                field: &'static str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                $(if field == stringify!($field) {
                    let rule = &$crate::settings!(@rule $($rule)?);
                    self.$field = map.next_value_seed($crate::settings::Field::new(field, rule))?;
                })+
                Ok(())
            }

            fn check(&self) -> Result<(), $crate::ConfigError> {
                self.validate()
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> $crate::settings::serde::Deserialize<'de> for $type {
            fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
            where
                D: $crate::settings::serde::Deserializer<'de>,
            {
                $crate::settings::read(deserializer)
            }
        }

        #[cfg(feature = "serde")]
        impl $crate::settings::serde::Serialize for $type {
            fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
            where
                S: $crate::settings::serde::Serializer,
            {
                use $crate::settings::serde::ser::SerializeStruct;
                use $crate::settings::{InFile, Table, Written};
                let Self { $($field),+ } = self;
                let len = [$(InFile::is_absent($field)),+].into_iter().filter(|is_absent| !is_absent).count();
                let mut table = serializer.serialize_struct(Self::NAME, len)?;
                $(if InFile::is_absent($field) {
                    table.skip_field(stringify!($field))?;
                } else {
                    table.serialize_field(stringify!($field), &Written($field))?;
                })+
                table.end()
            }
        }
    };
}
