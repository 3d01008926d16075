//! A hash table that forgets, a little with each use, what is as good as new.

use std::borrow::Borrow;
use std::mem;

/// Keys and their values, by linear probing; what is removed is closed up, so that nothing is left behind.
///
/// Every few uses some of its places are looked at, in turn, and those are removed that need not be kept: so it has
/// gone round before it has been used as often as it has places, and it shrinks when it is mostly empty. No task does
/// it, and no use costs much.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    // A power of two of them, or none.
    places: Vec<Option<Entry<K, V>>>,
    len: usize,
    // The place that is looked at next.
    sweep: usize,
    uses: u32,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
}

/// What was taken out, to be dropped where that may run anything. A few need no memory.
#[derive(Debug)]
pub(crate) struct Gone<K, V> {
    few: [Option<(K, V)>; 2],
    many: Vec<(K, V)>,
}

impl<K, V> Gone<K, V> {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { few: [None, None], many: Vec::new() }
    }

    fn extend(&mut self, gone: Option<(K, V)>) {
        match self.few.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = gone,
            None => self.many.extend(gone),
        }
    }

    #[cfg(test)]
    fn drain(self) -> impl Iterator<Item = (K, V)> {
        self.few.into_iter().flatten().chain(self.many)
    }
}

/// The fewest places there are when there are any.
const FEWEST: usize = 16;

impl<K, V> Table<K, V> {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), len: 0, sweep: 0, uses: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Counts a use, and says whether it is one of so many.
    #[inline]
    pub(crate) const fn is_turn(&mut self, each: u32) -> bool {
        self.uses = self.uses.wrapping_add(1);
        self.uses.is_multiple_of(each)
    }

    /// Where a key is, or would be.
    #[inline]
    pub(crate) fn find<Q: Eq + ?Sized>(&self, key: &Q, hash: u64) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        let mask = self.places.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        // There is always a free place.
        while let Some(Some(entry)) = self.places.get(at) {
            if entry.key.borrow() == key {
                return Ok(at);
            }
            at = (at + 1) & mask;
        }
        Err(at)
    }

    /// The value at a place that was found.
    #[inline]
    pub(crate) fn value_mut(&mut self, at: usize) -> Option<&mut V> {
        self.places.get_mut(at)?.as_mut().map(|entry| &mut entry.value)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.places.iter_mut().flatten().map(|entry| (&entry.key, &mut entry.value))
    }

    /// Whether the next key needs more places.
    pub(crate) const fn is_full(&self) -> bool {
        // Three quarters.
        (self.len + 1) * 4 > self.places.len() * 3
    }

    /// Whether half of the places are taken, or there are none.
    pub(crate) const fn is_half_full(&self) -> bool {
        self.len * 2 >= self.places.len()
    }

    /// Doubles the places.
    pub(crate) fn grow(&mut self, hash: impl Fn(&K) -> u64) {
        self.rebuild((self.places.len() * 2).max(FEWEST), hash);
    }

    /// Puts a key where it would be: `find` said where, and nothing has changed since.
    pub(crate) fn insert(&mut self, at: usize, key: K, value: V) {
        if let Some(place) = self.places.get_mut(at) {
            *place = Some(Entry { key, value });
            self.len += 1;
        }
    }

    /// Looks at so many places, and takes out what `is_over`. It is handed out: dropping a key may run anything.
    pub(crate) fn sweep(
        &mut self,
        places: usize,
        mut is_over: impl FnMut(&mut V) -> bool,
        hash: impl Fn(&K) -> u64,
        gone: &mut Gone<K, V>,
    ) {
        for _ in 0..places.min(self.places.len()) {
            let at = self.sweep & (self.places.len() - 1);
            if self.places[at].as_mut().is_some_and(|entry| is_over(&mut entry.value)) {
                // What moves into this place is looked at next.
                gone.extend(self.remove(at, &hash));
            } else {
                self.sweep = at + 1;
            }
        }
        if self.places.len() > FEWEST && self.len * 8 < self.places.len() {
            self.rebuild(self.places.len() / 2, hash);
        }
    }

    /// Takes out all for which `keep` says no.
    pub(crate) fn take_unless(
        &mut self,
        mut keep: impl FnMut(&K, &mut V) -> bool,
        hash: impl Fn(&K) -> u64,
    ) -> Vec<(K, V)> {
        // All are asked before anything is changed: it may panic.
        let mut is_kept = |entry: &mut Entry<K, V>| keep(&entry.key, &mut entry.value);
        let kept: Vec<_> =
            self.places.iter_mut().map(|place| place.as_mut().is_some_and(&mut is_kept)).collect();
        let all = mem::take(&mut self.places).into_iter().zip(kept);
        let (mut rest, mut gone) = (Vec::new(), Vec::new());
        for (entry, is_kept) in all.filter_map(|(place, is_kept)| Some((place?, is_kept))) {
            if is_kept {
                rest.push(entry);
            } else {
                gone.push((entry.key, entry.value));
            }
        }
        let places = (rest.len() * 4 / 3 + 1).next_power_of_two().max(FEWEST);
        self.refill(places, rest, hash);
        gone
    }

    fn rebuild(&mut self, places: usize, hash: impl Fn(&K) -> u64) {
        let all = mem::take(&mut self.places);
        self.refill(places, all.into_iter().flatten(), hash);
    }

    fn refill(
        &mut self,
        places: usize,
        entries: impl IntoIterator<Item = Entry<K, V>>,
        hash: impl Fn(&K) -> u64,
    ) {
        self.places = Vec::with_capacity(places);
        self.places.resize_with(places, || None);
        (self.len, self.sweep) = (0, 0);
        for entry in entries {
            let mut at = hash(&entry.key) as usize & (places - 1);
            while self.places[at].is_some() {
                at = (at + 1) & (places - 1);
            }
            self.places[at] = Some(entry);
            self.len += 1;
        }
    }

    /// Takes out what is at a place, and moves up what had to go past it.
    fn remove(&mut self, at: usize, hash: &impl Fn(&K) -> u64) -> Option<(K, V)> {
        let mask = self.places.len() - 1;
        let gone = self.places[at].take()?;
        self.len -= 1;
        let (mut free, mut next) = (at, (at + 1) & mask);
        while let Some(entry) = &self.places[next] {
            let home = hash(&entry.key) as usize & mask;
            // Whether `free` lies on its way from home.
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(free) & mask {
                self.places[free] = self.places[next].take();
                free = next;
            }
            next = (next + 1) & mask;
        }
        Some((gone.key, gone.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Poor on purpose: many collide, and run on from the last place to the first.
    fn hash(key: &u16) -> u64 {
        u64::from(key % 13 * 5)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

        #[test]
        fn it_is_a_map_that_forgets(steps in proptest::collection::vec((0..200_u16, 0..7_u8, 1..100_u64), 1..200)) {
            let (mut table, mut model) = (Table::new(), BTreeMap::new());
            for (key, what, tick) in steps {
                match what {
                    0 => {
                        let mut gone = Gone::new();
                        table.sweep(usize::from(key), |value| *value <= tick, hash, &mut gone);
                        // It goes as far as it is told to, which may not be round where something moves up.
                        for (key, value) in gone.drain() {
                            prop_assert!(model.remove(&key) == Some(value) && value <= tick);
                        }
                    }
                    1 => {
                        let mut gone = table.take_unless(|_, value| *value > tick, hash);
                        gone.sort_unstable();
                        let expected: Vec<_> = model.extract_if(.., |_, value| *value <= tick).collect();
                        prop_assert_eq!(gone, expected);
                    }
                    2 => {
                        drop(table.take_unless(|kept, _| kept % 3 != key % 3, hash));
                        model.retain(|kept, _| kept % 3 != key % 3);
                    }
                    _ => {
                        if table.is_full() {
                            table.grow(hash);
                        }
                        match table.find(&key, hash(&key)) {
                            Ok(at) => *table.value_mut(at).unwrap() = tick,
                            Err(at) => table.insert(at, key, tick),
                        }
                        model.insert(key, tick);
                    }
                }
                prop_assert_eq!(table.len(), model.len());
                prop_assert!(table.places.is_empty() || table.len() < table.places.len());
                for (key, value) in &model {
                    let at = table.find(key, hash(key));
                    prop_assert_eq!(table.value_mut(at.unwrap()), Some(&mut value.clone()));
                }
                prop_assert_eq!(table.iter_mut().count(), model.len());
            }
        }
    }

    #[test]
    fn how_many_places_it_has() {
        let hash = |key: &u64| *key;
        let of = |keys: u64, places: usize| {
            let mut table = Table::new();
            table.refill(places, (1..=keys).map(|key| Entry { key, value: 9 }), hash);
            table
        };
        assert_eq!([7, 8].map(|keys| of(keys, 16).is_half_full()), [false, true]);
        assert_eq!([11, 12].map(|keys| of(keys, 16).is_full()), [false, true]);
        // Those that an eighth or more is taken of are kept, and so are the fewest.
        for (keys, before, after) in [(7, 64, 32), (8, 64, 64), (0, 32, 16), (0, 16, 16)] {
            let mut table = of(keys, before);
            table.sweep(1, |_| false, hash, &mut Gone::new());
            assert_eq!(table.places.len(), after, "{keys} in {before}");
        }
        // There is room for one more when some have been taken out.
        for (keys, places) in [(0, 16), (11, 16), (12, 32), (23, 32), (24, 64)] {
            let mut table = of(keys, 256);
            assert_eq!(table.take_unless(|_, _| true, hash), []);
            assert_eq!((table.places.len(), table.is_full()), (places, false), "{keys}");
        }
    }

    #[test]
    fn it_grows_and_shrinks() {
        let (mut table, hash) = (Table::new(), |key: &u64| key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32);
        for key in 0..10_000_u64 {
            if table.is_full() {
                table.grow(hash);
            }
            let at = table.find(&key, hash(&key)).unwrap_err();
            table.insert(at, key, 1);
            let fewest = (4 * table.len()).div_ceil(3).next_power_of_two().max(FEWEST);
            assert_eq!(table.places.len(), fewest, "three quarters of them, and no more");
        }
        assert_eq!((table.len(), table.places.len()), (10_000, 16_384));
        let mut gone = Gone::new();
        for _ in 0..20_000 {
            table.sweep(2, |value| *value == 1, hash, &mut gone);
        }
        assert_eq!((table.len(), table.places.len(), gone.drain().count()), (0, FEWEST, 10_000));
        assert_eq!(size_of::<Option<Entry<u64, std::num::NonZeroU64>>>(), 16);
    }
}
