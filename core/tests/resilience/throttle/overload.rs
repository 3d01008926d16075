//! A service that takes so many calls a second, and what reaches it.

use super::{builder, counts};
use crate::kit::{ms, secs, sim};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{Error, Pipeline, Priority, Throttle};
use backstay_core::time::Instant;
use std::cell::Cell;
use std::time::Duration;

const WINDOW: Duration = secs(20);

/// Takes so many calls in each second, fails the others, and knows of no priorities.
struct Service {
    capacity: Cell<u64>,
    second: Cell<u64>,
    taken: Cell<u64>,
    asked: Cell<u64>,
}

impl Service {
    fn of(capacity: u64) -> Self {
        Self { capacity: Cell::new(capacity), second: Cell::new(0), taken: Cell::new(0), asked: Cell::new(0) }
    }

    fn call(&self, now: Instant) -> Result<(), &'static str> {
        let second = now.as_nanos() / 1_000_000_000;
        if self.second.replace(second) != second {
            self.taken.set(0);
        }
        self.asked.set(self.asked.get() + 1);
        self.taken.set(self.taken.get() + 1);
        if self.taken.get() <= self.capacity.get() { Ok(()) } else { Err("overloaded") }
    }
}

/// What became of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Came {
    made: u64,
    accepted: u64,
    failed: u64,
    refused: u64,
}

impl Came {
    fn refused_part(self) -> f64 {
        self.refused as f64 / self.made as f64
    }
}

/// A call of each every ten milliseconds.
async fn load<const N: usize>(
    rt: &Sim,
    time: Duration,
    service: &Service,
    throttles: [&Throttle; N],
) -> [Came; N] {
    let pipelines =
        throttles.map(|throttle| Pipeline::named("p").throttle(throttle).build(rt).expect("it is good"));
    let mut came = [Came::default(); N];
    let end = rt.now() + time;
    while rt.now() < end {
        for (users, came) in pipelines.iter().zip(&mut came) {
            came.made += 1;
            match users.call(async |_| service.call(rt.now())).await {
                Ok(()) => came.accepted += 1,
                Err(Error::Operation(_)) => came.failed += 1,
                Err(Error::Rejected(_)) => came.refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        rt.sleep(ms(10)).await;
    }
    for came in came {
        assert_eq!(came.made, came.accepted + came.failed + came.refused);
    }
    came
}

fn new() -> Throttle {
    builder().window(WINDOW).build().expect("it is good")
}

#[test]
fn the_part_that_is_refused_is_that_of_the_formula() {
    // Of a hundred that are wanted K times what is taken is sent.
    for (capacity, expected) in [(60, 0.0), (45, 0.1), (25, 0.5), (10, 0.8), (1, 0.9), (0, 0.9)] {
        sim(|rt| async move {
            let (throttle, service) = (new(), Service::of(capacity));
            load(&rt, 2 * WINDOW, &service, [&throttle]).await;
            let [came] = load(&rt, 4 * WINDOW, &service, [&throttle]).await;
            let part = came.refused_part();
            assert!((part - expected).abs() < 0.05, "{capacity}: {part}, {came:?}");
            let probability = throttle.rejection_probability(Priority::Critical, rt.now());
            assert!((probability - expected).abs() < 0.1, "{capacity}: {probability}");
        });
    }
}

#[test]
fn counts_are_what_came() {
    sim(|rt| async move {
        let (throttle, service) = (new(), Service::of(20));
        let [came] = load(&rt, WINDOW / 2, &service, [&throttle]).await;
        assert_eq!(counts(&throttle, rt.now()), [came.accepted, came.failed, came.refused]);
        assert_eq!(service.asked.get(), came.accepted + came.failed);
        assert!(came.accepted > 0 && came.failed > 0 && came.refused > 0);
    });
}

#[test]
fn it_notices_that_the_service_works_again() {
    sim(|rt| async move {
        let (throttle, service) = (new(), Service::of(0));
        load(&rt, 2 * WINDOW, &service, [&throttle]).await;
        assert_eq!(throttle.rejection_probability(Priority::Critical, rt.now()), 0.9);
        service.capacity.set(1_000);
        let mut last = 0.9;
        for _ in 0..6 {
            load(&rt, WINDOW / 2, &service, [&throttle]).await;
            let now = throttle.rejection_probability(Priority::Critical, rt.now());
            assert!(now <= last, "{now} after {last}");
            last = now;
        }
        assert_eq!(last, 0.0);
        let [came] = load(&rt, WINDOW, &service, [&throttle]).await;
        assert_eq!(came.refused, 0);
    });
}

#[test]
fn the_higher_priority_suffers_last() {
    sim(|rt| async move {
        let throttle = new();
        let [low, middle, high, highest] = Priority::ALL.map(|priority| throttle.with_priority(priority));
        let all = [&low, &middle, &high, &highest];
        // 400 are wanted. Of a service that takes 150 it can be sent 300: all but those that can be shed first.
        let service = Service::of(150);
        load(&rt, 2 * WINDOW, &service, all).await;
        let parts = load(&rt, 2 * WINDOW, &service, all).await.map(Came::refused_part);
        assert!(parts[0] > 0.85 && parts[1] < 0.3 && parts[2] < 0.1 && parts[3] < 0.1, "{parts:?}");
        // And one that takes 60 is sent 120: the highest hundred.
        let service = Service::of(60);
        load(&rt, 4 * WINDOW, &service, all).await;
        let parts = load(&rt, 2 * WINDOW, &service, all).await.map(Came::refused_part);
        assert!(parts[0] > 0.85 && parts[1] > 0.85 && parts[3] < 0.35, "{parts:?}");
        assert!(parts.is_sorted_by(|lower, higher| *lower >= higher - 0.05), "{parts:?}");
    });
}
