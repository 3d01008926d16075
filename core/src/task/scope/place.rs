//! Places of a scope that has a limit, and tasks that wait for one.

use crate::sync::{AcquireOwned, OwnedPermit, Semaphore};
use crate::task::cancel_token::CancelToken;
use crate::task::roster::{Done, End, Tally, TaskLabel};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A place for a task, if the scope has a limit.
pub(super) struct Free(Option<OwnedPermit>);

impl Free {
    pub(super) async fn wait(places: Option<&Arc<Semaphore>>) -> Self {
        // An error says that the places are closed, and nobody closes them.
        Self(match places {
            Some(places) => Arc::clone(places).acquire_owned().await.ok(),
            None => None,
        })
    }

    pub(super) fn run<F>(self, future: F) -> Placed<F> {
        Placed { future, _place: self.0 }
    }
}

pin_project! {
    /// A task with its place, which is given back when the future is gone.
    pub(super) struct Placed<F> {
        #[pin]
        future: F,
        _place: Option<OwnedPermit>,
    }
}

impl<F: Future> Future for Placed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}

pin_project! {
    /// A task that waits for its place before it runs; `None` if its scope is cancelled by then.
    #[project = QueuedProj]
    pub(super) enum Queued<F> {
        Waiting { #[pin] acquire: AcquireOwned, token: CancelToken, future: Option<F> },
        Running { #[pin] future: Placed<F> },
    }
}

impl<F> Queued<F> {
    /// In the queue from its first poll on.
    pub(super) fn new(places: &Arc<Semaphore>, token: &CancelToken, future: F) -> Self {
        let acquire = Arc::clone(places).acquire_owned();
        Self::Waiting { acquire, token: token.clone(), future: Some(future) }
    }
}

impl<F: Future> Future for Queued<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if let QueuedProj::Waiting { acquire, token, future } = self.as_mut().project() {
            let place = Free(ready!(acquire.poll(cx)).ok());
            if token.is_cancelled() {
                return Poll::Ready(None);
            }
            let Some(future) = future.take() else { unreachable!("it is `Waiting` only until it is taken") };
            self.set(Self::Running { future: place.run(future) });
        }
        match self.project() {
            QueuedProj::Running { future } => future.poll(cx).map(Some),
            QueuedProj::Waiting { .. } => unreachable!("it has its place"),
        }
    }
}

/// Of a [`Queued`] task: one that got its place too late was cancelled.
pub(super) struct InQueue<D>(pub(super) D);

impl<T, D: Done<T>> Done<Option<T>> for InQueue<D> {
    fn done(self, label: TaskLabel, end: End<Option<T>>) -> Tally {
        let end = match end {
            End::Value(Some(value)) => End::Value(value),
            End::Value(None) | End::Cancelled => End::Cancelled,
            End::Panicked(panic) => End::Panicked(panic),
            End::Aborted => End::Aborted,
            End::NotStarted => End::NotStarted,
            End::Lost => End::Lost,
        };
        self.0.done(label, end)
    }
}
