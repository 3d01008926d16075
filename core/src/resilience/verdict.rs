//! What a result says of the service that gave it: one answer for all policies.

use super::error::{Error, Scope};
use std::time::Duration;

/// What a result says of the service that gave it.
///
/// Every policy asks the same question, so it is asked once, by one [`Classify`]:
///
/// | verdict | a retry | a circuit breaker | a retry budget | a throttle |
/// |---|---|---|---|---|
/// | `Success` | returns the result | counts a success | is refilled | counts it as accepted |
/// | `Failure` | tries again | counts a failure | pays `cost` | counts it as not accepted |
/// | `Fatal` | returns the result | counts a failure | | counts it as accepted |
/// | `Ignore` | returns the result | counts nothing | | counts nothing |
///
/// It is about the service, not about the result: "no such user" may be an error of the operation and still a success
/// of the service, and an HTTP response can be `Ok` and a failure.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Classify, Error, Verdict};
/// use std::time::Duration;
///
/// struct Response {
///     status: u16,
///     retry_after: Option<Duration>,
/// }
///
/// let http = |result: Result<&Response, &Error<std::io::Error>>| match result {
///     Ok(response) if response.status == 429 || response.status >= 500 => {
///         Verdict::Failure { retry_after: response.retry_after, cost: 1 }
///     }
///     Ok(_) => Verdict::Success,
///     Err(error) => Verdict::of_error(error),
/// };
/// let busy = Response { status: 503, retry_after: Some(Duration::from_secs(2)) };
/// let verdict = http.classify(Ok(&busy));
/// assert_eq!(verdict, Verdict::failure().after(Duration::from_secs(2)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// The service works.
    Success,
    /// The service failed, and may not when it is asked again.
    Failure {
        /// Not before this time has passed, by the service's own word; [`Duration::MAX`] means never again.
        retry_after: Option<Duration>,
        /// How much a retry after it costs, in units of the retry budget's.
        cost: u32,
    },
    /// The service failed, and will whenever it is asked again.
    Fatal,
    /// Says nothing of the service.
    Ignore,
}

impl Verdict {
    /// A failure that costs one, without a hint when to come back.
    pub const fn failure() -> Self {
        Self::Failure { retry_after: None, cost: 1 }
    }

    /// A failure with the time after which to come back; any other verdict stays what it is.
    pub const fn after(self, delay: Duration) -> Self {
        match self {
            Self::Failure { cost, .. } => Self::Failure { retry_after: Some(delay), cost },
            other => other,
        }
    }

    /// A failure after which nobody is to come back; any other verdict stays what it is.
    #[doc(alias = "pushback")]
    pub const fn never_again(self) -> Self {
        self.after(Duration::MAX)
    }

    /// A failure after which a retry costs so much; any other verdict stays what it is.
    pub const fn cost(self, cost: u32) -> Self {
        match self {
            Self::Failure { retry_after, .. } => Self::Failure { retry_after, cost },
            other => other,
        }
    }

    /// What an error says of the service where nobody knows more:
    ///
    /// | error | verdict |
    /// |---|---|
    /// | of the operation | `Failure` |
    /// | an attempt's or the call's time is up | `Failure`: the service hangs |
    /// | no turn came in time, refused by a policy of ours | `Ignore`: the service was not asked |
    /// | retries exhausted, fallback failed | as what they end in |
    /// | cancelled | `Ignore` |
    pub const fn of_error<E>(error: &Error<E>) -> Self {
        use super::error::Cause;
        match error {
            Error::Operation(_)
            | Error::RetriesExhausted { last: Cause::Operation(_), .. }
            | Error::FallbackFailed { fallback: Cause::Operation(_), .. } => Self::failure(),
            Error::TimedOut { scope, .. }
            | Error::RetriesExhausted { last: Cause::TimedOut { scope, .. }, .. }
            | Error::FallbackFailed { fallback: Cause::TimedOut { scope, .. }, .. } => match scope {
                Scope::Queue => Self::Ignore,
                Scope::Total | Scope::Attempt => Self::failure(),
            },
            Error::Rejected(_)
            | Error::RetriesExhausted { last: Cause::Rejected(_), .. }
            | Error::FallbackFailed { fallback: Cause::Rejected(_), .. }
            | Error::Cancelled => Self::Ignore,
        }
    }
}

/// Says what a result says of the service: the one question of all policies.
///
/// A closure from `Result<&T, &Error<E>>` to [`Verdict`] is one. It should be quick, and not panic.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not classify results of these types",
    label = "expected a closure `|result: Result<&{T}, &Error<{E}>>| -> Verdict`",
    note = "a classifier is asked of each result what it says of the service; `RetryIf(|error: &{E}| ..)` makes one \
            from a question about the operation's error"
)]
pub trait Classify<T, E> {
    /// What the result says of the service.
    fn classify(&self, result: Result<&T, &Error<E>>) -> Verdict;

    /// What it says inside a pipeline that has a classifier of its own: the nearer one counts, and only [`Inherit`]
    /// asks the pipeline's.
    #[doc(hidden)]
    #[inline]
    fn classify_within<O: Classify<T, E>>(&self, outer: &O, result: Result<&T, &Error<E>>) -> Verdict {
        let _ = outer;
        self.classify(result)
    }
}

impl<T, E, F> Classify<T, E> for F
where
    F: Fn(Result<&T, &Error<E>>) -> Verdict,
{
    #[inline]
    fn classify(&self, result: Result<&T, &Error<E>>) -> Verdict {
        self(result)
    }
}

/// The classifier of who was given none: in a pipeline the pipeline's, and otherwise every value is a success and
/// every error what [`Verdict::of_error`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inherit;

impl<T, E> Classify<T, E> for Inherit {
    #[inline]
    fn classify(&self, result: Result<&T, &Error<E>>) -> Verdict {
        match result {
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        }
    }

    #[inline]
    fn classify_within<O: Classify<T, E>>(&self, outer: &O, result: Result<&T, &Error<E>>) -> Verdict {
        outer.classify(result)
    }
}

/// A classifier from a question about the operation's error: whether it is worth another try.
///
/// An error for which the answer is no is [`Fatal`](Verdict::Fatal), one for which it is yes a
/// [`Failure`](Verdict::Failure). In a pipeline that has a classifier, that one is asked too: of the values, of what is
/// no error of the operation, of when to come back and what a retry costs; and what it does not call a failure is none
/// if the answer is no.
#[derive(Clone, Copy, Debug)]
pub struct RetryIf<F>(pub F);

impl<T, E, F: Fn(&E) -> bool> Classify<T, E> for RetryIf<F> {
    #[inline]
    fn classify(&self, result: Result<&T, &Error<E>>) -> Verdict {
        self.classify_within(&Inherit, result)
    }

    #[inline]
    fn classify_within<O: Classify<T, E>>(&self, outer: &O, result: Result<&T, &Error<E>>) -> Verdict {
        let verdict = outer.classify(result);
        let Err(Error::Operation(error)) = result else { return verdict };
        match (verdict, (self.0)(error)) {
            (Verdict::Failure { .. }, false) => Verdict::Fatal,
            (Verdict::Failure { .. }, true) | (_, false) => verdict,
            (_, true) => Verdict::failure(),
        }
    }
}
