//! A permit before an operation.

use super::permit::Unused;
use super::ticket::{Next, Ticket};
use super::{RateLimiter, RatePermit};
use crate::instant::Instant;
use crate::probe;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::rejected::PolicyKind;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// What a call keeps of its limiter.
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct RateLimited<'p, S> {
        // The operation's future is dropped before its permit goes back.
        #[pin]
        inner: S,
        stands: Stands<'p>,
    }
}

#[derive(Debug)]
enum Stands<'p> {
    /// It has not asked.
    Outside,
    Waiting {
        ticket: Ticket<&'p RateLimiter>,
        // From when it waits, once it does.
        since: Option<Instant>,
    },
    /// It may go on, and the operation has not been called.
    Admitted(Unused<'p>),
    Called,
}

impl<T, E> Policy<T, E> for RateLimiter {
    type State<'p, S> = RateLimited<'p, S>;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> RateLimited<'p, S> {
        RateLimited { inner, stands: Stands::Outside }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut RateLimited<'p, I::State<'p, Fut>>>,
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
        if let Stands::Called = this.stands {
            return inner.poll(this.inner, frame, ctx, cx);
        }
        let at_once = match this.stands {
            Stands::Outside => self.shared.state.take_at_once(1, ctx.now().as_nanos()),
            _ => None,
        };
        let permit = match at_once {
            Some(stamp) => Some(RatePermit::new(self, stamp)),
            None => match ready!(self.poll_admitted(this.stands, frame, ctx, cx)) {
                Ok(permit) => permit,
                Err(error) => return Poll::Ready(Err(error)),
            },
        };
        // Spent, if the operation panics as it is called.
        *this.stands = Stands::Called;
        let calls = ctx.calls();
        let poll = inner.poll(this.inner, frame, ctx, cx);
        if ctx.calls() == calls
            && let Some(permit) = permit
        {
            match poll {
                // Others may have taken theirs by a later time than this poll began with.
                Poll::Ready(_) => permit.give_back(ctx.now_again()),
                Poll::Pending => *this.stands = Stands::Admitted(Unused::new(permit)),
            }
        }
        poll
    }
}

impl Describe for RateLimiter {
    fn facts(&self) -> Facts {
        Facts::new(PolicyKind::RateLimiter, self.name(), self.quota().to_string())
    }
}

impl RateLimiter {
    /// For who was not admitted at once.
    #[cold]
    fn poll_admitted<'p, E, R: Runtime, Op, C>(
        &'p self,
        stands: &mut Stands<'p>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &Context<'_>,
    ) -> Poll<Result<Option<RatePermit<'p>>, Error<E>>> {
        if let Stands::Outside = stands {
            *stands = Stands::Waiting { ticket: Ticket::new(self, 1), since: None };
        }
        match stands {
            Stands::Waiting { ticket, since } => self.poll_turn(ticket, since, frame, ctx, cx).map_ok(Some),
            Stands::Admitted(unused) => Poll::Ready(Ok(unused.take())),
            Stands::Outside | Stands::Called => unreachable!("it waits, or was admitted"),
        }
    }

    fn poll_turn<'p, E, R: Runtime, Op, C>(
        &'p self,
        ticket: &mut Ticket<&'p RateLimiter>,
        since: &mut Option<Instant>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &Context<'_>,
    ) -> Poll<Result<RatePermit<'p>, Error<E>>> {
        let at = ctx.now();
        let now = at.as_nanos();
        // One that would have its turn when its time is up is better told now.
        let latest = match frame.limit.is_none() {
            true => u64::MAX,
            false => frame.limit.at.as_nanos().saturating_sub(1),
        };
        match ticket.poll(now, latest, cx) {
            Next::Go(stamp) => {
                let permit = RatePermit::new(self, stamp);
                Poll::Ready(Ok(match since {
                    Some(since) => permit.told_of(at - *since, |kind| ctx.emit(|| kind)),
                    None => permit,
                }))
            }
            Next::Refused(refusal) => Poll::Ready(Err(ctx.rejected(self.rejected(refusal, now)))),
            Next::WaitUntil(_) if ctx.is_past(frame.limit.at) => {
                // Its place is the next one's, before anybody hears of it.
                *ticket = Ticket::new(self, 1);
                Poll::Ready(Err(ctx.timed_out(frame.limit)))
            }
            Next::WaitUntil(until) => {
                since.get_or_insert(at);
                let _ = ctx.is_past(Instant::from_nanos(until));
                probe::waiting(|| self.describe_waiting());
                Poll::Pending
            }
        }
    }
}
