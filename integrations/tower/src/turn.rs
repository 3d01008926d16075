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
/// | `Refused` | another poll: what was true then may not be now | as `Idle` |
/// | `Ready`, `Refused` | a call | `Idle` |
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
    /// Ready once there is a turn, or a refusal, which is said.
    pub(crate) fn poll(
        &mut self,
        acquire: impl Fn() -> F,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Rejected>> {
        let result = match self {
            Self::Ready(_) => return Poll::Ready(Ok(())),
            Self::Waiting(turn) => ready!(turn.as_mut().poll(cx)),
            Self::Idle | Self::Refused(_) => {
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
        Poll::Ready(match self {
            Self::Refused(rejected) => Err(*rejected),
            _ => Ok(()),
        })
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
