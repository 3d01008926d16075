//! The source of an operator, until its end.

use crate::stream::last_look::last_look;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A source that is never polled after its end: it is dropped then.
    #[derive(Debug)]
    pub(super) struct Upstream<S> {
        #[pin]
        source: Option<S>,
    }
}

impl<S: Stream> Upstream<S> {
    pub(super) const fn new(source: S) -> Self {
        Self { source: Some(source) }
    }

    /// The next item; after the end, the end.
    pub(super) fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let Some(source) = this.source.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let item = ready!(source.poll_next(cx));
        if item.is_none() {
            this.source.set(None);
        }
        Poll::Ready(item)
    }

    /// What it gives that is pending only to give others a turn, if it is.
    pub(super) fn last_look(self: Pin<&mut Self>) -> Option<Option<S::Item>> {
        let mut this = self.project();
        let item = last_look(this.source.as_mut().as_pin_mut()?)?;
        if item.is_none() {
            this.source.set(None);
        }
        Some(item)
    }

    /// Drops the source: nothing more comes of it.
    pub(super) fn end(self: Pin<&mut Self>) {
        self.project().source.set(None);
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.source.is_none()
    }

    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }

    /// The source, if it has not ended.
    pub(super) fn into_source(self) -> Option<S> {
        self.source
    }
}
