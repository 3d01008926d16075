//! What a task is called.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// A task or a job, as reports and errors name it: by the name it was given, or by where it was spawned or made.
///
/// A clone is cheap.
///
/// # Examples
///
/// ```
/// use backstay::{Runtime, task::scope, testing::Sim};
///
/// Sim::builder().run(|rt| async move {
///     let failed = scope(&rt, |s| async move {
///         s.named("refill").spawn(async { Err::<(), _>("no water") });
///         Ok(s.cancelled().await)
///     })
///     .await
///     .unwrap_err();
///     assert_eq!(failed.to_string(), "task `refill` failed: no water");
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[derive(Clone)]
pub struct TaskLabel {
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
    // Which task of its roster it is: two may be called the same. It says nothing to people.
    number: u64,
}

impl TaskLabel {
    pub(in crate::task) const fn new(name: Option<Arc<str>>, location: &'static Location<'static>) -> Self {
        Self { name, location, number: u64::MAX }
    }

    /// The same, of the task with this number.
    pub(super) fn numbered(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    pub(in crate::task) const fn number(&self) -> u64 {
        self.number
    }

    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What it is called, and no word of what it is.
    pub(in crate::task) const fn bare(&self) -> Bare<'_> {
        Bare(self)
    }

    /// Where it was spawned; of a job, where that was made.
    pub const fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

/// Of the same name and place.
impl PartialEq for TaskLabel {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.location) == (&other.name, other.location)
    }
}

impl Eq for TaskLabel {}

impl fmt::Display for TaskLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(_) => write!(f, "task `{}`", self.bare()),
            None => write!(f, "the task of {}", self.bare()),
        }
    }
}

/// Of a label.
pub(in crate::task) struct Bare<'a>(&'a TaskLabel);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{}:{}", self.0.location.file(), self.0.location.line()),
        }
    }
}

impl fmt::Debug for TaskLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}
