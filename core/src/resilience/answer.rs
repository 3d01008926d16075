//! A value, and where it comes from.

use std::time::Duration;

/// What [`Call::detailed`](super::Call::detailed) gives: the value, and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// The value.
    pub value: T,
    /// Whose value it is.
    pub source: Source,
    /// How often the operation was called: zero if a policy refused it and the value is a fallback's.
    pub attempts: u32,
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The operation.
    Operation,
    /// What stood in for it, since it had none.
    Fallback,
    /// The operation, earlier: the [last good value](super::LastGood) stood in for it, since it had none.
    Stale {
        /// How long ago it was good.
        age: Duration,
    },
}

/// A [`Source`] in one word, as a call keeps it: what has padding in it is moved byte by byte, with all that is beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackedSource(u64);

impl PackedSource {
    pub(super) const OPERATION: Self = Self(0);
    const FALLBACK: Self = Self(1);
    /// Stale, of no age; the age in nanoseconds comes on top of it.
    const STALE: u64 = 2;
}

impl From<Source> for PackedSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Operation => Self::OPERATION,
            Source::Fallback => Self::FALLBACK,
            Source::Stale { age } => {
                let nanos = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                Self(nanos.saturating_add(Self::STALE))
            }
        }
    }
}

impl From<PackedSource> for Source {
    fn from(packed: PackedSource) -> Self {
        match packed {
            PackedSource::OPERATION => Self::Operation,
            PackedSource::FALLBACK => Self::Fallback,
            PackedSource(nanos) => {
                Self::Stale { age: Duration::from_nanos(nanos.saturating_sub(PackedSource::STALE)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_the_same_when_it_is_unpacked() {
        let ages = [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(86_400)];
        let stale = ages.map(|age| Source::Stale { age });
        for source in [Source::Operation, Source::Fallback].into_iter().chain(stale) {
            assert_eq!(Source::from(PackedSource::from(source)), source);
        }
        let Source::Stale { age } = PackedSource::from(Source::Stale { age: Duration::MAX }).into() else {
            panic!("it is stale");
        };
        assert!(age > Duration::from_secs(500 * 365 * 86_400));
    }
}
