//! What an operation is told when it is called.

use super::error::Cause;
use crate::instant::Instant;
use crate::task::CancelToken;
use std::time::Duration;

/// One call of an operation: which it is, and how long it has.
///
/// It is owned, so that the operation's future may keep it.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::AttemptTimeout;
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let timeout = AttemptTimeout::new(Duration::from_millis(500));
///     let result = timeout
///         .run(&rt, async |attempt| {
///             // For the client's own timeout, or a header that tells the next service.
///             assert_eq!(attempt.remaining(), Duration::from_millis(500));
///             Ok::<_, std::io::Error>(attempt.number())
///         })
///         .await;
///     assert_eq!(result.ok(), Some(1));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone, Debug)]
pub struct Attempt {
    number: u32,
    deadline: Instant,
    // When it began, if there is a deadline.
    began: Instant,
    token: Option<CancelToken>,
}

impl Attempt {
    pub(super) const fn new(
        number: u32,
        deadline: Instant,
        began: Instant,
        token: Option<CancelToken>,
    ) -> Self {
        Self { number, deadline, began, token }
    }

    /// Which attempt it is: one for the first.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether it is another attempt after a failure.
    pub const fn is_retry(&self) -> bool {
        self.number > 1
    }

    /// How long it had when it began, by the nearest of all limits around it; [`Duration::MAX`] if there is none.
    pub const fn remaining(&self) -> Duration {
        match self.deadline {
            Instant::MAX => Duration::MAX,
            deadline => deadline.saturating_duration_since(self.began),
        }
    }

    /// When its time is up; [`Instant::MAX`] if there is no limit.
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What tells it to end, where a time limit around it [allows a grace](super::AttemptTimeout::grace); `None` where
    /// none does, which costs nothing.
    ///
    /// It is cancelled when the time is up, for [`CancelReason::Deadline`](crate::task::CancelReason::Deadline): the
    /// operation has the grace to end. It is cancelled too when the operation's future is dropped without a result,
    /// for whatever reason: so who hands it to the tasks and blocking jobs of the attempt ends them with it.
    pub const fn token(&self) -> Option<&CancelToken> {
        self.token.as_ref()
    }
}

/// What a policy calls: a closure that is given the [`Attempt`], or that and what came of the one before it.
///
/// Sealed: closures `FnMut(Attempt) -> Fut` are the ones.
pub trait Operation<E, Fut> {
    #[doc(hidden)]
    fn start(&mut self, attempt: Attempt, last: Option<&Cause<E>>) -> Fut;
}

impl<E, Fut, F: FnMut(Attempt) -> Fut> Operation<E, Fut> for F {
    #[inline]
    fn start(&mut self, attempt: Attempt, _: Option<&Cause<E>>) -> Fut {
        self(attempt)
    }
}

/// An operation that is also shown what came of the attempt before.
#[derive(Clone, Copy, Debug)]
pub struct WithLast<F>(pub(super) F);

impl<E, Fut, F: FnMut(Attempt, Option<&Cause<E>>) -> Fut> Operation<E, Fut> for WithLast<F> {
    #[inline]
    fn start(&mut self, attempt: Attempt, last: Option<&Cause<E>>) -> Fut {
        (self.0)(attempt, last)
    }
}
