//! A place that is held.

use super::Handle;
use crate::sync::{Lease, Semaphore};
use std::fmt;

/// A place in a [`Bulkhead`](super::Bulkhead), given back when this is dropped.
#[must_use = "the place is given back when this is dropped"]
pub struct BulkheadPermit<'a>(pub(super) Lease<&'a Semaphore>);

/// A place in a [`Bulkhead`](super::Bulkhead), given back when this is dropped; it can go anywhere.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::Bulkhead;
/// use backstay_core::{Limit, Runtime};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let disk = Bulkhead::new(Limit::ONE);
///     let permit = disk.acquire_owned(&rt).await.expect("it is free");
///     let job = rt.spawn_blocking(move || {
///         let _permit = permit; // until the job has ended, whether anybody waits for it or not
///     });
///     assert_eq!(disk.in_flight(), 1);
///     job.await.expect("no panic");
///     assert_eq!(disk.in_flight(), 0);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[must_use = "the place is given back when this is dropped"]
pub struct OwnedBulkheadPermit(pub(super) Lease<Handle>);

impl BulkheadPermit<'_> {
    /// How many places it holds.
    pub const fn weight(&self) -> usize {
        self.0.count()
    }
}

impl OwnedBulkheadPermit {
    /// How many places it holds.
    pub const fn weight(&self) -> usize {
        self.0.count()
    }
}

impl fmt::Debug for BulkheadPermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadPermit").field("weight", &self.weight()).finish_non_exhaustive()
    }
}

impl fmt::Debug for OwnedBulkheadPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedBulkheadPermit").field("weight", &self.weight()).finish_non_exhaustive()
    }
}
