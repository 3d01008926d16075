//! Which calls are given up first.

use std::fmt;

/// How important a call is: where not all can be served, the lower ones are given up first.
///
/// The four levels of Google's [*Site Reliability Engineering*][book], which calls them criticality. It found that they
/// are enough, and that a request should hand its own on to whatever it causes: to the calls it makes, and over the
/// network in a header or field.
///
/// | level | of what | served, when capacity is planned |
/// |---|---|---|
/// | `Sheddable` | batch jobs that can run later | not always |
/// | `SheddablePlus` | batch jobs that try again in minutes or hours | mostly |
/// | `Critical` | whatever users would notice; the default | always |
/// | `CriticalPlus` | the few things whose failure is a serious matter | always |
///
/// It is orthogonal to how soon an answer is needed: suggestions while a user types are urgent, and can be shed.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::Priority;
///
/// assert!(Priority::Sheddable < Priority::default() && Priority::default() < Priority::CriticalPlus);
/// // From the header of a request, and into that of the next.
/// let priority = Priority::from_name("sheddable_plus").unwrap_or_default();
/// assert_eq!((priority, priority.as_str()), (Priority::SheddablePlus, "sheddable_plus"));
/// ```
///
/// [book]: https://sre.google/sre-book/handling-overload/
#[doc(alias = "criticality")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Priority {
    /// Can be refused often, and for long.
    Sheddable,
    /// Can be refused now and then.
    SheddablePlus,
    /// Users notice when it is refused.
    #[default]
    Critical,
    /// Is refused when nothing else is left to refuse.
    CriticalPlus,
}

impl Priority {
    /// All of them, the lowest first.
    pub const ALL: [Self; 4] = [Self::Sheddable, Self::SheddablePlus, Self::Critical, Self::CriticalPlus];

    /// Its name: `critical_plus`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sheddable => "sheddable",
            Self::SheddablePlus => "sheddable_plus",
            Self::Critical => "critical",
            Self::CriticalPlus => "critical_plus",
        }
    }

    /// The one of that [name](Self::as_str).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == name)
    }

    /// Its place in [`ALL`](Self::ALL).
    pub(super) const fn level(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_names_are_those_of_the_list() {
        for (level, priority) in Priority::ALL.into_iter().enumerate() {
            assert_eq!(priority.level(), level);
            assert_eq!(Priority::from_name(priority.as_str()), Some(priority));
            assert_eq!(priority.to_string(), priority.as_str());
        }
        assert!(Priority::ALL.is_sorted());
        assert_eq!(Priority::from_name("CRITICAL"), None);
    }
}
