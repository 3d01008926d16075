//! What a result says of the service's limits.

use super::told::Told;
use crate::resilience::error::Error;
use crate::resilience::verdict::Verdict;
use std::time::Duration;

/// Reads from a result what the service has said of its limits: `None` where there was no answer.
///
/// A closure from `Result<&T, &Error<E>>` to `Option<Told>` is one. It should be quick, and not panic.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not hear what results of these types say of limits",
    label = "expected a closure `|result: Result<&{T}, &Error<{E}>>| -> Option<Told>`"
)]
pub trait Hear<T, E> {
    /// What the service has said, if it has answered. The verdict is the pipeline's classifier's.
    fn hear(&self, result: Result<&T, &Error<E>>, verdict: Verdict) -> Option<Told>;
}

impl<T, E, F> Hear<T, E> for F
where
    F: Fn(Result<&T, &Error<E>>) -> Option<Told>,
{
    #[inline]
    fn hear(&self, result: Result<&T, &Error<E>>, _: Verdict) -> Option<Told> {
        self(result)
    }
}

/// Who hears nothing but when to come back: the `retry_after` of a [`Verdict`]. A value, and an error of the operation,
/// is an answer. That a call is [never](Verdict::never_again) to be made again is no pause: it says nothing of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByVerdict;

impl<T, E> Hear<T, E> for ByVerdict {
    #[inline]
    fn hear(&self, result: Result<&T, &Error<E>>, verdict: Verdict) -> Option<Told> {
        let retry_after: Option<Duration> = match verdict {
            Verdict::Failure { retry_after, .. } => retry_after.filter(|after| *after < Duration::MAX),
            _ => None,
        };
        match result {
            Ok(_) | Err(Error::Operation(_)) => Some(Told { retry_after, ..Told::new() }),
            Err(_) => None,
        }
    }
}
