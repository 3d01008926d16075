//! Single flights.

use async_singleflight::{Group, UnaryGroup};
use futures::FutureExt;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};
use tower::{Layer, Service, service_fn};
use tower_resilience::coalesce::{CoalesceError, CoalesceLayer};

/// One poll, with a waker that nobody hears.
macro_rules! poll {
    ($future:expr) => {
        $future.as_mut().now_or_never()
    };
}

/// Fails at its second poll.
async fn boom<T>() -> Result<T, &'static str> {
    futures::pending!();
    Err("boom")
}

#[test]
fn d39_async_singleflight_keeps_the_error_from_who_follows() {
    let group = Group::<u8, u8, &'static str>::new();
    let (mut leader, mut follower) = (pin!(group.work(&7, boom())), pin!(group.work(&7, boom())));
    assert_eq!((poll!(leader), poll!(follower)), (None, None));
    assert_eq!(poll!(leader), Some(Err(Some("boom"))));
    assert_eq!(poll!(follower), Some(Err(None)));
}

#[test]
fn b38_tower_resilience_fails_all_who_wait_when_the_leader_goes() {
    let calls = CoalesceLayer::new(|key: &u8| *key);
    let mut service = calls.layer(service_fn(|_: u8| pending::<Result<u8, &'static str>>()));
    let mut leader = Box::pin(service.call(7));
    let mut follower = pin!(service.call(7));
    assert!(poll!(leader).is_none() && poll!(follower).is_none());
    drop(leader);
    assert!(matches!(poll!(follower), Some(Err(CoalesceError::LeaderCancelled))));
}

#[test]
fn tower_resilience_polls_again_and_again_while_it_waits() {
    let calls = CoalesceLayer::new(|key: &u8| *key);
    let mut service = calls.layer(service_fn(|_: u8| pending::<Result<u8, &'static str>>()));
    let mut leader = Box::pin(service.call(7));
    assert!(poll!(leader).is_none());
    let wakes = wakes_of_one_poll(service.call(7));
    assert_eq!(wakes, 1, "it wakes itself");
}

#[test]
fn async_singleflight_keeps_what_came_after_a_leader_has_gone() {
    let group = UnaryGroup::<u8, Arc<()>>::new();
    let value = Arc::new(());
    let mut leader = Box::pin(group.work(&7, pending()));
    let mut next = Box::pin(group.work(&7, async { Arc::clone(&value) }));
    assert!(poll!(leader).is_none() && poll!(next).is_none());
    drop(leader);
    assert!(poll!(next).is_some());
    drop(next);
    assert_eq!(Arc::strong_count(&value), 2, "nobody is there, and it has one");
}

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn wakes_of_one_poll(future: impl Future) -> usize {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    assert!(pin!(future).poll(&mut Context::from_waker(&waker)).is_pending());
    wakes.0.load(SeqCst)
}

mod backstay {
    use super::{boom, wakes_of_one_poll};
    use backstay_core::resilience::{Role, SingleFlight};
    use backstay_tokio::Tokio;
    use futures::FutureExt;
    use std::future::pending;
    use std::pin::pin;
    use std::sync::Arc;

    fn flights<T, E>() -> SingleFlight<u8, T, E> {
        SingleFlight::new(&Tokio::current())
    }

    #[tokio::test]
    async fn d39_who_follows_gets_the_error() {
        let flights = flights::<u8, &'static str>();
        let (mut leader, mut follower) = (pin!(flights.run(7, boom())), pin!(flights.run(7, boom())));
        assert_eq!((poll!(leader), poll!(follower)), (None, None));
        assert_eq!(poll!(leader), Some(Err("boom")));
        assert_eq!(poll!(follower), Some(Err("boom")));
    }

    #[tokio::test]
    async fn b38_the_next_leads() {
        let flights = flights::<u8, &'static str>();
        let mut leader = Box::pin(flights.run(7, pending()));
        let mut follower = pin!(flights.run(7, async { Ok(2) }).detailed());
        assert!(poll!(leader).is_none() && poll!(follower).is_none());
        drop(leader);
        assert_eq!(poll!(follower), Some((Ok(2), Role::Leader)));
    }

    #[tokio::test]
    async fn who_waits_sleeps_and_nothing_is_kept() {
        let flights = flights::<Arc<()>, &'static str>();
        let value = Arc::new(());
        let mut leader = Box::pin(flights.run(7, pending()));
        assert!(poll!(leader).is_none());
        assert_eq!(wakes_of_one_poll(flights.run(7, pending())), 0);
        let mut next = Box::pin(flights.run(7, async { Ok(Arc::clone(&value)) }));
        assert!(poll!(next).is_none());
        drop(leader);
        assert!(poll!(next).is_some());
        assert_eq!((Arc::strong_count(&value), flights.in_flight()), (1, 0));
    }
}
