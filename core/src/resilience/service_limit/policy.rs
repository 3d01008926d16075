//! The service's limit in a pipeline.

use super::acquire::Unsent;
use super::hear::Hear;
use super::permit::ServiceLimitPermit;
use super::ticket::{Next, Ticket};
use super::told::Told;
use super::{ServiceLimit, Shared};
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::probe;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::PolicyKind;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct ServiceLimited<S> {
        // The operation's future is dropped before its permit.
        #[pin]
        inner: S,
        stands: Stands,
    }
}

#[derive(Debug)]
enum Stands {
    /// It has not asked.
    Outside,
    Waiting(Ticket),
    /// It may go on, and the operation has not been called.
    Admitted(Unsent),
    /// By this call, and not by a hedge beside it.
    Called(ServiceLimitPermit),
    Done,
}

impl<T, E, H: Hear<T, E>> Policy<T, E> for ServiceLimit<H> {
    type State<'p, S>
        = ServiceLimited<S>
    where
        Self: 'p;

    fn start<S>(&self, inner: S) -> ServiceLimited<S> {
        ServiceLimited { inner, stands: Stands::Outside }
    }

    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut ServiceLimited<I::State<'p, Fut>>>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Error<E>>>
    where
        I: Layer<T, E>,
        R: Runtime,
        Op: Operation<T, E, Fut>,
        Fut: Future,
        C: Classify<T, E>,
    {
        let this = state.project();
        if let Stands::Outside = this.stands {
            *this.stands = Stands::Waiting(Ticket::new(Arc::clone(&self.shared), 1));
        }
        let permit = match std::mem::replace(this.stands, Stands::Done) {
            Stands::Waiting(mut ticket) => match poll_turn(&mut ticket, frame, ctx, cx) {
                Poll::Ready(permit) => permit?.sent(),
                Poll::Pending => {
                    *this.stands = Stands::Waiting(ticket);
                    return Poll::Pending;
                }
            },
            Stands::Admitted(unsent) => unsent.sent(),
            Stands::Called(permit) => {
                *this.stands = Stands::Called(permit);
                let result = ready!(inner.poll(this.inner, frame, ctx, cx));
                self.heard(this.stands, &result, ctx);
                return Poll::Ready(result);
            }
            Stands::Outside | Stands::Done => unreachable!("it is not polled again once it was ready"),
        };
        // It counts as made, if the operation panics as it is called.
        *this.stands = Stands::Called(permit);
        let calls = ctx.calls();
        let poll = inner.poll(this.inner, frame, ctx, cx);
        if ctx.calls() == calls {
            if let Stands::Called(permit) = std::mem::replace(this.stands, Stands::Done) {
                match poll {
                    Poll::Ready(_) => permit.give_back(),
                    Poll::Pending => *this.stands = Stands::Admitted(Unsent::new(permit)),
                }
            }
        } else if let Poll::Ready(result) = &poll {
            self.heard(this.stands, result, ctx);
        }
        poll
    }
}

impl<H> ServiceLimit<H> {
    /// The operation has ended.
    fn heard<T, E, R: Runtime, Op, C>(
        &self,
        stands: &mut Stands,
        result: &Result<T, Error<E>>,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) where
        H: Hear<T, E>,
        C: Classify<T, E>,
    {
        let told: Option<Told> = self.hear.hear(result.as_ref(), ctx.classify(result));
        if let Stands::Called(permit) = std::mem::replace(stands, Stands::Done)
            && let Some(told) = told
        {
            // The answer came now, not when this poll began.
            permit.told(&told, ctx.now_again(), ctx.random_u64());
        }
    }
}

impl<H> Describe for ServiceLimit<H> {
    fn facts(&self) -> Facts {
        let (rules, room) = self.shared.rules_and_room();
        let mut settings = String::from("as the service says");
        if rules.is_even {
            settings.push_str(", evenly");
        }
        if room.max_wait < Duration::MAX {
            settings.push_str(&format!(", waiting for {:?}", room.max_wait));
        }
        Facts::new(PolicyKind::ServiceLimit, self.name(), settings)
    }
}

fn poll_turn<E, R: Runtime, Op, C>(
    ticket: &mut Ticket,
    frame: Frame<'_, E>,
    ctx: &mut Ctx<'_, R, Op, C>,
    cx: &Context<'_>,
) -> Poll<Result<Unsent, Error<E>>> {
    let now = ctx.now();
    // One that would have its turn when its time is up is better told now.
    let latest = match frame.limit.is_none() {
        true => Instant::MAX,
        false => Instant::from_nanos(frame.limit.at.as_nanos().saturating_sub(1)),
    };
    let shared: Arc<Shared> = Arc::clone(&ticket.shared);
    match ticket.poll(now, latest, cx) {
        Next::Go(number, waited) => {
            // It goes back, if an observer panics.
            let unsent = Unsent::new(ServiceLimitPermit::new(Arc::clone(&shared), number));
            if let Some(waited) = waited {
                let kind = EventKind::Waited { policy: PolicyKind::ServiceLimit, waited };
                shared.tell(kind);
                ctx.emit(|| kind);
            }
            Poll::Ready(Ok(unsent))
        }
        Next::Refused(refusal) => Poll::Ready(Err(ctx.rejected(shared.rejected(refusal, now)))),
        Next::WaitUntil(_) if ctx.is_past(frame.limit.at) => {
            // Its place is the next one's, before anybody hears of it.
            ticket.leave();
            Poll::Ready(Err(ctx.timed_out(frame.limit)))
        }
        Next::WaitUntil(until) => {
            let _ = ctx.is_past(until);
            probe::waiting(|| shared.describe_waiting());
            Poll::Pending
        }
    }
}
