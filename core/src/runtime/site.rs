//! Where a task came from.

use std::panic::Location;

/// Who spawned a task: the name it was given, and the place in the source.
///
/// # Examples
///
/// ```
/// use backstay_core::runtime::SpawnSite;
/// use std::panic::Location;
///
/// let site = SpawnSite::new(Some("refill"), Location::caller());
/// assert_eq!(site.name(), Some("refill"));
/// assert!(site.location().line() > 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SpawnSite<'a> {
    name: Option<&'a str>,
    location: &'static Location<'static>,
}

impl<'a> SpawnSite<'a> {
    /// A site with a name, if the task has one.
    pub const fn new(name: Option<&'a str>, location: &'static Location<'static>) -> Self {
        Self { name, location }
    }

    /// The task's name.
    pub const fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// File, line and column of the spawn.
    pub const fn location(&self) -> &'static Location<'static> {
        self.location
    }
}
