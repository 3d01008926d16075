//! A call that a token ends.

use super::call::Root;
use super::{Call, Detailed};
use crate::resilience::attempt::Operation;
use crate::resilience::error::Error;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use crate::task::{CancelToken, Run};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`Call::until_cancelled`].
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`], and those of the call.
    ///
    /// # Cancel safety
    ///
    /// As [`Call`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct UntilCancelled<'t, F> {
        #[pin]
        run: Run<'t, F>,
    }
}

impl<'p, R, H, C, Op, Fut, T, E> Call<'p, R, H, C, Op, Fut, T, E>
where
    R: Runtime,
    H: Root<T, E>,
    Op: Operation<T, E, Fut>,
    Fut: Future,
    C: Classify<T, E>,
{
    /// The same call, which ends with [`Error::Cancelled`] when the token is cancelled: wherever it is, in an attempt,
    /// in a delay or in a queue.
    ///
    /// A token that is cancelled already wins over everything else: the operation is not called. No policy takes it for
    /// a failure of the service, and no fallback answers.
    ///
    /// # Cancel safety
    ///
    /// As the call's: a token that is cancelled does what dropping it does.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Error, Pipeline};
    /// use backstay_core::task::CancelToken;
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let users = Pipeline::named("users").attempt_timeout(Duration::from_secs(60)).build(&rt).unwrap();
    ///     let request = CancelToken::with_deadline(&rt, rt.now() + Duration::from_secs(1));
    ///     let result = users.call(|_| pending::<Result<u32, std::io::Error>>()).until_cancelled(&request).await;
    ///     assert!(matches!(result, Err(Error::Cancelled)));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn until_cancelled(self, token: &CancelToken) -> UntilCancelled<'_, Self> {
        UntilCancelled { run: token.run(self) }
    }
}

impl<'p, R, H, C, Op, Fut, T, E> Detailed<'p, R, H, C, Op, Fut, T, E>
where
    R: Runtime,
    H: Root<T, E>,
    Op: Operation<T, E, Fut>,
    Fut: Future,
    C: Classify<T, E>,
{
    /// As [`Call::until_cancelled`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn until_cancelled(self, token: &CancelToken) -> UntilCancelled<'_, Self> {
        UntilCancelled { run: token.run(self) }
    }
}

impl<T, E, F: Future<Output = Result<T, Error<E>>>> Future for UntilCancelled<'_, F> {
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let run = self.project().run.poll(cx);
        run.map(|ended| ended.unwrap_or_else(|cancelled| Err(cancelled.into())))
    }
}

impl<F> fmt::Debug for UntilCancelled<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilCancelled").finish_non_exhaustive()
    }
}
