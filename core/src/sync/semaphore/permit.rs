//! What is held.

use super::Semaphore;
use super::error::TryAcquireError;
use crate::limit::Limit;
use crate::probe::{self, Held};
use std::fmt;
use std::mem;
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

/// Permits of a [`Semaphore`], given back when this is dropped.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::sync::Semaphore;
///
/// let semaphore = Semaphore::new(Limit::new(8)?);
/// let mut batch = semaphore.try_acquire_many(Limit::new(5)?)?;
/// let two = batch.split(Limit::new(2)?).expect("it has more than two");
/// assert_eq!((batch.count(), two.count(), semaphore.available()), (3, 2, 3));
///
/// drop(batch);
/// assert_eq!(semaphore.available(), 6);
/// # drop(two);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "permits are given back when this is dropped"]
pub struct Permit<'a>(pub(super) Lease<&'a Semaphore>);

impl Permit<'_> {
    /// How many they are; never zero.
    pub const fn count(&self) -> usize {
        self.0.count
    }

    /// Takes `n` of them out, to be given back apart; `None` if there would be none left here.
    pub fn split(&mut self, n: impl Into<Limit>) -> Option<Self> {
        self.0.split(n.into().get()).map(Self)
    }

    /// Adds another's.
    ///
    /// # Errors
    ///
    /// Permits of another semaphore, given back.
    pub fn merge(&mut self, other: Self) -> Result<(), Self> {
        self.0.merge(other.0).map_err(Self)
    }

    /// Never gives them back: the semaphore has so many fewer from now on.
    ///
    /// Its [capacity](Semaphore::capacity) shrinks, to zero perhaps; who waits for more than that gets
    /// [`AcquireError::TooLarge`](super::AcquireError::TooLarge). [`Semaphore::set_capacity`] makes it grow again.
    pub fn forget(self) {
        self.0.forget();
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// Permits of a [`Semaphore`] that is in an [`Arc`], given back when this is dropped; it can go anywhere.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::{Limit, Runtime};
/// use backstay_core::sync::Semaphore;
/// use std::sync::Arc;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let disks = Arc::new(Semaphore::new(Limit::ONE));
///     let permit = disks.acquire_owned().await.expect("it is open");
///     let job = rt.spawn_blocking(move || {
///         let _permit = permit; // until the job has ended, whether anybody waits for it or not
///         "written"
///     });
///     assert_eq!(disks.available(), 0);
///     let outcome = job.await.expect("no panic");
///     (outcome, disks.available())
/// })?;
/// assert_eq!(run.value, ("written", 1));
/// # Ok::<(), Failure>(())
/// ```
#[must_use = "permits are given back when this is dropped"]
#[doc(alias = "OwnedSemaphorePermit")]
pub struct OwnedPermit(pub(super) Lease<Arc<Semaphore>>);

impl OwnedPermit {
    /// How many they are; never zero.
    pub const fn count(&self) -> usize {
        self.0.count
    }

    /// Takes `n` of them out, to be given back apart; `None` if there would be none left here.
    pub fn split(&mut self, n: impl Into<Limit>) -> Option<Self> {
        self.0.split(n.into().get()).map(Self)
    }

    /// Adds another's.
    ///
    /// # Errors
    ///
    /// Permits of another semaphore, given back.
    pub fn merge(&mut self, other: Self) -> Result<(), Self> {
        self.0.merge(other.0).map_err(Self)
    }

    /// Never gives them back: the semaphore has so many fewer from now on, as with [`Permit::forget`].
    pub fn forget(self) {
        self.0.forget();
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// Permits, however their semaphore is reached.
pub(crate) struct Lease<S: Deref<Target = Semaphore>> {
    semaphore: S,
    // Zero only while it is on its way out.
    count: usize,
    _held: Held,
}

impl<S: Deref<Target = Semaphore>> Lease<S> {
    /// So many permits, which are the caller's already.
    #[inline]
    pub(super) fn new(semaphore: S, count: usize) -> Self {
        let _held = probe::hold(|| format!("{count} of a semaphore's {}", semaphore.capacity()));
        Self { semaphore, count, _held }
    }

    /// Takes so many, if they are free and nobody waits.
    #[inline]
    pub(crate) fn take(semaphore: S, count: usize) -> Result<Self, TryAcquireError> {
        if semaphore.state.take(count) {
            Ok(Self::new(semaphore, count))
        } else {
            Err(semaphore.why_not(count))
        }
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// How it is reached.
    pub(crate) const fn semaphore(&self) -> &S {
        &self.semaphore
    }

    fn split(&mut self, count: usize) -> Option<Self>
    where
        S: Clone,
    {
        if count >= self.count {
            return None;
        }
        self.count -= count;
        Some(Self::new(self.semaphore.clone(), count))
    }

    fn merge(&mut self, mut other: Self) -> Result<(), Self> {
        if !ptr::eq(&*self.semaphore, &*other.semaphore) {
            return Err(other);
        }
        self.count += mem::take(&mut other.count);
        Ok(())
    }

    fn forget(mut self) {
        self.semaphore.state.forget(mem::take(&mut self.count));
    }
}

impl<S: Deref<Target = Semaphore>> Drop for Lease<S> {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.state.give(self.count);
        }
    }
}
