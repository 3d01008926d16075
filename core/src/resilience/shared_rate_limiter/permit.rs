//! What was granted.

/// Permits that were granted: the call they are for may begin.
///
/// They are spent: what is with a store can't be given back exactly, as others have counted on it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedPermit {
    pub(super) count: u32,
    pub(super) granted_by: GrantedBy,
}

/// Who has granted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GrantedBy {
    /// The store.
    Store,
    /// The store, to another call before: it was taken [ahead](super::SharedRateLimiterBuilder::lease).
    Lease,
    /// This process's share of the quota, as the store gave no answer.
    LocalShare,
    /// Nobody: the store gave no answer, and then [all may pass](super::OnStoreFailure::Allow).
    Nobody,
}

impl SharedPermit {
    /// How many they are.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Who has granted them.
    pub const fn granted_by(&self) -> GrantedBy {
        self.granted_by
    }
}
