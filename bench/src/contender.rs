//! Who takes part in a comparison: a runtime under a name.

use backstay::{Backend, UnknownBackend};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// What is behind the name of a twin.
const MARK: char = '\'';

/// A runtime under a name. In an A/A comparison each takes part twice, the second time as `tokio'`: the same in all
/// but the name, so that a difference between the two is a mistake of the method, or of the machine.
///
/// # Examples
///
/// ```
/// use backstay::Backend;
/// use backstay_bench::contender::Contender;
///
/// let twin = Contender::twin(Backend::Smol);
/// assert_eq!(twin.to_string(), "smol'");
/// assert_eq!("smol'".parse(), Ok(twin));
/// assert_ne!(twin, Contender::from(Backend::Smol));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Contender {
    backend: Backend,
    is_twin: bool,
}

impl Contender {
    /// The runtime's twin.
    pub const fn twin(backend: Backend) -> Self {
        Self { backend, is_twin: true }
    }

    /// The runtime.
    pub const fn backend(self) -> Backend {
        self.backend
    }

    /// Whether it is here for the second time.
    pub const fn is_twin(self) -> bool {
        self.is_twin
    }

    /// The name: the runtime's, and of a twin with a mark.
    pub const fn name(self) -> &'static str {
        match (self.is_twin, self.backend) {
            (true, Backend::Tokio) => "tokio'",
            (true, Backend::Smol) => "smol'",
            (true, Backend::AsyncStd) => "async-std'",
            (_, backend) => backend.name(),
        }
    }
}

/// Under its own name.
impl From<Backend> for Contender {
    fn from(backend: Backend) -> Self {
        Self { backend, is_twin: false }
    }
}

impl PartialEq<Backend> for Contender {
    fn eq(&self, backend: &Backend) -> bool {
        *self == Self::from(*backend)
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Contender {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        match name.strip_suffix(MARK) {
            Some(name) => name.parse().map(Self::twin),
            None => name.parse().map(|backend: Backend| backend.into()),
        }
    }
}

impl Serialize for Contender {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Contender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::RUNTIMES;

    #[test]
    fn every_name_can_be_read() {
        for backend in RUNTIMES {
            for contender in [backend.into(), Contender::twin(backend)] {
                assert_eq!(contender.name().parse(), Ok(contender));
                let json = serde_json::to_string(&contender).unwrap();
                assert_eq!(serde_json::from_str::<Contender>(&json).unwrap(), contender);
            }
            assert_eq!(Contender::twin(backend).name(), format!("{backend}'"));
        }
        assert!("glommio'".parse::<Contender>().is_err() && "tokio''".parse::<Contender>().is_err());
    }
}
