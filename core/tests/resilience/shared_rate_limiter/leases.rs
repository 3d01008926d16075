//! Permits that are taken ahead.

use super::scripted::{Does, Scripted};
use super::{because, builder, good};
use crate::kit::{limit, ms, on_sim, secs, sim};
use backstay_core::Runtime;
use backstay_core::resilience::{GrantedBy, InMemoryStore, Quota, Reason, SharedRateLimiter};
use backstay_core::time::{Deadline, Instant};
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn one_round_trip_serves_many() {
    on_sim(|rt| async move {
        let limiter = good(builder(Quota::per_second(1_000).burst(100)).lease(10));
        for call in 0..100 {
            let permit = limiter.try_acquire(&rt).await.expect("the burst");
            let by = if call % 10 == 0 { GrantedBy::Store } else { GrantedBy::Lease };
            assert_eq!(permit.granted_by(), by, "{call}");
        }
        let metrics = limiter.metrics();
        assert_eq!((metrics.asked, metrics.leased), (10, 90));
        assert!(limiter.try_acquire(&rt).await.is_err(), "and not one more");
        assert_eq!(limiter.leased(rt.now()), 0);
    });
}

#[test]
fn what_lies_too_long_is_lost() {
    on_sim(|rt| async move {
        let limiter = good(builder(Quota::per_minute(1).burst(10)).lease(10).lease_for(ms(100)));
        limiter.try_acquire(&rt).await.expect("the burst");
        assert_eq!(limiter.leased(rt.now()), 9);
        rt.sleep(ms(99)).await;
        assert!(limiter.try_acquire_many(&rt, limit(3)).await.is_ok());
        rt.sleep(ms(1)).await;
        assert_eq!(limiter.leased(rt.now()), 0);
        assert!(limiter.try_acquire(&rt).await.is_err());
    });
}

#[test]
fn what_is_lost_does_not_come_back_with_a_late_answer() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        let limiter =
            good(builder(Quota::per_minute(1).burst(100)).lease(10).lease_for(ms(100)).store(store.clone()));
        limiter.try_acquire_many(&rt, limit(1)).await.expect("the burst");
        limiter.try_acquire_many(&rt, limit(6)).await.expect("they are leased");
        rt.sleep(ms(95)).await;
        store.does(Does::AnswerAfter(ms(10)));
        // It needs more than the three that are left, which end before it has its answer.
        limiter.try_acquire_many(&rt, limit(4)).await.expect("the burst");
        assert_eq!(store.asked().last().map(|ask| ask.up_to), Some(4 + 6));
        assert_eq!(limiter.leased(rt.now()), 6);
    });
}

#[test]
fn to_look_at_a_lease_ahead_of_time_ends_it_not() {
    on_sim(|rt| async move {
        let limiter = good(builder(Quota::per_minute(1).burst(10)).lease(10).lease_for(ms(100)));
        limiter.try_acquire(&rt).await.expect("the burst");
        assert_eq!([rt.now() + ms(100), rt.now()].map(|now| limiter.leased(now)), [0, 9]);
    });
}

#[test]
fn who_comes_after_its_deadline_takes_none_of_them() {
    on_sim(|rt| async move {
        let limiter = good(builder(Quota::per_minute(1).burst(10)).lease(10));
        limiter.try_acquire(&rt).await.expect("the burst");
        let over = limiter.try_acquire(&rt).within(Deadline::at(rt.now())).await;
        assert_eq!(over, Err(because(Reason::MaxWait { limit: Duration::ZERO })));
        assert_eq!(limiter.leased(rt.now()), 9);
    });
}

#[test]
fn one_asks_for_a_lease_at_a_time() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        let limiter = good(builder(Quota::per_minute(1).burst(100)).lease(10).store(store.clone()));
        store.does(Does::AnswerAfter(ms(10)));
        let calls = futures::future::join_all((0..20).map(|_| limiter.try_acquire(&rt))).await;
        assert!(calls.iter().all(Result::is_ok));
        assert_eq!((limiter.metrics().asked, limiter.leased(rt.now())), (20, 9));
        // One that is dropped leaves the right to ask to the next.
        let hung = good(builder(Quota::per_minute(1).burst(100)).lease(10).key("b").store(store.clone()));
        let _ = backstay_core::future::poll_now(std::pin::pin!(hung.try_acquire(&rt))).await;
        store.does(Does::Answer);
        assert!(hung.try_acquire(&rt).await.is_ok());
        assert_eq!(hung.leased(rt.now()), 9);
    });
}

#[test]
fn a_lease_serves_while_the_store_is_down() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        let limiter = good(builder(Quota::per_minute(1).burst(10)).lease(5).store(store.clone()));
        limiter.try_acquire(&rt).await.expect("the burst");
        store.does(Does::Fail);
        for _ in 0..4 {
            assert_eq!(limiter.try_acquire(&rt).await.map(|got| got.granted_by()), Ok(GrantedBy::Lease));
        }
        assert_eq!(limiter.try_acquire(&rt).await.map(|got| got.granted_by()), Ok(GrantedBy::Nobody));
    });
}

/// What three nodes admit, and when.
fn admitted(lease: Option<u32>, burst: u32, calls: &[(usize, u64, usize)]) -> Vec<(Instant, u64)> {
    sim(|rt| async move {
        let store = InMemoryStore::new();
        let node = || {
            let quota = builder(Quota::per_second(100).burst(burst)).store(store.clone()).lease_for(secs(60));
            good(match lease {
                Some(lease) => quota.lease(lease),
                None => quota,
            })
        };
        let nodes: [SharedRateLimiter; 3] = [node(), node(), node()];
        let mut admitted = Vec::new();
        for &(of, pause, n) in calls {
            rt.sleep(ms(pause)).await;
            if nodes[of].try_acquire_many(&rt, limit(n)).await.is_ok() {
                admitted.push((rt.now(), n as u64));
            }
        }
        admitted
    })
    .value
}

/// In any interval, by how much there were more than the burst and what the rate gives.
fn excess(admitted: &[(Instant, u64)], burst: u64) -> u64 {
    let mut worst = 0;
    for (first, (from, _)) in admitted.iter().enumerate() {
        let mut sum = 0;
        for (at, n) in &admitted[first..] {
            sum += n;
            let allowed = burst + (*at - *from).as_millis() as u64 / 10;
            worst = worst.max(sum.saturating_sub(allowed));
        }
    }
    worst
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn more_than_the_quota_is_at_most_the_leases(
        (burst, lease) in (2..30_u32).prop_flat_map(|burst| (Just(burst), 2..=burst)),
        calls in prop::collection::vec((0..3_usize, 0..80_u64, 1..3_usize), 1..150),
    ) {
        prop_assert_eq!(excess(&admitted(None, burst, &calls), burst.into()), 0);
        let with = excess(&admitted(Some(lease), burst, &calls), burst.into());
        prop_assert!(with <= 3 * u64::from(lease), "{with} more, with three leases of {lease}");
    }
}

#[test]
fn the_bound_is_about_what_there_is() {
    // Each node takes a lease and uses one; they lie until the burst is there again.
    let mut calls: Vec<_> = (0..3).map(|node| (node, 0, 1)).collect();
    calls.push((0, 1_000, 1));
    calls.extend((0..100).map(|call| (call % 3, 0, 1)));
    let more = excess(&admitted(Some(10), 30, &calls), 30);
    assert!((20..=30).contains(&more), "{more}");
}
