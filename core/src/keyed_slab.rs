//! Entries that are found by their key, and then by their number: a slab with an index of hashes.
//!
//! It lives under a mutex. Of the user's it runs `Eq` alone, in [`KeyedSlab::find`], and before anything is changed;
//! hashes are kept. What it takes out it hands out, to be dropped when the mutex is free.

use slab::Slab;
use std::borrow::Borrow;
use std::mem;

/// Chains of the entries whose hashes share their lowest bits.
#[derive(Debug)]
pub(crate) struct KeyedSlab<K, V> {
    slots: Slab<Slot<K, V>>,
    // The first of each chain; a power of two of them, or none.
    chains: Vec<usize>,
    listed: usize,
}

#[derive(Debug)]
struct Slot<K, V> {
    hash: u64,
    key: K,
    value: V,
    // The next in its chain.
    next: usize,
    // Unlisted, it is in no chain.
    is_listed: bool,
}

/// No entry.
pub(crate) const NONE: usize = usize::MAX;

/// The fewest chains there are when there are any, and how many entries' memory is kept when all have gone.
const FEWEST: usize = 16;
const KEPT: usize = 64;

impl<K, V> KeyedSlab<K, V> {
    pub(crate) const fn new() -> Self {
        Self { slots: Slab::new(), chains: Vec::new(), listed: 0 }
    }

    /// How many there are, unlisted ones too.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.slots.iter().map(|(_, slot)| &slot.value)
    }

    /// The number of a key's entry.
    #[inline]
    pub(crate) fn find<Q: Eq + ?Sized>(&self, key: &Q, hash: u64) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let mut at = *self.chains.get(self.chain(hash))?;
        while let Some(slot) = self.slots.get(at) {
            if slot.hash == hash && slot.key.borrow() == key {
                return Some(at);
            }
            at = slot.next;
        }
        None
    }

    pub(crate) fn get(&self, at: usize) -> Option<&V> {
        self.slots.get(at).map(|slot| &slot.value)
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut V> {
        self.slots.get_mut(at).map(|slot| &mut slot.value)
    }

    /// One more, of a key that is not there.
    pub(crate) fn insert(&mut self, key: K, hash: u64, value: V) -> usize {
        if self.listed >= self.chains.len() {
            self.chain_anew((self.chains.len() * 2).max(FEWEST));
        }
        let chain = self.chain(hash);
        let next = self.chains[chain];
        let at = self.slots.insert(Slot { hash, key, value, next, is_listed: true });
        self.chains[chain] = at;
        self.listed += 1;
        at
    }

    /// It stays, and is not found any more.
    pub(crate) fn unlist(&mut self, at: usize) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        if !mem::replace(&mut slot.is_listed, false) {
            return;
        }
        let (hash, next) = (slot.hash, slot.next);
        let chain = self.chain(hash);
        if self.chains[chain] == at {
            self.chains[chain] = next;
        } else {
            let mut before = self.chains[chain];
            while self.slots[before].next != at {
                before = self.slots[before].next;
            }
            self.slots[before].next = next;
        }
        self.listed -= 1;
        if self.chains.len() > FEWEST && self.listed * 8 < self.chains.len() {
            self.chain_anew(self.chains.len() / 2);
        }
    }

    #[must_use = "to be dropped after the mutex is free"]
    pub(crate) fn remove(&mut self, at: usize) -> Option<(K, V)> {
        self.unlist(at);
        let Slot { key, value, .. } = self.slots.try_remove(at)?;
        if self.slots.is_empty() && self.slots.capacity() > KEPT {
            self.slots = Slab::new();
        }
        Some((key, value))
    }

    /// Which chain it is in; without chains none that there is.
    const fn chain(&self, hash: u64) -> usize {
        hash as usize & self.chains.len().wrapping_sub(1)
    }

    fn chain_anew(&mut self, chains: usize) {
        self.chains = vec![NONE; chains];
        let mask = chains - 1;
        for (at, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.is_listed) {
            let first = &mut self.chains[slot.hash as usize & mask];
            slot.next = mem::replace(first, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Poor on purpose: many share a chain, and some a hash.
    fn hash(key: u16) -> u64 {
        u64::from(key % 29 * 8)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

        #[test]
        fn it_is_a_list_of_entries(steps in proptest::collection::vec((0..60_u16, 0..8_u8), 1..300)) {
            let mut slab = KeyedSlab::new();
            // Number, key, and whether it is found.
            let mut model: Vec<(usize, u16, bool)> = Vec::new();
            for (key, what) in steps {
                let found = model.iter().position(|&(_, other, is_listed)| other == key && is_listed);
                prop_assert_eq!(slab.find(&key, hash(key)), found.map(|at| model[at].0));
                match (what, found) {
                    (0, Some(at)) => {
                        slab.unlist(model[at].0);
                        model[at].2 = false;
                    }
                    (1, _) if !model.is_empty() => {
                        let (at, gone, _) = model.swap_remove(usize::from(key) % model.len());
                        prop_assert_eq!(slab.remove(at), Some((gone, gone + 1)));
                        prop_assert_eq!(slab.remove(at), None);
                    }
                    (_, None) => model.push((slab.insert(key, hash(key), key + 1), key, true)),
                    _ => {}
                }
                prop_assert_eq!(slab.len(), model.len());
                for &(at, key, _) in &model {
                    prop_assert_eq!(slab.get(at), Some(&(key + 1)));
                    prop_assert_eq!(slab.get_mut(at), Some(&mut (key + 1)));
                }
            }
            prop_assert_eq!(slab.values().count(), model.len());
        }
    }

    #[test]
    fn it_grows_and_shrinks() {
        let mut slab = KeyedSlab::new();
        let hash = |key: u64| key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let numbers: Vec<_> = (0..10_000_u64).map(|key| slab.insert(key, hash(key), ())).collect();
        assert_eq!(slab.chains.len(), 16_384);
        assert!((0..10_000).all(|key| slab.find(&key, hash(key)) == Some(numbers[key as usize])));
        for (key, &at) in (0..).zip(&numbers) {
            assert_eq!(slab.remove(at), Some((key, ())));
            assert_eq!(slab.find(&key, hash(key)), None);
        }
        assert_eq!((slab.len(), slab.chains.len(), slab.slots.capacity()), (0, FEWEST, 0));
        // A few are kept for the next.
        let at = slab.insert(1, hash(1), ());
        assert!(slab.remove(at).is_some() && slab.slots.capacity() > 0);
    }
}
