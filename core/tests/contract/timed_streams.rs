//! Operators over time, on every runtime: order, and bounds that hold on a loaded machine.

use crate::kit::{SOON, drop_after, ms};
use backstay::{Limit, test_on_every_runtime};
use backstay_core::Runtime;
use backstay_core::channel::mpsc;
use backstay_core::stream::{Edge, FlowExt, StreamTimeout};
use futures::{StreamExt, stream};
use std::time::Duration;

test_on_every_runtime! {
    the_last_item_before_a_pause_is_given
    each_key_pauses_for_itself
    items_are_an_interval_apart
    a_sample_is_the_latest
    s20_durations_without_end_work
    s09_an_item_that_waits_outlives_the_future_of_next
    a_source_that_hangs_is_given_up_on
}

/// Numbers with pauses between them.
fn numbers<R: Runtime>(rt: &R, pauses: &'static [u64]) -> impl futures::Stream<Item = usize> + use<R> {
    let rt = rt.clone();
    stream::iter(pauses).enumerate().then(move |(number, pause)| {
        let pause = rt.sleep(ms(*pause));
        async move {
            pause.await;
            number
        }
    })
}

async fn the_last_item_before_a_pause_is_given<R: Runtime>(rt: R) {
    let start = rt.now();
    let debounced = numbers(&rt, &[0, 0, 0, 12, 0]).debounce(&rt, ms(3));
    let dropped = debounced.drop_count();
    let given: Vec<_> = debounced.collect().await;
    // What is ready together is never apart; what is apart may be late, and together then.
    assert_eq!(given.last(), Some(&4));
    assert!(given.is_sorted_by(|a, b| a < b), "{given:?}");
    assert_eq!(given.len() as u64 + dropped.get(), 5);
    assert!(rt.now() - start >= ms(12));
}

async fn each_key_pauses_for_itself<R: Runtime>(rt: R) {
    let (sender, receiver) = mpsc::channel(Limit::new(16).expect("not zero"));
    let sends = rt.spawn({
        let rt = rt.clone();
        async move {
            for number in 0..12 {
                sender.send(number).await.expect("there is a receiver");
                rt.sleep(ms(1)).await;
            }
        }
    });
    let settled = receiver.debounce_by_key(&rt, ms(4), |number| number % 3);
    let dropped = settled.drop_count();
    let given: Vec<u32> = settled.collect().await;
    sends.await.expect("no panic");
    for key in 0..3 {
        let of_key: Vec<_> = given.iter().filter(|number| *number % 3 == key).collect();
        assert!(of_key.is_sorted_by(|a, b| a < b), "{given:?}");
        assert_eq!(of_key.last(), Some(&&(9 + key)));
    }
    assert_eq!(given.len() as u64 + dropped.get(), 12);
}

async fn items_are_an_interval_apart<R: Runtime>(rt: R) {
    for edge in [Edge::Leading, Edge::Trailing, Edge::Both] {
        let limited = numbers(&rt, &[0, 1, 1, 1, 1, 1]).limit_emissions(&rt, ms(2), edge);
        let times: Vec<_> = limited.map(|_| rt.now()).collect().await;
        assert!(!times.is_empty());
        // Seen a little later than given, the first may look closer to the second.
        assert!(times.len() <= 4 + (rt.now() - times[0]).as_millis() as usize / 2, "{times:?}");
    }
    let start = rt.now();
    let paced: Vec<_> = stream::iter(0..4).pace(&rt, ms(3)).collect().await;
    assert_eq!(paced, [0, 1, 2, 3]);
    assert!(rt.now() - start >= ms(9));
}

async fn a_sample_is_the_latest<R: Runtime>(rt: R) {
    let start = rt.now();
    let sampled = stream::iter(0..100).chain(stream::pending()).sample(&rt, ms(4));
    let audited = stream::iter(0..100).audit(&rt, ms(4));
    let given: Vec<_> = sampled.take(1).chain(audited).collect().await;
    // On a loaded machine a period may end amid the items.
    assert!(given.ends_with(&[99]), "{given:?}");
    assert!(rt.now() - start >= ms(8));
}

async fn s20_durations_without_end_work<R: Runtime>(rt: R) {
    const NEVER: Duration = Duration::MAX;
    let three = || stream::iter(0..3);
    assert_eq!(three().debounce(&rt, NEVER).collect::<Vec<_>>().await, [2]);
    assert_eq!(three().debounce_by_key(&rt, NEVER, |number| number % 2).collect::<Vec<_>>().await, [1, 2]);
    assert_eq!(three().limit_emissions(&rt, NEVER, Edge::Both).collect::<Vec<_>>().await, [0, 2]);
    assert_eq!(three().pace(&rt, NEVER).take(1).collect::<Vec<_>>().await, [0]);
    assert_eq!(three().sample(&rt, NEVER).emit_last().collect::<Vec<_>>().await, [2]);
    assert_eq!(three().audit(&rt, NEVER).collect::<Vec<_>>().await, [2]);
    let all = [Ok(0), Ok(1), Ok(2)];
    assert_eq!(three().item_timeout(&rt, NEVER).collect::<Vec<_>>().await, all);
    assert_eq!(three().first_timeout(&rt, NEVER).collect::<Vec<_>>().await, all);
    assert_eq!(three().total_timeout(&rt, NEVER).collect::<Vec<_>>().await, all);
}

async fn s09_an_item_that_waits_outlives_the_future_of_next<R: Runtime>(rt: R) {
    for polls in 0..4 {
        let mut debounced = stream::iter([1, 2]).chain(stream::pending()).debounce(&rt, ms(2));
        let given = match drop_after(&rt, polls, debounced.next()).await {
            Some(given) => given,
            None => rt.timeout(SOON, debounced.next()).await.expect("it waits"),
        };
        assert_eq!(given, Some(2), "after {polls} polls");
    }
}

async fn a_source_that_hangs_is_given_up_on<R: Runtime>(rt: R) {
    let start = rt.now();
    let hangs = || stream::iter([1]).chain(stream::pending::<u32>());
    let given: Vec<_> = hangs().item_timeout(&rt, ms(3)).collect().await;
    assert_eq!(given, [Ok(1), Err(StreamTimeout::Item { limit: ms(3) })]);
    let given: Vec<_> = stream::pending::<u32>().first_timeout(&rt, ms(3)).collect().await;
    assert_eq!(given, [Err(StreamTimeout::First { limit: ms(3) })]);
    let given: Vec<_> = hangs().total_timeout(&rt, ms(3)).collect().await;
    assert_eq!(given.last(), Some(&Err(StreamTimeout::Total { limit: ms(3) })));
    assert!(rt.now() - start >= ms(9));
}
