//! The handle.

use super::call::CallFuture;
use super::error::SqlError;
use super::inbox::{Handle, Request};
use super::rows::Rows;
use super::work::Work;
use backstay_core::Limit;
use backstay_core::channel::oneshot;
use rusqlite::{Connection, Params, Row};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A connection to an SQLite database, on a thread of its own. Clones are handles on the same connection.
///
/// Statements are carried out in the order in which their futures are first polled, one at a time; queries that are
/// open make rows between them, in turns, as they are read. So nobody waits for a slow reader, and a loop over the rows
/// of a query can execute statements. Statements that are used again are not compiled again: SQLite's cache of sixteen
/// holds them.
///
/// **A statement that takes long holds up all others of the same `Database`**, and so does one that waits for a lock of
/// another connection, for as long as the [busy timeout](super::Open::busy_timeout) allows; a query does so with each
/// of its rows. Where that matters, give such statements a `Database` of their own, or a short timeout.
///
/// For readers that run at the same time, open the file several times; in the mode
/// [WAL](https://www.sqlite.org/wal.html) they don't wait for writers.
///
/// The thread ends, and the file is closed, when the last handle, its futures and its streams are gone.
///
/// # Cost
///
/// A thread, which sleeps. A statement costs a few allocations, and a wake of the thread and one of the task; what has
/// to be fast in bulk belongs into one [`call`](Self::call), in a transaction. Rows travel in bulk.
///
/// # Examples
///
/// ```
/// use backstay_sources::sqlite::{Database, SqlError};
/// use futures::TryStreamExt;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("some.db");
/// # futures::executor::block_on(async {
/// let db = Database::open(path).await?;
/// db.execute_batch("CREATE TABLE jobs (id, done); INSERT INTO jobs VALUES (1, 0), (2, 0)").await?;
/// let same = db.clone();
///
/// // A statement between the rows of a query.
/// let mut open = db.query("SELECT id FROM jobs WHERE NOT done", [], |row| row.get::<_, u32>(0));
/// while let Some(id) = open.try_next().await? {
///     same.execute("UPDATE jobs SET done = 1 WHERE id = ?1", [id]).await?;
/// }
/// assert_eq!(db.execute("DELETE FROM jobs WHERE done", []).await?, 2);
/// # Ok::<(), SqlError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Database {
    handle: Handle,
    work: Arc<Work>,
    read_ahead: Limit,
}

impl Database {
    pub(super) const fn new(handle: Handle, work: Arc<Work>, read_ahead: Limit) -> Self {
        Self { handle, work, read_ahead }
    }

    /// Carries out one statement that gives no rows; tells how many rows it has changed.
    ///
    /// Parameters are those of `rusqlite`: `[]`, tuples and arrays of what SQLite has, by number or by name.
    ///
    /// # Errors
    ///
    /// [`SqlError::Statement`] with SQLite's error, [`SqlError::Busy`] and its like, by the future.
    ///
    /// # Cancel safety
    ///
    /// See [`CallFuture`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::{Database, SqlError};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let db = Database::open(path).await?;
    /// db.execute("CREATE TABLE ages (name TEXT UNIQUE, age INTEGER)", []).await?;
    /// db.execute("INSERT INTO ages VALUES (?1, ?2)", ("Ada", 36)).await?; // by number
    /// db.execute("INSERT INTO ages VALUES (:name, :age)", &[(":name", "Tim"), (":age", "7")]).await?; // by name
    /// assert_eq!(db.execute("UPDATE ages SET age = age + 1", []).await?, 2);
    ///
    /// let error = db.execute("INSERT INTO ages VALUES (?1, ?2)", ("Ada", 12)).await.unwrap_err();
    /// assert_eq!(error.to_string(), "could not carry out `INSERT INTO ages VALUES (?1, ?2)`");
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub fn execute<P>(&self, sql: impl Into<Arc<str>>, params: P) -> CallFuture<usize>
    where
        P: Params + Send + 'static,
    {
        self.statement(sql.into(), move |connection, sql| connection.prepare_cached(sql)?.execute(params))
    }

    /// Carries out several statements, separated by semicolons; what rows they give is ignored.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute); those before the one that fails have been carried out.
    ///
    /// # Cancel safety
    ///
    /// See [`CallFuture`]. Dropped in the midst of it, those statements that were done before stay done, where no
    /// transaction is open.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::{Database, SqlError};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let db = Database::open(path).await?;
    /// db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE numbers (number)").await?;
    ///
    /// // The third is wrong: the two before it have been carried out.
    /// let batch = "INSERT INTO numbers VALUES (1); INSERT INTO numbers VALUES (2); INSERT INTO numbrs VALUES (3)";
    /// assert!(matches!(db.execute_batch(batch).await, Err(SqlError::Statement { .. })));
    /// assert_eq!(db.execute("DELETE FROM numbers", []).await?, 2);
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub fn execute_batch(&self, sql: impl Into<Arc<str>>) -> CallFuture<()> {
        self.statement(sql.into(), |connection, sql| connection.execute_batch(sql))
    }

    /// The rows of a query, each made a value by `map`, on the thread of the database.
    ///
    /// A statement with `RETURNING` may change rows as well; SQLite makes all its changes before the first row.
    ///
    /// # Errors
    ///
    /// Are items of the stream: see [`Rows`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the stream ends the query: see [`Rows`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::{Database, SqlError};
    /// use futures::{StreamExt, TryStreamExt};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let db = Database::open(path).await?;
    /// db.execute_batch("CREATE TABLE ages (name, age); INSERT INTO ages VALUES ('Ada', 36), ('Bob', 'old')").await?;
    ///
    /// // A row of the wrong type is an item among others.
    /// let mut rows = db.query("SELECT name, age FROM ages", [], |row| Ok((row.get(0)?, row.get(1)?)));
    /// assert_eq!(rows.try_next().await?, Some(("Ada".to_owned(), 36)));
    /// let error = rows.next().await.unwrap().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "could not read row 2, column 1 (`age`) of `SELECT name, age FROM ages`"
    /// );
    /// assert!(rows.next().await.is_none());
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub fn query<T, P, F>(&self, sql: impl Into<Arc<str>>, params: P, map: F) -> Rows<T>
    where
        T: Send + 'static,
        P: Params + Send + 'static,
        F: FnMut(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        Rows::new(self.handle.clone(), sql.into(), self.read_ahead, params, map)
    }

    /// Runs a closure with the connection, on the thread of the database: for transactions, and for much at once.
    /// Nothing else is done on the connection meanwhile.
    ///
    /// A transaction begins with [`Connection::unchecked_transaction`]: it is rolled back if the closure returns or
    /// panics before the commit. The closure must not set other busy or progress handlers.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute), without the statement; [`SqlError::Panicked`] if the closure panics.
    ///
    /// # Cancel safety
    ///
    /// See [`CallFuture`]. Dropped while the closure runs, it interrupts the statement that the closure is at, or comes
    /// to, if that takes long or waits for a lock; the closure itself runs on, with the error of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::{Database, SqlError};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let db = Database::open(path).await?;
    /// db.execute("CREATE TABLE numbers (number)", []).await?;
    /// let numbers = vec![1, 2, 3];
    /// let count = db
    ///     .call(move |connection| {
    ///         let transaction = connection.unchecked_transaction()?;
    ///         let mut insert = transaction.prepare("INSERT INTO numbers VALUES (?1)")?;
    ///         for number in &numbers {
    ///             insert.execute([number])?;
    ///         }
    ///         drop(insert);
    ///         transaction.commit()?;
    ///         Ok(numbers.len())
    ///     })
    ///     .await?;
    /// assert_eq!(count, 3);
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub fn call<T, F>(&self, call: F) -> CallFuture<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let work = Arc::clone(&self.work);
        CallFuture::new(self.handle.clone(), None, move |connection| {
            call(connection).map_err(|source| work.error(None, source))
        })
    }

    /// Gives the connection back, after what was asked for before. Queries that are open end with
    /// [`SqlError::Closed`], and so does all that is asked for later through other handles.
    ///
    /// # Errors
    ///
    /// [`SqlError::Closed`], if it was given back before.
    ///
    /// # Cancel safety
    ///
    /// See [`ReleaseFuture`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::{Database, SqlError};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let db = Database::open(path).await?;
    /// let other = db.clone();
    /// db.execute_batch("CREATE TABLE numbers (number); INSERT INTO numbers VALUES (1)").await?;
    ///
    /// let connection = db.release().await?;
    /// let count: u32 = connection.query_row("SELECT count(*) FROM numbers", [], |row| row.get(0)).unwrap();
    /// assert_eq!(count, 1);
    /// assert!(matches!(other.execute("DELETE FROM numbers", []).await, Err(SqlError::Closed)));
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "close")]
    pub fn release(self) -> ReleaseFuture {
        ReleaseFuture { handle: self.handle, connection: None }
    }

    fn statement<T: Send + 'static>(
        &self,
        sql: Arc<str>,
        carry_out: impl FnOnce(&Connection, &str) -> rusqlite::Result<T> + Send + 'static,
    ) -> CallFuture<T> {
        let (work, own) = (Arc::clone(&self.work), Arc::clone(&sql));
        CallFuture::new(self.handle.clone(), Some(sql), move |connection| {
            carry_out(connection, &own).map_err(|source| work.error(Some(&own), source))
        })
    }
}

/// The future of [`Database::release`].
///
/// # Cancel safety
///
/// Dropped before it was polled, it drops the handle, and nothing else. Dropped later, the connection is closed.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReleaseFuture {
    handle: Handle,
    connection: Option<oneshot::Receiver<Connection>>,
}

impl Future for ReleaseFuture {
    type Output = Result<Connection, SqlError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let receiver = this.connection.get_or_insert_with(|| {
            let (sender, receiver) = oneshot::channel();
            // Given back, it drops the sender: that is its answer.
            let _refused = this.handle.inbox().submit(Request::Release(sender));
            receiver
        });
        Pin::new(receiver).poll(cx).map_err(|_| SqlError::Closed)
    }
}
