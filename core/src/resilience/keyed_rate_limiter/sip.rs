//! A keyed hasher: SipHash-1-3, which the standard library's maps use with keys of their own.
//!
//! J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF" (2012). Who does not know the two keys can't
//! choose what collides.

use std::hash::{BuildHasher, Hasher};

/// The keys.
#[derive(Clone, Copy)]
pub(super) struct SipKeys(pub(super) u64, pub(super) u64);

/// One hash in the making.
#[derive(Clone, Debug)]
pub(super) struct SipHasher {
    v: [u64; 4],
    // The bytes that are not a word yet, and how many there were in all.
    tail: u64,
    tail_bits: u32,
    length: u64,
}

impl BuildHasher for SipKeys {
    type Hasher = SipHasher;

    #[inline]
    fn build_hasher(&self) -> SipHasher {
        let Self(k0, k1) = *self;
        SipHasher {
            v: [
                k0 ^ 0x736f_6d65_7073_6575,
                k1 ^ 0x646f_7261_6e64_6f6d,
                k0 ^ 0x6c79_6765_6e65_7261,
                k1 ^ 0x7465_6462_7974_6573,
            ],
            tail: 0,
            tail_bits: 0,
            length: 0,
        }
    }
}

impl SipHasher {
    #[inline]
    fn round(&mut self) {
        let [v0, v1, v2, v3] = &mut self.v;
        *v0 = v0.wrapping_add(*v1);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v3);
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.wrapping_add(*v3);
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.wrapping_add(*v1);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v2 = v2.rotate_left(32);
    }

    #[inline]
    fn word(&mut self, word: u64) {
        self.v[3] ^= word;
        self.round();
        self.v[0] ^= word;
    }

    /// The next one to eight bytes, the first lowest.
    #[inline]
    fn bytes(&mut self, word: u64, bits: u32) {
        self.length = self.length.wrapping_add(u64::from(bits / 8));
        let tail = self.tail | (word << self.tail_bits);
        let all = self.tail_bits + bits;
        if all < 64 {
            (self.tail, self.tail_bits) = (tail, all);
            return;
        }
        self.word(tail);
        // Nothing of the word is left where it began a new one.
        self.tail = word.checked_shr(64 - self.tail_bits).unwrap_or(0);
        self.tail_bits = all - 64;
    }
}

impl Hasher for SipHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.bytes(u64::from_le_bytes(*word), 64);
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.bytes(u64::from_le_bytes(word), 8 * rest.len() as u32);
        }
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.bytes(n.into(), 8);
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.bytes(n.into(), 16);
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.bytes(n.into(), 32);
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.bytes(n, 64);
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.bytes(n as u64, 64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        let mut end = self.clone();
        end.word((self.length << 56) | self.tail);
        end.v[2] ^= 0xff;
        (0..3).for_each(|_| end.round());
        end.v.into_iter().fold(0, |all, v| all ^ v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::hash::{DefaultHasher, Hash};

    fn hash(keys: SipKeys, value: impl Hash) -> u64 {
        keys.hash_one(value)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The standard library's, with its keys, which are zero.
        #[test]
        fn it_is_the_standard_librarys(words in any::<(u8, u16, u32, u64, u8)>(), text in ".{0,40}", slice in any::<Vec<u16>>()) {
            let mut theirs = DefaultHasher::new();
            let value = (words, text, slice);
            value.hash(&mut theirs);
            prop_assert_eq!(hash(SipKeys(0, 0), &value), theirs.finish());
            prop_assert_ne!(hash(SipKeys(0, 1), &value), theirs.finish());
            prop_assert_ne!(hash(SipKeys(1, 0), &value), theirs.finish());
        }
    }
}
