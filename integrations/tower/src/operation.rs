//! A service as the operation of a pipeline.

use backstay_core::resilience::Attempt;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

/// A service as the operation of a pipeline, or of a policy alone: the other way round than the layers.
///
/// Each attempt has a clone of the service, which waits until it is ready and is then called with a clone of the
/// request. Where a request can't be cloned, a closure that makes one calls [`send`] itself. A service that is under
/// policies already is better off under a [`PipelineLayer`](crate::PipelineLayer), which is
/// [flat](crate::PipelineLayer::flat) over it: here its `Error<E>` is just an error.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Pipeline, Retry};
/// use backstay_tower::operation;
/// use std::time::Duration;
/// use tower::service_fn;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let users = Pipeline::named("users").deadline(Duration::from_secs(2)).retry(Retry::default()).build(&rt);
///     let users = users.expect("it is good");
///     let client = service_fn(|id: u32| async move { Ok::<_, &str>(format!("user {id}")) });
///     assert_eq!(users.call(operation(client, 7)).await.as_deref(), Ok("user 7"));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub fn operation<S, Req>(service: S, request: Req) -> impl FnMut(Attempt) -> Sending<S, Req>
where
    S: Service<Req> + Clone,
    Req: Clone,
{
    move |_| send(service.clone(), request.clone())
}

/// Calls a service once it is ready.
///
/// # Errors
///
/// The service's, of its readiness or of the call.
///
/// # Cancel safety
///
/// Dropped, it drops the service with what that has reserved, or the future of its call.
///
/// # Examples
///
/// ```
/// use backstay_tower::send;
///
/// let double = tower::service_fn(|n: u32| async move { Ok::<_, ()>(2 * n) });
/// assert_eq!(futures::executor::block_on(send(double, 4)), Ok(8));
/// ```
#[doc(alias = "oneshot")]
pub const fn send<S: Service<Req>, Req>(service: S, request: Req) -> Sending<S, Req> {
    Sending { state: State::Waiting { service, request: Some(request) } }
}

pin_project! {
    /// The future of [`send`], and of each attempt of a service under a pipeline.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the service with what that has reserved, or the future of its call.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Sending<S: Service<Req>, Req> {
        #[pin]
        state: State<S, Req, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F> {
        Waiting { service: S, request: Option<Req> },
        Called { #[pin] future: F },
    }
}

impl<S: Service<Req>, Req> Sending<S, Req> {
    /// By a service that was ready.
    pub(crate) const fn called(future: S::Future) -> Self {
        Self { state: State::Called { future } }
    }
}

impl<S: Service<Req>, Req> Future for Sending<S, Req> {
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        if let StateProj::Waiting { service, request } = state.as_mut().project() {
            ready!(service.poll_ready(cx))?;
            let Some(request) = request.take() else {
                unreachable!("it is not polled again once it has panicked");
            };
            let future = service.call(request);
            state.set(State::Called { future });
        }
        let StateProj::Called { future } = state.project() else {
            unreachable!("called above");
        };
        future.poll(cx)
    }
}

impl<S: Service<Req>, Req> fmt::Debug for Sending<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Waiting { .. } => "waiting",
            State::Called { .. } => "called",
        };
        f.debug_struct("Sending").field("state", &state).finish_non_exhaustive()
    }
}
