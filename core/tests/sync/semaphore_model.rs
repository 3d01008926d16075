//! The semaphore does what a plain queue does, whatever is done to it in whatever order.

use crate::by_hand::ByHand;
use crate::kit::limit;
use backstay_core::sync::{Acquire, AcquireError, Permit, Semaphore, TryAcquireError};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::task::Poll;

#[derive(Clone, Debug)]
enum Step {
    Try(usize),
    /// Makes a future and polls it once.
    Ask(usize),
    Poll(usize),
    Drop(usize),
    Release(usize),
    Split(usize, usize),
    Merge(usize, usize),
    Forget(usize),
    SetCapacity(usize),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..8_usize;
    prop_oneof![
        3 => (1..6_usize).prop_map(Step::Try),
        6 => (1..6_usize).prop_map(Step::Ask),
        6 => which.clone().prop_map(Step::Poll),
        4 => which.clone().prop_map(Step::Drop),
        6 => which.clone().prop_map(Step::Release),
        2 => (which.clone(), 1..4_usize).prop_map(|(which, n)| Step::Split(which, n)),
        1 => (which.clone(), which.clone()).prop_map(|(a, b)| Step::Merge(a, b)),
        1 => which.prop_map(Step::Forget),
        2 => (1..8_usize).prop_map(Step::SetCapacity),
        1 => proptest::bool::weighted(0.2).prop_map(|close| if close { Step::Close } else { Step::Try(1) }),
    ]
}

/// How many there are to be, how many are out, and who waits: what is free follows.
#[derive(Debug)]
struct Model {
    capacity: usize,
    out: usize,
    queue: VecDeque<(u64, usize)>,
    outcomes: BTreeMap<u64, Result<usize, AcquireError>>,
    closed: bool,
}

impl Model {
    fn free(&self) -> usize {
        self.capacity.saturating_sub(self.out)
    }

    fn refusal(&self, wanted: usize) -> Option<AcquireError> {
        let too_large = AcquireError::TooLarge { requested: wanted, capacity: self.capacity };
        if self.closed { Some(AcquireError::Closed) } else { (wanted > self.capacity).then_some(too_large) }
    }

    fn try_take(&mut self, wanted: usize) -> Result<usize, TryAcquireError> {
        if let Some(refusal) = self.refusal(wanted) {
            return Err(refusal.into());
        }
        if !self.queue.is_empty() || self.free() < wanted {
            return Err(TryAcquireError::NoPermits);
        }
        self.out += wanted;
        Ok(wanted)
    }

    fn ask(&mut self, id: u64, wanted: usize) {
        self.queue.push_back((id, wanted));
        self.settle();
    }

    fn settle(&mut self) {
        let waits = std::mem::take(&mut self.queue);
        for (id, wanted) in waits {
            match self.refusal(wanted) {
                Some(refusal) => _ = self.outcomes.insert(id, Err(refusal)),
                None => self.queue.push_back((id, wanted)),
            }
        }
        while let Some(&(id, wanted)) = self.queue.front()
            && wanted <= self.free()
        {
            self.queue.pop_front();
            self.out += wanted;
            self.outcomes.insert(id, Ok(wanted));
        }
    }

    fn leave(&mut self, id: u64) {
        self.queue.retain(|(waits, _)| *waits != id);
        if let Some(Ok(granted)) = self.outcomes.remove(&id) {
            self.out -= granted;
        }
        self.settle();
    }

    fn forget(&mut self, permits: usize) {
        let exist = self.capacity.max(self.out) - permits;
        self.out -= permits;
        self.capacity = self.capacity.min(exist);
        self.settle();
    }
}

struct Waits<'a> {
    id: u64,
    future: ByHand<Acquire<'a>>,
    // Whether it was woken when it was last looked at.
    told: bool,
}

fn pick<T>(from: &mut Vec<T>, which: usize) -> Option<T> {
    (!from.is_empty()).then(|| from.swap_remove(which % from.len()))
}

fn run(capacity: usize, steps: &[Step]) -> Result<(), TestCaseError> {
    let semaphore = Semaphore::new(limit(capacity));
    let mut model =
        Model { capacity, out: 0, queue: VecDeque::new(), outcomes: BTreeMap::new(), closed: false };
    let (mut waits, mut held): (Vec<Waits<'_>>, Vec<Permit<'_>>) = (Vec::new(), Vec::new());
    for (id, step) in (0..).zip(steps) {
        match *step {
            Step::Try(wanted) => {
                let permit = semaphore.try_acquire_many(limit(wanted));
                prop_assert_eq!(
                    permit.as_ref().map(Permit::count).map_err(|error| *error),
                    model.try_take(wanted)
                );
                held.extend(permit);
            }
            Step::Ask(wanted) => {
                model.ask(id, wanted);
                let future = ByHand::new(semaphore.acquire_many(limit(wanted)));
                waits.push(Waits { id, future, told: true });
                let last = waits.len() - 1;
                poll(&mut waits, last, &mut held, &mut model)?;
            }
            Step::Poll(which) if !waits.is_empty() => {
                let which = which % waits.len();
                poll(&mut waits, which, &mut held, &mut model)?;
            }
            Step::Drop(which) => {
                if let Some(leaves) = pick(&mut waits, which) {
                    model.leave(leaves.id);
                }
            }
            Step::Release(which) => {
                if let Some(permit) = pick(&mut held, which) {
                    model.out -= permit.count();
                    drop(permit);
                    model.settle();
                }
            }
            Step::Split(which, n) if !held.is_empty() => {
                let which = which % held.len();
                let before = held[which].count();
                let part = held[which].split(limit(n));
                prop_assert_eq!(part.is_some(), before > n);
                held.extend(part);
            }
            Step::Merge(a, b) => {
                if let (Some(mut permit), Some(other)) = (pick(&mut held, a), pick(&mut held, b)) {
                    prop_assert!(permit.merge(other).is_ok());
                    held.push(permit);
                }
                // One that was alone has been given back.
                model.out = held.iter().map(Permit::count).sum::<usize>() + granted(&model);
                model.settle();
            }
            Step::Forget(which) => {
                if let Some(permit) = pick(&mut held, which) {
                    model.forget(permit.count());
                    permit.forget();
                }
            }
            Step::SetCapacity(capacity) => {
                model.capacity = capacity;
                semaphore.set_capacity(limit(capacity));
                model.settle();
            }
            Step::Close => {
                model.closed = true;
                semaphore.close();
                model.settle();
            }
            Step::Poll(_) | Step::Split(..) => {}
        }
        let seen = (semaphore.capacity(), semaphore.available(), semaphore.waiting(), semaphore.is_closed());
        prop_assert_eq!(seen, (model.capacity, model.free(), model.queue.len(), model.closed));
        for waits in &mut waits {
            let is_due = model.outcomes.contains_key(&waits.id);
            prop_assert_eq!(
                waits.future.wakes(),
                usize::from(is_due && !waits.told),
                "woken when it is served"
            );
        }
    }
    drop((waits, held));
    // As many as there are, and nobody who would keep a newcomer from them.
    prop_assert_eq!((semaphore.available(), semaphore.waiting()), (semaphore.capacity(), 0));
    if !semaphore.is_closed() && semaphore.capacity() > 0 {
        prop_assert!(semaphore.try_acquire_many(limit(semaphore.capacity())).is_ok());
    }
    Ok(())
}

fn granted(model: &Model) -> usize {
    model.outcomes.values().flatten().sum()
}

/// Polls one who waits; it must get what the model says, and no other.
fn poll<'a>(
    waits: &mut Vec<Waits<'a>>,
    which: usize,
    held: &mut Vec<Permit<'a>>,
    model: &mut Model,
) -> Result<(), TestCaseError> {
    match waits[which].future.poll() {
        Poll::Pending => {
            prop_assert!(!model.outcomes.contains_key(&waits[which].id), "served, and pending");
            waits[which].told = false;
        }
        Poll::Ready(outcome) => {
            let count = outcome.as_ref().map(Permit::count).map_err(|error| *error);
            prop_assert_eq!(Some(count), model.outcomes.remove(&waits[which].id));
            waits.swap_remove(which);
            held.extend(outcome);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn s26_a_semaphore_is_a_queue(capacity in 1..8_usize, steps in prop::collection::vec(step(), 1..60)) {
        run(capacity, &steps)?;
    }
}
