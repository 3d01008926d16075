//! Every method of the trait beside those of `futures` and `tokio-stream`: no name means two of them.

use backstay::testing::{Failure, Sim};
use backstay_core::stream::FlowExt;
use backstay_core::{Limit, Runtime};
use futures::stream::iter;
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
