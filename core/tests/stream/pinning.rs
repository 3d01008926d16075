//! What is made of a stream that can be moved can be moved, whatever the runtime's timers are: it is read with `next`
//! without being pinned, and taken apart afterwards.

use crate::kit::ms;
use backstay_core::channel::mpsc::Overflow;
use backstay_core::resilience::{RateLimiter, Retry};
use backstay_core::stream::{BatchConfig, Edge, FlowExt, restart, retry};
use backstay_core::task::CancelToken;
use backstay_core::{Limit, Runtime};
use futures::stream::{empty, iter};
use std::future::ready;

/// Of any runtime: it compiles, or it doesn't.
#[allow(dead_code, reason = "that it compiles is the test")]
fn all_can_be_moved<R: Runtime>(rt: &R, limiter: &RateLimiter, policy: Retry) {
    fn can_be_moved(_: impl Unpin) {}
    let (one, source) = (Limit::ONE, || iter(0..3));
    can_be_moved(source().map_concurrent(one, ready));
    can_be_moved(source().map_concurrent_ordered(one, one, ready));
    can_be_moved(source().spawned(rt, one));
    can_be_moved(source().merge_with(source()));
    can_be_moved(source().switch_map(|_| iter(0..3)));
    can_be_moved(source().exhaust_map(|_| iter(0..3)));
    can_be_moved(source().flat_map_limited(one, |_| iter(0..3)));
    can_be_moved(source().debounce(rt, ms(1)));
    can_be_moved(source().debounce_by_key(rt, ms(1), |n| *n));
    can_be_moved(source().limit_emissions(rt, ms(1), Edge::Both));
    can_be_moved(source().pace(rt, ms(1)));
    can_be_moved(source().sample(rt, ms(1)));
    can_be_moved(source().audit(rt, ms(1)));
    can_be_moved(source().item_timeout(rt, ms(1)));
    can_be_moved(source().first_timeout(rt, ms(1)));
    can_be_moved(source().total_timeout(rt, ms(1)));
    can_be_moved(source().batch(rt, BatchConfig::new(one)));
    can_be_moved(source().buffer(one, Overflow::Wait));
    can_be_moved(source().buffer_or_fail(one));
    can_be_moved(source().conflate(|sum, n| sum + n));
    can_be_moved(source().rate_limit(rt, limiter));
    can_be_moved(source().until(CancelToken::new()));
    can_be_moved(source().share(0));
    can_be_moved(iter([Ok(0), Err("broken")]).process_results(|values| values));
    can_be_moved(retry(rt, policy.clone(), empty::<Result<u32, &str>>));
    can_be_moved(restart(rt, policy, empty::<Result<u32, &str>>));
}
