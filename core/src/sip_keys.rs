//! A keyed hash, with which nobody who does not know the keys can choose what collides.

use siphasher::sip::SipHasher13;
use std::hash::BuildHasher;

/// The keys of SipHash-1-3, which the standard library's maps use with keys of their own.
#[derive(Clone, Copy)]
pub(crate) struct SipKeys(pub(crate) u64, pub(crate) u64);

impl BuildHasher for SipKeys {
    type Hasher = SipHasher13;

    #[inline]
    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{DefaultHasher, Hash, Hasher};

    #[test]
    fn it_is_the_standard_librarys_and_each_key_counts() {
        let mut theirs = DefaultHasher::new(); // both keys are zero
        "a key".hash(&mut theirs);
        assert_eq!(SipKeys(0, 0).hash_one("a key"), theirs.finish());
        let hashes = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(k0, k1)| SipKeys(k0, k1).hash_one("a key"));
        assert!((1..4).all(|at| !hashes[..at].contains(&hashes[at])), "{hashes:?}");
    }
}
