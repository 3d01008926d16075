//! A limit to the time between two items.

use super::expiry::{Came, Expiry, expires};
use super::stream_timeout::StreamTimeout;
use crate::runtime::Runtime;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// Ends with an error when no item comes for too long; of
    /// [`FlowExt::item_timeout`](crate::stream::FlowExt::item_timeout).
    ///
    /// For a source that should always have something to say, and hangs when it says nothing: a connection with
    /// heartbeats, a feed. With a limit of 3 ms (`!` is the error):
    ///
    /// ```text
    ///   in  a--b-c-----d|
    ///  out  a--b-c--(!|)
    /// ```
    ///
    /// Items are `Ok`. When the limit passes, the last item is
    /// `Err(`[`StreamTimeout::Item`]`)`, and then comes the end. The source is dropped before the error is given.
    ///
    /// | | |
    /// |---|---|
    /// | what is counted | the time from a poll that found nothing to the next item: **time in which the reader is busy is not the source's**, and is not counted, but once it waits, it also counts when it looks elsewhere |
    /// | the first item | has as long, from the first poll |
    /// | an item just when the limit passes | comes first, and the stream goes on. So does one that is there when a late reader looks |
    /// | the end | in time, it is the end |
    /// | a limit of zero | an item that is not there at once is too late |
    /// | a limit of [`Duration::MAX`] | none |
    ///
    /// As the `timeout` of RxJS with `each`, which counts the reader's time too, as nothing there waits for a reader.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of `next` loses nothing; the time goes on.
    ///
    /// # Cost
    ///
    /// Items that are ready cost nothing: no clock is read, no timer touched. The timer is moved when it fires, and not
    /// with every item; it is what is allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::{FlowExt, StreamTimeout};
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// const LIMIT: Duration = Duration::from_secs(30);
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let hangs = stream::iter([1, 2]).chain(stream::pending());
    ///     hangs.item_timeout(&rt, LIMIT).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [Ok(1), Ok(2), Err(StreamTimeout::Item { limit: LIMIT })]);
    /// assert_eq!(run.elapsed, LIMIT);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct ItemTimeout<S, R: Runtime> {
        #[pin]
        inner: Expiry<S, R>,
    }
}

impl<S: Stream, R: Runtime> ItemTimeout<S, R> {
    pub(crate) fn new(source: S, rt: &R, limit: Duration) -> Self {
        Self { inner: Expiry::new(source, rt, limit) }
    }
}

impl<S: Stream, R: Runtime> Stream for ItemTimeout<S, R> {
    type Item = Result<S::Item, StreamTimeout>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inner = self.project().inner;
        let came = ready!(inner.as_mut().poll(cx));
        inner.as_mut().stop();
        Poll::Ready(match came {
            Came::Item(item) => Some(Ok(item)),
            Came::End => None,
            Came::Late => Some(Err(StreamTimeout::Item { limit: inner.limit() })),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.limited_size_hint()
    }
}

expires!(ItemTimeout);
