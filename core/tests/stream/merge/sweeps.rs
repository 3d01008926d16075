//! A wait that is cut before each of its polls loses nothing.

use crate::kit::ms;
use backstay::testing::{Failure, Faults, Sim, Subject, Sweep, Tracker};
use backstay_core::Runtime;
use backstay_core::stream::{FlowExt, MergeEvent, MergeSet, Precedence};
use futures::stream;
use futures::stream::{BoxStream, StreamExt};

type Item = backstay::testing::Tracked<usize>;

/// Items with these numbers, now and then.
fn source(rt: &Sim, tracker: &Tracker, numbers: std::ops::Range<usize>) -> BoxStream<'static, Item> {
    let (rt, tracker) = (rt.clone(), tracker.clone());
    let next = move |number: usize| {
        let (item, nap) = (tracker.track(number), rt.sleep(ms(number as u64 % 3)));
        async move {
            nap.await;
            item
        }
    };
    stream::iter(numbers).then(next).boxed()
}

#[test]
fn s09_a_next_that_is_cut_takes_nothing() -> Result<(), Failure> {
    type Make = fn(&Sim, &Tracker) -> BoxStream<'static, Item>;
    let streams: [Make; 3] = [
        |rt, t| source(rt, t, 0..3).merge_with(source(rt, t, 3..6)).boxed(),
        |rt, t| {
            [0..2, 2..4, 4..6]
                .map(|numbers| source(rt, t, numbers))
                .into_iter()
                .collect::<MergeSet<_>>()
                .boxed()
        },
        |rt, t| {
            let mut set = MergeSet::new();
            for (priority, numbers) in [(0, 0..3), (1, 3..4), (2, 4..6)] {
                set.insert_with(source(rt, t, numbers), Precedence::prioritised(priority));
            }
            set.boxed()
        },
    ];
    for make in streams {
        let scenario = |rt: Sim, subject: Subject| async move {
            let tracker = Tracker::new();
            let mut stream = make(&rt, &tracker);
            let mut numbers = Vec::new();
            loop {
                match subject.run(stream.next()).await {
                    Some(Some(item)) => numbers.push(*item),
                    Some(None) => break,
                    None => {}
                }
            }
            tracker.assert_none_alive();
            numbers
        };
        let all = |_, mut numbers: Vec<usize>| async move {
            numbers.sort_unstable();
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
        };
        for faults in [Faults::off(), Faults::gentle()] {
            let sweep = Sweep::new().seeds(0..4).builder(Sim::builder().faults(faults));
            sweep.clone().cancel(scenario, all)?;
            assert!(sweep.panic(scenario, all)?.polls > 2);
        }
    }
    Ok(())
}

#[test]
fn s09_a_cut_wait_for_an_event_loses_no_end() -> Result<(), Failure> {
    let scenario = |rt: Sim, subject: Subject| async move {
        let tracker = Tracker::new();
        let mut set: MergeSet<_> =
            [0..2, 2..3].map(|numbers| source(&rt, &tracker, numbers)).into_iter().collect();
        let (mut items, mut ends) = (0, 0);
        loop {
            match subject.run(set.events().next()).await {
                Some(Some(MergeEvent::Item(..))) => items += 1,
                Some(Some(MergeEvent::Ended(_))) => ends += 1,
                Some(None) => return (items, ends),
                None => {}
            }
        }
    };
    let check = |_, counts| async move { assert_eq!(counts, (3, 2)) };
    Sweep::new().seeds(0..4).cancel(scenario, check)?;
    Sweep::new().seeds(0..4).panic(scenario, check)?;
    Ok(())
}

#[test]
fn s09_an_aborted_reader_has_dropped_all_streams() -> Result<(), Failure> {
    let scenario = |rt: Sim, subject: Subject| async move {
        let tracker = Tracker::new();
        let set: MergeSet<_> =
            [0..2, 2..4].map(|numbers| source(&rt, &tracker, numbers)).into_iter().collect();
        let both = set.merge_with(source(&rt, &tracker, 4..6));
        subject.spawn(&rt, both.for_each(|_| std::future::ready(()))).await;
        tracker
    };
    let check = |_, tracker: Tracker| async move { tracker.assert_none_alive() };
    Sweep::new().seeds(0..4).abort(scenario, check)?;
    Ok(())
}
