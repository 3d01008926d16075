//! What is kept of a key.

use std::num::NonZeroU64;

/// A TAT, below the last number there is: as one more, which is not zero, so that a free place takes no room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tat(NonZeroU64);

impl Tat {
    #[inline]
    pub(super) const fn new(tat: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(tat))
    }

    #[inline]
    pub(super) const fn get(self) -> u64 {
        self.0.get() - 1
    }
}
