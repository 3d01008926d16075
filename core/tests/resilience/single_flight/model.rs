//! Single flights against a list of who takes part in each: any sequence of coming, ending, leaving and forgetting. Only
//! who was woken is polled, so that a wake that is lost is found out.

use super::{Hand, flights};
use backstay_core::resilience::{Role, SingleFlight};
use proptest::prelude::*;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Poll;

#[derive(Clone, Copy, Debug)]
enum Step {
    Come {
        key: u8,
    },
    /// The operation of one of those that are there comes to an end, whether it runs by now or not.
    End {
        which: usize,
        is_good: bool,
    },
    Leave {
        which: usize,
    },
    Forget {
        key: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8).prop_map(|key| Step::Come { key }),
        2 => (0..8_usize, any::<bool>()).prop_map(|(which, is_good)| Step::End { which, is_good }),
        2 => (0..8_usize).prop_map(|which| Step::Leave { which }),
        1 => (0..3_u8).prop_map(|key| Step::Forget { key }),
    ]
}

type Outcome = Result<usize, usize>;

/// Who takes part, in order, the leader first.
struct Flight {
    key: u8,
    is_listed: bool,
    callers: Vec<usize>,
}

#[derive(Default)]
struct Model {
    flights: Vec<Flight>,
    /// What each caller's own operation comes to, once it does.
    ends: Vec<Option<Outcome>>,
    got: Vec<(usize, (Outcome, Role))>,
}

impl Model {
    fn come(&mut self, caller: usize, key: u8) {
        self.ends.push(None);
        match self.flights.iter_mut().find(|flight| flight.key == key && flight.is_listed) {
            Some(flight) => flight.callers.push(caller),
            None => self.flights.push(Flight { key, is_listed: true, callers: vec![caller] }),
        }
    }

    fn leave(&mut self, caller: usize) {
        for flight in &mut self.flights {
            flight.callers.retain(|other| *other != caller);
        }
        self.flights.retain(|flight| !flight.callers.is_empty());
    }

    fn forget(&mut self, key: u8) -> bool {
        let found = self.flights.iter_mut().find(|flight| flight.key == key && flight.is_listed);
        found.is_some_and(|flight| std::mem::replace(&mut flight.is_listed, false))
    }

    /// The flights whose leader has its result are over.
    fn settle(&mut self) {
        let ends = &self.ends;
        for flight in self.flights.extract_if(.., |flight| ends[flight.callers[0]].is_some()) {
            for (at, caller) in flight.callers.iter().enumerate() {
                let role = if at == 0 { Role::Leader } else { Role::Follower };
                self.got.extend(ends[flight.callers[0]].map(|outcome| (*caller, (outcome, role))));
            }
        }
    }
}

/// Whose operation it is, what it comes to, and who is to be told.
struct Operation {
    caller: usize,
    end: Rc<Cell<Option<Outcome>>>,
    running: Rc<Cell<usize>>,
}

impl Operation {
    async fn run(self) -> Outcome {
        self.running.set(self.running.get() + 1);
        let _ends = Ends(&self.running);
        loop {
            if let Some(end) = self.end.get() {
                assert!(end == Ok(self.caller) || end == Err(self.caller));
                return end;
            }
            futures::pending!();
        }
    }
}

struct Ends<'a>(&'a Cell<usize>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_list_of_who_takes_part(steps in prop::collection::vec(step(), 1..60)) {
        follows_the_model(&steps);
    }
}

struct Caller<'a> {
    number: usize,
    hand: Hand<'a, (Outcome, Role)>,
    end: Rc<Cell<Option<Outcome>>>,
}

fn follows_the_model(steps: &[Step]) {
    let flights: SingleFlight<u8, usize, usize> = flights();
    let mut model = Model::default();
    let mut callers: Vec<Caller<'_>> = Vec::new();
    let running = Rc::new(Cell::new(0));
    for step in steps {
        match *step {
            Step::Come { key } => {
                let caller = model.ends.len();
                model.come(caller, key);
                let end = Rc::new(Cell::new(None));
                let operation = Operation { caller, end: Rc::clone(&end), running: Rc::clone(&running) };
                let hand = Hand::new(flights.run(key, operation.run()).detailed());
                hand.wakes.0.store(1, SeqCst);
                callers.push(Caller { number: caller, hand, end });
            }
            Step::End { which, is_good } if !callers.is_empty() => {
                let Caller { number, hand, end } = &callers[which % callers.len()];
                let outcome = if is_good { Ok(*number) } else { Err(*number) };
                model.ends[*number] = Some(outcome);
                end.set(Some(outcome));
                // What it waits for wakes who leads; of a follower nobody has the waker yet.
                if model.flights.iter().any(|flight| flight.callers[0] == *number) {
                    hand.wakes.0.store(1, SeqCst);
                }
            }
            Step::Leave { which } if !callers.is_empty() => {
                let caller = callers.remove(which % callers.len());
                model.leave(caller.number);
            }
            Step::Forget { key } => assert_eq!(flights.forget(&key), model.forget(key)),
            Step::End { .. } | Step::Leave { .. } => {}
        }
        model.settle();
        let mut got = Vec::new();
        while callers.iter().any(|caller| caller.hand.wakes.0.load(SeqCst) > 0) {
            callers.retain_mut(|caller| {
                if caller.hand.wakes() == 0 {
                    return true;
                }
                match caller.hand.poll() {
                    Poll::Pending => true,
                    Poll::Ready(result) => {
                        got.push((caller.number, result));
                        false
                    }
                }
            });
        }
        got.sort_unstable_by_key(|(caller, _)| *caller);
        model.got.sort_unstable_by_key(|(caller, _)| *caller);
        assert_eq!(got, std::mem::take(&mut model.got), "who gets what");
        let waiting = model.flights.iter().map(|flight| flight.callers.len() - 1).sum();
        assert_eq!((flights.in_flight(), flights.waiting()), (model.flights.len(), waiting));
        assert_eq!(running.get(), model.flights.len(), "one operation each");
    }
    drop(callers);
    assert_eq!((flights.in_flight(), flights.waiting(), running.get()), (0, 0, 0));
}
