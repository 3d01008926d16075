//! What was granted to a key.

/// Permits of a key that were granted: the call they are for may begin.
///
/// They are spent, and dropping this does nothing. It is a value so that what is not used after all can be
/// [given back](super::KeyedRateLimiter::give_back).
#[derive(Debug)]
pub struct KeyedRatePermit {
    pub(super) n: u64,
    /// The tick of the time when they were taken.
    pub(super) taken: u64,
    /// Of the key.
    pub(super) hash: u64,
    /// Of the shard.
    pub(super) generation: u32,
}

impl KeyedRatePermit {
    /// How many they are.
    pub const fn count(&self) -> u64 {
        self.n
    }
}
