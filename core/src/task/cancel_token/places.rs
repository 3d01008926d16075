//! How the tokens of one tree stand to each other: brackets in a list.
//!
//! Each token has an opening and a closing bracket, and its descendants stand between them: a token with two children,
//! the first of which has a child, is `( ( () ) () )`. A new child comes before its parent's closing bracket. Who
//! leaves takes both brackets away, and its children stand between those of its own parent. So everything is a few
//! links, however deep or wide the tree is: nothing recurses, nobody knows a parent, and no child is handed over.
//!
//! It lives under the mutex of its tree, and holds a value for each token; of tokens it knows nothing.

/// The brackets of a tree, or of what is left of one.
///
/// | entry | its brackets | left by |
/// |---|---|---|
/// | free | none | `insert…` |
/// | taken | in the list | `remove`, `cut_below` |
#[derive(Debug)]
pub(super) struct Places<T> {
    entries: Vec<Entry<T>>,
    // The first entry that is free; the next one is where its opening bracket would lead.
    free: Bracket,
    taken: usize,
    // To move together is worth a try when no more than these are left.
    sparse: usize,
}

#[derive(Debug)]
struct Entry<T> {
    open: Links,
    close: Links,
    value: Option<T>,
}

/// The neighbours of a bracket.
#[derive(Clone, Copy, Debug)]
struct Links {
    previous: Bracket,
    next: Bracket,
}

/// The number of an entry. As small as it can be: a crowd of tokens is as slow as its memory.
pub(super) type Place = u32;

/// Nowhere.
pub(super) const NOWHERE: Place = Place::MAX;

/// The number of an entry, times two; plus one for its closing bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bracket(u32);

/// An end of the list.
const END: Bracket = Bracket(u32::MAX);

/// How many entries there may be, so that their brackets can be numbered.
const MOST: usize = (u32::MAX / 2) as usize;

/// So many are kept, however few are taken.
const KEPT: usize = 64;

impl Bracket {
    const fn open(place: Place) -> Self {
        Self(place * 2)
    }

    const fn close(place: Place) -> Self {
        Self(place * 2 + 1)
    }

    const fn place(self) -> Place {
        self.0 / 2
    }

    const fn is_open(self) -> bool {
        self.0.is_multiple_of(2)
    }
}

impl<T> Places<T> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), free: END, taken: 0, sparse: MOST }
    }

    /// The place of a token that has no parent, the first of its tree.
    pub(super) fn insert_root(&mut self, value: T) -> Place {
        self.insert_before(END, value)
    }

    /// The place of the youngest child of who has the place `parent`.
    ///
    /// # Panics
    ///
    /// If there are two billion.
    pub(super) fn insert_child(&mut self, parent: Place, value: T) -> Place {
        self.insert_before(Bracket::close(parent), value)
    }

    /// Frees a place. The children of who had it are now those of its parent, in its stead among its siblings.
    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        for bracket in [Bracket::open(place), Bracket::close(place)] {
            let Links { previous, next } = *self.links(bracket);
            self.link(previous, next);
        }
        let entry = &mut self.entries[place as usize];
        let value = entry.value.take();
        entry.open.next = self.free;
        self.free = Bracket::open(place);
        self.taken -= 1;
        if self.taken == 0 {
            self.start_afresh();
        }
        value
    }

    /// Asks for each descendant of who has `place`, the youngest first and none before its own descendants,
    /// whether its place is to be freed.
    pub(super) fn cut_below(&mut self, place: Place, mut free: impl FnMut(&T) -> bool) {
        let mut bracket = self.links(Bracket::close(place)).previous;
        while bracket != Bracket::open(place) {
            let previous = self.links(bracket).previous;
            if bracket.is_open() {
                let below = bracket.place();
                if self.entries[below as usize].value.as_ref().is_some_and(&mut free) {
                    self.remove(below);
                }
            }
            bracket = previous;
        }
    }

    /// Moves what is left of a crowd together, and gives its memory back.
    ///
    /// Each has to be told its new place, so `hold` gets hold of all of them first; where one can't be held,
    /// nothing moves, for now. What was held comes back, to be dropped once the mutex is free. A crowd pays for this
    /// when it has shrunk to a quarter, so it is O(1) for each that has left.
    pub(super) fn shrink<U>(
        &mut self,
        hold: impl Fn(&T) -> Option<U>,
        move_to: impl Fn(&U, Place),
    ) -> Vec<U> {
        let mut held = Vec::new();
        if self.entries.len() <= KEPT || self.taken > self.sparse.min(self.entries.len() / 4) {
            return held;
        }
        held.reserve_exact(self.taken);
        for value in self.entries.iter().filter_map(|entry| entry.value.as_ref()) {
            match hold(value) {
                Some(value) => held.push(value),
                None => {
                    self.sparse = self.taken / 2;
                    return held;
                }
            }
        }
        self.move_together();
        (0..).zip(&held).for_each(|(place, value)| move_to(value, place));
        held
    }

    /// Gives the taken entries the first places, in the order of those they had.
    fn move_together(&mut self) {
        let mut places = vec![NOWHERE; self.entries.len()];
        let taken = self.entries.iter().enumerate().filter(|(_, entry)| entry.value.is_some());
        (0..).zip(taken).for_each(|(place, (before, _))| places[before] = place);
        let moved = |bracket: Bracket| match bracket {
            END => END,
            _ if bracket.is_open() => Bracket::open(places[bracket.place() as usize]),
            _ => Bracket::close(places[bracket.place() as usize]),
        };
        self.entries.retain(|entry| entry.value.is_some());
        for links in self.entries.iter_mut().flat_map(|entry| [&mut entry.open, &mut entry.close]) {
            *links = Links { previous: moved(links.previous), next: moved(links.next) };
        }
        self.entries.shrink_to(KEPT);
        self.free = END;
        self.sparse = MOST;
    }

    fn insert_before(&mut self, end: Bracket, value: T) -> Place {
        let previous = if end == END { END } else { self.links(end).previous };
        let is_used = self.free != END;
        let place = if is_used { self.free.place() } else { self.entries.len() as Place };
        let entry = Entry {
            open: Links { previous, next: Bracket::close(place) },
            close: Links { previous: Bracket::open(place), next: end },
            value: Some(value),
        };
        if is_used {
            let free = &mut self.entries[place as usize];
            self.free = free.open.next;
            *free = entry;
        } else {
            assert!(self.entries.len() < MOST, "a tree has room for two billion tokens");
            self.entries.push(entry);
        }
        if previous != END {
            self.links_mut(previous).next = Bracket::open(place);
        }
        if end != END {
            self.links_mut(end).previous = Bracket::close(place);
        }
        self.taken += 1;
        place
    }

    /// All are free: the memory of a large tree is given back.
    fn start_afresh(&mut self) {
        if self.entries.capacity() > KEPT {
            self.entries = Vec::new();
        } else {
            self.entries.clear();
        }
        self.free = END;
        self.sparse = MOST;
    }

    fn links(&self, bracket: Bracket) -> &Links {
        let entry = &self.entries[bracket.place() as usize];
        if bracket.is_open() { &entry.open } else { &entry.close }
    }

    fn links_mut(&mut self, bracket: Bracket) -> &mut Links {
        let entry = &mut self.entries[bracket.place() as usize];
        if bracket.is_open() { &mut entry.open } else { &mut entry.close }
    }

    /// Makes two brackets neighbours.
    fn link(&mut self, previous: Bracket, next: Bracket) {
        if previous != END {
            self.links_mut(previous).next = next;
        }
        if next != END {
            self.links_mut(next).previous = previous;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use std::cell::Cell;

    /// Knows its parent, and its children from the oldest to the youngest.
    #[derive(Debug, Default)]
    struct Family {
        parent: Option<usize>,
        children: Vec<usize>,
    }

    /// What the brackets stand for, and where each is.
    #[derive(Default)]
    struct Model {
        families: Vec<Family>,
        places: Vec<Cell<Place>>,
        live: Vec<usize>,
    }

    impl Model {
        fn add(&mut self, parent: Option<usize>, places: &mut Places<usize>) {
            let name = self.families.len();
            let place = match parent {
                None => places.insert_root(name),
                Some(parent) => {
                    self.families[parent].children.push(name);
                    places.insert_child(self.places[parent].get(), name)
                }
            };
            self.families.push(Family { parent, children: Vec::new() });
            self.places.push(Cell::new(place));
            self.live.push(name);
        }

        /// Its children take its stead.
        fn remove(&mut self, name: usize) {
            let Family { parent, children } = std::mem::take(&mut self.families[name]);
            for &child in &children {
                self.families[child].parent = parent;
            }
            if let Some(parent) = parent {
                let siblings = &mut self.families[parent].children;
                let at = siblings.iter().position(|&sibling| sibling == name).expect("a child of its parent");
                siblings.splice(at..=at, children);
            }
            self.live.retain(|&other| other != name);
        }

        /// All below, the youngest first and none before its own.
        fn below(&self, name: usize) -> Vec<usize> {
            let mut below = Vec::new();
            for &child in self.families[name].children.iter().rev() {
                below.extend(self.below(child));
                below.push(child);
            }
            below
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Add(Index),
        Remove(Index),
        Cut(Index, Option<Index>),
        Shrink(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        let index = any::<Index>;
        prop_oneof![
            4 => index().prop_map(Step::Add),
            8 => index().prop_map(Step::Remove),
            1 => (index(), proptest::option::of(index())).prop_map(|(at, but)| Step::Cut(at, but)),
            4 => any::<bool>().prop_map(Step::Shrink),
        ]
    }

    fn check(places: &mut Places<usize>, model: &Model, name: usize) {
        let mut below = Vec::new();
        places.cut_below(model.places[name].get(), |&name| {
            below.push(name);
            false
        });
        assert_eq!(below, model.below(name), "below {name}");
    }

    proptest! {
        #[test]
        fn s28_brackets_are_a_tree(
            crowd in prop::collection::vec(any::<Index>(), 0..150),
            steps in prop::collection::vec(step(), 1..300),
        ) {
            let (mut places, mut model) = (Places::new(), Model::default());
            model.add(None, &mut places);
            for step in crowd.into_iter().map(Step::Add).chain(steps) {
                if model.live.is_empty() {
                    prop_assert_eq!((places.taken, places.entries.len()), (0, 0));
                    model.add(None, &mut places);
                }
                match step {
                    Step::Add(at) => model.add(Some(*at.get(&model.live)), &mut places),
                    Step::Remove(at) => {
                        let name = *at.get(&model.live);
                        prop_assert_eq!(places.remove(model.places[name].get()), Some(name));
                        model.remove(name);
                    }
                    Step::Cut(at, but) => {
                        let name = *at.get(&model.live);
                        let below = model.below(name);
                        // One of them may be kept where it is.
                        let but = but.filter(|_| !below.is_empty()).map(|but| *but.get(&below));
                        let mut seen = Vec::new();
                        places.cut_below(model.places[name].get(), |&below| {
                            seen.push(below);
                            Some(below) != but
                        });
                        prop_assert_eq!(&seen, &below);
                        below.into_iter().filter(|&below| Some(below) != but).for_each(|below| model.remove(below));
                    }
                    Step::Shrink(can_hold_all) => {
                        let youngest = model.live.last().copied();
                        places.shrink(
                            |&name| (can_hold_all || Some(name) != youngest).then_some(name),
                            |&name, place| model.places[name].set(place),
                        );
                    }
                }
                prop_assert_eq!(places.taken, model.live.len());
                if let Some(&oldest) = model.live.first() {
                    check(&mut places, &model, oldest);
                }
            }
            model.live.iter().for_each(|&name| check(&mut places, &model, name));
        }
    }

    #[test]
    fn a_crowds_memory_is_given_back_though_some_stay() {
        let mut places = Places::new();
        let root = places.insert_root(0);
        let crowd: Vec<_> = (0..1000).map(|name| places.insert_child(root, name)).collect();
        // Those that stay are the last, and have to move.
        let (leave, stay) = crowd.split_at(990);
        let mut moves = 0;
        for &place in leave {
            places.remove(place);
            moves += places.shrink(|&name| Some(name), |_, _| {}).len();
            if moves > 0 {
                break;
            }
        }
        assert!((250..=251).contains(&moves), "{moves}");
        assert!(places.entries.capacity() <= 256, "{}", places.entries.capacity());
        assert_eq!(stay.len(), 10);
    }

    #[test]
    fn a_crowd_that_leaves_at_once_gives_its_memory_back_and_few_keep_theirs() {
        for (count, keeps) in [(3, true), (KEPT, true), (1000, false)] {
            let mut places = Places::new();
            let root = places.insert_root(0);
            (1..count).for_each(|name| assert_eq!(places.insert_child(root, name) as usize, name));
            let before = places.entries.capacity();
            places.cut_below(root, |_| true);
            assert_eq!(places.entries.capacity(), before, "there is one left");
            places.remove(root);
            assert_eq!(places.entries.capacity(), if keeps { before } else { 0 }, "of {count}");
            // As new.
            assert_eq!(places.insert_root(0), 0);
        }
    }

    #[test]
    fn places_are_used_again() {
        let mut places = Places::new();
        let root = places.insert_root(0);
        for name in 1..1000 {
            let [one, other] = [name, name + 1].map(|name| places.insert_child(root, name));
            assert_eq!((places.remove(one), places.remove(other)), (Some(name), Some(name + 1)));
        }
        assert_eq!(places.entries.len(), 3);
    }

    #[test]
    fn who_can_not_be_held_keeps_all_in_place_and_is_not_asked_each_time() {
        let mut places = Places::new();
        let root = places.insert_root(0);
        let mut crowd: Vec<_> = (0..1000).map(|name| places.insert_child(root, name)).collect();
        let asked = Cell::new(0);
        while crowd.len() > 20 {
            places.remove(crowd.pop().expect("a crowd"));
            let hold = |_: &_| {
                asked.set(asked.get() + 1);
                None::<()>
            };
            assert!(places.shrink(hold, |(), _| unreachable!("nobody moves")).is_empty());
        }
        assert_eq!((asked.get(), places.taken, places.entries.len()), (4, 21, 1001));

        // They can be when half of them have left, and once they have moved all is as before.
        let mut moves = Vec::new();
        for _ in 0..2 {
            while crowd.len() > 1 {
                places.remove(crowd.pop().expect("a crowd"));
                let held = places.shrink(|&name| Some(name), |_, _| {});
                if !held.is_empty() {
                    moves.push(held.len());
                    break;
                }
            }
            // The first places are the root's and those of who has stayed.
            crowd = (1..places.taken as Place).collect();
            crowd
                .extend((0..1000 - crowd.len()).map(|name| places.insert_child(0, name)).collect::<Vec<_>>());
        }
        assert_eq!(moves, [15, 250]);
    }
}
