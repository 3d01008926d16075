//! A limit to the time until the first item.

use super::expiry::{Came, Expiry, expires};
use super::stream_timeout::StreamTimeout;
use crate::runtime::Runtime;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// Ends with an error when the first item does not come in time; of
    /// [`FlowExt::first_timeout`](crate::stream::FlowExt::first_timeout).
    ///
    /// For a source that may be dead, and may be slow once it has shown that it is not. With a limit of 3 ms (`!` is the
    /// error):
    ///
    /// ```text
    ///   in  --a--------b|          in  -----a|
    ///  out  --a--------b|         out  ---(!|)
    /// ```
    ///
    /// Items are `Ok`. When the limit passes, the only item is
    /// `Err(`[`StreamTimeout::First`]`)`, and then comes the end. The source is dropped before the error is given.
    ///
    /// | | |
    /// |---|---|
    /// | what is counted | the time from the first poll that found nothing, whether or not anybody polls then |
    /// | the first item just when the limit passes | comes first. So does one that is there when a late reader looks |
    /// | the end without an item | in time, it is the end |
    /// | a limit of zero | a first item that is not there at once is too late |
    /// | a limit of [`Duration::MAX`] | none |
    ///
    /// As the `timeout` of RxJS with `first`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of `next` loses nothing; the time goes on.
    ///
    /// # Cost
    ///
    /// A look at the clock and a timer, if the first item is not there at once; then nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::{FlowExt, StreamTimeout};
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// const LIMIT: Duration = Duration::from_secs(2);
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let dead = stream::pending::<u32>();
    ///     dead.first_timeout(&rt, LIMIT).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [Err(StreamTimeout::First { limit: LIMIT })]);
    /// assert_eq!(run.value[0].unwrap_err().to_string(), "the first item did not come within 2s");
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct FirstTimeout<S, R: Runtime> {
        #[pin]
        inner: Expiry<S, R>,
        has_come: bool,
    }
}

impl<S: Stream, R: Runtime> FirstTimeout<S, R> {
    pub(crate) fn new(source: S, rt: &R, limit: Duration) -> Self {
        Self { inner: Expiry::new(source, rt, limit), has_come: false }
    }
}

impl<S: Stream, R: Runtime> Stream for FirstTimeout<S, R> {
    type Item = Result<S::Item, StreamTimeout>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.has_come {
            return this.inner.poll_unlimited(cx).map(|item| item.map(Ok));
        }
        let came = ready!(this.inner.as_mut().poll(cx));
        *this.has_come = true;
        Poll::Ready(match came {
            Came::Item(item) => Some(Ok(item)),
            Came::End => None,
            Came::Late => Some(Err(StreamTimeout::First { limit: this.inner.limit() })),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.has_come { self.inner.size_hint() } else { self.inner.limited_size_hint() }
    }
}

expires!(FirstTimeout);
