//! What stands in.

use crate::resilience::error::Error;
use std::fmt;
use std::future::{Ready, ready};

/// What stands in for an operation that has failed.
///
/// For a type of your own, a cache for one, that is to be named where a closure can't be.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Error, Fallback, Layered, Leaf, Pipeline, Substitute};
/// use std::future::{Ready, ready};
///
/// #[derive(Debug)]
/// struct LastKnown(u32);
///
/// impl<E> Substitute<u32, E> for LastKnown {
///     type Future = Ready<Result<u32, E>>;
///
///     fn substitute(&self, _: &Error<E>) -> Self::Future {
///         ready(Ok(self.0))
///     }
/// }
///
/// struct Rates<R> {
///     pipeline: Pipeline<R, Layered<Fallback<LastKnown>, Leaf>>,
/// }
///
/// Sim::builder().run(|rt: Sim| async move {
///     let pipeline = Pipeline::named("rates").fallback(Fallback::with(LastKnown(7))).build(&rt);
///     let rates = Rates { pipeline: pipeline.expect("it is good") };
///     assert_eq!(rates.pipeline.call(async |_| Err("out of order")).await, Ok(7));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub trait Substitute<T, E> {
    /// The other answer, as a future.
    type Future: Future<Output = Result<T, E>>;

    /// Whether it takes time, so that there is no use in it when the time is up. One that doesn't is asked then too,
    /// and polled once.
    const TAKES_TIME: bool = true;

    /// The other answer. Called at most once a call, when the operation has failed.
    fn substitute(&self, error: &Error<E>) -> Self::Future;
}

/// A value: [`Fallback::value`](super::Fallback::value).
#[derive(Clone, Copy, Debug)]
pub struct Value<T>(pub(super) T);

impl<T: Clone, E> Substitute<T, E> for Value<T> {
    type Future = Ready<Result<T, E>>;

    const TAKES_TIME: bool = false;

    fn substitute(&self, _: &Error<E>) -> Self::Future {
        ready(Ok(self.0.clone()))
    }
}

/// A function of the error: [`Fallback::from_error`](super::Fallback::from_error).
#[derive(Clone, Copy)]
pub struct FromError<F>(pub(super) F);

impl<T, E, F: Fn(&Error<E>) -> T> Substitute<T, E> for FromError<F> {
    type Future = Ready<Result<T, E>>;

    const TAKES_TIME: bool = false;

    fn substitute(&self, error: &Error<E>) -> Self::Future {
        ready(Ok((self.0)(error)))
    }
}

/// Another operation: [`Fallback::operation`](super::Fallback::operation).
#[derive(Clone, Copy)]
pub struct InsteadOf<F>(pub(super) F);

impl<T, E, F, Fut> Substitute<T, E> for InsteadOf<F>
where
    F: Fn(&Error<E>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Future = Fut;

    fn substitute(&self, error: &Error<E>) -> Fut {
        (self.0)(error)
    }
}

impl<F> fmt::Debug for FromError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromError").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for InsteadOf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsteadOf").finish_non_exhaustive()
    }
}
