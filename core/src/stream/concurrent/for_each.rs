//! A body for one item after the other, beside what is in flight.

use super::progress::Progress;
use crate::probe;
use crate::stream::in_place::poll_in_place;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of [`MapConcurrent::for_each`](super::MapConcurrent::for_each).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the body that runs, what is in flight, and the outputs that wait. Polled by `&mut`, it goes on
    /// where it was.
    ///
    /// # Panics
    ///
    /// A panic of the body or of what is in flight goes on here. Polled again, it goes on with the others.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ForEach<S, B, Fut> {
        #[pin]
        beside: Beside<S, B, Fut>,
    }
}

pin_project! {
    /// The future of [`MapConcurrent::try_for_each`](super::MapConcurrent::try_for_each).
    ///
    /// # Errors
    ///
    /// The first error that an output is, or a body gives.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the body that runs, what is in flight, and the outputs that wait. Polled by `&mut`, it goes on
    /// where it was.
    ///
    /// # Panics
    ///
    /// A panic of the body or of what is in flight goes on here. Polled again, it goes on with the others. After it
    /// has ended, it panics when it is polled.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct TryForEach<S, B, Fut> {
        // None when it has ended.
        #[pin]
        beside: Option<Beside<S, B, Fut>>,
    }
}

pin_project! {
    /// A body that runs, and a stream whose items it takes.
    struct Beside<S, B, Fut> {
        #[pin]
        stream: S,
        body: B,
        #[pin]
        running: Option<Fut>,
    }
}

impl<S, B, Fut> ForEach<S, B, Fut> {
    pub(super) const fn new(stream: S, body: B) -> Self {
        Self { beside: Beside { stream, body, running: None } }
    }
}

impl<S, B, Fut> TryForEach<S, B, Fut> {
    pub(super) const fn new(stream: S, body: B) -> Self {
        Self { beside: Some(Beside { stream, body, running: None }) }
    }
}

impl<S, B, Fut> Beside<S, B, Fut>
where
    S: Stream + Progress,
    Fut: Future,
{
    /// The next end of a body; `begin` makes a body of an item, or an error. `None` when the stream has ended.
    fn poll_body<E>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        begin: impl FnOnce(&mut B, S::Item) -> Result<Fut, E>,
    ) -> Poll<Option<Result<Fut::Output, E>>> {
        let mut this = self.project();
        if this.running.is_none() {
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else { return Poll::Ready(None) };
            match begin(this.body, item) {
                Ok(body) => this.running.set(Some(body)),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let Some(poll) = poll_in_place(this.running.as_mut(), |body| body.poll(cx)) else {
            unreachable!("it was set above");
        };
        match poll {
            Poll::Ready(output) => {
                this.running.set(None);
                Poll::Ready(Some(Ok(output)))
            }
            Poll::Pending => {
                this.stream.poll_progress(cx);
                probe::waiting(|| "a body beside what is in flight".to_owned());
                Poll::Pending
            }
        }
    }
}

#[allow(private_bounds, reason = "the streams are those that make it")]
impl<S, B, Fut> Future for ForEach<S, B, Fut>
where
    S: Stream + Progress,
    B: FnMut(S::Item) -> Fut,
    Fut: Future<Output = ()>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let beside = self.as_mut().project().beside;
            let ended = ready!(beside.poll_body(cx, |body, item| Ok::<_, Infallible>(body(item))));
            if ended.is_none() {
                return Poll::Ready(());
            }
        }
    }
}

#[allow(private_bounds, reason = "the streams are those that make it")]
impl<S, B, Fut, T, E> Future for TryForEach<S, B, Fut>
where
    S: Stream<Item = Result<T, E>> + Progress,
    B: FnMut(T) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    type Output = Result<(), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        let mut this = self.project();
        loop {
            let Some(beside) = this.beside.as_mut().as_pin_mut() else { panic!("polled after its end") };
            let ended = ready!(beside.poll_body(cx, |body, item| item.map(body)));
            let result = match ended {
                Some(Ok(Ok(()))) => continue,
                Some(Ok(Err(error)) | Err(error)) => Err(error),
                None => Ok(()),
            };
            // Before anybody is told: what was in flight has ended by then.
            this.beside.set(None);
            return Poll::Ready(result);
        }
    }
}

impl<S: fmt::Debug, B, Fut> fmt::Debug for ForEach<S, B, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForEach").field("stream", &self.beside.stream).finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, B, Fut> fmt::Debug for TryForEach<S, B, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = self.beside.as_ref().map(|beside| &beside.stream);
        f.debug_struct("TryForEach").field("stream", &stream).finish_non_exhaustive()
    }
}
