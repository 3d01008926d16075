//! One cell of the comparison: what is done, how much of it, on which runtime, on how many threads, and through
//! what.

use crate::contender::Contender;
use crate::size::{BadSize, Size};
use backstay::UnknownBackend;
use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

/// How the work meets the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// One cell: `tokio/bare/spawn/10k/2`, the last being the threads.
///
/// # Examples
///
/// ```
/// use backstay_bench::cell::{Cell, Variant};
///
/// let cell: Cell = "smol/backstay/spawn/1k/2".parse()?;
/// assert_eq!((cell.variant, cell.size.get().get(), cell.threads.get()), (Variant::Backstay, 1_000, 2));
/// assert_eq!(cell.to_string(), "smol/backstay/spawn/1k/2");
/// assert!("smol/backstay/spawn".parse::<Cell>().is_err());
/// # Ok::<(), backstay_bench::cell::BadCell>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// On which runtime.
    pub runtime: Contender,
    /// Through what.
    pub variant: Variant,
    /// What is done: the name of a workload.
    pub workload: String,
    /// How much of it.
    pub size: Size,
    /// On how many worker threads.
    pub threads: NonZeroUsize,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runtime, variant, workload, size, threads } = self;
        write!(f, "{runtime}/{variant}/{workload}/{size}/{threads}")
    }
}

impl FromStr for Cell {
    type Err = BadCell;

    fn from_str(text: &str) -> Result<Self, BadCell> {
        let shape = || BadCell::Shape(text.to_owned());
        let parts: Vec<_> = text.split('/').collect();
        let [runtime, variant, workload, size, threads] = parts[..] else {
            return Err(shape());
        };
        Ok(Self {
            runtime: runtime.parse()?,
            variant: variant.parse()?,
            workload: workload.to_owned(),
            size: size.parse()?,
            threads: threads.parse().map_err(|_| shape())?,
        })
    }
}

/// This names no cell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCell {
    /// It doesn't have the five parts.
    Shape(String),
    /// No such runtime.
    Backend(UnknownBackend),
    /// No such variant.
    Variant(String),
    /// No such size.
    Size(BadSize),
}

impl fmt::Display for BadCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(text) => write!(f, "`{text}` is not runtime/variant/workload/size/threads"),
            Self::Backend(error) => error.fmt(f),
            Self::Variant(name) => {
                write!(f, "unknown variant `{name}`: expected one of bare, backstay, any")
            }
            Self::Size(error) => error.fmt(f),
        }
    }
}

impl Error for BadCell {}

impl From<UnknownBackend> for BadCell {
    fn from(error: UnknownBackend) -> Self {
        Self::Backend(error)
    }
}

impl From<BadSize> for BadCell {
    fn from(error: BadSize) -> Self {
        Self::Size(error)
    }
}
