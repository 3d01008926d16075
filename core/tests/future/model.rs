//! Random operations on a set, and a naive model of it beside: who is polled, in which order, and what comes out.

mod naive;

use crate::kit::{Puppet, Stage, Step, Strings, Task, limit};
use backstay_core::future::{BoundedSet, Full, KeyedSet, NotInserted, Ordered, Over};
use futures::Stream;
use naive::{Kind, Model, Outcome};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// One operation. Who it is about is a number modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// Adds one that does this when it is polled; or, to a list, leaves it there until there is a place.
    Insert(Step),
    /// One of those that are there does this from now on, and is woken.
    Pull(usize, Step),
    Remove(usize),
    /// Polls, in one of two tasks.
    Poll(bool),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let step = || {
        prop_oneof![
            4 => Just(Step::Wait), 2 => Just(Step::Yield), 4 => Just(Step::End), 1 => Just(Step::Panic)
        ]
    };
    let op = prop_oneof![
        4 => step().prop_map(Op::Insert),
        4 => (any::<usize>(), step()).prop_map(|(who, step)| Op::Pull(who, step)),
        1 => any::<usize>().prop_map(Op::Remove),
        5 => any::<bool>().prop_map(Op::Poll),
    ];
    prop::collection::vec(op, 0..80)
}

/// What the operations are done to.
enum Subject {
    Bounded(BoundedSet<Puppet>),
    Keyed(KeyedSet<usize, Puppet>),
    Ordered(Ordered<Puppet>),
    BoundedOver(Over<BoundedSet<Puppet>, std::vec::IntoIter<Puppet>>),
    OrderedOver(Over<Ordered<Puppet>, std::vec::IntoIter<Puppet>>),
}

impl Subject {
    fn new(model: &Model, list: Vec<Puppet>) -> Self {
        let (at_once, window) = (limit(model.limit), limit(model.window));
        let ordered = || Ordered::new(at_once, window).expect("a window");
        match model.kind {
            Kind::Bounded => Self::Bounded(BoundedSet::new(at_once)),
            Kind::Keyed => Self::Keyed(KeyedSet::new(at_once)),
            Kind::Ordered => Self::Ordered(ordered()),
            Kind::BoundedOver => Self::BoundedOver(BoundedSet::new(at_once).over(list)),
            Kind::OrderedOver => Self::OrderedOver(ordered().over(list)),
        }
    }

    /// Whether it was added; over a list nobody can.
    fn insert(&mut self, key: usize, puppet: Puppet) -> bool {
        match self {
            Self::Bounded(set) => set.try_push(puppet).map_err(|Full(puppet)| drop(puppet)).is_ok(),
            Self::Keyed(set) => {
                let outcome = set.try_insert(key, puppet);
                assert!(!matches!(outcome, Err(NotInserted::Taken(..))), "each key is of its own");
                outcome.is_ok()
            }
            Self::Ordered(set) => set.try_push(puppet).is_ok(),
            Self::BoundedOver(_) | Self::OrderedOver(_) => unreachable!("it has its list"),
        }
    }

    fn poll(&mut self, task: &Task) -> Outcome {
        let polled = catch_unwind(AssertUnwindSafe(|| match self {
            Self::Bounded(set) => task.next(set),
            Self::Keyed(set) => task.next(set).map(|ended| {
                ended.map(|(key, output)| {
                    assert_eq!(key, output);
                    output
                })
            }),
            Self::Ordered(set) => task.next(set),
            Self::BoundedOver(over) => task.next(over),
            Self::OrderedOver(over) => task.next(over),
        }));
        polled.map_err(|payload| *payload.downcast().expect("a puppet's"))
    }

    fn hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Bounded(set) => set.size_hint(),
            Self::Keyed(set) => set.size_hint(),
            Self::Ordered(set) => set.size_hint(),
            Self::BoundedOver(over) => over.size_hint(),
            Self::OrderedOver(over) => over.size_hint(),
        }
    }

    fn check(&self, model: &Model) {
        match self {
            Self::Bounded(set) => {
                assert_eq!((set.len(), set.is_full()), (model.len(), model.is_full()));
                assert_eq!(set.is_empty(), model.len() == 0);
            }
            Self::Keyed(set) => {
                assert_eq!((set.len(), set.is_full()), (model.len(), model.is_full()));
                let mut running = model.running();
                running.sort_unstable();
                assert!(set.keys().eq(&running), "{set:?}");
                assert!(model.steps.keys().all(|id| set.contains(id) == running.binary_search(id).is_ok()));
            }
            Self::Ordered(set) => {
                assert_eq!((set.len(), set.is_full()), (model.len(), model.is_full()));
                assert_eq!(set.running(), model.running().len());
                assert_eq!(set.is_empty(), model.len() == 0);
            }
            Self::BoundedOver(_) | Self::OrderedOver(_) => {}
        }
    }
}

/// A set and its model, and all that plays in it.
struct World {
    model: Model,
    subject: Subject,
    stage: Stage,
    strings: Vec<Strings>,
    tasks: [Task; 2],
    // Which of the tasks waits to be woken.
    asleep: Option<usize>,
}

impl World {
    /// One with so many that wait; of those over a list, with all that is ever inserted.
    fn new(kind: Kind, at_once: usize, window: usize, waiting: usize, ops: &[Op]) -> Self {
        let (at_once, window) = (at_once + waiting, at_once + waiting + window);
        let mut model = Model::new(kind, at_once, window);
        let (stage, mut strings, mut list) = (Stage::new(), Vec::new(), Vec::new());
        if model.is_over() {
            let inserted =
                ops.iter().filter_map(|op| if let Op::Insert(step) = *op { Some(step) } else { None });
            for step in std::iter::repeat_n(Step::Wait, waiting).chain(inserted) {
                let (puppet, its) = stage.puppet(strings.len(), step);
                model.steps.insert(strings.len(), step);
                model.list.push_back(strings.len());
                strings.push(its);
                list.push(puppet);
            }
        }
        let subject = Subject::new(&model, list);
        let mut world = Self { model, subject, stage, strings, tasks: Default::default(), asleep: None };
        if !world.model.is_over() {
            (0..waiting).for_each(|_| world.insert(Step::Wait));
        }
        world
    }

    fn insert(&mut self, step: Step) {
        let id = self.strings.len();
        let (puppet, its) = self.stage.puppet(id, step);
        self.strings.push(its);
        self.model.steps.insert(id, step);
        let is_full = self.model.is_full();
        assert_eq!(self.subject.insert(id, puppet), !is_full);
        if !is_full {
            self.model.insert(id);
        }
    }

    fn any(&self, who: usize) -> Option<usize> {
        let running = self.model.running();
        running.get(who % running.len().max(1)).copied()
    }

    fn pull(&mut self, id: usize, step: Step) {
        self.model.steps.insert(id, step);
        let strings = &self.strings[id];
        strings.pull(step);
        if strings.waker().is_some() {
            self.model.wake(id);
            if let Some(asleep) = self.asleep.take() {
                assert_eq!(self.tasks[asleep].woken(), 1, "a wake after a poll that was pending");
            }
        }
    }

    fn remove(&mut self, id: usize) {
        if let Subject::Keyed(set) = &mut self.subject {
            assert!(set.remove(&id) && !set.remove(&id));
            assert_eq!(self.strings[id].dropped(), 1);
            self.model.remove(id);
        }
    }

    fn poll(&mut self, which: usize) {
        self.tasks.iter().for_each(Task::forget);
        let task = &self.tasks[which];
        let outcome = self.subject.poll(task);
        let expected = self.model.poll();
        assert_eq!(self.stage.polled(), self.model.polled, "who was polled");
        assert_eq!(outcome, expected);
        // It may be told for nothing: somebody new was removed before its turn.
        let (is_pending, is_told) = (outcome == Ok(Poll::Pending), task.woken() > 0);
        assert!(
            !(is_pending && self.model.goes_on) || is_told,
            "somebody has been woken, and the task is told"
        );
        self.asleep = (is_pending && !is_told).then_some(which);
        if self.asleep.is_some() {
            let (model, can_begin) = (&self.model, !self.model.list.is_empty());
            assert!(!can_begin || model.is_full(), "no place is left empty while there are others to begin");
        }
        task.forget();
    }

    fn check(&self) {
        let (model, still) = (&self.model, self.model.len() + self.model.list.len());
        assert_eq!(self.subject.hint(), (still, Some(still)));
        self.subject.check(model);
    }

    /// Everybody who has gone was dropped, once; and the others are, with the set.
    fn end(self) {
        let running = self.model.running();
        for (id, strings) in self.strings.iter().enumerate() {
            let is_there = running.contains(&id) || self.model.list.contains(&id);
            assert_eq!(strings.dropped(), usize::from(!is_there), "{id}");
        }
        drop(self.subject);
        assert!(self.strings.iter().all(|strings| strings.dropped() == 1));
    }
}

fn run(kind: Kind, at_once: usize, window: usize, waiting: usize, ops: &[Op]) {
    let mut world = World::new(kind, at_once, window, waiting, ops);
    for &op in ops {
        match op {
            Op::Insert(step) if !world.model.is_over() => world.insert(step),
            Op::Insert(_) => {}
            Op::Pull(who, step) => {
                if let Some(id) = world.any(who) {
                    world.pull(id, step);
                }
            }
            Op::Remove(who) => {
                if let Some(id) = world.any(who) {
                    world.remove(id);
                }
            }
            Op::Poll(which) => world.poll(usize::from(which)),
        }
        world.check();
    }
    world.end();
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Bounded),
        Just(Kind::Keyed),
        Just(Kind::Ordered),
        Just(Kind::BoundedOver),
        Just(Kind::OrderedOver)
    ]
}

fn cases(cases: u32) -> ProptestConfig {
    // Nothing is written down beside the source.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_set_does_what_its_model_does(
        kind in kinds(), at_once in 1_usize..6, window in 0_usize..4, ops in ops(),
    ) {
        run(kind, at_once, window, 0, &ops);
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_set_of_several_pages_does_what_its_model_does(
        kind in kinds(), at_once in 1_usize..6, window in 0_usize..4, waiting in 60_usize..140, ops in ops(),
    ) {
        run(kind, at_once, window, waiting, &ops);
    }
}

proptest! {
    #![proptest_config(cases(5))]

    #[test]
    fn a_set_of_very_many_does_what_its_model_does(kind in kinds(), waiting in 4_090_usize..4_200, ops in ops()) {
        run(kind, 3, 2, waiting, &ops);
    }
}
