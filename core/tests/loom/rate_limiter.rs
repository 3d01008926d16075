//! Models of the rate limiter: taking, waiting, giving back, reserving and changing the quota, all at once.
//!
//! Time stands still in them: what is waited for must come back, or never comes.

use crate::kit::give_up;
use backstay_core::Limit;
use backstay_core::resilience::{Quota, RateLimiter};
use backstay_core::runtime::{JoinError, JoinHandle, Runtime, Sleep};
use backstay_core::time::Instant;
use loom::future::block_on;
use loom::thread;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

const NOW: Instant = Instant::ORIGIN;

/// A runtime whose time stands still.
#[derive(Clone)]
struct Still;

struct Nothing<T>(PhantomData<fn() -> T>);

impl<T: Send + 'static> Future for Nothing<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

impl<T: Send + 'static> JoinHandle<T> for Nothing<T> {
    fn abort(&self) {}

    fn is_finished(&self) -> bool {
        false
    }
}

struct Never;

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for Never {
    fn reset(self: Pin<&mut Self>, _: Instant) {}
}

impl Runtime for Still {
    type JoinHandle<T: Send + 'static> = Nothing<T>;
    type BlockingHandle<T: Send + 'static> = Nothing<T>;
    type Sleep = Never;

    fn name(&self) -> &'static str {
        "still"
    }

    fn spawn<F>(&self, _: F) -> Nothing<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        unimplemented!("the models spawn threads")
    }

    fn spawn_blocking<F, T>(&self, _: F) -> Nothing<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        unimplemented!("the models spawn threads")
    }

    fn now(&self) -> Instant {
        NOW
    }

    fn sleep_until(&self, _: Instant) -> Never {
        Never
    }

    fn random_u64(&self) -> u64 {
        0
    }

    fn to_std(&self, _: Instant) -> std::time::Instant {
        unimplemented!("there is no clock")
    }

    fn from_std(&self, _: std::time::Instant) -> Instant {
        NOW
    }
}

fn limiter(burst: u32) -> RateLimiter {
    RateLimiter::new(Quota::per_hour(1).burst(burst)).unwrap()
}

/// How many of so many tries are granted.
fn tries(limiter: &RateLimiter, count: usize) -> u64 {
    (0..count).filter(|_| limiter.try_acquire(NOW).is_ok()).count() as u64
}

#[test]
fn no_permit_is_granted_twice() {
    loom::model(|| {
        let limiter = limiter(2);
        let threads = [(); 2].map(|()| {
            let limiter = limiter.clone();
            thread::spawn(move || tries(&limiter, 1))
        });
        let granted = tries(&limiter, 1) + threads.map(|thread| thread.join().unwrap()).iter().sum::<u64>();
        assert_eq!((granted, limiter.available(NOW)), (2, 0));
    });
}

#[test]
fn s25_what_comes_back_wakes_who_waits() {
    loom::model(|| {
        let limiter = limiter(1);
        let waits = {
            let limiter = limiter.clone();
            thread::spawn(move || block_on(limiter.acquire(&Still)).map(drop))
        };
        if let Ok(permit) = limiter.try_acquire(NOW) {
            permit.give_back(NOW);
        }
        assert!(waits.join().unwrap().is_ok());
        assert_eq!((limiter.available(NOW), limiter.waiting()), (0, 0));
    });
}

#[test]
fn s25_who_gives_up_wakes_who_is_next() {
    loom::model(|| {
        let limiter = limiter(1);
        let held = limiter.reserve(Limit::ONE, NOW).unwrap();
        let gives_up = {
            let limiter = limiter.clone();
            // A permit it was granted by then is dropped, and used.
            thread::spawn(move || {
                if let Some(Ok(permit)) = give_up(limiter.acquire(&Still)) {
                    permit.give_back(NOW);
                }
            })
        };
        let waits = {
            let limiter = limiter.clone();
            thread::spawn(move || block_on(limiter.acquire(&Still)).map(drop))
        };
        // By who does not know the time: whoever looks next does.
        drop(held);
        gives_up.join().unwrap();
        assert!(waits.join().unwrap().is_ok());
        assert_eq!((limiter.available(NOW), limiter.waiting()), (0, 0));
    });
}

#[test]
fn a_change_of_quota_neither_loses_nor_makes_permits() {
    loom::model(|| {
        let limiter = limiter(3);
        let takes = {
            let limiter = limiter.clone();
            thread::spawn(move || tries(&limiter, 2))
        };
        limiter.set_quota(Quota::per_minute(7).burst(3), NOW).unwrap();
        let granted = tries(&limiter, 1);
        let granted = granted + takes.join().unwrap();
        assert_eq!((granted, limiter.available(NOW)), (3, 0));
    });
}

#[test]
fn a_strict_window_takes_over_what_was_granted_and_gives_it_up() {
    let paced = Quota::per_minute(7).burst(2);
    let strict = Quota::strict(2, std::time::Duration::from_secs(1));
    for (from, to) in [(paced, strict), (strict, paced)] {
        loom::model(move || {
            let limiter = RateLimiter::new(from).unwrap();
            let takes = {
                let limiter = limiter.clone();
                thread::spawn(move || tries(&limiter, 2))
            };
            limiter.set_quota(to, NOW).unwrap();
            assert_eq!(takes.join().unwrap() + limiter.available(NOW), 2);
        });
    }
}

#[test]
fn reservations_and_permits_are_given_back_once() {
    loom::model(|| {
        let limiter = limiter(2);
        let reserves = {
            let limiter = limiter.clone();
            thread::spawn(move || drop(limiter.reserve(Limit::ONE, NOW)))
        };
        let taken = tries(&limiter, 1);
        if let Ok(permit) = limiter.try_acquire(NOW) {
            permit.give_back(NOW);
        }
        reserves.join().unwrap();
        assert_eq!((taken, limiter.available(NOW)), (1, 1));
    });
}
