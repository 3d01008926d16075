//! Against lists: whatever takes how long, all come once, and no more run or wait than may.

use super::{limit, nap};
use crate::kit::ms;
use backstay::testing::{Faults, Sim};
use backstay_core::Runtime;
use backstay_core::stream::FlowExt;
use futures::{StreamExt, stream};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    at_once: usize,
    ahead: usize,
    // Of each item: how long it is waited for, is worked on, and is used.
    items: Vec<(u64, u64, u64)>,
    how: How,
    with_faults: bool,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Loop,
    ForEach,
    Each(usize),
    Chained(usize),
    Spawned(usize),
}

fn cases() -> impl Strategy<Value = Case> {
    let how = prop_oneof![
        Just(How::Loop),
        Just(How::ForEach),
        (1_usize..4).prop_map(How::Each),
        (1_usize..4).prop_map(How::Chained),
        (1_usize..4).prop_map(How::Spawned),
    ];
    let items = prop::collection::vec((0_u64..3, 0_u64..6, 0_u64..4), 0..25);
    (any::<u64>(), 1_usize..6, 0_usize..6, items, how, any::<bool>()).prop_map(
        |(seed, at_once, ahead, items, how, with_faults)| Case {
            seed,
            at_once,
            ahead,
            items,
            how,
            with_faults,
        },
    )
}

/// What came, and what was counted.
#[derive(Default)]
struct Counts {
    running: Cell<usize>,
    not_taken: Cell<usize>,
    outputs: RefCell<Vec<usize>>,
}

async fn run(rt: Sim, case: Case, is_ordered: bool) -> Vec<usize> {
    let counts = Rc::new(Counts::default());
    let window = if is_ordered { case.at_once + case.ahead } else { case.at_once };
    let own = rt.clone();
    let source = stream::iter(case.items.clone().into_iter().enumerate());
    let source = source.then(move |(id, (waits, works, _))| {
        let nap = nap(&own, id, waits);
        async move { (nap.await, works) }
    });
    let (own, of, at_once) = (rt.clone(), Rc::clone(&counts), case.at_once);
    let work = move |(id, works)| {
        of.running.set(of.running.get() + 1);
        of.not_taken.set(of.not_taken.get() + 1);
        assert!(of.running.get() <= at_once && of.not_taken.get() <= window);
        let (nap, of) = (nap(&own, id, works), Rc::clone(&of));
        async move {
            let id = nap.await;
            of.running.set(of.running.get() - 1);
            id
        }
    };
    let uses: Vec<_> = case.items.iter().map(|(_, _, uses)| *uses).collect();
    let take = |id: usize| {
        counts.not_taken.set(counts.not_taken.get() - 1);
        counts.outputs.borrow_mut().push(id);
        rt.sleep(ms(uses[id]))
    };
    macro_rules! used {
        ($mapped:expr) => {
            match case.how {
                How::ForEach => $mapped.for_each(take).await,
                How::Each(limit_of) => $mapped.each_concurrent(limit(limit_of), take).await,
                How::Chained(limit_of) => {
                    $mapped.map_concurrent(limit(limit_of), take).collect::<Vec<()>>().await;
                }
                How::Loop | How::Spawned(_) => {
                    let mut mapped = Box::pin($mapped);
                    while let Some(id) = mapped.next().await {
                        take(id).await;
                    }
                }
            }
        };
    }
    if is_ordered {
        used!(source.map_concurrent_ordered(limit(case.at_once), limit(window), work).expect("a window"));
    } else {
        used!(source.map_concurrent(limit(case.at_once), work));
    }
    if let How::Spawned(places) = case.how {
        let items: Vec<_> = stream::iter(counts.outputs.take()).spawned(&rt, limit(places)).collect().await;
        counts.outputs.replace(items);
    }
    assert_eq!((counts.running.get(), counts.not_taken.get()), (0, 0));
    counts.outputs.take()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn all_items_come_once_and_in_order_where_that_is_promised(case in cases()) {
        for is_ordered in [false, true] {
            let faults = if case.with_faults { Faults::gentle() } else { Faults::off() };
            let own = case.clone();
            let sim = Sim::builder().seed(case.seed).faults(faults);
            let outputs = sim.run(|rt| run(rt, own, is_ordered)).unwrap_or_else(|failure| panic!("{failure}")).value;
            let mut sorted = outputs.clone();
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..case.items.len()));
            prop_assert!(!is_ordered || outputs.is_sorted());
        }
    }
}
