//! A keyed hash, with which nobody who does not know the keys can choose what collides.

use siphasher::sip::SipHasher13;
use std::hash::BuildHasher;

/// The keys of SipHash-1-3, which the standard library's maps use with keys of their own.
#[derive(Clone, Copy)]
pub(super) struct SipKeys(pub(super) u64, pub(super) u64);

impl BuildHasher for SipKeys {
    type Hasher = SipHasher13;

    #[inline]
    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}
