//! The rows that were made and not read yet.

use super::error::SqlError;
use super::work::Job;
use crate::waking::wake;
use backstay_core::Limit;
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A row, or why there is none; the error is boxed, so that it doesn't make every row larger.
pub(super) type Made<T> = Result<T, Box<SqlError>>;

/// Between a query and its reader: rows come many at a time, and are taken all at once.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    // Read by the worker in the midst of a step.
    is_abandoned: AtomicBool,
    capacity: usize,
    sql: Arc<str>,
}

struct State<T> {
    rows: VecDeque<Made<T>>,
    reader: Option<Waker>,
    // The query makes no more rows until somebody rings.
    is_parked: bool,
    has_ended: bool,
}

/// What the reader has found.
pub(super) enum Found {
    /// Rows are in its hand; the query has to be told to go on, or not.
    Rows {
        was_parked: bool,
    },
    End,
}

impl<T> Queue<T> {
    pub(super) fn new(sql: Arc<str>, capacity: Limit) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                rows: VecDeque::new(),
                reader: None,
                is_parked: false,
                has_ended: false,
            }),
            is_abandoned: AtomicBool::new(false),
            capacity: capacity.get(),
            sql,
        })
    }

    pub(super) fn sql(&self) -> &Arc<str> {
        &self.sql
    }

    /// How many rows may wait at most.
    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many rows wait.
    pub(super) fn len(&self) -> usize {
        self.lock().rows.len()
    }

    /// Adds rows, and leaves none of them; the query waits for its reader if so many are there as have `places`.
    pub(super) fn append(&self, rows: &mut VecDeque<Made<T>>, places: usize) {
        let mut state = self.lock();
        if self.is_abandoned() {
            drop(state);
            rows.clear();
            return;
        }
        if state.rows.is_empty() {
            mem::swap(&mut state.rows, rows);
        } else {
            state.rows.append(rows);
        }
        state.is_parked = state.rows.len() >= places;
        let reader = if state.rows.is_empty() { None } else { state.reader.take() };
        drop(state);
        wake(reader);
    }

    /// No row follows, but this error if there is one. Only the first end counts.
    pub(super) fn end(&self, error: Option<SqlError>) {
        let mut state = self.lock();
        if state.has_ended {
            return;
        }
        state.has_ended = true;
        if !self.is_abandoned() {
            state.rows.extend(error.map(|error| Err(Box::new(error))));
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// Whether it waits for its reader.
    pub(super) fn is_parked(&self) -> bool {
        let state = self.lock();
        state.is_parked && !self.is_abandoned()
    }

    /// Whether nobody reads any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    /// Takes all rows into `hand`, which is empty.
    pub(super) fn poll_take(&self, hand: &mut VecDeque<Made<T>>, cx: &Context<'_>) -> Poll<Found> {
        // Wakers are cloned and dropped outside of the lock, whatever is returned.
        let own = cx.waker().clone();
        let mut state = self.lock();
        if !state.rows.is_empty() {
            mem::swap(&mut state.rows, hand);
            return Poll::Ready(Found::Rows { was_parked: mem::take(&mut state.is_parked) });
        }
        if state.has_ended {
            return Poll::Ready(Found::End);
        }
        let old = state.reader.replace(own);
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// How many rows will come at least, and whether no others will.
    pub(super) fn left(&self) -> (usize, bool) {
        let state = self.lock();
        (state.rows.len(), state.has_ended)
    }

    /// Nobody reads any more.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        self.is_abandoned.store(true, Ordering::Release);
        let left = (mem::take(&mut state.rows), state.reader.take());
        drop(state);
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send> Job for Queue<T> {
    fn is_abandoned(&self) -> bool {
        self.is_abandoned()
    }

    fn sql(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.sql))
    }

    fn fail(&self, error: SqlError) {
        self.end(Some(error));
    }
}
