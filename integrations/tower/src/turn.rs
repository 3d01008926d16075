//! What a service has of a policy that is waited for before a call.

use backstay_core::resilience::Rejected;
use std::fmt;
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

/// A turn that is asked for in `poll_ready` and taken along by `call`.
///
/// | from | by | to |
/// |---|---|---|
/// | `Idle` | a poll that finds one free | `Ready` |
/// | `Idle` | a poll that has to wait | `Waiting` |
/// | `Waiting` | its turn | `Ready` |
/// | `Idle`, `Waiting` | a refusal | `Refused` |
/// | `Refused` | a poll that finds one free, and the service inside ready | `Ready` |
/// | `Ready` | an error of the service inside | `Idle` |
/// | `Ready`, `Refused` | a call | `Idle` |
///
/// `Refused` is ready too, and who was ready is not pending before there is a call: that is tower's contract. A balancer
/// asks again before it calls, and would never call one that begins to wait anew.
///
/// Whoever is dropped in `Waiting` leaves the queue, and in `Ready` gives back what it has: its parts do that.
pub(crate) enum Turn<F, P> {
    Idle,
    // Boxed: services move, and it must not. Who finds a turn free has no box.
    Waiting(Pin<Box<F>>),
    Ready(P),
    Refused(Rejected),
}

impl<F: Future<Output = Result<P, Rejected>>, P> Turn<F, P> {
    /// Ready once there is a turn and the service inside is ready, or with a refusal.
    pub(crate) fn poll_ready<E>(
        &mut self,
        acquire: impl Fn() -> F,
        mut inner: impl FnMut(&mut Context<'_>) -> Poll<Result<(), E>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), E>> {
        if let Self::Refused(rejected) = self {
            // What was true then may not be now.
            let again = pin!(acquire()).poll(cx);
            match again {
                Poll::Ready(Ok(permit)) => {
                    if let Poll::Ready(result) = inner(cx) {
                        result?;
                        *self = Self::Ready(permit);
                    }
                }
                Poll::Ready(Err(again)) => *rejected = again,
                Poll::Pending => {}
            }
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll(acquire, cx));
        if matches!(self, Self::Refused(_)) {
            return Poll::Ready(Ok(()));
        }
        let result = ready!(inner(cx));
        if result.is_err() {
            // It is broken for good: nobody waits for it.
            *self = Self::Idle;
        }
        Poll::Ready(result)
    }

    /// Until it is `Ready` or `Refused`.
    fn poll(&mut self, acquire: impl Fn() -> F, cx: &mut Context<'_>) -> Poll<()> {
        let result = match self {
            Self::Ready(_) | Self::Refused(_) => return Poll::Ready(()),
            Self::Waiting(turn) => ready!(turn.as_mut().poll(cx)),
            Self::Idle => {
                // It has left the queue again before the next one asks: there may be room for one.
                let first = pin!(acquire()).poll(cx);
                match first {
                    Poll::Ready(result) => result,
                    Poll::Pending => ready!(self.wait(acquire(), cx)),
                }
            }
        };
        *self = match result {
            Ok(permit) => Self::Ready(permit),
            Err(rejected) => Self::Refused(rejected),
        };
        Poll::Ready(())
    }

    /// Waits where it can stay.
    #[cold]
    fn wait(&mut self, acquire: F, cx: &mut Context<'_>) -> Poll<Result<P, Rejected>> {
        let mut turn = Box::pin(acquire);
        let poll = turn.as_mut().poll(cx);
        if poll.is_pending() {
            *self = Self::Waiting(turn);
        }
        poll
    }

    /// What there is for a call.
    ///
    /// # Panics
    ///
    /// If nothing is.
    #[track_caller]
    pub(crate) fn take(&mut self) -> Result<P, Rejected> {
        match mem::replace(self, Self::Idle) {
            Self::Ready(permit) => Ok(permit),
            Self::Refused(rejected) => Err(rejected),
            Self::Idle | Self::Waiting(_) => {
                panic!("the service is not ready: `poll_ready` comes before `call`")
            }
        }
    }
}

impl<F, P> fmt::Debug for Turn<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "Idle",
            Self::Waiting(_) => "Waiting",
            Self::Ready(_) => "Ready",
            Self::Refused(_) => "Refused",
        })
    }
}
