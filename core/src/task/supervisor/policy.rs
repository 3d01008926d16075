//! Who is restarted, when, with whom, and how it is stopped.

use std::time::Duration;

/// Which children are restarted with one that has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Strategy {
    /// Itself alone: for children that don't depend on each other.
    #[default]
    #[doc(alias = "one_for_one")]
    OneForOne,
    /// All: for children that are of no use without each other.
    #[doc(alias = "one_for_all")]
    OneForAll,
    /// Itself and those after it: for children that depend on those before them.
    #[doc(alias = "rest_for_one")]
    RestForOne,
    /// Itself alone; and there is no order: children are started at once and stopped all together. For many children of
    /// a kind, added and removed while it runs: one for each connection, say.
    #[doc(alias = "simple_one_for_one")]
    #[doc(alias = "DynamicSupervisor")]
    Dynamic,
}

/// Whether a child is started again when it has ended by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Restart {
    /// Always, also when it has ended well: for what is meant to run for ever.
    #[default]
    Permanent,
    /// When it has failed: for work that has an end.
    Transient,
    /// Never: its failure is nobody's matter but that of who watches the events.
    Temporary,
}

/// How much time a child has to stop.
///
/// The limit is for the child's own task. What it leaves behind of what it owned below its
/// [context](super::ChildContext) is awaited beyond it, for as long as that takes: a blocking function, say, which
/// can't be aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum StopLimit {
    /// Its token is cancelled; when it still runs after so long, it is aborted. The default, with five seconds.
    Within(#[cfg_attr(feature = "serde", serde(with = "crate::time::human"))] Duration),
    /// None: it is aborted at once.
    #[doc(alias = "brutal_kill")]
    Brutal,
    /// Its token is cancelled, and it is waited for as long as it takes: for a child that is a supervisor, whose
    /// children have their own limits.
    #[doc(alias = "infinity")]
    Unlimited,
}

impl Default for StopLimit {
    fn default() -> Self {
        Self::Within(Duration::from_secs(5))
    }
}

/// Whether a supervisor stops when [significant](super::ChildSpec::significant) children have ended by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum AutoShutdown {
    /// It goes on, whoever ends; no child may be significant.
    #[default]
    Never,
    /// It stops as soon as one of them has ended.
    AnySignificant,
    /// It stops when the last of them has ended.
    AllSignificant,
}

crate::settings_of_its_own!(Strategy, AutoShutdown);
