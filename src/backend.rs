//! A backend by its name.

use backstay_core::{AnyOwner, Config, ConfigError};
use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A backend that was compiled in, to be chosen by name at run time: on a command line, in a file.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "smol")] {
/// use backstay::{Backend, BlockOn, Config, Runtime};
///
/// let backend: Backend = "smol".parse()?;
/// let owner = backend.start(Config::new())?;
/// let rt = owner.runtime().clone();
/// assert_eq!(owner.block_on(async move { rt.spawn(async { 1 }).await.unwrap() }), 1);
///
/// let unknown = "glommio".parse::<Backend>().unwrap_err();
/// assert!(unknown.to_string().starts_with("unknown runtime `glommio`: expected one of "));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// tokio.
    #[cfg(feature = "tokio")]
    Tokio,
    /// smol.
    #[cfg(feature = "smol")]
    Smol,
    /// async-std, which is discontinued.
    #[cfg(feature = "async-std")]
    AsyncStd,
    /// Simulated: deterministic, in virtual time.
    #[cfg(feature = "sim")]
    Sim,
}

impl Backend {
    /// Those compiled in.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "tokio")]
        Self::Tokio,
        #[cfg(feature = "smol")]
        Self::Smol,
        #[cfg(feature = "async-std")]
        Self::AsyncStd,
        #[cfg(feature = "sim")]
        Self::Sim,
    ];

    /// Its name: what [`Runtime::name`](backstay_core::Runtime::name) says of it.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio => "tokio",
            #[cfg(feature = "smol")]
            Self::Smol => "smol",
            #[cfg(feature = "async-std")]
            Self::AsyncStd => "async-std",
            #[cfg(feature = "sim")]
            Self::Sim => "sim",
        }
    }

    /// Starts a runtime of this kind.
    ///
    /// # Errors
    ///
    /// The backend's: see [`ConfigError`].
    pub fn start(self, config: Config) -> Result<AnyOwner, ConfigError> {
        // Without a backend there is nothing to match, and nobody to use it.
        let _ = &config;
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio => backstay_tokio::TokioOwner::new(config).map(AnyOwner::new),
            #[cfg(feature = "smol")]
            Self::Smol => backstay_smol::SmolOwner::new(config).map(AnyOwner::new),
            #[cfg(feature = "async-std")]
            Self::AsyncStd => backstay_async_std::AsyncStdOwner::new(config).map(AnyOwner::new),
            #[cfg(feature = "sim")]
            Self::Sim => backstay_sim::SimOwner::new(config).map(AnyOwner::new),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        Self::ALL
            .iter()
            .copied()
            .find(|backend| backend.name() == name)
            .ok_or_else(|| UnknownBackend { name: name.to_owned() })
    }
}

/// In a file it is its name.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Backend {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl serde::de::Visitor<'_> for Name {
            type Value = Backend;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a runtime")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Backend, E> {
                name.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Name)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Backend {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// No backend of this name was compiled in; its text lists those that were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBackend {
    name: String,
}

impl UnknownBackend {
    /// The name that was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for UnknownBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown runtime `{}`: ", self.name)?;
        let names: Vec<_> = Backend::ALL.iter().map(|backend| backend.name()).collect();
        match names.as_slice() {
            [] => f.write_str(
                "backstay was built without a backend; enable the feature `tokio`, `smol`, `async-std` or `sim`",
            ),
            names => write!(f, "expected one of {}", names.join(", ")),
        }
    }
}

impl Error for UnknownBackend {}
