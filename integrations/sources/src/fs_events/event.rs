//! What has changed.

use std::path::{Path, PathBuf};

/// What has changed, of a path, since the last event of that path.
///
/// Renamed is [`Removed`](Self::Removed) under the old name and [`Created`](Self::Created) under the new one, as far as
/// they are watched. Paths are absolute.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_sources::fs_events::{FsEvent, watch};
/// use futures::StreamExt;
///
/// Sim::builder().run(|rt| async move {
///     let (fs, mut changes) = watch(&rt, "/").simulated();
///     fs.removed("/draft"); // renamed
///     fs.created("/letter");
///     fs.modified("/letter"); // is told with its creation
///     drop(fs);
///     let (mut gone, mut there) = (Vec::new(), Vec::new());
///     while let Some(event) = changes.next().await {
///         match event.unwrap() {
///             FsEvent::Created { path } | FsEvent::Modified { path } => there.push(path),
///             FsEvent::Removed { path } => gone.push(path),
///             FsEvent::Rescan { .. } => unreachable!("nothing was lost"),
///             _ => {}
///         }
///     }
///     assert_eq!((gone, there), (vec!["/draft".into()], vec!["/letter".into()]));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FsEvent {
    /// A file or folder is there that was not, or that took the place of another.
    Created {
        /// Its path.
        path: PathBuf,
    },
    /// Its contents or its attributes have changed, or it was removed and made again.
    Modified {
        /// Its path.
        path: PathBuf,
    },
    /// It is there no more.
    Removed {
        /// Its path.
        path: PathBuf,
    },
    /// Events were lost: look at everything that is watched. Where the system has lost them, folders in folders that
    /// were made at that time are not watched; to have these too, watch anew.
    Rescan {
        /// How many; zero where the system has lost them, which doesn't count them.
        lost: u64,
    },
}

impl FsEvent {
    /// The path; none for [`Rescan`](Self::Rescan).
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Created { path } | Self::Modified { path } | Self::Removed { path } => Some(path),
            Self::Rescan { .. } => None,
        }
    }
}

/// What happens to the event of another path when so many as there are places have changed and were not read.
///
/// In either case what is lost is counted, and the reader is told by [`FsEvent::Rescan`].
///
/// # Examples
///
/// See [`FsWatch::overflow`](super::FsWatch::overflow).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Overflow {
    /// It is lost.
    #[default]
    DropNewest,
    /// The one that would be told next is lost.
    DropOldest,
}
