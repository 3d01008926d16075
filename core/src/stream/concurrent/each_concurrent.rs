//! A body for each item, at most so many of which run at a time.

use super::map_concurrent::MapConcurrent;
use crate::future::window::Window;
use crate::limit::Limit;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of [`FlowExt::each_concurrent`](crate::stream::FlowExt::each_concurrent); ready when the source has
    /// ended and all bodies have.
    ///
    /// The source is polled beside the bodies whenever there is a place for another. While all places are taken it is
    /// not; but what is in flight in a [`MapConcurrent`] goes on even then.
    ///
    /// # Fairness
    ///
    /// That of [`MapConcurrent`]. After 128 bodies that were ready in a row it is pending once.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the bodies that run, and the source. Polled by `&mut`, it goes on where it was.
    ///
    /// # Panics
    ///
    /// A panic of a body or of the source goes on here.
    ///
    /// # Cost
    ///
    /// That of [`MapConcurrent`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct EachConcurrent<S, B, Fut: Future> {
        #[pin]
        bodies: MapConcurrent<S, B, Fut>,
    }
}

#[allow(private_bounds, reason = "the windows are the two that there are")]
impl<S, F, Fut, W> MapConcurrent<S, F, Fut, W>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
    W: Window<Fut>,
{
    /// [`FlowExt::each_concurrent`](crate::stream::FlowExt::each_concurrent), which also drives what is in flight here
    /// while all its bodies are busy.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{Limit, Runtime};
    /// use futures::stream;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let rt = &rt;
    ///     let request = |id| async move { rt.sleep(Duration::from_millis(20)).await; id };
    ///     let store = |_| rt.sleep(Duration::from_millis(10));
    ///     let two = Limit::new(2).unwrap();
    ///     stream::iter(0..4).map_concurrent(two, request).each_concurrent(two, store).await;
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_millis(50)); // two by two, stored while the next two run
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn each_concurrent<B, BodyFut>(
        self,
        limit: impl Into<Limit>,
        body: B,
    ) -> EachConcurrent<Self, B, BodyFut>
    where
        B: FnMut(Fut::Output) -> BodyFut,
        BodyFut: Future<Output = ()>,
    {
        EachConcurrent::new(self.map_concurrent(limit, body))
    }
}

impl<S, B, Fut: Future> EachConcurrent<S, B, Fut> {
    pub(crate) const fn new(bodies: MapConcurrent<S, B, Fut>) -> Self {
        Self { bodies }
    }
}

impl<S, B, Fut> Future for EachConcurrent<S, B, Fut>
where
    S: Stream,
    B: FnMut(S::Item) -> Fut,
    Fut: Future<Output = ()>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut bodies = self.project().bodies;
        while ready!(bodies.as_mut().poll_next(cx)).is_some() {}
        Poll::Ready(())
    }
}

impl<S, B, Fut: Future> fmt::Debug for EachConcurrent<S, B, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EachConcurrent").field("bodies", &self.bodies).finish()
    }
}
