//! What a job is called.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// What a job is called: a name that it was given, or the place in the source where it was made.
#[derive(Clone, PartialEq, Eq)]
pub struct JobName {
    text: Text,
    location: &'static Location<'static>,
}

#[derive(Clone, PartialEq, Eq)]
enum Text {
    None,
    Static(&'static str),
    Shared(Arc<str>),
}

impl JobName {
    #[track_caller]
    pub(super) const fn here() -> Self {
        Self { text: Text::None, location: Location::caller() }
    }

    /// The same name, of a job that was made there.
    pub(super) fn made_at(mut self, location: &'static Location<'static>) -> Self {
        self.location = location;
        self
    }

    /// The name that it was given.
    pub fn given(&self) -> Option<&str> {
        match &self.text {
            Text::None => None,
            Text::Static(name) => Some(name),
            Text::Shared(name) => Some(name),
        }
    }

    /// Where it was made.
    pub const fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl From<&'static str> for JobName {
    #[track_caller]
    fn from(name: &'static str) -> Self {
        Self { text: Text::Static(name), location: Location::caller() }
    }
}

impl From<String> for JobName {
    #[track_caller]
    fn from(name: String) -> Self {
        Self::from(Arc::from(name))
    }
}

impl From<Arc<str>> for JobName {
    #[track_caller]
    fn from(name: Arc<str>) -> Self {
        Self { text: Text::Shared(name), location: Location::caller() }
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.given() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}:{}", self.location.file(), self.location.line()),
        }
    }
}

impl fmt::Debug for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}
