//! Who is told of a retry, with what the attempt before came to.

use crate::resilience::error::{Cause, Error};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// An attempt has failed, and there will be another.
#[non_exhaustive]
pub struct Retrying<'a, T, E> {
    /// Which attempt failed, from one.
    pub attempt: u32,
    /// How long until the next.
    pub delay: Duration,
    /// What came of it: an error, or a value that counts as a failure.
    pub outcome: Result<&'a T, &'a Error<E>>,
}

impl<'a, T, E> Retrying<'a, T, E> {
    /// Why the attempt has no value: the operation's error, a time limit or a refusal; `None` where it has one that
    /// counts as a failure.
    pub const fn cause(&self) -> Option<Cause<&'a E>> {
        match self.outcome {
            Err(error) => error.cause(),
            Ok(_) => None,
        }
    }
}

/// Is told when an attempt has failed and there will be another, before the delay.
///
/// A closure `Fn(&Retrying<'_, T, E>)` is one, and so is an `Arc` of one. It should be quick; a panic of it is the call's. What needs neither
/// value nor error is better off with the [`Observer`](crate::resilience::Observer) of a pipeline.
pub trait OnRetry<T, E> {
    /// There will be another attempt.
    fn on_retry(&self, retrying: &Retrying<'_, T, E>);
}

impl<T, E, F: Fn(&Retrying<'_, T, E>)> OnRetry<T, E> for F {
    #[inline]
    fn on_retry(&self, retrying: &Retrying<'_, T, E>) {
        self(retrying);
    }
}

impl<T, E, O: OnRetry<T, E> + ?Sized> OnRetry<T, E> for Arc<O> {
    fn on_retry(&self, retrying: &Retrying<'_, T, E>) {
        (**self).on_retry(retrying);
    }
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoHook;

impl<T, E> OnRetry<T, E> for NoHook {
    #[inline]
    fn on_retry(&self, _: &Retrying<'_, T, E>) {}
}

impl<T, E> fmt::Debug for Retrying<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempt, delay, .. } = self;
        f.debug_struct("Retrying").field("attempt", attempt).field("delay", delay).finish_non_exhaustive()
    }
}
