//! One cell of the comparison: what is done, on which runtime, and through what.

use crate::workload::{UnknownWorkload, Workload};
use backstay::{Backend, UnknownBackend};
use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// How the work meets the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// By hand, on the runtime itself.
    Bare,
    /// Through backstay's traits, resolved by the compiler.
    Backstay,
    /// Through backstay's erased runtime, resolved at run time.
    Any,
}

impl Variant {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Bare, Self::Backstay, Self::Any];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Backstay => "backstay",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Variant {
    type Err = BadCell;

    fn from_str(name: &str) -> Result<Self, BadCell> {
        let known = Self::ALL.iter().copied().find(|variant| variant.name() == name);
        known.ok_or_else(|| BadCell::Variant(name.to_owned()))
    }
}

/// One cell: `tokio/bare/http`.
///
/// # Examples
///
/// ```
/// use backstay_bench::cell::{Cell, Variant};
///
/// let cell: Cell = "smol/backstay/spawn-1k".parse()?;
/// assert_eq!(cell.variant, Variant::Backstay);
/// assert_eq!(cell.to_string(), "smol/backstay/spawn-1k");
/// assert!("smol/backstay".parse::<Cell>().is_err());
/// # Ok::<(), backstay_bench::cell::BadCell>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// On which runtime.
    pub backend: Backend,
    /// Through what.
    pub variant: Variant,
    /// What is done.
    pub workload: Workload,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.backend, self.variant, self.workload)
    }
}

impl FromStr for Cell {
    type Err = BadCell;

    fn from_str(text: &str) -> Result<Self, BadCell> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(backend), Some(variant), Some(workload), None) => {
                Ok(Self { backend: backend.parse()?, variant: variant.parse()?, workload: workload.parse()? })
            }
            _ => Err(BadCell::Shape(text.to_owned())),
        }
    }
}

/// This names no cell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCell {
    /// It doesn't have the three parts.
    Shape(String),
    /// No such runtime.
    Backend(UnknownBackend),
    /// No such variant.
    Variant(String),
    /// No such workload.
    Workload(UnknownWorkload),
}

impl fmt::Display for BadCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(text) => write!(f, "`{text}` is not runtime/variant/workload"),
            Self::Backend(error) => error.fmt(f),
            Self::Variant(name) => {
                write!(f, "unknown variant `{name}`: expected one of bare, backstay, any")
            }
            Self::Workload(error) => error.fmt(f),
        }
    }
}

impl Error for BadCell {}

impl From<UnknownBackend> for BadCell {
    fn from(error: UnknownBackend) -> Self {
        Self::Backend(error)
    }
}

impl From<UnknownWorkload> for BadCell {
    fn from(error: UnknownWorkload) -> Self {
        Self::Workload(error)
    }
}
