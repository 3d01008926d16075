//! Operators over the values of a stream of results.

use super::last_look::last_look;
use crate::primitives::{Arc, Mutex, lock};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

pin_project! {
    /// What a flow makes of the values of a stream of results, up to the first error. The stream of
    /// [`FlowExt::process_results`](crate::stream::FlowExt::process_results).
    ///
    /// It gives `Ok(item)` for each item of the flow, and **ends with the first error** of the source, `Err(error)`:
    /// then the flow is dropped, with the tail that it holds, a batch that is half full for one. What the flow has
    /// ready comes before the error. Where the source ends without an error, the flow sees its end, flushes its tail,
    /// and this ends with the flow.
    ///
    /// This is how an operator over values is told of an error, whatever operator it is. The form is that of
    /// `itertools::process_results`; there the values end at the error, which here would flush the tail.
    ///
    /// # Order and ties
    ///
    /// The items are the flow's, in its order. When the source has given an error, the flow is polled on until it is
    /// pending, then comes the error: at the same instant, what is ready comes first. What it would give later, after
    /// a time or from another source, does not come; a flow that other sources keep ready without end lets no error
    /// through.
    ///
    /// # At the end, on error, on drop
    ///
    /// The source is dropped when it ends, and at its first error. A flow that ends earlier, as with `take`, ends
    /// this, and a later error of the source is not seen. Dropped, it drops the flow.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing: the flow is in here, with its tail, and goes
    /// on in the next poll. Dropping this drops both.
    ///
    /// # Cost
    ///
    /// One allocation; for each item nothing but a lock that is free.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct ProcessResults<G, E> {
        // `None` when it has ended.
        #[pin]
        flow: Option<G>,
        slot: Arc<Slot<E>>,
    }
}

pin_project! {
    /// The values of a stream of results, up to its first error: what the flow of a [`ProcessResults`] is made of.
    ///
    /// It ends when the source ends. At an error it is pending for good, so that nothing takes that for an end; the
    /// `ProcessResults` ends then, and drops it.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Values<S, E> {
        // `None` when it has ended, or has given an error.
        #[pin]
        source: Option<S>,
        slot: Arc<Slot<E>>,
        has_failed: bool,
        // Of who polls it after the error, which the contract of `poll` wants kept, and nobody wakes.
        last: Option<Waker>,
    }
}

/// Where the error passes from the one to the other.
struct Slot<E>(Mutex<State<E>>);

struct State<E> {
    error: Option<E>,
    // Of who polls the `ProcessResults`: the values may be polled elsewhere, in a task of the flow's.
    reader: Option<Waker>,
}

impl<G, E> ProcessResults<G, E> {
    pub(super) fn new<S>(source: S, flow: impl FnOnce(Values<S, E>) -> G) -> Self {
        let slot = Arc::new(Slot(Mutex::new(State { error: None, reader: None })));
        let values = Values { source: Some(source), slot: Arc::clone(&slot), has_failed: false, last: None };
        Self { flow: Some(flow(values)), slot }
    }
}

/// Puts an error, whether or not something panics before.
struct PutLast<'a, E>(&'a Slot<E>, Option<E>);

impl<E> Drop for PutLast<'_, E> {
    fn drop(&mut self) {
        if let Some(error) = self.1.take() {
            self.0.put(error);
        }
    }
}

impl<E> Slot<E> {
    /// The error is there, and whoever waits for it is woken.
    fn put(&self, error: E) {
        let mut state = lock(&self.0);
        state.error = Some(error);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Whether the error is there; if not, this waker is woken when it is.
    fn wait(&self, reader: &Waker) -> bool {
        let mut state = lock(&self.0);
        if state.error.is_some() || state.reader.as_ref().is_some_and(|kept| kept.will_wake(reader)) {
            return state.error.is_some();
        }
        drop(state);
        // Cloned and dropped while the lock is free.
        let reader = reader.clone();
        state = lock(&self.0);
        let is_there = state.error.is_some();
        let before = state.reader.replace(reader);
        drop(state);
        drop(before);
        is_there
    }

    fn take(&self) -> Option<E> {
        lock(&self.0).error.take()
    }
}

impl<G: Stream, E> Stream for ProcessResults<G, E> {
    type Item = Result<G::Item, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let Some(mut flow) = this.flow.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let mut poll = flow.as_mut().poll_next(cx);
        if poll.is_pending() && this.slot.wait(cx.waker()) {
            poll = Poll::Ready(last_look(flow).flatten());
        }
        if let Some(item) = ready!(poll) {
            return Poll::Ready(Some(Ok(item)));
        }
        let error = this.slot.take();
        this.flow.set(None);
        Poll::Ready(error.map(Err))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.flow {
            None => (0, Some(0)),
            // Any part of it, and an error.
            Some(flow) => (0, flow.size_hint().1.and_then(|most| most.checked_add(1))),
        }
    }
}

impl<G: Stream, E> FusedStream for ProcessResults<G, E> {
    fn is_terminated(&self) -> bool {
        self.flow.is_none()
    }
}

impl<S, T, E> Stream for Values<S, E>
where
    S: Stream<Item = Result<T, E>>,
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        let Some(source) = this.source.as_mut().as_pin_mut() else {
            if *this.has_failed {
                *this.last = Some(cx.waker().clone());
                return Poll::Pending;
            }
            return Poll::Ready(None);
        };
        match ready!(source.poll_next(cx)) {
            Some(Ok(value)) => Poll::Ready(Some(value)),
            Some(Err(error)) => {
                *this.has_failed = true;
                *this.last = Some(cx.waker().clone());
                let put = PutLast(this.slot, Some(error));
                this.source.set(None);
                drop(put);
                Poll::Pending
            }
            None => {
                this.source.set(None);
                Poll::Ready(None)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Nothing is certain before the error that may come.
        (0, self.source.as_ref().map_or(Some(0), |source| source.size_hint().1))
    }
}

impl<S, T, E> FusedStream for Values<S, E>
where
    S: Stream<Item = Result<T, E>>,
{
    fn is_terminated(&self) -> bool {
        self.source.is_none() && !self.has_failed
    }
}

impl<G, E> fmt::Debug for ProcessResults<G, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessResults").field("has_ended", &self.flow.is_none()).finish_non_exhaustive()
    }
}

impl<S, E> fmt::Debug for Values<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("has_ended", &(self.source.is_none() && !self.has_failed))
            .field("has_failed", &self.has_failed)
            .finish_non_exhaustive()
    }
}
