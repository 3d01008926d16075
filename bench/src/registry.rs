//! The workloads that a program knows.

use crate::entry::Entry;
use crate::size::Size;
use std::error::Error;
use std::fmt;

/// The workloads that a program knows, in the order of its report.
///
/// # Examples
///
/// ```
/// use backstay_bench::entry::Entry;
/// use backstay_bench::registry::Registry;
/// use backstay_bench::workloads::{PingPong, Spawn};
///
/// let registry = Registry::new([Entry::of(Spawn), Entry::of(PingPong)])?;
/// assert_eq!(registry.get("spawn")?.name(), "spawn");
/// assert_eq!(
///     registry.get("spam").unwrap_err().to_string(),
///     "unknown workload `spam`: expected one of spawn, ping-pong",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    entries: Vec<Entry>,
}

impl Registry {
    /// Of these.
    ///
    /// # Errors
    ///
    /// Where a name can't be typed or comes twice, or a workload has no sizes or an impossible one.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Result<Self, BadWorkload> {
        let entries: Vec<_> = entries.into_iter().collect();
        for (place, entry) in entries.iter().enumerate() {
            let bad = |why| Err(BadWorkload { name: entry.name(), why });
            if !is_name(entry.name()) {
                return bad(Why::Name);
            }
            if entries[..place].iter().any(|earlier| earlier.name() == entry.name()) {
                return bad(Why::Twice);
            }
            if entry.sizes().is_empty() {
                return bad(Why::NoSizes);
            }
            for size in entry.sizes().into_iter().chain(entry.large_sizes()).chain([entry.smallest()]) {
                if Size::new(size).is_none() {
                    return bad(Why::Size(size));
                }
            }
        }
        Ok(Self { entries })
    }

    /// All of them.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The one of this name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&Entry, UnknownWorkload> {
        self.entries.iter().find(|entry| entry.name() == name).ok_or_else(|| {
            UnknownWorkload::new(name, self.entries.iter().map(|entry| entry.name().to_owned()).collect())
        })
    }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain)
}

/// A workload that can't be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadWorkload {
    name: &'static str,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Name,
    Twice,
    NoSizes,
    Size(u64),
}

impl fmt::Display for BadWorkload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workload `{}`: ", self.name)?;
        match self.why {
            Why::Name => f.write_str("a name is a lower-case letter, then letters, digits and `-`"),
            Why::Twice => f.write_str("another one has this name"),
            Why::NoSizes => f.write_str("it has no sizes"),
            Why::Size(size) => write!(f, "a size can't be {size}"),
        }
    }
}

impl Error for BadWorkload {}

/// There is no workload of this name; its text lists those that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWorkload {
    name: String,
    known: Vec<String>,
}

impl UnknownWorkload {
    pub(crate) fn new(name: &str, known: Vec<String>) -> Self {
        Self { name: name.to_owned(), known }
    }
}

impl fmt::Display for UnknownWorkload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown workload `{}`: expected one of {}", self.name, self.known.join(", "))
    }
}

impl Error for UnknownWorkload {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::workload::{Load, Units, Workload};
    use backstay::{Net, Runtime};

    #[derive(Clone)]
    struct Named(&'static str, Vec<u64>);

    impl Workload for Named {
        type Measured = Units;

        fn name(&self) -> &'static str {
            self.0
        }

        fn about(&self, load: Load) -> String {
            load.size().to_string()
        }

        fn unit(&self) -> &'static str {
            "thing"
        }

        fn sizes(&self) -> Vec<u64> {
            self.1.clone()
        }

        async fn run<R: Runtime + Net>(&self, _: R, load: Load) -> Result<Units, Failure> {
            Ok(Units(load.size()))
        }
    }

    fn refused(workloads: &[(&'static str, &[u64])]) -> String {
        let entries = workloads.iter().map(|(name, sizes)| Entry::of(Named(name, sizes.to_vec())));
        Registry::new(entries).unwrap_err().to_string()
    }

    #[test]
    fn what_can_t_be_named_or_done_is_refused() {
        for name in ["", "Spawn", "1k", "a/b", "a b", "-a"] {
            let text =
                format!("workload `{name}`: a name is a lower-case letter, then letters, digits and `-`");
            assert_eq!(refused(&[(name, &[1])]), text);
        }
        assert_eq!(
            refused(&[("a", &[1]), ("b", &[1]), ("a", &[2])]),
            "workload `a`: another one has this name"
        );
        assert_eq!(refused(&[("a", &[])]), "workload `a`: it has no sizes");
        assert_eq!(refused(&[("a", &[1, 0])]), "workload `a`: a size can't be 0");
    }
}
