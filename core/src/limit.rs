//! A number that is not zero.

use crate::config_error::{ConfigError, ConfigValue};
use std::fmt;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroUsize};

/// How many there may be: a capacity, a limit of concurrency. Never zero.
///
/// With a limit of zero nothing would ever run, and a program would hang where it should have been told. So what
/// takes a limit takes `impl Into<Limit>`: a `Limit`, or a non-zero number of the standard library.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use std::num::NonZeroUsize;
///
/// const AT_ONCE: NonZeroUsize = NonZeroUsize::new(16).unwrap();
/// assert_eq!(Limit::from(AT_ONCE).get(), 16);
///
/// // From a configuration file, say.
/// let refused = Limit::new(0).unwrap_err();
/// assert_eq!(refused.to_string(), "invalid `limit` = 0: must be at least 1");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Limit(NonZeroUsize);

impl Limit {
    /// Just one.
    pub const ONE: Self = Self(NonZeroUsize::MIN);

    /// As many as there are.
    pub const MAX: Self = Self(NonZeroUsize::MAX);

    /// A limit of `limit`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for zero.
    pub const fn new(limit: usize) -> Result<Self, ConfigError> {
        match NonZeroUsize::new(limit) {
            Some(limit) => Ok(Self(limit)),
            None => Err(ConfigError::invalid_value("limit", ConfigValue::Integer(0), "must be at least 1")),
        }
    }

    /// For constants.
    pub(crate) const fn of(limit: NonZeroUsize) -> Self {
        Self(limit)
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> usize {
        self.0.get()
    }

    /// One more; as many as there are stay that.
    pub(crate) const fn plus_one(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl TryFrom<usize> for Limit {
    type Error = ConfigError;

    fn try_from(limit: usize) -> Result<Self, ConfigError> {
        Self::new(limit)
    }
}

impl From<NonZeroUsize> for Limit {
    fn from(limit: NonZeroUsize) -> Self {
        Self(limit)
    }
}

impl From<NonZeroU8> for Limit {
    fn from(limit: NonZeroU8) -> Self {
        Self(limit.into())
    }
}

impl From<NonZeroU16> for Limit {
    fn from(limit: NonZeroU16) -> Self {
        Self(limit.into())
    }
}

impl From<NonZeroU32> for Limit {
    /// Where `usize` is smaller, what it can't hold becomes [`Limit::MAX`].
    fn from(limit: NonZeroU32) -> Self {
        Self(limit.try_into().unwrap_or(NonZeroUsize::MAX))
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
