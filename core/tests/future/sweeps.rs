//! Each operation is cut before each of its polls: nothing is lost, and nothing left behind.

use crate::kit::{limit, ms};
use crate::operations::{Child, Operation};
use backstay::testing::{Failure, Faults, Sim, Subject, Sweep, Tracker};
use backstay_core::future::{BoundedSet, KeyedSet, Ordered};
use backstay_core::{Limit, Runtime};
use futures::{FutureExt, Stream, StreamExt};

/// How a sweep cuts.
const CUTS: [Cut; 3] = [Cut::Cancel, Cut::Abort, Cut::Panic];

#[derive(Clone, Copy, Debug)]
enum Cut {
    Cancel,
    Abort,
    Panic,
}

impl Cut {
    /// Sweeps without faults, and with them.
    fn sweep<S, F, C>(
        self,
        scenario: impl Fn(Sim, Subject) -> F,
        check: impl Fn(Sim, S) -> C,
    ) -> Result<(), Failure>
    where
        F: Future<Output = S>,
        C: Future<Output = ()>,
    {
        for faults in [Faults::off(), Faults::gentle()] {
            let sweep = Sweep::new().seeds(0..4).builder(Sim::builder().faults(faults));
            let swept = match self {
                Self::Cancel => sweep.cancel(&scenario, &check)?,
                Self::Abort => sweep.abort(&scenario, &check)?,
                Self::Panic => sweep.panic(&scenario, &check)?,
            };
            assert!(swept.polls >= 2, "{swept:?}");
        }
        Ok(())
    }
}

/// Futures that take a while, each with something of the tracker's.
fn children(rt: &Sim, tracker: &Tracker) -> Vec<Child> {
    let child = |id: usize| {
        let (rt, held) = (rt.clone(), tracker.track(id));
        async move {
            rt.sleep(ms(1 + id as u64 % 3)).await;
            rt.yield_now().await;
            Ok(*held)
        }
        .boxed()
    };
    (0..5).map(child).collect()
}

#[test]
fn s09_a_cut_operation_has_dropped_its_futures() -> Result<(), Failure> {
    for (operation, cut) in Operation::ALL.into_iter().flat_map(|operation| CUTS.map(|cut| (operation, cut)))
    {
        let here = |rt: Sim, subject: Subject| async move {
            let tracker = Tracker::new();
            let children = children(&rt, &tracker);
            subject.run(operation.run(&rt, children)).await;
            tracker.assert_none_alive();
        };
        cut.sweep(here, |_, ()| async {})?;
        let in_a_task = |rt: Sim, subject: Subject| async move {
            let tracker = Tracker::new();
            let (own, children) = (rt.clone(), children(&rt, &tracker));
            subject.spawn(&rt, async move { operation.run(&own, children).await }).await;
            tracker.assert_none_alive();
        };
        cut.sweep(in_a_task, |_, ()| async {})?;
    }
    Ok(())
}

#[test]
fn s09_a_cut_operation_has_aborted_its_tasks() -> Result<(), Failure> {
    async fn scenario(rt: Sim, subject: Subject, operation: Operation) -> Tracker {
        let tracker = Tracker::new();
        let task = |nap| {
            let (nap, held) = (rt.sleep(ms(nap)), tracker.track(()));
            rt.spawn(async move {
                nap.await;
                drop(held);
            })
        };
        // A slow one would be left over, and fail the run, if it were not aborted.
        let waits_for_all =
            matches!(operation, Operation::JoinAll | Operation::TryJoinAll | Operation::Settle);
        let naps = [1, 2, 3, if waits_for_all { 4 } else { 1_000_000 }];
        let tasks = naps.into_iter().map(task).collect();
        let is_whole = subject.run(operation.run_tasks(&rt, tasks)).await.is_some();
        assert!(!is_whole || tracker.alive() == 0, "those that it has aborted have ended");
        tracker
    }
    for (operation, cut) in
        Operation::OF_TASKS.into_iter().flat_map(|operation| CUTS.map(|cut| (operation, cut)))
    {
        let check = |_, tracker: Tracker| async move { tracker.assert_none_alive() };
        cut.sweep(|rt, subject| scenario(rt, subject, operation), check)?;
    }
    Ok(())
}

/// Takes all outputs, and waits for one after the other as a subject that may be cut; nobody comes twice or never.
async fn drain<S: Stream + Unpin>(mut set: S, subject: Subject) -> Vec<S::Item> {
    let mut outputs = Vec::new();
    loop {
        match subject.run(set.next()).await {
            Some(Some(output)) => outputs.push(output),
            Some(None) => return outputs,
            // It was cut, and the next one takes up where it was.
            None => {}
        }
    }
}

#[test]
fn s09_a_next_that_is_cut_takes_nothing() -> Result<(), Failure> {
    fn work(rt: &Sim) -> Vec<impl Future<Output = usize>> {
        let one = |id: usize| {
            let rt = rt.clone();
            async move {
                rt.sleep(ms(id as u64 % 3)).await;
                id
            }
        };
        (0..6).map(one).collect()
    }
    async fn all(_: Sim, mut outputs: Vec<usize>) {
        outputs.sort_unstable();
        assert_eq!(outputs, [0, 1, 2, 3, 4, 5]);
    }
    for cut in [Cut::Cancel, Cut::Panic] {
        let bounded = |rt: Sim, subject: Subject| async move {
            let mut set = BoundedSet::new(Limit::MAX);
            work(&rt).into_iter().for_each(|future| set.try_push(future).unwrap());
            drain(set, subject).await
        };
        cut.sweep(bounded, all)?;
        let over = |rt: Sim, subject: Subject| async move {
            drain(BoundedSet::new(limit(2)).over(work(&rt)), subject).await
        };
        cut.sweep(over, all)?;
        let keyed = |rt: Sim, subject: Subject| async move {
            let mut set = KeyedSet::new(Limit::MAX);
            for (key, future) in work(&rt).into_iter().enumerate() {
                set.try_insert(key, future).unwrap();
            }
            let outputs = drain(set, subject).await;
            outputs.into_iter().map(|(key, output)| if key == output { key } else { 100 }).collect()
        };
        cut.sweep(keyed, all)?;
        let ordered = |rt: Sim, subject: Subject| async move {
            let set = Ordered::new(limit(2), limit(4)).unwrap();
            let outputs = drain(set.over(work(&rt)), subject).await;
            assert!(outputs.is_sorted());
            outputs
        };
        cut.sweep(ordered, all)?;
    }
    Ok(())
}
