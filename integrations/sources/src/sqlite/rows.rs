//! The stream of a query.

use super::error::SqlError;
use super::inbox::{Handle, Request};
use super::queue::{Found, Made, Queue};
use super::statement::{Query, Start, read};
use backstay_core::{Limit, probe};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use rusqlite::{Params, Row};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// So many rows are given in a row before a task that only reads yields.
const READY_BUDGET: u8 = 128;

/// The rows of a query, as values, in the query's order; made by [`Database::query`](super::Database::query).
///
/// Nothing is asked of the database before the first poll. Then rows are made ahead of the reader, as many as
/// [`read_ahead`](super::Open::read_ahead) says: so many wait at most, and as many again may be in the stream's hand,
/// however many the query has. Other statements and queries of the same [`Database`](super::Database) go on meanwhile,
/// and what they change in tables that the query has not finished with may be seen by it or not: SQLite leaves that
/// open.
///
/// # Errors
///
/// Are items. After [`SqlError::Row`] the next row follows; any other is the last item.
///
/// # Cancel safety
///
/// Dropping it ends the query, in the midst of a step too; this waits for nothing. A query that is open holds what
/// locks on the file it needs to read, also while nobody polls it: drop it when enough is read.
#[must_use = "streams do nothing unless you poll them"]
pub struct Rows<T: Send + 'static> {
    // Until it is polled.
    query: Option<Box<dyn Start>>,
    queue: Arc<Queue<T>>,
    // What it has taken from there.
    hand: VecDeque<Made<T>>,
    handle: Handle,
    spent: u8,
    has_ended: bool,
}

impl<T: Send + 'static> Rows<T> {
    pub(super) fn new<P, F>(handle: Handle, sql: Arc<str>, read_ahead: Limit, params: P, map: F) -> Self
    where
        P: Params + Send + 'static,
        F: FnMut(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let queue = Queue::new(sql, read_ahead);
        let query = Query { queue: Arc::clone(&queue), params, map };
        let (query, hand) = (Some(Box::new(query) as _), VecDeque::new());
        Self { query, queue, hand, handle, spent: 0, has_ended: false }
    }

    fn give(&mut self) -> Option<Result<T, SqlError>> {
        let made = self.hand.pop_front()?;
        self.spent = self.spent.saturating_add(1);
        Some(read(made))
    }
}

impl<T: Send + 'static> Stream for Rows<T> {
    type Item = Result<T, SqlError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.spent >= READY_BUDGET {
            this.spent = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(row) = this.give() {
            return Poll::Ready(Some(row));
        }
        if this.has_ended {
            return Poll::Ready(None);
        }
        if let Some(query) = this.query.take()
            && this.handle.inbox().submit(Request::Query(query)).is_err()
        {
            this.queue.end(Some(SqlError::Closed));
        }
        match this.queue.poll_take(&mut this.hand, cx) {
            Poll::Ready(Found::Rows { was_parked }) => {
                if was_parked {
                    this.handle.inbox().ring();
                }
                Poll::Ready(this.give())
            }
            Poll::Ready(Found::End) => {
                this.has_ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => {
                this.spent = 0;
                probe::waiting(|| format!("a row of `{}`", this.queue.sql()));
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.has_ended {
            return (0, Some(0));
        }
        let (waiting, is_all) = self.queue.left();
        let least = self.hand.len().saturating_add(waiting);
        (least, is_all.then_some(least))
    }
}

impl<T: Send + 'static> FusedStream for Rows<T> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

// Nothing in it is pinned.
impl<T: Send + 'static> Unpin for Rows<T> {}

impl<T: Send + 'static> Drop for Rows<T> {
    fn drop(&mut self) {
        if self.query.is_none() && !self.has_ended {
            self.queue.abandon();
            self.handle.inbox().ring();
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("sql", self.queue.sql())
            .field("in_hand", &self.hand.len())
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
