//! One call.

use super::Role;
use super::shared::{Joined, Shared, Turn};
use super::state::{Following, Ticket};
use crate::primitives::Arc;
use crate::probe;
use crate::sync::own_waker::poll_locked;
use pin_project_lite::pin_project;
use std::fmt;
use std::hash::Hash;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of [`SingleFlight::run`](super::SingleFlight::run).
    ///
    /// Nothing happens before it is polled: it takes part from its first poll on.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it follows, it takes nothing from the others; while it leads, the next leads.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Flight<'a, K, T, E, F> {
        // Dropped before the seat, also where that panics: two operations of a key never run at a time.
        #[pin]
        operation: Option<F>,
        seat: Seat<'a, K, T, E>,
    }
}

/// The part that a call has in a flight; dropped, it gives it up.
struct Seat<'a, K, T, E> {
    shared: &'a Shared<K, T, E>,
    place: Place<K, T, E>,
}

/// | place | a drop |
/// |---|---|
/// | outside | does nothing |
/// | follows | leaves; where it was to lead, the next is |
/// | leads | the next is to lead |
/// | gone | does nothing |
enum Place<K, T, E> {
    // Taken at the first poll.
    Outside(Option<K>),
    Follows(Following<T, E>),
    Leads(Ticket),
    Gone,
}

impl<'a, K, T, E, F> Flight<'a, K, T, E, F> {
    pub(super) const fn new(shared: &'a Shared<K, T, E>, key: K, operation: F) -> Self {
        Self { operation: Some(operation), seat: Seat { shared, place: Place::Outside(Some(key)) } }
    }

    /// The same, which says whose operation the result comes from.
    ///
    /// # Errors
    ///
    /// None of its own: the result is a part of what it gives.
    ///
    /// # Cancel safety
    ///
    /// As that of the call.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Role, SingleFlight};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let users = SingleFlight::<u64, &str, &str>::new(&rt);
    ///     let (result, role) = users.run(7, async { Err("no such user") }).detailed().await;
    ///     assert_eq!((result, role), (Err("no such user"), Role::Leader));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn detailed(self) -> DetailedFlight<'a, K, T, E, F> {
        DetailedFlight { flight: self }
    }
}

impl<K, T, E, F> Flight<'_, K, T, E, F>
where
    K: Hash + Eq,
    T: Clone,
    E: Clone,
    F: Future<Output = Result<T, E>>,
{
    fn poll_detailed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(Result<T, E>, Role)> {
        let mut this = self.project();
        if let Some(result) = ready!(this.seat.poll(cx)) {
            return Poll::Ready((result, Role::Follower));
        }
        let Some(operation) = this.operation.as_mut().as_pin_mut() else {
            unreachable!("it is not polled again once it was ready");
        };
        let result = ready!(operation.poll(cx));
        this.operation.set(None);
        this.seat.land(&result);
        Poll::Ready((result, Role::Leader))
    }
}

impl<K, T, E> Seat<'_, K, T, E> {
    /// `None` where it leads; or the leader's result.
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Result<T, E>>>
    where
        K: Hash + Eq,
        T: Clone,
        E: Clone,
    {
        match &mut self.place {
            Place::Leads(_) => return Poll::Ready(None),
            Place::Follows(following) if following.outcome.get().is_some() => {}
            Place::Follows(Following { ticket, place, .. }) => {
                match poll_locked(cx, |own| self.shared.look(*ticket, place, own)) {
                    Poll::Pending => return self.wait(),
                    Poll::Ready(Turn::Ended) => {}
                    Poll::Ready(Turn::Lead) => {
                        self.place = Place::Leads(*ticket);
                        return Poll::Ready(None);
                    }
                }
            }
            Place::Outside(key) => {
                let mut key = key.take();
                self.place = match self.shared.join(&mut key, cx) {
                    Some(Joined::Leads(ticket)) => Place::Leads(ticket),
                    Some(Joined::Follows(following)) => Place::Follows(following),
                    None => unreachable!("it is not polled again after a panic"),
                };
                // A follower's; its destructor may panic: the place is known by now, and given up then.
                drop(key);
                return if matches!(self.place, Place::Leads(_)) { Poll::Ready(None) } else { self.wait() };
            }
            Place::Gone => unreachable!("it is not polled again once it was ready"),
        }
        let Place::Follows(following) = mem::replace(&mut self.place, Place::Gone) else {
            unreachable!("who follows has ended");
        };
        let result = match Arc::try_unwrap(following.outcome) {
            Ok(outcome) => outcome.into_inner(),
            Err(outcome) => outcome.get().cloned(),
        };
        let Some(result) = result else {
            unreachable!("while somebody follows, a flight ends with its outcome set");
        };
        Poll::Ready(Some(result))
    }

    fn wait<O>(&self) -> Poll<O> {
        probe::waiting(|| self.shared.describe());
        Poll::Pending
    }

    /// The leader has its result.
    fn land(&mut self, result: &Result<T, E>)
    where
        T: Clone,
        E: Clone,
    {
        let Place::Leads(ticket) = self.place else { return };
        if let Some(outcome) = self.shared.end_alone(ticket) {
            // If a clone panics it leads still, and passes that on.
            let _ = outcome.set(result.clone());
            drop(outcome);
            self.shared.end(ticket);
        }
        self.place = Place::Gone;
    }
}

impl<K, T, E> Drop for Seat<'_, K, T, E> {
    fn drop(&mut self) {
        match mem::replace(&mut self.place, Place::Gone) {
            Place::Leads(ticket) => self.shared.pass_on(ticket),
            Place::Follows(Following { ticket, place: Some(place), outcome }) if outcome.get().is_none() => {
                self.shared.leave(ticket, place);
            }
            _ => {}
        }
    }
}

impl<K, T, E, F> Future for Flight<'_, K, T, E, F>
where
    K: Hash + Eq,
    T: Clone,
    E: Clone,
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_detailed(cx).map(|(result, _)| result)
    }
}

pin_project! {
    /// The future of [`Flight::detailed`].
    ///
    /// # Cancel safety
    ///
    /// As [`Flight`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct DetailedFlight<'a, K, T, E, F> {
        #[pin]
        flight: Flight<'a, K, T, E, F>,
    }
}

impl<K, T, E, F> Future for DetailedFlight<'_, K, T, E, F>
where
    K: Hash + Eq,
    T: Clone,
    E: Clone,
    F: Future<Output = Result<T, E>>,
{
    type Output = (Result<T, E>, Role);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().flight.poll_detailed(cx)
    }
}

impl<K, T, E, F> fmt::Debug for Flight<'_, K, T, E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.seat.place {
            Place::Outside(_) => "not polled",
            Place::Follows(_) => "follows",
            Place::Leads(_) => "leads",
            Place::Gone => "ended",
        };
        f.debug_tuple("Flight").field(&format_args!("{role}")).finish()
    }
}
