//! What a call holds until the service has answered.

use super::shared::Shared;
use super::told::Told;
use crate::instant::Instant;
use crate::primitives::Arc;
use std::fmt;

/// The right to make one call, from [`ServiceLimit::acquire`](super::ServiceLimit::acquire).
///
/// It hears once what the service has said. Dropped without a word, the call counts as made: the service may have counted
/// it. Who has not made it [gives it back](Self::give_back).
#[must_use = "dropped, it counts as a call that was made and has no answer"]
pub struct ServiceLimitPermit {
    // `None` once it has ended.
    shared: Option<Arc<Shared>>,
    number: u64,
}

impl ServiceLimitPermit {
    pub(super) const fn new(shared: Arc<Shared>, number: u64) -> Self {
        Self { shared: Some(shared), number }
    }

    /// The service has answered, and said so much of its limits; [`Told::new`] where it said nothing. The random number,
    /// `rt.random_u64()`, is for the [jitter](super::ServiceLimitBuilder::jitter).
    ///
    /// An answer counts by when its call was sent: one to an earlier call does not change what a later one said.
    pub fn told(mut self, told: &Told, now: Instant, random: u64) {
        if let Some(shared) = self.shared.take() {
            shared.told(self.number, told, now, random);
        }
    }

    /// The call was not made: it is as if nobody had asked.
    pub fn give_back(mut self) {
        if let Some(shared) = self.shared.take() {
            shared.give_back(self.number);
        }
    }
}

impl Drop for ServiceLimitPermit {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.lost(self.number);
        }
    }
}

impl fmt::Debug for ServiceLimitPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceLimitPermit").field("number", &self.number).finish_non_exhaustive()
    }
}
