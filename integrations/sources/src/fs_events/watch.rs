//! What is to be watched, and how.

use super::config::{self, FsWatchConfig};
use super::error::FsError;
use super::event::Overflow;
use super::shared::Shared;
use super::simulated::SimulatedFs;
use super::stream::FsEvents;
use super::watcher::Watcher;
use backstay_core::{Limit, Runtime};
use std::fmt;
use std::mem;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Watches a folder, or a file; to be awaited, after options if any.
///
/// Of a folder, what is in it is told, and not what is in its folders, unless [all](FsWatch::recursive) is to be. Of a
/// file, the folder is watched and only the file told: so it is also seen when another takes its place, as editors do
/// it, and when it is removed and made again. What changes in a file that a link leads to is not told of the link.
///
/// # Errors
///
/// [`FsError::NotFound`] for a path that is not there, by the future; [`FsError::Limit`] and [`FsError::Watch`] where
/// the system refuses.
///
/// # Cancel safety
///
/// See [`WatchFuture`].
///
/// # Examples
///
/// ```
/// use backstay::{BlockOn, Config, smol::SmolOwner};
/// use backstay_sources::fs_events::{FsError, watch};
/// use std::time::Duration;
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().to_owned();
/// let owner = SmolOwner::new(Config::new())?;
/// let rt = owner.runtime().clone();
/// owner.block_on(async move {
///     let changes = watch(&rt, &folder).recursive().quiet(Duration::from_millis(200)).await?;
///     drop(changes);
///
///     let error = watch(&rt, "/no/such/folder").await.unwrap_err();
///     assert!(matches!(error, FsError::NotFound { .. }));
///     assert_eq!(error.to_string(), "there is no `/no/such/folder` to be watched");
///     Ok::<(), FsError>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "inotify")]
#[doc(alias = "notify")]
pub fn watch<R: Runtime>(rt: &R, path: impl AsRef<Path>) -> FsWatch<R> {
    FsWatch { rt: rt.clone(), paths: vec![path.as_ref().to_owned()], config: FsWatchConfig::new() }
}

/// What is to be watched, and how; made by [`watch`].
///
/// # Examples
///
/// See [`watch`].
#[must_use = "it does nothing unless you `.await` it"]
pub struct FsWatch<R> {
    rt: R,
    paths: Vec<PathBuf>,
    config: FsWatchConfig,
}

impl<R: Runtime> FsWatch<R> {
    /// How long a path must not have changed before it is told, unless set.
    pub const QUIET: Duration = config::QUIET;

    /// When it is told although it changes all the time, unless set.
    pub const AT_LATEST: Duration = config::AT_LATEST;

    /// How many paths that have changed wait to be told, unless set.
    pub const CAPACITY: NonZeroUsize = config::CAPACITY;

    /// All options that can be in a file, in place of those there were.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{FsWatchConfig, watch};
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let mut config = FsWatchConfig::default();
    ///     config.recursive = true;
    ///     assert_eq!(watch(&rt, "/etc").config(config).as_config(), watch(&rt, "/etc").recursive().as_config());
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn config(mut self, config: FsWatchConfig) -> Self {
        self.config = config;
        self
    }

    /// The options, as they are now.
    pub const fn as_config(&self) -> &FsWatchConfig {
        &self.config
    }

    /// Watches this folder or file too.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{BlockOn, Config, smol::SmolOwner};
    /// use backstay_sources::fs_events::{FsError, FsEvent, watch};
    /// use futures::TryStreamExt;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path().canonicalize()?;
    /// let owner = SmolOwner::new(Config::new())?;
    /// let rt = owner.runtime().clone();
    /// owner.block_on(async move {
    ///     let (letters, bills) = (folder.join("letters"), folder.join("bills"));
    ///     for folder in [&letters, &bills] {
    ///         std::fs::create_dir(folder).unwrap();
    ///     }
    ///     let mut changes = watch(&rt, &letters).and(&bills).await?;
    ///     std::fs::write(bills.join("one"), "1000").unwrap();
    ///     assert_eq!(changes.try_next().await?, Some(FsEvent::Created { path: bills.join("one") }));
    ///     Ok::<(), FsError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn and(mut self, path: impl AsRef<Path>) -> Self {
        self.paths.push(path.as_ref().to_owned());
        self
    }

    /// Watches also the folders in folders, those too that are made later. What is in a folder when it is noticed is
    /// told as created; what is made in it at that very moment may be told twice. Links in folders are told, but not
    /// followed.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{BlockOn, Config, smol::SmolOwner};
    /// use backstay_sources::fs_events::{FsError, FsEvent, watch};
    /// use futures::TryStreamExt;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path().canonicalize()?;
    /// let owner = SmolOwner::new(Config::new())?;
    /// let rt = owner.runtime().clone();
    /// owner.block_on(async move {
    ///     let inner = folder.join("inner");
    ///     std::fs::create_dir(&inner).unwrap();
    ///     let mut changes = watch(&rt, &folder).recursive().await?;
    ///     let letter = inner.join("letter.txt");
    ///     std::fs::write(&letter, "Dear reader,").unwrap();
    ///     while let Some(event) = changes.try_next().await? {
    ///         if event == (FsEvent::Created { path: letter.clone() }) {
    ///             break; // that of a folder in the folder
    ///         }
    ///     }
    ///     Ok::<(), FsError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn recursive(mut self) -> Self {
        self.config.recursive = true;
        self
    }

    /// How long a path must not have changed before it is told. Zero: it is told as soon as it is read.
    /// [`Duration::MAX`]: only at the latest time.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{watch};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let ms = Duration::from_millis;
    ///     let (fs, mut changes) = watch(&rt, "/").quiet(ms(30)).simulated();
    ///     let start = rt.now();
    ///     fs.modified("/log");
    ///     rt.sleep(ms(20)).await;
    ///     fs.modified("/log"); // it was not quiet for long enough
    ///     changes.next().await.unwrap().unwrap();
    ///     assert_eq!(rt.now() - start, ms(20 + 30));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn quiet(mut self, quiet: Duration) -> Self {
        self.config.quiet = quiet;
        self
    }

    /// How long after its first change a path is told although it changes all the time, as a log does.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{watch};
    /// use futures::{FutureExt, StreamExt};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let ms = Duration::from_millis;
    ///     let (fs, mut changes) = watch(&rt, "/").quiet(ms(30)).at_latest(ms(100)).simulated();
    ///     let start = rt.now();
    ///     let log = async {
    ///         loop {
    ///             fs.modified("/log"); // never quiet
    ///             rt.sleep(ms(20)).await;
    ///         }
    ///     };
    ///     futures::select_biased! {
    ///         event = changes.next() => assert!(event.unwrap().is_ok()),
    ///         () = log.fuse() => {}
    ///     }
    ///     assert_eq!(rt.now() - start, ms(100));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn at_latest(mut self, at_latest: Duration) -> Self {
        self.config.at_latest = at_latest;
        self
    }

    /// How many paths that have changed wait to be told, beyond which the [overflow policy](Self::overflow) decides. One
    /// that changes again takes no other place.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Limit, Runtime};
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{FsEvent, watch};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (fs, mut changes) = watch(&rt, "/").capacity(Limit::new(2).unwrap()).simulated();
    ///     for path in ["/a", "/b", "/a", "/c"] {
    ///         fs.modified(path); // there is no place for the last
    ///     }
    ///     rt.sleep(Duration::from_secs(1)).await;
    ///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Rescan { lost: 1 });
    ///     for path in ["/a", "/b"] {
    ///         assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Modified { path: path.into() });
    ///     }
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn capacity(mut self, paths: impl Into<Limit>) -> Self {
        self.config.capacity = paths.into();
        self
    }

    /// What is lost when there is no place.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Limit, Runtime};
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{FsEvent, Overflow, watch};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (fs, mut changes) = watch(&rt, "/").capacity(Limit::ONE).overflow(Overflow::DropOldest).simulated();
    ///     fs.modified("/old");
    ///     fs.modified("/new");
    ///     rt.sleep(Duration::from_secs(1)).await;
    ///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Rescan { lost: 1 });
    ///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Modified { path: "/new".into() });
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.config.overflow = overflow;
        self
    }

    /// The same stream with changes that a test makes up: nothing of the system is touched, so that it works on the
    /// simulated runtime. What is to be watched is of no meaning.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay::Runtime;
    /// use backstay_sources::fs_events::{FsEvent, watch};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (fs, mut changes) = watch(&rt, "/etc").quiet(Duration::from_millis(50)).simulated();
    ///     fs.created("/etc/motd");
    ///     fs.modified("/etc/motd");
    ///     let before = rt.now();
    ///     let event = changes.next().await.unwrap().unwrap();
    ///     assert_eq!(event, FsEvent::Created { path: "/etc/motd".into() });
    ///     assert_eq!(rt.now() - before, Duration::from_millis(50));
    ///     drop(fs);
    ///     assert!(changes.next().await.is_none());
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn simulated(self) -> (SimulatedFs<R>, FsEvents<R>) {
        let shared = Shared::new(self.config);
        let fs = SimulatedFs::new(self.rt.clone(), Arc::clone(&shared));
        (fs, FsEvents::new(self.rt, shared, self.config, None))
    }
}

impl<R: Runtime> IntoFuture for FsWatch<R> {
    type Output = Result<FsEvents<R>, FsError>;
    type IntoFuture = WatchFuture<R>;

    fn into_future(self) -> WatchFuture<R> {
        WatchFuture(State::New(self))
    }
}

impl<R: Runtime> fmt::Debug for FsWatch<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FsWatch")
            .field("paths", &self.paths)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The future of an [`FsWatch`]: the system is asked on a thread that may block, as it may have to walk through many
/// folders.
///
/// # Cancel safety
///
/// Dropped, it watches nothing; a walk through folders that has begun goes to its end first.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct WatchFuture<R: Runtime>(State<R>);

enum State<R: Runtime> {
    New(FsWatch<R>),
    Starting { watch: FsWatch<R>, shared: Arc<Shared>, watcher: R::BlockingHandle<Result<Watcher, FsError>> },
    Done,
}

impl<R: Runtime> Future for WatchFuture<R> {
    type Output = Result<FsEvents<R>, FsError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let State::New(_) = this.0
            && let State::New(watch) = mem::replace(&mut this.0, State::Done)
        {
            let shared = Shared::new(watch.config);
            let watcher = watch.start(&shared);
            this.0 = State::Starting { watch, shared, watcher };
        }
        let State::Starting { watcher, .. } = &mut this.0 else { return Poll::Pending };
        let started = ready!(Pin::new(watcher).poll(cx));
        let State::Starting { watch, shared, .. } = mem::replace(&mut this.0, State::Done) else {
            return Poll::Pending;
        };
        let path = || watch.paths.first().cloned().unwrap_or_default();
        let watcher = started.map_err(|source| FsError::Runtime { path: path(), source }).flatten();
        Poll::Ready(watcher.map(|watcher| FsEvents::new(watch.rt, shared, watch.config, Some(watcher))))
    }
}

impl<R: Runtime> fmt::Debug for WatchFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchFuture").finish_non_exhaustive()
    }
}

impl<R: Runtime> FsWatch<R> {
    fn start(&self, shared: &Arc<Shared>) -> R::BlockingHandle<Result<Watcher, FsError>> {
        let (paths, is_recursive) = (self.paths.clone(), self.config.recursive);
        let (rt, shared) = (self.rt.clone(), Arc::clone(shared));
        self.rt.spawn_blocking(move || Watcher::start(rt, paths, is_recursive, shared))
    }
}
