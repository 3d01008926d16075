//! How a database is opened.

use super::config::{self, DatabaseConfig};
use super::database::Database;
use super::error::SqlError;
use super::inbox::{Handle, Inbox};
use super::work::Work;
use super::worker;
use crate::waking::unharmed;
use backstay_core::Limit;
use backstay_core::channel::oneshot;
use rusqlite::{Connection, OpenFlags};
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

impl Database {
    /// Opens the file at `path`, or makes it; to be awaited, after options if any.
    ///
    /// # Errors
    ///
    /// [`SqlError::Open`], where the system or SQLite refuse; [`SqlError::Corrupt`], if it is no database;
    /// [`SqlError::Thread`], if no thread can be had.
    ///
    /// # Cancel safety
    ///
    /// See [`OpenFuture`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::{Database, SqlError};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let db = Database::open(&path).await?;
    /// db.execute("CREATE TABLE numbers (number)", []).await?;
    /// drop(db.release().await?);
    ///
    /// // What was written is there when it is opened again; a file that is no database is refused.
    /// let db = Database::open(&path).await?;
    /// assert_eq!(db.execute("INSERT INTO numbers VALUES (1)", []).await?, 1);
    ///
    /// let letter = path.with_extension("txt");
    /// std::fs::write(&letter, "Dear reader, this is no database. ".repeat(20)).unwrap();
    /// assert!(matches!(Database::open(letter).await, Err(SqlError::Corrupt { .. })));
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Open {
        Open::file(path.as_ref().to_owned())
    }

    /// Takes a connection that is open: in memory, with functions of the program's own, or with other settings. It gets
    /// a busy handler and a progress handler in the place of any that it has.
    ///
    /// # Errors
    ///
    /// [`SqlError::Thread`], if no thread can be had.
    ///
    /// # Cancel safety
    ///
    /// See [`OpenFuture`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::Database;
    /// use backstay_sources::sqlite::rusqlite::Connection;
    ///
    /// # futures::executor::block_on(async {
    /// let db = Database::from_connection(Connection::open_in_memory()?).await?;
    /// db.execute("CREATE TABLE numbers (number)", []).await?;
    /// let connection = db.release().await?; // as it was
    /// # drop(connection); Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn from_connection(connection: Connection) -> Open {
        Open::connection(connection)
    }
}

/// Opens a database when it is awaited; made by [`Database::open`] and [`Database::from_connection`].
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_sources::sqlite::{Database, SqlError};
/// use std::time::Duration;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("some.db");
/// # futures::executor::block_on(async {
/// let db = Database::open(path)
///     .busy_timeout(Duration::from_millis(200))
///     .read_ahead(Limit::new(1_000).unwrap())
///     .await?;
/// db.execute_batch("PRAGMA journal_mode = WAL").await?;
///
/// let error = Database::open("/no/such/folder/some.db").await.unwrap_err();
/// assert!(matches!(error, SqlError::Open { .. }));
/// assert_eq!(error.to_string(), "could not open the database `/no/such/folder/some.db`");
/// # Ok::<(), SqlError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "it does nothing unless you `.await` it"]
pub struct Open {
    from: From,
    config: DatabaseConfig,
}

enum From {
    File(PathBuf, OpenFlags),
    // Boxed, as it is much larger.
    Connection(Box<Connection>),
}

impl Open {
    /// How long a statement waits for a lock that another connection holds, unless set.
    pub const BUSY_TIMEOUT: Duration = config::BUSY_TIMEOUT;

    /// How many rows of a query wait to be read at most, unless set.
    pub const READ_AHEAD: NonZeroUsize = config::READ_AHEAD;

    pub(super) fn file(path: PathBuf) -> Self {
        Self::new(From::File(path, OpenFlags::default()))
    }

    pub(super) fn connection(connection: Connection) -> Self {
        Self::new(From::Connection(Box::new(connection)))
    }

    fn new(from: From) -> Self {
        Self { from, config: DatabaseConfig::new() }
    }

    /// All options that can be in a file, in place of those there were.
    pub const fn config(mut self, config: DatabaseConfig) -> Self {
        self.config = config;
        self
    }

    /// The options, as they are now.
    pub const fn as_config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// How long a statement waits for a lock that another connection holds, before it is [`SqlError::Busy`]. Zero: not
    /// at all. [`Duration::MAX`]: until it has it. The wait ends at once when its future or stream is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::rusqlite::Connection;
    /// use backstay_sources::sqlite::{Database, SqlError};
    /// use std::time::Duration;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let other = Connection::open(&path).unwrap();
    /// other.execute_batch("CREATE TABLE numbers (number); BEGIN EXCLUSIVE").unwrap(); // locks it
    ///
    /// let db = Database::open(path).busy_timeout(Duration::from_millis(20)).await?;
    /// let error = db.execute("INSERT INTO numbers VALUES (1)", []).await.unwrap_err();
    /// assert!(matches!(error, SqlError::Busy { waited, .. } if waited >= Duration::from_millis(20)));
    ///
    /// other.execute_batch("COMMIT").unwrap();
    /// db.execute("INSERT INTO numbers VALUES (1)", []).await?;
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub const fn busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.config.busy_timeout = busy_timeout;
        self
    }

    /// How many rows of a query wait to be read at most, before it makes no more; with as many again in the hand of the
    /// stream. Of rows that take long to make, as large ones do, fewer wait: as many as are made in half a millisecond.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_sources::sqlite::{Database, SqlError};
    /// use futures::TryStreamExt;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let db = Database::open(path).read_ahead(Limit::ONE).await?;
    /// let endless = "WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n) SELECT n FROM n";
    /// let made = Arc::new(AtomicU64::new(0));
    /// let count = Arc::clone(&made);
    /// let mut rows = db.query(endless, [], move |row| {
    ///     count.fetch_add(1, Ordering::Relaxed);
    ///     row.get::<_, i64>("n")
    /// });
    /// for number in 1..=10 {
    ///     assert_eq!(rows.try_next().await?, Some(number));
    /// }
    /// // Of rows without end, some more have been made, and no more.
    /// assert!(made.load(Ordering::Relaxed) <= 12);
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub fn read_ahead(mut self, rows: impl Into<Limit>) -> Self {
        self.config.read_ahead = rows.into();
        self
    }

    /// How a file is opened: SQLite's flags, such as [`OpenFlags::SQLITE_OPEN_READ_ONLY`]. Unless set, for reading and
    /// writing, and made if it is not there. Of no meaning for a connection that is open already.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::rusqlite::{ErrorCode, OpenFlags};
    /// use backstay_sources::sqlite::{Database, SqlError};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let error = Database::open(&path).flags(OpenFlags::SQLITE_OPEN_READ_ONLY).await.unwrap_err();
    /// assert!(matches!(error, SqlError::Open { .. })); // it is not there, and is not made
    ///
    /// Database::open(&path).await?.execute("CREATE TABLE numbers (number)", []).await?;
    /// let db = Database::open(&path).flags(OpenFlags::SQLITE_OPEN_READ_ONLY).await?;
    /// let error = db.execute("INSERT INTO numbers VALUES (1)", []).await.unwrap_err();
    /// assert_eq!(error.code(), Some(ErrorCode::ReadOnly));
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub fn flags(mut self, flags: OpenFlags) -> Self {
        if let From::File(_, own) = &mut self.from {
            *own = flags;
        }
        self
    }
}

impl IntoFuture for Open {
    type Output = Result<Database, SqlError>;
    type IntoFuture = OpenFuture;

    fn into_future(self) -> OpenFuture {
        OpenFuture(State::New(self))
    }
}

/// The future of an [`Open`].
///
/// # Cancel safety
///
/// Dropped, it opens nothing, or what it has opened is closed.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct OpenFuture(State);

#[derive(Debug)]
enum State {
    New(Open),
    Waiting(Option<Database>, oneshot::Receiver<Result<(), SqlError>>),
    Done,
}

impl Future for OpenFuture {
    type Output = Result<Database, SqlError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0 = match std::mem::replace(&mut self.0, State::Done) {
            State::New(open) => match open.begin() {
                Ok((database, opened)) => State::Waiting(Some(database), opened),
                Err(error) => return Poll::Ready(Err(error)),
            },
            other => other,
        };
        let State::Waiting(database, opened) = &mut self.0 else { return Poll::Ready(Err(SqlError::Closed)) };
        let opened = ready!(Pin::new(opened).poll(cx)).unwrap_or(Err(SqlError::Closed));
        let database = database.take();
        self.0 = State::Done;
        Poll::Ready(opened.and_then(|()| database.ok_or(SqlError::Closed)))
    }
}

impl Open {
    fn begin(self) -> Result<(Database, oneshot::Receiver<Result<(), SqlError>>), SqlError> {
        let Self { from, config: DatabaseConfig { busy_timeout, read_ahead } } = self;
        let inbox = Arc::new(Inbox::default());
        let path = match &from {
            From::File(path, _) => Some(path.clone()),
            From::Connection(_) => None,
        };
        let work = Work::new(Arc::clone(&inbox) as _, path, busy_timeout);
        let database = Database::new(Handle::new(Arc::clone(&inbox)), Arc::clone(&work), read_ahead);
        let (reply, opened) = oneshot::channel();
        let run = move || match from.open(&work) {
            Ok(connection) => {
                // Whoever doesn't want it any more has no handle either.
                unharmed(|| drop(reply.send(Ok(()))));
                worker::run(connection, &inbox, &work);
            }
            Err(error) => unharmed(|| drop(reply.send(Err(error)))),
        };
        let thread = thread::Builder::new().name("backstay-sqlite".to_owned()).spawn(run);
        thread.map_err(|source| SqlError::Thread { source })?;
        Ok((database, opened))
    }
}

impl From {
    fn open(self, work: &Arc<Work>) -> Result<Connection, SqlError> {
        let mut connection = match self {
            Self::Connection(connection) => *connection,
            Self::File(path, flags) => {
                let connection = Connection::open_with_flags(&path, flags)
                    .map_err(|source| SqlError::Open { path, source: Box::new(source) })?;
                // A file that is no database would be noticed by the first statement only. Not if it is locked: that
                // is no reason to wait here.
                let looked = connection
                    .busy_timeout(Duration::ZERO)
                    .and_then(|()| connection.query_row("PRAGMA schema_version", [], |_| Ok(())));
                if let Err(error @ SqlError::Corrupt { .. }) =
                    looked.map_err(|source| work.error(None, source))
                {
                    return Err(error);
                }
                connection
            }
        };
        work.arm(&mut connection).map_err(|source| work.error(None, source))?;
        Ok(connection)
    }
}

impl fmt::Debug for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, _) => path.fmt(f),
            Self::Connection(_) => f.write_str("Connection"),
        }
    }
}
