//! Why something can't be watched, or no more.

use backstay_core::JoinError;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a path can't be watched, or is watched no more.
#[derive(Debug)]
#[non_exhaustive]
pub enum FsError {
    /// There is no such file or folder.
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// A folder that was watched is gone: removed, or moved away. Of a file, its folder. Nothing more is told of it,
    /// also if another takes its place.
    Gone {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The system's limit of watches is reached (on Linux `fs.inotify.max_user_watches`): what is in this folder is not
    /// told.
    Limit {
        /// The path.
        path: PathBuf,
    },
    /// The system refuses, or fails.
    Watch {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The runtime could not look at the path.
    Runtime {
        /// The path.
        path: PathBuf,
        /// Why.
        source: JoinError,
    },
}

impl FsError {
    /// The path.
    pub fn path(&self) -> &Path {
        match self {
            Self::NotFound { path }
            | Self::Gone { path }
            | Self::Limit { path }
            | Self::Watch { path, .. }
            | Self::Runtime { path, .. } => path,
        }
    }

    /// What an error of the watcher means; it is about `path` if it says nothing else.
    pub(super) fn of(path: &Path, error: notify::Error) -> Self {
        let path = error.paths.first().map_or(path, |path| path).to_owned();
        match error.kind {
            notify::ErrorKind::PathNotFound => Self::NotFound { path },
            notify::ErrorKind::MaxFilesWatch => Self::Limit { path },
            notify::ErrorKind::Io(source) => Self::of_io(path, source),
            kind => Self::Watch { path, source: io::Error::other(notify::Error::new(kind)) },
        }
    }

    pub(super) fn of_io(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            _ => Self::Watch { path, source },
        }
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().display();
        match self {
            Self::NotFound { .. } => write!(f, "there is no `{path}` to be watched"),
            Self::Gone { .. } => write!(f, "`{path}` was removed while it was watched"),
            Self::Limit { .. } => {
                write!(f, "could not watch `{path}`: the system's limit of watches is reached")
            }
            Self::Watch { .. } | Self::Runtime { .. } => write!(f, "could not watch `{path}`"),
        }
    }
}

impl Error for FsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Watch { source, .. } => Some(source),
            Self::Runtime { source, .. } => Some(source),
            Self::NotFound { .. } | Self::Gone { .. } | Self::Limit { .. } => None,
        }
    }
}
