//! A query that is carried out: its statement stays open between the rows.

use super::error::SqlError;
use super::queue::{Made, Queue};
use super::work::{Ahead, Job, Work, showing};
use crate::waking::{caught, unharmed};
use rusqlite::{CachedStatement, Connection, Error as Source, Params, Row};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So long a query makes rows before they are shown and the worker looks at what else there is: as long as takes a
/// wake many times over. It begins with turns of one row, of two, and so on, so that the first rows are there soon.
const TURN: Duration = Duration::from_micros(250);

/// After so many rows at most the clock is read, which costs about as much as a row.
const LOOK: usize = 64;

/// Rows that were made in a turn and not shown yet.
struct MadeAhead<T> {
    rows: RefCell<VecDeque<Made<T>>>,
    shown_at: Cell<Instant>,
    // How many may wait to be read.
    places: Cell<usize>,
    queue: Arc<Queue<T>>,
}

impl<T> MadeAhead<T> {
    fn new(queue: Arc<Queue<T>>) -> Self {
        Self { rows: RefCell::default(), shown_at: Cell::new(Instant::now()), places: Cell::new(1), queue }
    }

    fn show(&self) {
        self.shown_at.set(Instant::now());
        // Not borrowed meanwhile: wakers are called, and destructors of rows that nobody wants.
        let mut rows = self.rows.take();
        self.queue.append(&mut rows, self.places.get());
        // Empty, for its memory.
        self.rows.replace(rows);
    }
}

impl<T> Ahead for MadeAhead<T> {
    fn show_if_time(&self) {
        if self.shown_at.get().elapsed() >= TURN {
            self.show();
        }
    }
}

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
    made: Rc<MadeAhead<T>>,
    row: u64,
    turn: usize,
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
            Ok(statement) => {
                let made = Rc::new(MadeAhead::new(queue));
                Some(Box::new(OpenQuery { statement, map, made, row: 0, turn: 1, work }))
            }
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
        Arc::clone(&self.made.queue) as _
    }

    fn is_parked(&self) -> bool {
        self.made.queue.is_parked()
    }

    fn is_abandoned(&self) -> bool {
        self.made.queue.is_abandoned()
    }

    fn turn(&mut self) -> bool {
        let ahead = Rc::clone(&self.made) as _;
        self.made.shown_at.set(Instant::now());
        // A panic comes after the rows that were made before it.
        let end = showing(&ahead, || caught(|| self.make()));
        self.made.show();
        let error = match end {
            Ok(None) => return true,
            Ok(Some(error)) => error,
            Err(panic) => Some(SqlError::Panicked { sql: self.job().sql(), panic }),
        };
        self.made.queue.end(error);
        false
    }
}

impl<T, F> OpenQuery<'_, T, F>
where
    F: FnMut(&Row<'_>) -> rusqlite::Result<T>,
{
    /// Makes some rows. Gives the end, and its error if it is one.
    fn make(&mut self) -> Option<Option<SqlError>> {
        let queue = &self.made.queue;
        // Twice as many, so that it makes some while others are read.
        let places = self.turn.saturating_mul(2).min(queue.capacity());
        let turn = self.turn.min(places.saturating_sub(queue.len()));
        self.made.places.set(places);
        self.turn = places.min(queue.capacity().div_ceil(2));
        // Goes on where the last turn has ended: the statement was not reset.
        let mut rows = self.statement.raw_query();
        for made in 1..=turn {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Some(None),
                Err(source) => return Some(Some(self.work.error(Some(queue.sql()), source))),
            };
            self.row += 1;
            let row = (self.map)(row).map_err(|source| of_row(queue.sql(), self.row, row, source));
            self.made.rows.borrow_mut().push_back(row);
            if (made % LOOK == 0 || made.is_power_of_two())
                && (queue.is_abandoned() || self.made.shown_at.get().elapsed() >= TURN)
            {
                // What takes long to make is large, often: fewer such rows are made ahead.
                self.turn = made;
                break;
            }
        }
        mem::forget(rows);
        None
    }
}

impl<T, F> Drop for OpenQuery<'_, T, F> {
    fn drop(&mut self) {
        // Resets the statement: it goes back to the cache, and would hold its lock on the database from there.
        drop(self.statement.raw_query());
        unharmed(|| self.made.queue.end(Some(SqlError::Closed)));
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
