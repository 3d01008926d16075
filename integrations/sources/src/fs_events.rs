//! What changes in folders and files, as a stream (recipe 4.3): debounced, bounded, with its errors as items.
//!
//! ```
//! use backstay::{BlockOn, Config, smol::SmolOwner};
//! use backstay_sources::fs_events::{FsError, FsEvent, watch};
//! use futures::TryStreamExt;
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().canonicalize()?;
//! let owner = SmolOwner::new(Config::new())?;
//! let rt = owner.runtime().clone();
//! owner.block_on(async move {
//!     let mut changes = watch(&rt, &folder).await?;
//!     let letter = folder.join("letter.txt");
//!     std::fs::write(&letter, "Dear reader,").unwrap();
//!     std::fs::write(&letter, "Dear reader, this is all.").unwrap();
//!     // Told once, when it has been quiet for a moment.
//!     assert_eq!(changes.try_next().await?, Some(FsEvent::Created { path: letter }));
//!     Ok::<(), FsError>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The system is asked by way of the crate `notify`: inotify on Linux, FSEvents on macOS, ReadDirectoryChangesW on
//! Windows, kqueue on the BSDs. Files on network drives and in `/proc` tell nothing, whatever changes.

mod config;
mod debounce;
mod error;
mod event;
mod roots;
mod shared;
mod simulated;
mod stream;
mod watch;
mod watcher;

pub use config::FsWatchConfig;
pub use error::FsError;
pub use event::{FsEvent, Overflow};
pub use simulated::SimulatedFs;
pub use stream::FsEvents;
pub use watch::{FsWatch, WatchFuture, watch};
