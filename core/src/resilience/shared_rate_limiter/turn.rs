//! One who asks: for a permit at hand, then the store, then whoever decides in its place; and then waits.

use super::failure::{OnStoreFailure, StoreFailure};
use super::permit::{GrantedBy, SharedPermit};
use super::shared::Shared;
use super::store::{Ask, QuotaStore, Taken};
use crate::instant::Instant;
use crate::probe;
use crate::resilience::circuit_breaker::OwnedCircuitPermit;
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

/// The clock of whoever polls.
pub(super) trait Clock {
    /// The time of this poll.
    fn now(&mut self) -> Instant;

    /// Whether this instant has come; if not, there is another poll when it comes.
    fn is_past(&mut self, at: Instant) -> bool;
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) permits: u64,
    /// Whether it waits for its turn.
    pub(super) waits: bool,
    /// By when at the latest: the caller's deadline.
    pub(super) until: Instant,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turned {
    pub(super) permit: SharedPermit,
    /// For how long its turn was to come, if it was.
    pub(super) waited: Option<Duration>,
}

pin_project! {
    /// The state of one who asks.
    #[project = TurnProj]
    pub(super) enum Turn<S: QuotaStore> {
        Begin,
        Asking {
            #[pin]
            take: S::Take,
            asked: Asked<S>,
        },
        // It is granted, for a time to come.
        Waiting { permit: SharedPermit, since: Instant, until: Instant },
        Done,
    }
}

/// What one who has asked owes, whatever becomes of it: to the breaker, by dropping the permit if no other way, and to
/// the lease.
pub(super) struct Asked<S: QuotaStore> {
    shared: Arc<Shared<S>>,
    circuit: Option<OwnedCircuitPermit>,
    began: Instant,
    /// When the answer comes too late.
    until: Instant,
    permits: u32,
    /// Whether it asks for more than it needs.
    for_lease: bool,
}

impl<S: QuotaStore> Drop for Asked<S> {
    fn drop(&mut self) {
        if self.for_lease {
            self.shared.lease().asked_in_vain();
        }
    }
}

impl<S: QuotaStore> Turn<S> {
    /// Goes on. Not to be called again once it was ready.
    pub(super) fn poll(
        mut self: Pin<&mut Self>,
        shared: &Arc<Shared<S>>,
        wanted: Wanted,
        clock: &mut impl Clock,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Turned, Rejected>> {
        if let TurnProj::Begin = self.as_mut().project() {
            match shared.begin(wanted, clock) {
                Begun::Decided(result) => {
                    let turned = result.map(|permit| Turned { permit, waited: None });
                    return self.decided(shared, turned);
                }
                Begun::Ask(ask, asked) => {
                    shared.counts.asked.fetch_add(1, Relaxed);
                    let take = shared.store.take(&shared.key, ask);
                    self.set(Self::Asking { take, asked });
                }
                Begun::Failed(cause, retry_after) => {
                    shared.tell_failed(cause);
                    let result = shared.instead(cause, retry_after, wanted, clock);
                    return self.turn(shared, result, wanted.until, clock);
                }
            }
        }
        if let TurnProj::Asking { take, asked } = self.as_mut().project() {
            // Not where its own deadline was what it ran out of.
            let mut is_told = true;
            // The answer before the clock: with both ready, the answer counts.
            let result = match take.poll(cx) {
                Poll::Ready(Ok(taken)) => Ok(asked.answered(taken, clock.now())),
                Poll::Ready(Err(error)) => {
                    asked.failed(clock.now());
                    shared.keep(error);
                    Err(StoreFailure::Error)
                }
                Poll::Pending if clock.is_past(asked.until) => {
                    asked.failed(clock.now());
                    is_told = asked.until < wanted.until;
                    Err(StoreFailure::Timeout)
                }
                Poll::Pending => {
                    probe::waiting(|| shared.describe("asks its store"));
                    return Poll::Pending;
                }
            };
            // The future of the store is dropped before anybody hears of the end.
            self.set(Self::Begin);
            let result = match result {
                Ok(result) => result,
                Err(cause) => {
                    if is_told {
                        shared.tell_failed(cause);
                    }
                    shared.instead(cause, None, wanted, clock)
                }
            };
            return self.turn(shared, result, wanted.until, clock);
        }
        self.poll_waiting(shared, clock)
    }

    /// Its time is up, and nobody needs a decision any more. Where the store has had it until now, the breaker hears of it.
    pub(super) fn give_up(mut self: Pin<&mut Self>, shared: &Shared<S>, now: Instant, cx: &mut Context<'_>) {
        if let TurnProj::Asking { take, asked } = self.as_mut().project() {
            match take.poll(cx) {
                Poll::Ready(Ok(taken)) => drop(asked.answered(taken, now)),
                Poll::Ready(Err(error)) => {
                    asked.failed(now);
                    shared.counts.failed(StoreFailure::Error);
                    shared.keep(error);
                }
                Poll::Pending => {
                    asked.failed(now);
                    shared.counts.failed(StoreFailure::Timeout);
                }
            }
        }
        self.set(Self::Done);
    }

    /// It is granted for a time, or refused; also where that time is too late, because the answer took so long.
    fn turn(
        mut self: Pin<&mut Self>,
        shared: &Shared<S>,
        result: Result<(SharedPermit, Duration), Rejected>,
        latest: Instant,
        clock: &mut impl Clock,
    ) -> Poll<Result<Turned, Rejected>> {
        match result {
            Ok((permit, wait)) if !wait.is_zero() => {
                let since = clock.now();
                let until = since + wait;
                if until >= latest && latest != Instant::MAX {
                    let too_late = shared.because(Reason::MaxWait { limit: latest - since });
                    return self.decided(shared, Err(too_late));
                }
                self.set(Self::Waiting { permit, since, until });
                self.poll_waiting(shared, clock)
            }
            Ok((permit, _)) => self.decided(shared, Ok(Turned { permit, waited: None })),
            Err(rejected) => self.decided(shared, Err(rejected)),
        }
    }

    fn poll_waiting(
        mut self: Pin<&mut Self>,
        shared: &Shared<S>,
        clock: &mut impl Clock,
    ) -> Poll<Result<Turned, Rejected>> {
        let TurnProj::Waiting { permit, since, until } = self.as_mut().project() else {
            unreachable!("it is not polled again once it was ready");
        };
        let now = clock.now();
        if now < *until && !clock.is_past(*until) {
            probe::waiting(|| shared.describe("waits for its turn"));
            return Poll::Pending;
        }
        let (permit, waited) = (*permit, now - *since);
        shared.tell(EventKind::Waited { policy: PolicyKind::RateLimiter, waited });
        self.decided(shared, Ok(Turned { permit, waited: Some(waited) }))
    }

    fn decided(
        mut self: Pin<&mut Self>,
        shared: &Shared<S>,
        result: Result<Turned, Rejected>,
    ) -> Poll<Result<Turned, Rejected>> {
        self.set(Self::Done);
        if let Err(rejected) = result {
            shared.tell(EventKind::Rejected(rejected));
        }
        Poll::Ready(result)
    }
}

/// What begins.
pub(super) enum Begun<S: QuotaStore> {
    Decided(Result<SharedPermit, Rejected>),
    Ask(Ask, Asked<S>),
    Failed(StoreFailure, Option<Duration>),
}

impl<S: QuotaStore> Asked<S> {
    /// The store has decided: the permit, and how long until it may be used.
    fn answered(&mut self, taken: Taken, now: Instant) -> Result<(SharedPermit, Duration), Rejected> {
        if let Some(circuit) = self.circuit.take() {
            circuit.success(now);
        }
        match taken {
            Taken::Granted { permits, wait, .. } => {
                if std::mem::take(&mut self.for_lease) {
                    let more = if wait.is_zero() { permits.saturating_sub(self.permits) } else { 0 };
                    self.shared.lease().asked(more, self.began, now);
                }
                Ok((SharedPermit { count: self.permits, granted_by: GrantedBy::Store }, wait))
            }
            Taken::Refused { retry_after } => {
                let after = retry_after.max(Duration::from_nanos(1));
                Err(self.shared.because(Reason::RateLimited).with_retry_after(after))
            }
        }
    }

    fn failed(&mut self, now: Instant) {
        if let Some(circuit) = self.circuit.take() {
            circuit.failure(now);
        }
    }
}

impl<S: QuotaStore> Shared<S> {
    /// What can be said without the store; or what to ask it.
    fn begin(self: &Arc<Self>, wanted: Wanted, clock: &mut impl Clock) -> Begun<S> {
        let capacity = self.quota.max_burst();
        let Some(permits) = u32::try_from(wanted.permits).ok().filter(|permits| *permits <= capacity) else {
            return Begun::Decided(Err(self.because(Reason::TooLarge { capacity: capacity.into() })));
        };
        let now = clock.now();
        if now >= wanted.until {
            return Begun::Decided(Err(self.because(Reason::MaxWait { limit: Duration::ZERO })));
        }
        if self.lease().is_used() && self.lease().take(permits, now) {
            self.counts.leased.fetch_add(1, Relaxed);
            return Begun::Decided(Ok(SharedPermit { count: permits, granted_by: GrantedBy::Lease }));
        }
        let circuit = match self.breaker.try_acquire_owned(now) {
            Ok(circuit) => circuit,
            Err(open) => return Begun::Failed(StoreFailure::NotAsked, open.retry_after()),
        };
        let more = self.lease().begin(now);
        let asked = Asked {
            shared: Arc::clone(self),
            circuit: Some(circuit),
            began: now,
            until: wanted.until.min(now + self.store_timeout),
            permits,
            for_lease: more.is_some(),
        };
        let ask = Ask {
            quota: self.quota,
            at_least: permits,
            up_to: permits.saturating_add(more.unwrap_or(0)),
            max_wait: self.max_wait_of(wanted, now),
            longest_wait: self.max_wait,
            now,
        };
        Begun::Ask(ask, asked)
    }

    /// Nobody is granted a turn that comes after its deadline.
    fn max_wait_of(&self, wanted: Wanted, now: Instant) -> Duration {
        match wanted.waits {
            true if wanted.until == Instant::MAX => self.max_wait,
            true => self.max_wait.min((wanted.until - now).saturating_sub(Duration::from_nanos(1))),
            false => Duration::ZERO,
        }
    }

    fn tell_failed(&self, cause: StoreFailure) {
        self.tell(EventKind::StoreFailed { cause, instead: self.on_store_failure });
    }

    /// Who decides where the store does not.
    fn instead(
        &self,
        cause: StoreFailure,
        retry_after: Option<Duration>,
        wanted: Wanted,
        clock: &mut impl Clock,
    ) -> Result<(SharedPermit, Duration), Rejected> {
        self.counts.failed(cause);
        // It was within the burst, which is 32 bits.
        let count = wanted.permits as u32;
        match &self.local {
            Some(local) => {
                let (now, max_wait) = (clock.now(), self.max_wait_of(wanted, clock.now()));
                let refused = |rejected: Rejected| match rejected.reason() {
                    // More than the share, and not more than there is once the store answers.
                    Reason::TooLarge { .. } => self.because(Reason::StoreFailed),
                    reason => self.because(reason),
                };
                let permits = std::num::NonZeroU32::new(count).unwrap_or(std::num::NonZeroU32::MIN);
                let reservation =
                    local.reserve(permits, now).map_err(|rejected| match rejected.retry_after() {
                        Some(after) => refused(rejected).with_retry_after(after),
                        None => refused(rejected),
                    })?;
                let wait = reservation.ready_at() - now;
                if wait > max_wait {
                    reservation.cancel(now);
                    return Err(self.because(Reason::RateLimited).with_retry_after(wait - max_wait));
                }
                reservation.commit();
                Ok((SharedPermit { count, granted_by: GrantedBy::LocalShare }, wait))
            }
            None if self.on_store_failure == OnStoreFailure::Deny => {
                let rejected = self.because(Reason::StoreFailed);
                Err(retry_after.map_or(rejected, |after| rejected.with_retry_after(after)))
            }
            None => Ok((SharedPermit { count, granted_by: GrantedBy::Nobody }, Duration::ZERO)),
        }
    }
}
