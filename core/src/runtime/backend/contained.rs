//! A future whose panics end in its output.

use crate::runtime::JoinError;
use pin_project_lite::pin_project;
use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// Runs a future so that no panic leaves it, neither from its polls nor from its destructor.
    ///
    /// A panic in a poll becomes [`JoinError::Panicked`]. A panic in the destructor has nobody to be told to:
    /// it ends there, after the panic hook has reported it; a value that is already there is kept. So does
    /// one in the destructor of the value itself, if nobody takes it.
    #[derive(Debug)]
    pub struct Contained<F> {
        // `None` once the future has ended: it is dropped inside the poll that ended it.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Contained<F> {
        fn drop(this: Pin<&mut Self>) {
            this.clear();
        }
    }
}

impl<F> Contained<F> {
    /// Contains `future`.
    pub const fn new(future: F) -> Self {
        Self { future: Some(future) }
    }

    /// Drops the future, if it is still there.
    pub(super) fn clear(self: Pin<&mut Self>) {
        let mut future = self.project().future;
        if future.is_some() {
            quietly(|| future.set(None));
        }
    }
}

impl<F: Future> Future for Contained<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.project().future;
        let mut value = None;
        // The future is dropped in the poll that ended it: of a panic there, its value is already known.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            if let Some(future) = slot.as_mut().as_pin_mut()
                && let Poll::Ready(ready) = future.poll(cx)
            {
                value = Some(ready);
                slot.set(None);
            }
        }));
        let outcome = match (polled, value) {
            (Ok(()), None) => return Poll::Pending,
            (Ok(()), Some(value)) => Ok(value),
            (Err(payload), Some(value)) => {
                quietly(|| drop(payload));
                Ok(value)
            }
            (Err(payload), None) => {
                quietly(|| slot.set(None));
                Err(JoinError::panicked(payload))
            }
        };
        Poll::Ready(Outcome::new(outcome))
    }
}

/// How a contained future or a job ended; safe to drop wherever a panic would end the process.
#[derive(Debug)]
pub struct Outcome<T>(Option<Result<T, JoinError>>);

impl<T> Outcome<T> {
    /// An outcome.
    pub const fn new(outcome: Result<T, JoinError>) -> Self {
        Self(Some(outcome))
    }

    /// What it was.
    ///
    /// # Errors
    ///
    /// Why there is no value.
    #[inline]
    pub fn into_result(mut self) -> Result<T, JoinError> {
        match self.0.take() {
            Some(outcome) => outcome,
            None => unreachable!("taken once, by value"),
        }
    }
}

impl<T> Drop for Outcome<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(outcome) = self.0.take() {
            quietly(|| drop(outcome));
        }
    }
}

/// Runs a destructor; a panic in it goes no further, not even one in its payload's own destructor.
pub(crate) fn quietly(drop_it: impl FnOnce()) {
    if let Err(payload) = caught(drop_it)
        && let Err(again) = caught(|| drop(payload))
    {
        mem::forget(again);
    }
}

fn caught(f: impl FnOnce()) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(f))
}
