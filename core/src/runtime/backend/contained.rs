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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::panic::resume_unwind;
    use std::pin::pin;
    use std::task::Waker;

    /// Panics when it is dropped, without the panic hook, which would print.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("a destructor"));
        }
    }

    fn poll<F: Future>(future: Pin<&mut Contained<F>>) -> Poll<Result<F::Output, JoinError>> {
        future.poll(&mut Context::from_waker(Waker::noop())).map(Outcome::into_result)
    }

    /// A future that holds a bomb until it is dropped, and what a poll of it does.
    fn armed<T>(polled: impl Fn() -> Poll<T>) -> Contained<impl Future<Output = T>> {
        let bomb = Bomb;
        Contained::new(poll_fn(move |_| {
            let _held = &bomb;
            polled()
        }))
    }

    #[test]
    fn a_value_outlives_a_destructor_that_panics() {
        let mut future = pin!(armed(|| Poll::Ready(7)));
        assert!(matches!(poll(future.as_mut()), Poll::Ready(Ok(7))));
        assert!(poll(future).is_pending(), "it has ended, and its future is gone");
    }

    #[test]
    fn of_two_panics_the_first_is_told() {
        let mut future = pin!(armed(|| -> Poll<()> { resume_unwind(Box::new("a poll")) }));
        let Poll::Ready(Err(JoinError::Panicked(panic))) = poll(future.as_mut()) else {
            panic!("a panic is an outcome");
        };
        assert_eq!(panic.message(), Some("a poll"));
        assert!(poll(future).is_pending(), "it has ended, and its future is gone");
    }

    #[test]
    fn what_never_ended_is_dropped_quietly() {
        let mut future = Box::pin(armed(|| Poll::<()>::Pending));
        assert!(poll(future.as_mut()).is_pending());
        drop(future);
    }
}
