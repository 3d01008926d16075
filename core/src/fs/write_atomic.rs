//! A file's contents replaced whole, or not at all (recipe 2.7).

#[cfg(unix)]
mod target;
#[cfg(unix)]
mod temporary;
#[cfg(all(test, unix))]
mod tests;

use super::error::FsError;
use crate::runtime::{JoinHandle, Runtime, SpawnSite};
use std::fmt;
use std::io;
use std::mem;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// Writes `contents` to `path` so that whoever reads it sees the old contents or the new, whole, whatever happens
/// meanwhile.
///
/// The contents go to a temporary file in the same directory, which is synced, renamed to `path`, and the directory
/// is synced. When the result is `Ok`, the new contents survive a power failure. All of it runs on the blocking
/// pool.
///
/// | what happens | the file | the temporary file |
/// |---|---|---|
/// | success | is new | is gone |
/// | an error | is old (after the step `sync directory`: new) | is gone |
/// | the future is dropped | is old or new | is gone as soon as the job has noticed |
/// | the process or the machine dies | is old or new | may be left, and the next write of this path removes it |
///
/// The temporary file is called `.NAME.backstay-tmp`, one for each path, so that a crash can leave no more than one
/// (of a name longer than 200 bytes it is a number). It is locked while it is written, and writers of one path,
/// threads or processes, take turns; in which order is up to the operating system. The last to finish wins.
///
/// **What is kept**: the permissions of a file that is replaced; its owner and group where the process may set them
/// (where the group can't be kept, the new group gets what others have). A symbolic link is followed: what it points
/// to is replaced. Not kept: hard links to the old file, which go on showing the old contents, extended attributes,
/// and access control lists.
///
/// **What is refused**: a file that the process may not write, though it could be replaced, also where the
/// process is root and no write bit is set; a directory; anything else that is not a regular file.
///
/// It is for whole files that are small enough for memory: configuration, state, reports. It is not for appending,
/// nor for what several writers change bit by bit: the last one wins, and what the others wrote is lost.
///
/// # Errors
///
/// An [`io::Error`] of the operating system's kind, with an [`FsError`] inside that names the path as it was given,
/// and the step:
///
/// | step | what was attempted | kinds, for example |
/// |---|---|---|
/// | `resolve` | to follow links, to find the directory, to look at the file | `NotFound`, `IsADirectory`, `PermissionDenied`, `InvalidInput` |
/// | `create` | to create the temporary file, or to remove what a crash has left | `PermissionDenied`, `ReadOnlyFilesystem` |
/// | `lock` | to lock the temporary file | `Unsupported` by the file system |
/// | `write` | to write it, and to give it the old permissions | `StorageFull`, `FileTooLarge` |
/// | `sync` | to bring it to the disk | |
/// | `rename` | to put it in place | |
/// | `sync directory` | to bring that to the disk: the new contents are in place, but may not survive a power failure | |
/// | `run` | the blocking job itself: it panicked, or the runtime has ended; the source is the [`JoinError`](crate::JoinError) | `Other` |
///
/// On other systems than Unix it is not there yet: an error of the kind `Unsupported` at `resolve`, and nothing is
/// touched.
///
/// # Cancel safety
///
/// Dropped before its first poll, or while its job is queued, nothing has happened and nothing will. Dropped later,
/// the job stops before its next step (large contents are written in pieces of a mebibyte), removes its temporary
/// file, and the old contents stay; or it has already put the new ones in place. A write of the same path
/// that starts after the drop is never undone by it. While the job waits for another writer's turn to end, it keeps
/// its thread of the pool.
///
/// # Cost
///
/// One blocking job, and two or three allocations beside it. It waits for the disk twice: it is not for files
/// that change many times a second.
///
/// # Panics
///
/// Its future, when it is polled again after it gave its result.
///
/// # Examples
///
/// ```
/// use backstay_core::{BlockOn, Config};
/// use backstay_core::fs::{FsError, write_atomic};
///
/// let owner = backstay_smol::SmolOwner::new(Config::new())?;
/// let rt = owner.runtime().clone();
/// let directory = std::env::temp_dir().join(format!("backstay-doc-{}", std::process::id()));
/// std::fs::create_dir_all(&directory)?;
/// owner.block_on(async {
///     let path = directory.join("state.json");
///     write_atomic(&rt, &path, "{}").await?;
///     write_atomic(&rt, &path, br#"{"users":1}"#.to_vec()).await?;
///     assert_eq!(std::fs::read_to_string(&path)?, r#"{"users":1}"#);
///
///     let error = write_atomic(&rt, directory.join("missing/state.json"), "{}").await.unwrap_err();
///     let inner = error.get_ref().unwrap().downcast_ref::<FsError>().unwrap();
///     assert_eq!((error.kind(), inner.step()), (std::io::ErrorKind::NotFound, "resolve"));
///     Ok::<_, std::io::Error>(())
/// })?;
/// std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "atomicwrites")]
#[doc(alias = "AtomicFile")]
#[doc(alias = "NamedTempFile")]
#[doc(alias = "persist")]
#[track_caller]
pub fn write_atomic<R, C>(rt: &R, path: impl AsRef<Path>, contents: C) -> WriteAtomic<R, C>
where
    R: Runtime,
    C: AsRef<[u8]> + Send + 'static,
{
    WriteAtomic {
        step: Step::Idle {
            rt: rt.clone(),
            path: path.as_ref().to_owned(),
            contents,
            location: Location::caller(),
        },
    }
}

/// [`write_atomic`] on the calling thread, which it blocks: for code that is not async.
///
/// # Errors
///
/// As [`write_atomic`].
///
/// # Examples
///
/// ```
/// use backstay_core::fs::write_atomic_blocking;
///
/// let path = std::env::temp_dir().join(format!("backstay-doc-blocking-{}", std::process::id()));
/// write_atomic_blocking(&path, "whole")?;
/// assert_eq!(std::fs::read_to_string(&path)?, "whole");
/// std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_atomic_blocking(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    replace(path.as_ref(), contents.as_ref(), &|| false)
}

/// The future of [`write_atomic`].
///
/// | step | the job | left by |
/// |---|---|---|
/// | idle | doesn't exist | the first poll |
/// | running | is queued or runs | its result; a drop, which tells it to stop |
/// | ended | has given its result | – |
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct WriteAtomic<R: Runtime, C> {
    step: Step<R, C>,
}

enum Step<R: Runtime, C> {
    Idle { rt: R, path: PathBuf, contents: C, location: &'static Location<'static> },
    Running { job: R::BlockingHandle<io::Result<()>>, shared: Arc<Shared> },
    Ended,
}

/// What the future and its job have in common.
struct Shared {
    path: PathBuf,
    // Nobody waits for the result any more.
    stop: AtomicBool,
}

// Nothing of it is pinned.
impl<R: Runtime, C> Unpin for WriteAtomic<R, C> {}

impl<R: Runtime, C: AsRef<[u8]> + Send + 'static> Future for WriteAtomic<R, C> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Step::Idle { .. } = self.step {
            self.step = mem::replace(&mut self.step, Step::Ended).start();
        }
        let Step::Running { job, shared } = &mut self.step else {
            panic!("write_atomic was polled after it gave its result");
        };
        let result = match ready!(Pin::new(job).poll(cx)) {
            Ok(result) => result,
            Err(error) => Err(FsError::wrap("run", &shared.path, io::Error::other(error))),
        };
        self.step = Step::Ended;
        Poll::Ready(result)
    }
}

impl<R: Runtime, C: AsRef<[u8]> + Send + 'static> Step<R, C> {
    fn start(self) -> Self {
        let Self::Idle { rt, path, contents, location } = self else { return self };
        let shared = Arc::new(Shared { path, stop: AtomicBool::new(false) });
        let site = SpawnSite::new(Some("write_atomic"), location);
        let job = rt.spawn_blocking_from(site, {
            let shared = Arc::clone(&shared);
            move || replace(&shared.path, contents.as_ref(), &|| shared.stop.load(Ordering::Relaxed))
        });
        Self::Running { job, shared }
    }
}

impl<R: Runtime, C> Drop for WriteAtomic<R, C> {
    fn drop(&mut self) {
        if let Step::Running { job, shared } = &self.step {
            shared.stop.store(true, Ordering::Relaxed);
            job.abort();
        }
    }
}

impl<R: Runtime, C> fmt::Debug for WriteAtomic<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, path) = match &self.step {
            Step::Idle { path, .. } => ("idle", Some(path)),
            Step::Running { shared, .. } => ("running", Some(&shared.path)),
            Step::Ended => ("ended", None),
        };
        f.debug_struct("WriteAtomic").field("path", &path).field("step", &format_args!("{step}")).finish()
    }
}

/// Asked between the steps: whether nobody waits for the result any more.
type Stop<'a> = &'a dyn Fn() -> bool;

/// Why a replacement came to no end.
#[cfg(unix)]
enum Failed {
    /// It was told to stop.
    Stopped,
    At(&'static str, io::Error),
}

#[cfg(unix)]
impl Failed {
    /// Gives an error its step.
    fn at(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::At(step, source)
    }

    /// An error if it is to stop.
    fn if_told(stop: Stop<'_>) -> Result<(), Self> {
        if stop() { Err(Self::Stopped) } else { Ok(()) }
    }
}

/// The whole of it, step by step.
#[cfg(unix)]
fn replace(path: &Path, contents: &[u8], stop: Stop<'_>) -> io::Result<()> {
    let steps = || {
        let target = target::Target::resolve(path)?;
        let mut temporary = temporary::Temporary::create(&target, stop)?;
        temporary.write(contents, stop)?;
        temporary.rename(&target)?;
        target.sync_directory()
    };
    steps().map_err(|failed| match failed {
        Failed::At(step, source) => FsError::wrap(step, path, source),
        // Nobody hears it.
        Failed::Stopped => FsError::wrap("stop", path, io::ErrorKind::Interrupted.into()),
    })
}

#[cfg(not(unix))]
fn replace(path: &Path, _contents: &[u8], _stop: Stop<'_>) -> io::Result<()> {
    Err(FsError::wrap("resolve", path, io::ErrorKind::Unsupported.into()))
}
