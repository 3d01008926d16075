//! What can go wrong with a database.

use backstay_core::runtime::Panic;
use rusqlite::{Error as Source, ErrorCode};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// So much of a statement is shown.
const SHOWN: usize = 120;

/// Why a database, a statement or a row could not be had.
///
/// Where a statement is named, `sql` is `None` for what a closure of [`Database::call`](super::Database::call) did.
#[derive(Debug)]
#[non_exhaustive]
pub enum SqlError {
    /// The file could not be opened.
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: Box<Source>,
    },
    /// The file is damaged, or is no database. What was read before is not to be trusted either.
    Corrupt {
        /// The file, if the database was opened by its path.
        path: Option<PathBuf>,
        /// The statement in which it was noticed; `None` also where that was when it was opened.
        sql: Option<Arc<str>>,
        /// What SQLite says.
        source: Box<Source>,
    },
    /// Another connection holds a lock on the database, for longer than the
    /// [busy timeout](super::Open::busy_timeout). To be tried again; in the mode
    /// [WAL](https://www.sqlite.org/wal.html) readers don't wait for writers, nor they for readers.
    Busy {
        /// The statement.
        sql: Option<Arc<str>>,
        /// How long it has waited: not at all where waiting would not have helped.
        waited: Duration,
        /// What SQLite says.
        source: Box<Source>,
    },
    /// The statement is wrong, or violates a constraint, or failed.
    Statement {
        /// The statement.
        sql: Option<Arc<str>>,
        /// What SQLite says.
        source: Box<Source>,
    },
    /// A row could not be made a value: a column has another type, is out of range, is not there. Those after it may
    /// be good.
    Row {
        /// The statement.
        sql: Arc<str>,
        /// Which row of the result; the first is 1.
        row: u64,
        /// Which column, from 0 on, where it is about one that exists.
        column: Option<usize>,
        /// Its name in the result, or the name that no column has.
        name: Option<String>,
        /// What is wrong with it.
        source: Box<Source>,
    },
    /// The closure that makes values of rows panicked, or that of a call, or what converts a parameter.
    Panicked {
        /// The statement.
        sql: Option<Arc<str>>,
        /// The panic.
        panic: Panic,
    },
    /// The system refused a thread.
    Thread {
        /// Why.
        source: io::Error,
    },
    /// The database has been [released](super::Database::release).
    Closed,
}

impl SqlError {
    /// What SQLite says.
    pub fn sqlite(&self) -> Option<&Source> {
        match self {
            Self::Open { source, .. }
            | Self::Corrupt { source, .. }
            | Self::Busy { source, .. }
            | Self::Statement { source, .. }
            | Self::Row { source, .. } => Some(source),
            Self::Panicked { .. } | Self::Thread { .. } | Self::Closed => None,
        }
    }

    /// The kind of SQLite's error, such as [`ErrorCode::ConstraintViolation`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::sqlite::rusqlite::ErrorCode;
    /// use backstay_sources::sqlite::{Database, SqlError};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("some.db");
    /// # futures::executor::block_on(async {
    /// let db = Database::open(path).await?;
    /// db.execute("CREATE TABLE names (name UNIQUE)", []).await?;
    /// db.execute("INSERT INTO names VALUES ('Ada')", []).await?;
    /// let error = db.execute("INSERT INTO names VALUES ('Ada')", []).await.unwrap_err();
    /// assert_eq!(error.code(), Some(ErrorCode::ConstraintViolation));
    /// assert!(!error.is_busy());
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub fn code(&self) -> Option<ErrorCode> {
        self.sqlite()?.sqlite_error_code()
    }

    /// Whether the same may succeed later, as nothing but somebody else's lock was in the way.
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
    /// other.execute_batch("CREATE TABLE numbers (number); BEGIN EXCLUSIVE").unwrap();
    ///
    /// let db = Database::open(path).busy_timeout(Duration::ZERO).await?;
    /// while let Err(error) = db.execute("INSERT INTO numbers VALUES (1)", []).await {
    ///     if !error.is_busy() {
    ///         return Err(error);
    ///     }
    ///     other.execute_batch("COMMIT").unwrap(); // whoever has the lock gives it back, some day
    /// }
    /// # Ok::<(), SqlError>(())
    /// # }).unwrap();
    /// ```
    pub const fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// What a statement's error means.
    pub(super) fn of_statement(
        path: Option<&PathBuf>,
        sql: Option<&Arc<str>>,
        waited: Duration,
        source: Source,
    ) -> Self {
        let (code, sql, source) = (code(&source), sql.cloned(), Box::new(source));
        match code {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { path: path.cloned(), sql, source }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { sql, waited, source },
            _ => Self::Statement { sql, source },
        }
    }
}

fn code(source: &Source) -> Option<ErrorCode> {
    match source {
        // Found where a statement is compiled, which reads the file too.
        Source::SqlInputError { error, .. } => Some(error.code),
        other => other.sqlite_error_code(),
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, .. } => write!(f, "could not open the database `{}`", path.display()),
            Self::Corrupt { path: Some(path), .. } => {
                write!(f, "`{}` is damaged, or is no database", path.display())
            }
            Self::Corrupt { path: None, .. } => f.write_str("the database is damaged"),
            Self::Busy { sql, waited, .. } => {
                write!(f, "the database was locked, also after {waited:?}, in {}", Shown(sql.as_deref()))
            }
            Self::Statement { sql, .. } => write!(f, "could not carry out {}", Shown(sql.as_deref())),
            Self::Row { sql, row, column, name, .. } => {
                write!(f, "could not read row {row}")?;
                if let Some(column) = column {
                    write!(f, ", column {column}")?;
                }
                if let Some(name) = name {
                    write!(f, " (`{}`)", name.escape_debug())?;
                }
                write!(f, " of {}", Shown(Some(sql)))
            }
            Self::Panicked { sql, panic } => {
                write!(f, "{} panicked", Shown(sql.as_deref()))?;
                panic.message().map_or(Ok(()), |message| write!(f, ": {message}"))
            }
            Self::Thread { .. } => f.write_str("the system refused a thread for the database"),
            Self::Closed => f.write_str("the database has been closed"),
        }
    }
}

impl Error for SqlError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Thread { source } => Some(source),
            other => other.sqlite().map(|source| source as _),
        }
    }
}

/// A statement in a line of text.
struct Shown<'a>(Option<&'a str>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(sql) = self.0 else { return f.write_str("a call") };
        f.write_str("`")?;
        let mut left = SHOWN;
        for (index, word) in sql.split_whitespace().enumerate() {
            let length = word.chars().count() + 1;
            if length > left {
                return f.write_str(" …`");
            }
            left -= length;
            write!(f, "{}{word}", if index == 0 { "" } else { " " })?;
        }
        f.write_str("`")
    }
}
