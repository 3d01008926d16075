//! The bulkhead against a queue that is written as the documentation says: any sequence of asking, leaving, giving up
//! and resizing.

use crate::kit::{limit, sim};
use backstay::testing::Sim;
use backstay_core::resilience::{Bulkhead, OwnedBulkheadPermit, Reason, Rejected};
use futures::future::BoxFuture;
use proptest::prelude::*;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask {
        weight: usize,
    },
    /// Of those who are in, or who wait, one leaves.
    Leave {
        which: usize,
    },
    GiveUp {
        which: usize,
    },
    Resize {
        places: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..5_usize).prop_map(|weight| Step::Ask { weight }),
        3 => (0..8_usize).prop_map(|which| Step::Leave { which }),
        2 => (0..8_usize).prop_map(|which| Step::GiveUp { which }),
        1 => (1..6_usize).prop_map(|places| Step::Resize { places }),
    ]
}

/// What it should be: callers by number, with their weights.
#[derive(Default)]
struct Model {
    places: usize,
    max_waiting: usize,
    inside: Vec<(usize, usize)>,
    queue: VecDeque<(usize, usize)>,
    refused: Vec<(usize, Reason)>,
}

impl Model {
    fn taken(&self) -> usize {
        self.inside.iter().map(|(_, weight)| weight).sum()
    }

    fn ask(&mut self, caller: usize, weight: usize) {
        if weight > self.places {
            self.refused.push((caller, Reason::TooLarge { capacity: self.places as u64 }));
        } else if self.queue.is_empty() && self.taken() + weight <= self.places {
            self.inside.push((caller, weight));
        } else if self.queue.len() >= self.max_waiting {
            self.refused.push((caller, Reason::QueueFull));
        } else {
            self.queue.push_back((caller, weight));
        }
    }

    fn resize(&mut self, places: usize) {
        self.places = places;
        let too_large = Reason::TooLarge { capacity: places as u64 };
        for (caller, _) in self.queue.iter().filter(|(_, weight)| *weight > places) {
            self.refused.push((*caller, too_large));
        }
        self.queue.retain(|(_, weight)| *weight <= places);
    }

    /// Who is first comes in, for as long as there is room.
    fn serve(&mut self) {
        while let Some((caller, weight)) = self.queue.front().copied()
            && self.taken() + weight <= self.places
        {
            self.queue.pop_front();
            self.inside.push((caller, weight));
        }
    }
}

type Asking = BoxFuture<'static, Result<OwnedBulkheadPermit, Rejected>>;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_queue(
        places in 1..6_usize,
        max_waiting in 0..4_usize,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        sim(|rt: Sim| async move { follows_the_model(&rt, places, max_waiting, steps).await });
    }
}

async fn follows_the_model(rt: &Sim, places: usize, max_waiting: usize, steps: Vec<Step>) {
    let bulkhead = Bulkhead::named("b").max_in_flight(places).max_waiting(max_waiting).build();
    let bulkhead = bulkhead.expect("it is good");
    let mut model = Model { places, max_waiting, ..Model::default() };
    let mut asking: Vec<(usize, Asking)> = Vec::new();
    let mut inside: Vec<(usize, OwnedBulkheadPermit)> = Vec::new();
    for (caller, step) in steps.into_iter().enumerate() {
        match step {
            Step::Ask { weight } => {
                model.ask(caller, weight);
                asking.push((caller, Box::pin(bulkhead.weighing(limit(weight)).acquire_owned(rt))));
            }
            Step::Leave { which } if !inside.is_empty() => {
                let (caller, permit) = inside.swap_remove(which % inside.len());
                model.inside.retain(|(other, _)| *other != caller);
                drop(permit);
            }
            Step::GiveUp { which } if !asking.is_empty() => {
                let (caller, future) = asking.remove(which % asking.len());
                model.queue.retain(|(other, _)| *other != caller);
                drop(future);
            }
            Step::Resize { places } => {
                model.resize(places);
                bulkhead.resize(limit(places));
            }
            Step::Leave { .. } | Step::GiveUp { .. } => {}
        }
        model.serve();
        let mut refused = Vec::new();
        let mut still_asking = Vec::new();
        for (caller, mut future) in asking {
            match futures::poll!(future.as_mut()) {
                std::task::Poll::Pending => still_asking.push((caller, future)),
                std::task::Poll::Ready(Ok(permit)) => inside.push((caller, permit)),
                std::task::Poll::Ready(Err(rejected)) => refused.push((caller, rejected.reason())),
            }
        }
        asking = still_asking;
        let waiting: Vec<_> = asking.iter().map(|(caller, _)| *caller).collect();
        let expected: Vec<_> = model.queue.iter().map(|(caller, _)| *caller).collect();
        assert_eq!(waiting, expected, "who waits");
        assert_eq!(refused, std::mem::take(&mut model.refused), "who is refused");
        let mut callers: Vec<_> = inside.iter().map(|(caller, permit)| (*caller, permit.weight())).collect();
        callers.sort_unstable();
        model.inside.sort_unstable();
        assert_eq!(callers, model.inside, "who is in");
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (model.taken(), model.queue.len()));
    }
    drop((asking, inside));
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}
