//! A set against a model of it: turns, weights, priorities, and streams that come and go.

use super::puppet::{Puppet, Step, Strings, Task};
use backstay_core::Limit;
use backstay_core::stream::{MergeEvent, MergeSet, Precedence, StreamKey};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

#[derive(Clone, Debug)]
enum Op {
    Insert { weight: usize, priority: u8, steps: Vec<Step> },
    // Of those that were ever inserted.
    Remove(prop::sample::Index),
    Add(prop::sample::Index, Vec<Step>),
    Wake(prop::sample::Index),
    Poll,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let step = || {
        prop_oneof![
            6 => Just(Step::Give),
            1 => Just(Step::Wait),
            1 => Just(Step::Yield),
            1 => Just(Step::End),
            1 => Just(Step::Panic),
        ]
    };
    let steps = move || prop::collection::vec(step(), 0..6);
    let op = prop_oneof![
        3 => (1_usize..4, 0_u8..3, steps()).prop_map(|(weight, priority, steps)| Op::Insert { weight, priority, steps }),
        1 => any::<prop::sample::Index>().prop_map(Op::Remove),
        2 => (any::<prop::sample::Index>(), steps()).prop_map(|(of, steps)| Op::Add(of, steps)),
        3 => any::<prop::sample::Index>().prop_map(Op::Wake),
        12 => Just(Op::Poll),
    ];
    prop::collection::vec(op, 0..120)
}

/// The streams of one priority: a turn goes through places in order.
#[derive(Debug, Default)]
struct Level {
    // Which stream has which place.
    places: Vec<Option<usize>>,
    due: BTreeSet<usize>,
    next: BTreeSet<usize>,
    // By place, as a wake is of a place.
    woken: BTreeSet<usize>,
}

#[derive(Debug)]
struct Member {
    steps: VecDeque<Step>,
    weight: usize,
    left: usize,
    priority: u8,
    // In its latest poll: only then is its waker one that counts.
    is_waiting: bool,
    place: Option<usize>,
}

#[derive(Debug, Default)]
struct Model {
    levels: BTreeMap<u8, Level>,
    members: Vec<Member>,
    // Whether it has to be polled again.
    goes_on: bool,
    // How often in a row lower priorities have waited for nothing.
    given_way: usize,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Item(usize),
    Ended(usize),
    Panicked(usize),
    Nothing,
    Pending,
}

impl Model {
    fn insert(&mut self, weight: usize, priority: u8, steps: &[Step]) {
        let level = self.levels.entry(priority).or_default();
        let place = level.places.iter().position(Option::is_none).unwrap_or_else(|| {
            level.places.push(None);
            level.places.len() - 1
        });
        level.places[place] = Some(self.members.len());
        level.next.insert(place);
        self.members.push(Member {
            steps: steps.iter().copied().collect(),
            weight,
            left: weight,
            priority,
            is_waiting: false,
            place: Some(place),
        });
    }

    fn remove(&mut self, id: usize) -> bool {
        let member = &mut self.members[id];
        let Some(place) = member.place.take() else { return false };
        let level = self.levels.get_mut(&member.priority).expect("its level");
        level.places[place] = None;
        level.due.remove(&place);
        level.next.remove(&place);
        true
    }

    fn poll(&mut self) -> Outcome {
        self.goes_on = false;
        let priorities: Vec<_> = self.levels.keys().rev().copied().collect();
        for priority in priorities {
            let mut has_polled = false;
            loop {
                while let Some(place) = self.levels.get_mut(&priority).expect("a level").due.pop_first() {
                    let level = self.levels.get_mut(&priority).expect("a level");
                    let id = level.places[place].expect("who is due is there");
                    let member = &mut self.members[id];
                    let step = member.steps.pop_front();
                    member.is_waiting = matches!(step, Some(Step::Yield | Step::Wait) | None);
                    match step {
                        Some(Step::Give) => {
                            member.left -= 1;
                            if member.left == 0 {
                                member.left = member.weight;
                                level.next.insert(place);
                            } else {
                                level.due.insert(place);
                            }
                            self.given_way = 0;
                            return Outcome::Item(id);
                        }
                        Some(Step::End) => {
                            self.remove(id);
                            self.given_way = 0;
                            return Outcome::Ended(id);
                        }
                        Some(Step::Panic) => {
                            self.remove(id);
                            return Outcome::Panicked(id);
                        }
                        Some(Step::Yield) => {
                            level.woken.insert(place);
                            has_polled = true;
                        }
                        Some(Step::Wait) | None => has_polled = true,
                    }
                }
                let level = self.levels.get_mut(&priority).expect("a level");
                if level.next.is_empty() && (has_polled || level.woken.is_empty()) {
                    break;
                }
                // After one that was pending, those that were woken wait for the next poll.
                let woken = if has_polled { BTreeSet::new() } else { std::mem::take(&mut level.woken) };
                let next = std::mem::take(&mut level.next);
                let is_there = |place: &usize| level.places[*place].is_some();
                level.due = woken.into_iter().filter(is_there).chain(next).collect();
                if level.due.is_empty() {
                    break;
                }
            }
            let level = &self.levels[&priority];
            let is_empty = level.places.iter().all(Option::is_none);
            let goes_on = !(is_empty || level.next.is_empty() && level.woken.is_empty());
            self.goes_on |= goes_on;
            if goes_on && self.given_way < 16 {
                self.given_way += 1;
                return Outcome::Pending;
            }
        }
        self.given_way = 0;
        let is_empty = self.members.iter().all(|member| member.place.is_none());
        if is_empty { Outcome::Nothing } else { Outcome::Pending }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_set_does_what_its_model_does(ops in ops()) {
        let task = Task::default();
        let (mut set, mut model) = (MergeSet::new(), Model::default());
        let mut known: Vec<(StreamKey, Strings)> = Vec::new();
        for op in ops {
            match op {
                Op::Insert { weight, priority, steps } => {
                    let (puppet, strings) = Puppet::new(known.len(), steps.iter().copied());
                    let weight_of = Limit::new(weight).expect("not zero");
                    let key = set.insert_with(puppet, Precedence::prioritised(priority).with_weight(weight_of));
                    known.push((key, strings));
                    model.insert(weight, priority, &steps);
                }
                Op::Remove(_) | Op::Add(..) | Op::Wake(_) if known.is_empty() => {}
                Op::Remove(of) => {
                    let id = of.index(known.len());
                    prop_assert_eq!(set.remove(known[id].0), model.remove(id));
                    prop_assert!(known[id].1.is_dropped());
                }
                Op::Add(of, steps) => {
                    let id = of.index(known.len());
                    known[id].1.add(steps.iter().copied());
                    model.members[id].steps.extend(steps);
                }
                Op::Wake(of) => {
                    let id = of.index(known.len());
                    // One that has gone may have left its waker to who has its place now.
                    if let (true, Some(place)) = (model.members[id].is_waiting, model.members[id].place) {
                        known[id].1.wake();
                        let level = model.levels.get_mut(&model.members[id].priority).expect("its level");
                        level.woken.insert(place);
                    }
                }
                Op::Poll => {
                    task.woken();
                    let polled = catch_unwind(AssertUnwindSafe(|| task.next(&mut set.events())));
                    let id_of = |key| known.iter().position(|(known, _)| *known == key).expect("a key");
                    let outcome = match polled {
                        Ok(Poll::Ready(Some(MergeEvent::Item(key, id)))) => {
                            prop_assert_eq!(id_of(key), id);
                            Outcome::Item(id)
                        }
                        Ok(Poll::Ready(Some(MergeEvent::Ended(key)))) => Outcome::Ended(id_of(key)),
                        Ok(Poll::Ready(None)) => Outcome::Nothing,
                        Ok(Poll::Pending) => Outcome::Pending,
                        Err(panic) => Outcome::Panicked(*panic.downcast::<usize>().expect("its number")),
                    };
                    let is_pending = outcome == Outcome::Pending;
                    prop_assert_eq!(outcome, model.poll());
                    // It may be woken for one that was removed.
                    prop_assert!(!(is_pending && model.goes_on) || task.woken() > 0);
                    for (id, (key, _)) in known.iter().enumerate() {
                        prop_assert_eq!(set.contains(*key), model.members[id].place.is_some());
                    }
                }
            }
        }
    }
}
