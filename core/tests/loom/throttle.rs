//! Models of the throttle: the flag that spares who asks the lock says what the counts say.

use backstay_core::resilience::{Priority, Throttle};
use backstay_core::time::Instant;
use loom::thread;
use std::time::Duration;

const EARLY: Instant = Instant::from_nanos(0);
const LATE: Instant = Instant::from_nanos(3_600_000_000_000);

fn throttle() -> Throttle {
    Throttle::named("db").min_requests(0).window(Duration::from_secs(1)).build().unwrap()
}

#[test]
fn a_failure_is_not_lost_beside_a_success() {
    loom::model(|| {
        let throttle = throttle();
        let [fails, succeeds] =
            [(); 2].map(|()| throttle.try_acquire_owned(Priority::Critical, EARLY, 0).unwrap());
        let thread = thread::spawn(move || succeeds.success(EARLY));
        fails.failure(EARLY);
        thread.join().unwrap();
        throttle.try_acquire(Priority::Critical, EARLY, u64::MAX).unwrap().failure(EARLY);
        assert!(throttle.try_acquire(Priority::Critical, EARLY, 0).is_err());
        let metrics = throttle.metrics(Priority::Critical, EARLY);
        assert_eq!((metrics.accepted, metrics.failed, metrics.refused), (1, 2, 1));
    });
}

#[test]
fn what_is_forgotten_and_what_fails_do_not_mix() {
    loom::model(|| {
        let throttle = throttle();
        let [old, new, forgets] =
            [(); 3].map(|()| throttle.try_acquire_owned(Priority::Critical, EARLY, 0).unwrap());
        old.failure(EARLY);
        let thread = thread::spawn(move || forgets.success(LATE));
        new.failure(LATE);
        thread.join().unwrap();
        assert_eq!(throttle.metrics(Priority::Critical, LATE).failed, 1);
        // One of two: not more than the half that is let go, until there is another.
        throttle.try_acquire(Priority::Critical, LATE, 0).unwrap().failure(LATE);
        assert!(throttle.try_acquire(Priority::Critical, LATE, 0).is_err());
    });
}
