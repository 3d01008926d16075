//! Errors that name their path.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What is inside an [`io::Error`] of this module: at which step it went wrong, with which path, and the
/// operating system's own error as the source.
///
/// # Examples
///
/// ```
/// use backstay_core::fs::FsError;
/// use std::io;
/// use std::path::Path;
///
/// let error = FsError::wrap("write", "/etc/motd", io::ErrorKind::StorageFull.into());
/// assert_eq!(error.kind(), io::ErrorKind::StorageFull);
/// assert_eq!(error.to_string(), "write /etc/motd: no storage space");
/// let inner = error.get_ref().unwrap().downcast_ref::<FsError>().unwrap();
/// assert_eq!((inner.step(), inner.path()), ("write", Path::new("/etc/motd")));
/// ```
#[derive(Debug)]
pub struct FsError {
    step: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FsError {
    /// Gives `source` a step and a path, and keeps its kind.
    pub fn wrap(step: &'static str, path: impl Into<PathBuf>, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), Self { step, path: path.into(), source })
    }

    /// What was attempted; the operations list their steps.
    pub fn step(&self) -> &'static str {
        self.step
    }

    /// The path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.step, self.path.display(), self.source)
    }
}

impl Error for FsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
