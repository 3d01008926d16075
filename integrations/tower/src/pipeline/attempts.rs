//! The attempts of one call, as a pipeline's operation.

use crate::{CloneRequest, InnerError, Sending, send};
use backstay_core::resilience::{Attempt, Cause, Error, Operation};
use std::marker::PhantomData;
use tower_service::Service;

/// A service and a request, from which attempts are made.
pub(crate) struct Attempts<S, Req, Q, M> {
    // Ready until it was called, and from then on what others are cloned from.
    service: S,
    is_ready: bool,
    // Of the next attempt, if there can be one.
    request: Option<Req>,
    cloning: Q,
    mode: PhantomData<fn() -> M>,
}

impl<S, Req, Q, M> Attempts<S, Req, Q, M> {
    /// Of a service that is ready.
    pub(super) const fn new(service: S, request: Req, cloning: Q) -> Self {
        Self { service, is_ready: true, request: Some(request), cloning, mode: PhantomData }
    }
}

impl<S, Req, Q, M> Operation<S::Response, M::Operation, Sending<S, Req>> for Attempts<S, Req, Q, M>
where
    S: Service<Req> + Clone,
    Q: CloneRequest<Req>,
    M: InnerError<S::Error>,
{
    fn start(&mut self, _: Attempt, _: Option<&Cause<M::Operation>>) -> Sending<S, Req> {
        let Some(request) = self.request.take() else {
            unreachable!("there is no further attempt where it is not repeatable");
        };
        self.request = self.cloning.clone_request(&request);
        if std::mem::replace(&mut self.is_ready, false) {
            Sending::called(self.service.call(request))
        } else {
            send(self.service.clone(), request)
        }
    }

    fn result(&self, output: Result<S::Response, S::Error>) -> Result<S::Response, Error<M::Operation>> {
        output.map_err(M::flatten)
    }

    fn give_back(&mut self) {
        if std::mem::replace(&mut self.is_ready, false) {
            self.service = self.service.clone();
        }
    }

    fn is_repeatable(&self) -> bool {
        self.request.is_some()
    }
}
