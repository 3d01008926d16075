//! At most so many at a time (recipes 3.6 and 6.5).

mod error;
mod future;
mod permit;
mod state;

pub use error::{AcquireError, TryAcquireError};
pub(crate) use future::Turn;
pub use future::{Acquire, AcquireOwned};
pub(crate) use permit::Lease;
pub use permit::{OwnedPermit, Permit};
pub(crate) use state::Refusal;

use crate::limit::Limit;
use state::State;
use std::fmt;
use std::sync::Arc;

/// A number of permits: who holds one may go on, who finds none waits for its turn.
///
/// Whoever asks may ask for several at once, as a heavy job takes more of a machine than a light one. **The order is
/// strict**: who came first is served first, also when it asks for much and those behind it for little. While
/// somebody waits nobody overtakes, not with [`try_acquire`](Self::try_acquire) either. A permit that comes back is
/// granted to the first in the queue in the same step, before that is woken: nobody can take it in between. Who was
/// granted a permit and is dropped gives it back, and the next in the queue is woken; so is the next when the first,
/// who asked for more than was free, gives up.
///
/// What was done under a permit is seen by whoever takes it next, as with a mutex.
///
/// Use something else where one value is to be guarded (an async mutex hands it out with the lock), where calls are
/// limited by rate rather than by number, and where work only has to be told that something has happened. In a loop
/// that finds a permit free each time, acquiring never yields to the executor.
///
/// # Cost
///
/// Nothing is allocated and no lock is taken as long as nobody has to wait: acquiring is a load and an exchange,
/// giving back is one addition. Who waits takes a place in a queue under a short lock; places are used again.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::sync::Semaphore;
/// use std::num::NonZeroUsize;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// const AT_ONCE: NonZeroUsize = NonZeroUsize::new(2).unwrap();
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let connections = Arc::new(Semaphore::new(AT_ONCE));
///     let calls: Vec<_> = (0..6)
///         .map(|_| {
///             let (rt, connections) = (rt.clone(), connections.clone());
///             rt.clone().spawn(async move {
///                 let _permit = connections.acquire().await.expect("it is open");
///                 rt.sleep(Duration::from_secs(1)).await; // the call
///             })
///         })
///         .collect();
///     for call in calls {
///         call.await.expect("no panic");
///     }
/// })?;
/// assert_eq!(run.elapsed, Duration::from_secs(3)); // six calls, two at a time
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "BatchSemaphore")]
pub struct Semaphore {
    state: State,
}

impl Semaphore {
    /// The most permits there can be; a larger [`Limit`] counts as this.
    pub const MAX_PERMITS: usize = state::MAX_PERMITS;

    /// A semaphore of so many permits, all of them free.
    pub fn new(permits: impl Into<Limit>) -> Self {
        Self { state: State::new(permits.into().get()) }
    }

    /// Takes one permit, if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError::NoPermits`], [`TryAcquireError::Closed`]; and [`TryAcquireError::TooLarge`] if
    /// there are no permits at all, since all were [forgotten](Permit::forget).
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(Limit::ONE)
    }

    /// Takes `n` permits, if so many are free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError::NoPermits`]; [`TryAcquireError::Closed`]; [`TryAcquireError::TooLarge`] if there are fewer
    /// than `n` in all.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::sync::{Semaphore, TryAcquireError};
    ///
    /// let semaphore = Semaphore::new(Limit::new(3)?);
    /// let two = semaphore.try_acquire_many(Limit::new(2)?)?;
    /// assert_eq!(two.count(), 2);
    /// assert_eq!(semaphore.try_acquire_many(Limit::new(2)?).unwrap_err(), TryAcquireError::NoPermits);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_acquire_many(&self, n: impl Into<Limit>) -> Result<Permit<'_>, TryAcquireError> {
        Lease::take(self, n.into().get()).map(Permit)
    }

    /// Takes one permit, when it is this caller's turn and one is free.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it holds nothing: a permit it was granted meanwhile goes to the next in the queue,
    /// who is woken. Its place in the queue is lost: whoever asks again is the last. Poll the same future on, by
    /// `&mut`, to keep the place.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`] if the semaphore is closed, now or while it waits; [`AcquireError::TooLarge`] if there
    /// are no permits at all, since all were [forgotten](Permit::forget).
    #[inline]
    #[doc(alias = "wait")]
    pub fn acquire(&self) -> Acquire<'_> {
        Acquire::new(self, 1)
    }

    /// Takes `n` permits together, when it is this caller's turn and so many are free.
    ///
    /// While it is first in the queue, what comes back is kept for it, and those behind it wait even where they ask
    /// for less.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`]; [`AcquireError::TooLarge`] if there are fewer than `n` in all, at once or when the
    /// semaphore shrinks while it waits: it would never be served.
    #[inline]
    #[doc(alias = "weighted")]
    pub fn acquire_many(&self, n: impl Into<Limit>) -> Acquire<'_> {
        Acquire::new(self, n.into().get())
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that can go anywhere.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, TryAcquireError> {
        self.try_acquire_many_owned(Limit::ONE)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), with a permit that can go anywhere.
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    #[inline]
    pub fn try_acquire_many_owned(
        self: &Arc<Self>,
        n: impl Into<Limit>,
    ) -> Result<OwnedPermit, TryAcquireError> {
        let n = n.into().get();
        if self.state.take(n) {
            Ok(OwnedPermit(Lease::new(Arc::clone(self), n)))
        } else {
            Err(self.why_not(n))
        }
    }

    /// As [`acquire`](Self::acquire), with a permit that can go anywhere: into a task, into a blocking job, into a
    /// map.
    ///
    /// # Cost
    ///
    /// Beside that of the borrowed form, the semaphore's reference count goes up twice and down once.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn acquire_owned(self: &Arc<Self>) -> AcquireOwned {
        AcquireOwned::new(Arc::clone(self), 1)
    }

    /// As [`acquire_many`](Self::acquire_many), with a permit that can go anywhere.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    #[inline]
    pub fn acquire_many_owned(self: &Arc<Self>, n: impl Into<Limit>) -> AcquireOwned {
        AcquireOwned::new(Arc::clone(self), n.into().get())
    }

    /// How many are free now; while somebody waits, they are kept for whoever is first.
    #[inline]
    #[doc(alias = "available_permits")]
    pub fn available(&self) -> usize {
        self.state.free()
    }

    /// How many callers wait now.
    pub fn waiting(&self) -> usize {
        self.state.waiting()
    }

    /// How many permits there are, free and taken. After it has shrunk, more than that can be out for a while.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.state.capacity()
    }

    /// Changes how many permits there are, while they are in use.
    ///
    /// Growing serves those who wait, in their order. Shrinking withdraws what is free at once, and the rest as it
    /// comes back, before anybody is served; who waits for more than there will be gets [`AcquireError::TooLarge`]
    /// now. A closed semaphore stays closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(Limit::new(3)?);
    /// let three = semaphore.try_acquire_many(Limit::new(3)?)?;
    /// semaphore.set_capacity(Limit::new(2)?);
    /// drop(three);
    /// assert_eq!(semaphore.available(), 2);
    ///
    /// semaphore.try_acquire()?.forget();
    /// assert_eq!(semaphore.capacity(), 1);
    /// semaphore.set_capacity(Limit::new(5)?);
    /// assert_eq!(semaphore.available(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "add_permits")]
    #[doc(alias = "forget_permits")]
    #[doc(alias = "resize")]
    pub fn set_capacity(&self, permits: impl Into<Limit>) {
        self.state.set_capacity(permits.into().get());
    }

    /// Refuses everybody who waits, and whoever comes, with [`AcquireError::Closed`]; for good.
    ///
    /// Permits that are out stay valid, and so does what was granted to somebody who has not been polled since.
    pub fn close(&self) {
        self.state.close();
    }

    /// Whether it was [closed](Self::close).
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.state.is_closed()
    }

    /// As [`taken`](Self::taken), without a lock: two looks, and no more than there are.
    #[inline]
    pub(crate) fn taken_about(&self) -> usize {
        self.capacity().saturating_sub(self.available())
    }

    /// How many are out.
    pub(crate) fn taken(&self) -> usize {
        self.state.taken()
    }

    #[cold]
    fn why_not(&self, n: usize) -> TryAcquireError {
        self.state.refusal(n).map_or(TryAcquireError::NoPermits, TryAcquireError::from)
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available", &self.available())
            .field("capacity", &self.capacity())
            .field("waiting", &self.waiting())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// For whoever reads why a program stands still.
fn describe(semaphore: &Semaphore) -> String {
    let (free, capacity, waiting) = (semaphore.available(), semaphore.capacity(), semaphore.waiting());
    format!("semaphore {free}/{capacity} free, {waiting} waiting")
}
