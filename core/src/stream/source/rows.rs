//! Rows that come by the page: of a database, of an API.

use crate::ready_budget::ReadyBudget;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

/// A page of rows, and where the next one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The rows, in order. A page may be empty, also in the middle.
    pub rows: Vec<T>,
    /// Where the next page is; `None` for the last.
    pub next: Option<C>,
}

/// A stream of rows that come by the page: `fetch` gives the page at a cursor, `None` for the first.
///
/// A cursor is whatever tells where a page is: an offset, the last key, a token of the other side. The next page is
/// fetched when the rows of the one before are read, and nothing before the first poll; with
/// [`prefetch`](Rows::prefetch) it is fetched while those are read.
///
/// # The end
///
/// After a page without a next one. An error is an item, and the last: what comes after a page that isn't there nobody
/// knows. A fetch that may fail now and then belongs into a [`Retry`](crate::resilience::Retry) inside of `fetch`; to go
/// on later, keep the cursor that `fetch` got, and [start](Rows::starting_at) there.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next row loses nothing: the fetch goes on with the next one. Dropping the
/// stream drops it.
///
/// # Panics
///
/// If `fetch` or its future does, and the stream ends after it.
///
/// # Cost
///
/// Nothing but what `fetch` makes: rows are given out of their page's own `Vec`. After 128 rows that were there at once
/// it yields, so that a timeout or a stop signal around it fires; an empty page counts like a row.
///
/// # Examples
///
/// ```
/// use backstay_core::stream::{Page, rows};
/// use futures::TryStreamExt;
///
/// /// What a database would do: up to three rows after that key.
/// async fn select(after: Option<u32>) -> Result<Page<u32, u32>, std::io::Error> {
///     let rows: Vec<_> = (0..8).filter(|row| after.is_none_or(|after| *row > after)).take(3).collect();
///     let next = rows.last().copied();
///     Ok(Page { rows, next })
/// }
///
/// # futures::executor::block_on(async {
/// let all: Vec<_> = rows(select).try_collect().await?;
/// assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7]);
/// let rest: Vec<_> = rows(select).starting_at(5).prefetch().try_collect().await?;
/// assert_eq!(rest, [6, 7]);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "paginate")]
#[doc(alias = "try_unfold")]
#[doc(alias = "expand")]
pub fn rows<T, C, E, F, Fut>(fetch: F) -> Rows<T, C, E, F, Fut>
where
    F: FnMut(Option<C>) -> Fut,
    Fut: Future<Output = Result<Page<T, C>, E>>,
{
    Rows {
        fetch,
        fetching: None,
        fetched: None,
        rows: Vec::new().into_iter(),
        next: Some(None),
        prefetches: false,
        budget: ReadyBudget::new(),
        has_ended: false,
    }
}

pin_project! {
    /// The stream of [`rows()`].
    #[must_use = "streams do nothing unless you poll them"]
    pub struct Rows<T, C, E, F, Fut> {
        fetch: F,
        #[pin]
        fetching: Option<Fut>,
        // The page after this one, or why there is none.
        fetched: Option<Result<Page<T, C>, E>>,
        // Of this page.
        rows: vec::IntoIter<T>,
        // Where the next page is that has not been asked for, if there is one; the first has no cursor.
        next: Option<Option<C>>,
        prefetches: bool,
        budget: ReadyBudget,
        has_ended: bool,
    }
}

impl<T, C, E, F, Fut> Rows<T, C, E, F, Fut> {
    /// Begins with the page at `cursor`.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::{Page, rows};
    /// use futures::TryStreamExt;
    /// use std::convert::Infallible;
    ///
    /// const NAMES: [&str; 5] = ["ann", "bob", "cy", "dan", "eve"];
    ///
    /// /// Two at a time, from an offset on.
    /// async fn fetch(offset: Option<usize>) -> Result<Page<&'static str, usize>, Infallible> {
    ///     let offset = offset.unwrap_or(0);
    ///     let next = (offset + 2 < NAMES.len()).then_some(offset + 2);
    ///     Ok(Page { rows: NAMES.iter().copied().skip(offset).take(2).collect(), next })
    /// }
    ///
    /// # futures::executor::block_on(async {
    /// let rest: Vec<_> = rows(fetch).starting_at(3).try_collect().await?;
    /// assert_eq!(rest, ["dan", "eve"]);
    /// # Ok::<(), Infallible>(())
    /// # }).unwrap();
    /// ```
    pub fn starting_at(mut self, cursor: C) -> Self {
        self.next = Some(Some(cursor));
        self
    }

    /// The next page is fetched while the rows of one are read: it is begun with the first of them, and polled with each.
    /// One page more is held.
    ///
    /// It gets on only when the stream is polled: while the reader waits for something else, it stands still. For a
    /// fetch that goes on by itself, let it be a task's, or run the stream `spawned`.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::stream::{Page, rows};
    /// use futures::StreamExt;
    /// use std::{convert::Infallible, pin::pin, time::Duration};
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let fetch = async |page: Option<u32>| {
    ///         rt.sleep(Duration::from_millis(20)).await;
    ///         let page = page.unwrap_or(0);
    ///         Ok::<_, Infallible>(Page { rows: vec![page; 3], next: (page < 1).then_some(page + 1) })
    ///     };
    ///     let mut rows = pin!(rows(fetch).prefetch());
    ///     while let Some(_) = rows.next().await {
    ///         rt.sleep(Duration::from_millis(10)).await;
    ///     }
    /// })?;
    /// // The second page comes while the first is read: 20 ms less.
    /// assert_eq!(run.elapsed, Duration::from_millis(80));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn prefetch(mut self) -> Self {
        self.prefetches = true;
        self
    }
}

impl<T, C, E, F, Fut> Stream for Rows<T, C, E, F, Fut>
where
    F: FnMut(Option<C>) -> Fut,
    Fut: Future<Output = Result<Page<T, C>, E>>,
{
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        let mut this = self.project();
        loop {
            if *this.has_ended {
                return Poll::Ready(None);
            }
            ready!(this.budget.poll_proceed(cx));
            let is_read = this.rows.len() == 0;
            if (is_read || *this.prefetches)
                && let Some(cursor) = this.next.take()
            {
                let page = (this.fetch)(cursor);
                this.fetching.set(Some(page));
            }
            if let Some(fetching) = this.fetching.as_mut().as_pin_mut() {
                // So it stays, if the future panics.
                *this.has_ended = true;
                let page = fetching.poll(cx);
                *this.has_ended = false;
                if let Poll::Ready(page) = page {
                    this.fetching.set(None);
                    *this.fetched = Some(page);
                }
            }
            if let Some(row) = this.rows.next() {
                this.budget.spend();
                return Poll::Ready(Some(Ok(row)));
            }
            match this.fetched.take() {
                Some(Ok(page)) => {
                    *this.rows = page.rows.into_iter();
                    *this.next = page.next.map(Some);
                    if this.rows.len() == 0 {
                        this.budget.spend();
                    }
                }
                Some(Err(error)) => {
                    *this.has_ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None if this.fetching.is_some() => {
                    this.budget.refill();
                    return Poll::Pending;
                }
                None => *this.has_ended = true,
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.has_ended {
            return (0, Some(0));
        }
        let left = self.rows.len();
        let is_last = self.next.is_none() && self.fetching.is_none() && self.fetched.is_none();
        (left, is_last.then_some(left))
    }
}

impl<T, C, E, F, Fut> FusedStream for Rows<T, C, E, F, Fut>
where
    F: FnMut(Option<C>) -> Fut,
    Fut: Future<Output = Result<Page<T, C>, E>>,
{
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<T, C, E, F, Fut> fmt::Debug for Rows<T, C, E, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("left", &self.rows.len())
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
