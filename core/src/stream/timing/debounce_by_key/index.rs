//! Where the entry of a hash is: open addressing, without marks of what has been removed.

/// The number of places is none or a power of two, of which at most three quarters are taken. An entry lies at the
/// place that its hash names, or behind it, with no free place in between.
#[derive(Debug)]
pub(super) struct Index {
    places: Vec<Place>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u64,
    // `FREE` if there is none.
    entry: usize,
}

const FREE: Place = Place { hash: 0, entry: usize::MAX };

/// As small as it gets, once it has been used.
const FEWEST: usize = 16;

impl Place {
    const fn is_free(self) -> bool {
        self.entry == usize::MAX
    }
}

impl Index {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), len: 0 }
    }

    /// The entry with that hash that `is` the one.
    pub(super) fn find(&self, hash: u64, is: impl Fn(usize) -> bool) -> Option<usize> {
        self.place(hash, is).map(|at| self.places[at].entry)
    }

    /// Adds one that is not there.
    pub(super) fn insert(&mut self, hash: u64, entry: usize) {
        if (self.len + 1) * 4 > self.places.len() * 3 {
            self.resize((self.places.len() * 2).max(FEWEST));
        }
        self.len += 1;
        self.put(Place { hash, entry });
    }

    /// The entry is another now.
    pub(super) fn rename(&mut self, hash: u64, from: usize, to: usize) {
        if let Some(at) = self.place(hash, |entry| entry == from) {
            self.places[at].entry = to;
        }
    }

    /// Removes one that is there; gives memory back where few are left.
    pub(super) fn remove(&mut self, hash: u64, entry: usize) {
        let Some(mut hole) = self.place(hash, |found| found == entry) else { return };
        self.len -= 1;
        // Those behind it move up, but not to before where they belong (Knuth, The Art of Computer Programming, 6.4,
        // algorithm R).
        let mask = self.places.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let place = self.places[at];
            if place.is_free() {
                break;
            }
            let home = place.hash as usize & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.places[hole] = place;
                hole = at;
            }
        }
        self.places[hole] = FREE;
        if self.places.len() > FEWEST && self.len * 8 < self.places.len() {
            self.resize(self.places.len() / 4);
        }
    }

    fn place(&self, hash: u64, is: impl Fn(usize) -> bool) -> Option<usize> {
        // Of no places, none is looked at.
        let mask = self.places.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            let place = self.places[at];
            if place.is_free() {
                return None;
            }
            if place.hash == hash && is(place.entry) {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
    }

    fn put(&mut self, place: Place) {
        let mask = self.places.len() - 1;
        let mut at = place.hash as usize & mask;
        while !self.places[at].is_free() {
            at = (at + 1) & mask;
        }
        self.places[at] = place;
    }

    fn resize(&mut self, places: usize) {
        let before = std::mem::replace(&mut self.places, vec![FREE; places.max(FEWEST)]);
        for place in before {
            if !place.is_free() {
                self.put(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Insert(u64),
        Remove(usize),
        Rename(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            // Few homes, some of them at the end: runs are long, and go round.
            3 => prop_oneof![0..4_u64, Just(15), Just(31), any::<u64>()].prop_map(Step::Insert),
            3 => any::<usize>().prop_map(Step::Remove),
            1 => any::<usize>().prop_map(Step::Rename),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec(step(), 0..300)) {
            let mut index = Index::new();
            let mut model = BTreeMap::<usize, u64>::new();
            let nth = |model: &BTreeMap<usize, u64>, n: usize| {
                let (&entry, &hash) = model.iter().nth(n.checked_rem(model.len())?)?;
                Some((entry, hash))
            };
            for (next, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(hash) => {
                        index.insert(hash, next);
                        model.insert(next, hash);
                    }
                    Step::Remove(n) => {
                        if let Some((entry, hash)) = nth(&model, n) {
                            index.remove(hash, entry);
                            model.remove(&entry);
                        }
                    }
                    Step::Rename(n) => {
                        if let Some((entry, hash)) = nth(&model, n) {
                            index.rename(hash, entry, next);
                            model.remove(&entry);
                            model.insert(next, hash);
                        }
                    }
                }
                prop_assert_eq!(index.len, model.len());
                prop_assert!(index.len * 4 <= index.places.len() * 3);
                prop_assert!(index.places.len() <= FEWEST.max(index.len.max(1) * 16));
                for (&entry, &hash) in &model {
                    prop_assert_eq!(index.find(hash, |found| found == entry), Some(entry));
                }
                prop_assert_eq!(index.find(77, |_| true), model.iter().find(|(_, hash)| **hash == 77).map(|(e, _)| *e));
            }
        }
    }
}
