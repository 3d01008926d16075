//! Entries that are found by their key, and of which it is known who was not asked for for the longest time.
//!
//! As a [`KeyedSlab`], of the user's it runs `Eq` alone, and before anything is changed.

use crate::keyed_slab::{KeyedSlab, NONE};
use std::borrow::Borrow;
use std::mem;

/// By key, and in the order in which they were asked for.
#[derive(Debug)]
pub(crate) struct KeyedRecent<K, V> {
    entries: KeyedSlab<K, Entry<V>>,
    newest: usize,
    oldest: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    newer: usize,
    older: usize,
}

impl<K, V> KeyedRecent<K, V> {
    pub(crate) const fn new() -> Self {
        Self { entries: KeyedSlab::new(), newest: NONE, oldest: NONE }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of a key's entry, which is the newest now.
    pub(crate) fn find<Q: Eq + ?Sized>(&mut self, key: &Q, hash: u64) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let at = self.entries.find(key, hash)?;
        self.unlink(at);
        self.link(at);
        Some(at)
    }

    pub(crate) fn get(&self, at: usize) -> Option<&V> {
        self.entries.get(at).map(|entry| &entry.value)
    }

    /// One more, the newest, of a key that is not there.
    pub(crate) fn insert(&mut self, key: K, hash: u64, value: V) -> usize {
        let at = self.entries.insert(key, hash, Entry { value, newer: NONE, older: NONE });
        self.link(at);
        at
    }

    #[must_use = "to be dropped where foreign code may run"]
    pub(crate) fn remove(&mut self, at: usize) -> Option<(K, V)> {
        self.unlink(at);
        self.entries.remove(at).map(|(key, entry)| (key, entry.value))
    }

    /// The one that was not asked for for the longest time.
    #[must_use = "to be dropped where foreign code may run"]
    pub(crate) fn remove_oldest(&mut self) -> Option<(K, V)> {
        self.remove(self.oldest)
    }

    /// It is the newest.
    fn link(&mut self, at: usize) {
        let older = mem::replace(&mut self.newest, at);
        if let Some(entry) = self.entries.get_mut(at) {
            (entry.newer, entry.older) = (NONE, older);
        }
        match self.entries.get_mut(older) {
            Some(older) => older.newer = at,
            None => self.oldest = at,
        }
    }

    fn unlink(&mut self, at: usize) {
        let Some(&Entry { newer, older, .. }) = self.entries.get(at) else { return };
        match self.entries.get_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

        #[test]
        fn it_is_a_list_with_the_newest_last(steps in proptest::collection::vec((0..20_u8, 0..5_u8), 1..200)) {
            let mut recent = KeyedRecent::new();
            let mut model: Vec<u8> = Vec::new();
            for (key, what) in steps {
                let hash = u64::from(key % 7);
                let found = recent.find(&key, hash);
                // Whoever is asked for is the newest.
                let is_there = model.contains(&key);
                model.retain(|other| *other != key);
                model.extend(is_there.then_some(key));
                prop_assert_eq!(found.and_then(|at| recent.get(at).copied()), is_there.then_some(key + 1));
                match (what, found) {
                    (0, _) => {
                        let oldest = (!model.is_empty()).then(|| model.remove(0));
                        prop_assert_eq!(recent.remove_oldest(), oldest.map(|oldest| (oldest, oldest + 1)));
                    }
                    (1, Some(at)) => {
                        prop_assert_eq!(recent.remove(at), Some((key, key + 1)));
                        model.pop();
                    }
                    (_, Some(_)) => {}
                    (_, None) => {
                        recent.insert(key, hash, key + 1);
                        model.push(key);
                    }
                }
                prop_assert_eq!(recent.len(), model.len());
            }
            for key in model {
                prop_assert_eq!(recent.remove_oldest(), Some((key, key + 1)));
            }
            prop_assert_eq!(recent.remove_oldest(), None);
        }
    }
}
