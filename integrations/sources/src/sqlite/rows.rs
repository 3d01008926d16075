//! The stream of a query.

use super::error::SqlError;
use super::inbox::{Handle, Request};
use super::queue::{Found, Made, Queue};
use super::statement::{Query, Start, read};
use crate::turns::Turns;
use backstay_core::{Limit, probe};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use rusqlite::{Params, Row};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The rows of a query, as values, in the query's order; made by [`Database::query`](super::Database::query).
///
/// Nothing is asked of the database before the first poll. Then rows are made ahead of the reader, as far as
/// [`read_ahead`](super::Open::read_ahead) says: so many wait at most, and as many again may be in the stream's hand,
/// however many the query has. They are given as soon as they are made, or a quarter of a millisecond later where many
/// are made in that time. Other statements and queries of the same [`Database`](super::Database) go on meanwhile,
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
    turns: Turns,
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
        Self { query, queue, hand, handle, turns: Turns::new(), has_ended: false }
    }

    fn give(&mut self) -> Option<Result<T, SqlError>> {
        self.hand.pop_front().map(read)
    }

    fn poll_row(&mut self, cx: &Context<'_>) -> Poll<Option<Result<T, SqlError>>> {
        if let Some(row) = self.give() {
            return Poll::Ready(Some(row));
        }
        if self.has_ended {
            return Poll::Ready(None);
        }
        if let Some(query) = self.query.take()
            && self.handle.inbox().submit(Request::Query(query)).is_err()
        {
            self.queue.end(Some(SqlError::Closed));
        }
        match self.queue.poll_take(&mut self.hand, cx) {
            Poll::Ready(Found::Rows { was_parked }) => {
                if was_parked {
                    self.handle.inbox().ring();
                }
                Poll::Ready(self.give())
            }
            Poll::Ready(Found::End) => {
                self.has_ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => {
                probe::waiting(|| format!("a row of `{}`", self.queue.sql()));
                Poll::Pending
            }
        }
    }
}

impl<T: Send + 'static> Stream for Rows<T> {
    type Item = Result<T, SqlError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.turns.poll_mine(cx).is_pending() {
            return Poll::Pending;
        }
        let poll = self.poll_row(cx);
        self.turns.note(&poll);
        poll
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
