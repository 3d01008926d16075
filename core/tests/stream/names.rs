//! Every method of the trait beside those of `futures` and `tokio-stream`: no name means two of them.

use crate::kit::ms;
use backstay::testing::{Failure, Sim};
use backstay_core::channel::mpsc::Overflow;
use backstay_core::resilience::{Quota, RateLimiter};
use backstay_core::stream::{BatchConfig, Edge, FlowExt};
use backstay_core::task::CancelToken;
use backstay_core::{Limit, Runtime};
use futures::stream::{Stream, iter};
// Both, and what they have for results: a name that two of them have does not compile below.
#[allow(unused_imports, reason = "they are here to be in the way")]
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use std::future::ready;
#[allow(unused_imports, reason = "as above")]
use tokio_stream::StreamExt as _;

#[test]
fn no_method_has_a_name_of_another_crate() -> Result<(), Failure> {
    Sim::builder().run(|rt: Sim| async move {
        concurrent(&rt).await;
        merge().await;
        flatten().await;
        timing(&rt).await;
        volume(&rt).await;
        adjacent().await;
        combine().await;
        split(&rt).await;
        life().await;
    })?;
    Ok(())
}

async fn concurrent<R: Runtime>(rt: &R) {
    let one = Limit::ONE;
    // `for_each` and `try_for_each` are of `futures` too: those of the type come first.
    iter(0..3).map_concurrent(one, ready).for_each(|_| ready(())).await;
    iter(0..3).map_concurrent_ordered(one, one, ready).unwrap().for_each(|_| ready(())).await;
    let results = iter(0..3).map_concurrent(one, |_| ready(Err::<(), _>("broken")));
    assert_eq!(results.try_for_each(|()| ready(Ok(()))).await, Err("broken"));
    iter(0..3).each_concurrent(one, |_| ready(())).await;
    iter(0..3).spawned(rt, one).map_concurrent(one, ready).each_concurrent(one, |_| ready(())).await;
}

async fn merge() {
    iter(0..3).merge_with(iter(0..3)).each_concurrent(Limit::ONE, |_| ready(())).await;
}

async fn flatten() {
    let tens = |n| iter([n, n * 10]);
    let latest = all(iter(0..3).switch_map(tens)).await;
    let first = all(iter(0..3).exhaust_map(tens)).await;
    assert!(latest.ends_with(&[2, 20]) && first.starts_with(&[0, 0]));
    assert_eq!(all(iter(0..3).flat_map_limited(Limit::ONE, tens)).await, [0, 0, 1, 10, 2, 20]);
}

async fn timing<R: Runtime>(rt: &R) {
    let each = iter(0..3)
        .debounce_by_key(rt, ms(1), |n| *n)
        .pace(rt, ms(1))
        .limit_emissions(rt, ms(1), Edge::Both)
        .item_timeout(rt, ms(10))
        .process_results(|items| items.first_timeout(rt, ms(10)));
    assert_eq!(all(each.total_timeout(rt, ms(10))).await.len(), 3);
    assert_eq!(all(iter(0..3).debounce(rt, ms(1))).await, [2]);
    assert_eq!(all(iter(0..3).sample(rt, ms(1)).emit_last()).await, [2]);
    assert_eq!(all(iter(0..3).audit(rt, ms(1))).await, [2]);
}

async fn volume<R: Runtime>(rt: &R) {
    let limiter = RateLimiter::new(Quota::per_second(1_000)).unwrap();
    let some = iter(0..3).buffer(Limit::ONE, Overflow::Wait).rate_limit(rt, &limiter);
    assert_eq!(all(some.batch(rt, BatchConfig::new(Limit::MAX))).await, [[0, 1, 2]]);
    assert_eq!(all(iter(0..3).conflate(|sum, n| sum + n)).await, [3]);
    assert!(all(iter(0..3).buffer_or_fail(Limit::ONE)).await.iter().any(Result::is_err));
}

async fn adjacent() {
    let changes = iter([1, 1, 2]).distinct_until_changed().distinct_until_changed_by_key(|n| *n);
    assert_eq!(all(changes.pairwise()).await, [(1, 2)]);
}

async fn combine() {
    assert_eq!(all(iter([1]).combine_latest(iter([2])).with_latest_from(iter([3]))).await, [((1, 2), 3)]);
}

async fn split<R: Runtime>(rt: &R) {
    let groups = iter(0..3).group_by(rt, Limit::MAX, |n| n % 2);
    assert_eq!(all(groups.flat_map_limited(Limit::MAX, |group| group)).await, [0, 1, 2]);
    let windows = iter(0..3).window(rt, BatchConfig::new(Limit::ONE));
    assert_eq!(all(windows.flat_map_limited(Limit::ONE, |window| window)).await, [0, 1, 2]);
}

async fn life() {
    assert_eq!(all(iter(0..3).until(CancelToken::new()).share(0)).await, [Ok(0), Ok(1), Ok(2)]);
}

/// `collect` is of both.
async fn all<S: Stream>(stream: S) -> Vec<S::Item> {
    futures::StreamExt::collect(stream).await
}
