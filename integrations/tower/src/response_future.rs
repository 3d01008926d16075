//! The future of a service that lets a call through, or not.

use crate::{InnerError, Plain};
use backstay_core::resilience::{Error, Rejected};
use pin_project_lite::pin_project;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of a call that a policy has let through, with what it keeps until the end; or has refused.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the future of the service inside, and then gives back what it keeps.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ResponseFuture<F, P = (), M = Plain> {
        #[pin]
        state: State<F, P>,
        mode: PhantomData<fn() -> M>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProj]
    enum State<F, P> {
        Called {
            // Before the permit: it has ended when its place is another's.
            #[pin]
            future: F,
            permit: P,
        },
        Refused { rejected: Rejected },
        Done,
    }
}

impl<F, P, M> ResponseFuture<F, P, M> {
    pub(crate) const fn called(future: F, permit: P) -> Self {
        Self { state: State::Called { future, permit }, mode: PhantomData }
    }

    pub(crate) const fn refused(rejected: Rejected) -> Self {
        Self { state: State::Refused { rejected }, mode: PhantomData }
    }
}

impl<T, I, F, P, M> Future for ResponseFuture<F, P, M>
where
    F: Future<Output = Result<T, I>>,
    M: InnerError<I>,
{
    type Output = Result<T, Error<M::Operation>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let result = match state.as_mut().project() {
            StateProj::Called { future, .. } => ready!(future.poll(cx)).map_err(M::flatten),
            StateProj::Refused { rejected } => Err((*rejected).into()),
            StateProj::Done => unreachable!("it is not polled again once it was ready"),
        };
        state.set(State::Done);
        Poll::Ready(result)
    }
}
