use super::*;
use crate::resilience::rate_limiter::quota::Quota;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Wake;
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

fn kind(burst: u32, strict: bool) -> Kind {
    match strict {
        true => Kind::Strict(Quota::strict(burst, Duration::from_secs(1)).window().expect("good")),
        false => Kind::Paced { pace: Quota::per_second(7).burst(burst).pace().expect("good"), tat: 0 },
    }
}

/// One in the queue: its place, when it looks, its flag.
type Place = (Option<Key>, u64, Arc<Flag>);

/// Everybody looks at the clock when told to or woken, and no earlier.
struct World {
    ledger: Ledger,
    now: u64,
    places: BTreeMap<usize, Place>,
    /// Who was served, and when.
    served: BTreeMap<usize, u64>,
    next: usize,
}

impl World {
    fn new(kind: Kind) -> Self {
        Self { ledger: Ledger::new(kind), now: 0, places: BTreeMap::new(), served: BTreeMap::new(), next: 0 }
    }

    fn ask(&mut self, n: u64) {
        let (id, flag) = (self.next, Arc::new(Flag::default()));
        self.next += 1;
        let mut wakers = Wakers::new();
        let waker = Waker::from(Arc::clone(&flag));
        match self.ledger.ask(n, self.now, u64::MAX, usize::MAX, &mut Some(waker), &mut wakers) {
            Turn::Granted(grant) => _ = self.served.insert(id, grant.ready),
            Turn::Waits(key, looks_at) => _ = self.places.insert(id, (Some(key), looks_at, flag)),
            Turn::Refused(refusal) => assert!(matches!(refusal, Refusal::TooLarge { .. })),
        }
    }

    fn leave(&mut self, which: usize) {
        let Some(&id) = self.places.keys().nth(which % self.places.len().max(1)) else { return };
        if let Some((Some(key), ..)) = self.places.remove(&id) {
            let mut wakers = Wakers::new();
            let _ = self.ledger.leave(key, &mut wakers);
        }
    }

    fn reserve(&mut self, n: u64) -> Option<Grant> {
        let mut wakers = Wakers::new();
        self.ledger.reserve(n, self.now, u64::MAX, &mut wakers).ok()
    }

    /// All that are woken look, until nobody is.
    fn settle(&mut self) {
        loop {
            let is_due = |place: &Place| place.1 <= self.now || place.2.0.swap(false, SeqCst);
            let Some((&id, _)) = self.places.iter().find(|(_, place)| is_due(place)) else { return };
            let (key, _, flag) = self.places.remove(&id).expect("it is there");
            let mut wakers = Wakers::new();
            let mut waker = Some(Waker::from(Arc::clone(&flag)));
            match self.ledger.look(
                key.expect("it waits"),
                self.now,
                Patience::ENDLESS,
                &mut waker,
                &mut wakers,
            ) {
                Turn::Granted(grant) => _ = self.served.insert(id, grant.ready),
                Turn::Waits(key, looks_at) => {
                    assert!(looks_at > self.now);
                    self.places.insert(id, (Some(key), looks_at, flag));
                }
                Turn::Refused(refusal) => panic!("{refusal:?}"),
            }
        }
    }

    fn run_until(&mut self, until: u64) {
        self.settle();
        while let Some(at) = self.places.values().map(|place| place.1).min().filter(|at| *at <= until) {
            self.now = at;
            self.settle();
        }
        if until < u64::MAX {
            self.now = until;
            self.settle();
        }
    }
}

#[test]
fn who_gives_up_or_leaves_is_in_nobodys_way() {
    for strict in [false, true] {
        let (mut ledger, mut wakers) = (Ledger::new(kind(1, strict)), Wakers::new());
        let mut ask = |ledger: &mut Ledger| {
            ledger.ask(1, 0, u64::MAX, usize::MAX, &mut Some(Waker::noop().clone()), &mut wakers)
        };
        assert!(matches!(ask(&mut ledger), Turn::Granted(_)));
        let Turn::Waits(gives_up, until) = ask(&mut ledger) else { panic!("there was one") };
        let turn = ledger.look(
            gives_up,
            0,
            Patience { until: 0, limit: 7 },
            &mut Some(Waker::noop().clone()),
            &mut Wakers::new(),
        );
        assert!(matches!(turn, Turn::Refused(Refusal::MaxWait { limit: 7 })), "{turn:?}");
        assert_eq!(ledger.try_take(1, 0, &mut Wakers::new()), Err(Refusal::Until(until)));
        let Turn::Waits(leaves, again) = ask(&mut ledger) else { panic!("there was one") };
        assert_eq!(again, until);
        drop(ledger.leave(leaves, &mut Wakers::new()));
        assert_eq!(ledger.try_take(1, 0, &mut Wakers::new()), Err(Refusal::Until(until)));
    }
}

#[test]
fn who_is_refused_by_a_change_is_in_nobodys_way() {
    for strict in [false, true] {
        let (mut ledger, mut wakers) = (Ledger::new(kind(3, strict)), Wakers::new());
        assert!(ledger.try_take(3, 0, &mut wakers).is_ok());
        let turn = ledger.ask(3, 0, u64::MAX, usize::MAX, &mut Some(Waker::noop().clone()), &mut wakers);
        assert!(matches!(turn, Turn::Waits(..)));
        ledger.change(kind(1, strict), 0, &mut wakers);
        let until = ledger.meter().when(0, 0, 1, 0);
        assert_eq!(ledger.try_take(1, 0, &mut wakers), Err(Refusal::Until(until)));
    }
}

#[test]
fn who_looks_too_early_looks_again_when_it_was_to() {
    for strict in [false, true] {
        let (mut ledger, mut wakers) = (Ledger::new(kind(1, strict)), Wakers::new());
        assert!(ledger.try_take(1, 0, &mut wakers).is_ok());
        let mut waits = || {
            let turn = ledger.ask(1, 0, u64::MAX, usize::MAX, &mut Some(Waker::noop().clone()), &mut wakers);
            let Turn::Waits(key, until) = turn else { panic!("there was one") };
            (key, until)
        };
        for (mut key, until) in [waits(), waits()] {
            for early in [0, 1, until - 1] {
                let mut waker = Some(Waker::noop().clone());
                let turn = ledger.look(
                    key,
                    early.min(SECOND / 7),
                    Patience::ENDLESS,
                    &mut waker,
                    &mut Wakers::new(),
                );
                let Turn::Waits(again, at) = turn else { panic!("it is early: {turn:?}") };
                assert_eq!(at, until);
                key = again;
            }
        }
    }
}

/// A plain queue, whose first is looked at whenever it could be served.
struct Model {
    meter: Meter,
    now: u64,
    queue: VecDeque<(usize, u64)>,
    served: BTreeMap<usize, u64>,
    next: usize,
}

impl Model {
    fn ask(&mut self, n: u64) {
        if n <= self.meter.capacity() {
            self.queue.push_back((self.next, n));
        }
        self.next += 1;
        self.settle();
    }

    fn leave(&mut self, which: usize) {
        let _ = self.queue.remove(which % self.queue.len().max(1));
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(&(id, n)) = self.queue.front()
            && self.meter.take(n, self.now).is_some()
        {
            self.served.insert(id, self.now);
            self.queue.pop_front();
        }
    }

    fn run_until(&mut self, until: u64) {
        while let Some(&(_, n)) = self.queue.front() {
            let at = self.meter.when(0, 0, n, self.now);
            if at > until {
                break;
            }
            self.now = at;
            self.settle();
        }
        if until < u64::MAX {
            self.now = until;
            self.settle();
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u64),
    Leave(usize),
    Pause(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..6_u64).prop_map(Step::Ask),
        2 => any::<usize>().prop_map(Step::Leave),
        2 => (0..SECOND).prop_map(Step::Pause),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// Who waits is served in order and as early as can be, though everybody looks only when told to or woken.
    #[test]
    fn d19_who_waits_is_served_as_by_a_plain_queue(
        burst in 1..6_u32,
        strict in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new(kind(burst, strict));
        let (queue, served) = (VecDeque::new(), BTreeMap::new());
        let mut model = Model { meter: Meter::new(kind(burst, strict)), now: 0, queue, served, next: 0 };
        for step in steps.into_iter().chain([Step::Pause(u64::MAX)]) {
            match step {
                Step::Ask(n) => {
                    world.ask(n);
                    model.ask(n);
                }
                Step::Leave(which) => {
                    world.leave(which);
                    model.leave(which);
                }
                Step::Pause(pause) => {
                    let until = world.now.saturating_add(pause);
                    world.run_until(until);
                    model.run_until(until);
                }
            }
            world.settle();
            prop_assert_eq!(&world.served, &model.served);
            prop_assert_eq!(world.ledger.waiting(), model.queue.len());
        }
        prop_assert!(world.places.is_empty());
        prop_assert_eq!(world.ledger.wanted, 0);
        prop_assert!(world.ledger.is_idle());
    }

    /// With reservations among them too, and some of them dropped: everybody is served in the end, in order.
    #[test]
    fn reservations_come_in_their_turn(
        burst in 1..6_u32,
        strict in any::<bool>(),
        steps in proptest::collection::vec((step(), 0..4_u8), 1..40),
    ) {
        let mut world = World::new(kind(burst, strict));
        let (mut reserved, mut any_came_back) = (Vec::new(), false);
        for (step, what) in steps {
            match step {
                Step::Ask(n) if what == 0 => {
                    let promised = world.reserve(n);
                    // Behind all who waited, whose times are fixed.
                    prop_assert!(promised.is_none() || world.ledger.queue.is_empty());
                    reserved.extend(promised);
                }
                Step::Ask(n) => world.ask(n),
                Step::Leave(which) if what == 0 && !reserved.is_empty() => {
                    let grant = reserved.swap_remove(which % reserved.len());
                    let mut wakers = Wakers::new();
                    world.ledger.give_back(grant.stamp, &mut wakers);
                    any_came_back = true;
                }
                Step::Leave(which) => world.leave(which),
                Step::Pause(pause) => {
                    let until = world.now.saturating_add(pause);
                    world.run_until(until);
                }
            }
            world.settle();
        }
        world.run_until(u64::MAX);
        prop_assert!(world.places.is_empty());
        prop_assert_eq!(world.ledger.wanted, 0);
        // What comes back is for newcomers: those whose times were fixed keep them.
        let served: Vec<_> = world.served.values().copied().collect();
        prop_assert!(any_came_back || served.is_sorted(), "{served:?}");
    }
}

#[test]
fn who_never_looks_keeps_nobody_waiting() {
    let mut world = World::new(kind(2, false));
    (0..4).for_each(|_| world.ask(1));
    // The first in the queue is a task that is not polled; its permit is its own all the same.
    let (id, _) = world.places.first_key_value().expect("two wait");
    let id = *id;
    world.places.get_mut(&id).expect("it waits").1 = u64::MAX;
    world.now = 2 * SECOND / 7 + 1;
    world.settle();
    assert_eq!(world.served.len(), 4);
    assert_eq!(world.ledger.waiting(), 0);
}
