//! The future of a timer.

use crate::instant::Instant;
use std::pin::Pin;

/// A future that is pending until its deadline.
///
/// One sleep serves many waits: [`reset`](Sleep::reset) moves the deadline, before or after it fired, without
/// an allocation. After it has fired it must not be polled again before a reset.
///
/// # Cancel safety
///
/// Dropping it removes the timer.
///
/// # Examples
///
/// ```
/// use backstay_core::{BlockOn, Config, Runtime, Sleep};
/// use std::{pin::pin, time::Duration};
///
/// let owner = backstay_smol::SmolOwner::new(Config::new())?;
/// let rt = owner.runtime().clone();
/// owner.block_on(async move {
///     let mut sleep = pin!(rt.sleep(Duration::from_secs(3600)));
///     sleep.as_mut().reset(rt.now() + Duration::from_millis(1)); // shorter
///     sleep.as_mut().await;
///     sleep.as_mut().reset(rt.now() + Duration::from_millis(1)); // armed again
///     sleep.await;
/// });
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
pub trait Sleep: Future<Output = ()> + Send + Sync + 'static {
    /// Moves the deadline to `at`; [`Instant::MAX`] means never. Who polled the sleep last is woken at the new
    /// deadline, if the old one had not come yet; else the sleep is to be polled again.
    fn reset(self: Pin<&mut Self>, at: Instant);
}
