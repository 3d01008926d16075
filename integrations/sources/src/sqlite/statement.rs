//! A query that is carried out: its statement stays open between the rows.

use super::error::SqlError;
use super::queue::{Made, Queue, Room};
use super::work::{Job, Work};
use crate::waking::unharmed;
use rusqlite::{CachedStatement, Connection, Error as Source, Params, Row};
use std::mem;
use std::sync::Arc;

/// A query makes so many rows before the worker looks at what else there is.
const TURN: usize = 64;

/// A query that is to be begun.
pub(super) trait Start: Send {
    fn job(&self) -> Arc<dyn Job>;

    /// Compiles the statement; `None` if that is its end already.
    fn start<'c>(self: Box<Self>, connection: &'c Connection, work: &'c Work) -> Option<Box<dyn Open + 'c>>;
}

/// A query that has begun.
pub(super) trait Open {
    fn job(&self) -> Arc<dyn Job>;

    /// Whether it waits for its reader.
    fn is_parked(&self) -> bool;

    /// Whether it has no reader any more.
    fn is_abandoned(&self) -> bool;

    /// Makes some rows; tells whether there is more to come.
    fn turn(&mut self) -> bool;
}

/// What was asked for.
pub(super) struct Query<T, P, F> {
    pub(super) queue: Arc<Queue<T>>,
    pub(super) params: P,
    pub(super) map: F,
}

struct OpenQuery<'c, T, F> {
    statement: CachedStatement<'c>,
    map: F,
    queue: Arc<Queue<T>>,
    row: u64,
    work: &'c Work,
}

impl<T, P, F> Start for Query<T, P, F>
where
    T: Send + 'static,
    P: Params + Send,
    F: FnMut(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
{
    fn job(&self) -> Arc<dyn Job> {
        Arc::clone(&self.queue) as _
    }

    fn start<'c>(self: Box<Self>, connection: &'c Connection, work: &'c Work) -> Option<Box<dyn Open + 'c>> {
        let Self { queue, params, map } = *self;
        let bound = connection.prepare_cached(queue.sql()).and_then(|mut statement| {
            // The rows end, and the statement is reset, when this is dropped; here it goes on.
            mem::forget(statement.query(params)?);
            Ok(statement)
        });
        match bound {
            Ok(statement) => Some(Box::new(OpenQuery { statement, map, queue, row: 0, work })),
            Err(source) => {
                queue.end(Some(work.error(Some(queue.sql()), source)));
                None
            }
        }
    }
}

impl<T, F> Open for OpenQuery<'_, T, F>
where
    T: Send + 'static,
    F: FnMut(&Row<'_>) -> rusqlite::Result<T>,
{
    fn job(&self) -> Arc<dyn Job> {
        Arc::clone(&self.queue) as _
    }

    fn is_parked(&self) -> bool {
        self.queue.is_parked()
    }

    fn is_abandoned(&self) -> bool {
        self.queue.is_abandoned()
    }

    fn turn(&mut self) -> bool {
        // Goes on where the last turn has ended: the statement was not reset.
        let mut rows = self.statement.raw_query();
        for _ in 0..TURN {
            let made = match rows.next() {
                Ok(Some(row)) => {
                    self.row += 1;
                    (self.map)(row).map_err(|source| of_row(self.queue.sql(), self.row, row, source))
                }
                Ok(None) => {
                    self.queue.end(None);
                    return false;
                }
                Err(source) => {
                    self.queue.end(Some(self.work.error(Some(self.queue.sql()), source)));
                    return false;
                }
            };
            match self.queue.push(made) {
                Room::Some => {}
                Room::Full => break,
                Room::Abandoned => return false,
            }
        }
        mem::forget(rows);
        true
    }
}

impl<T, F> Drop for OpenQuery<'_, T, F> {
    fn drop(&mut self) {
        // Resets the statement: it goes back to the cache, and would hold its lock on the database from there.
        drop(self.statement.raw_query());
        unharmed(|| self.queue.end(Some(SqlError::Closed)));
    }
}

/// What a row's error means.
fn of_row(sql: &Arc<str>, row_number: u64, row: &Row<'_>, source: Source) -> Box<SqlError> {
    let column = match &source {
        Source::FromSqlConversionFailure(column, ..)
        | Source::IntegralValueOutOfRange(column, _)
        | Source::Utf8Error(column, _)
        | Source::InvalidColumnIndex(column)
        | Source::InvalidColumnType(column, ..) => Some(*column),
        _ => None,
    };
    let name = match (&source, column) {
        (Source::InvalidColumnName(name), _) => Some(name.clone()),
        (_, Some(column)) => row.as_ref().column_name(column).ok().map(str::to_owned),
        _ => None,
    };
    Box::new(SqlError::Row { sql: Arc::clone(sql), row: row_number, column, name, source: Box::new(source) })
}

/// A row, or why there is none, as its reader gets it.
pub(super) fn read<T>(made: Made<T>) -> Result<T, SqlError> {
    made.map_err(|error| *error)
}
