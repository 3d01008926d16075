//! A limit to the time of a whole stream.

use super::expiry::{Came, Expiry, expires};
use super::stream_timeout::StreamTimeout;
use crate::runtime::Runtime;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// Ends with an error when the stream has not ended in time; of
    /// [`FlowExt::total_timeout`](crate::stream::FlowExt::total_timeout).
    ///
    /// For work that as a whole must be over by then, however well it goes: a request's, a test's. With a limit of 8 ms
    /// (`!` is the error):
    ///
    /// ```text
    ///   in  a--b--c--d|
    ///  out  a--b--c-(!|)
    /// ```
    ///
    /// Items are `Ok`. When the limit passes, the last item is
    /// `Err(`[`StreamTimeout::Total`]`)`, and then comes the end. The source is dropped before the error is given.
    ///
    /// | | |
    /// |---|---|
    /// | what is counted | all the time from the first poll on, the reader's too |
    /// | an item or the end just when the limit passes | comes first |
    /// | later | nothing is taken from the source any more, not even what is ready: a source that was given by `&mut` still has it. So a reader that is busy until then gets the error instead of the end |
    /// | a source that is always ready | keeps the limit from nothing: the clock is looked at before each item |
    /// | a limit of zero | what is ready in the first moment |
    /// | a limit of [`Duration::MAX`] | none |
    ///
    /// A limit that is shared with other work is better a [`Deadline`](crate::time::Deadline) around all of it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of `next` loses nothing; the time goes on.
    ///
    /// # Cost
    ///
    /// An item costs a look at the clock. The timer is set once, and is what is allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::{FlowExt, StreamTimeout};
    /// use backstay::testing::{Failure, Sim};
    /// use backstay::time::ticker;
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// const LIMIT: Duration = Duration::from_millis(2_500);
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let endless = ticker(&rt, Duration::from_secs(1)).build().unwrap().map(|tick| tick.missed);
    ///     endless.total_timeout(&rt, LIMIT).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [Ok(0), Ok(0), Ok(0), Err(StreamTimeout::Total { limit: LIMIT })]);
    /// assert_eq!(run.elapsed, LIMIT);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct TotalTimeout<S, R: Runtime> {
        #[pin]
        inner: Expiry<S, R>,
    }
}

impl<S: Stream, R: Runtime> TotalTimeout<S, R> {
    pub(crate) fn new(source: S, rt: &R, limit: Duration) -> Self {
        Self { inner: Expiry::new(source, rt, limit) }
    }
}

impl<S: Stream, R: Runtime> Stream for TotalTimeout<S, R> {
    type Item = Result<S::Item, StreamTimeout>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inner = self.project().inner;
        // What is there at the first poll is in time, however fast the clock runs.
        let is_late = !inner.as_mut().start() && inner.as_mut().is_late();
        let came = if is_late { Came::Late } else { ready!(inner.as_mut().poll(cx)) };
        Poll::Ready(match came {
            Came::Item(item) => Some(Ok(item)),
            Came::End => None,
            Came::Late => Some(Err(StreamTimeout::Total { limit: inner.limit() })),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.limited_size_hint()
    }
}

expires!(TotalTimeout);
