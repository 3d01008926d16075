//! Each operation is cut before each of its polls: nothing is lost that is not documented, and nothing left behind.

use super::{limit, nap};
use crate::kit::ms;
use backstay::testing::{Failure, Faults, Sim, Subject, Sweep, Tracker};
use backstay_core::Runtime;
use backstay_core::stream::FlowExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};

fn sweeps() -> impl Iterator<Item = Sweep> {
    [Faults::off(), Faults::gentle()]
        .into_iter()
        .map(|faults| Sweep::new().seeds(0..4).builder(Sim::builder().faults(faults)))
}

#[test]
fn s09_a_next_that_is_cut_takes_nothing() -> Result<(), Failure> {
    type Make = fn(&Sim) -> BoxStream<'static, usize>;
    fn of(rt: &Sim) -> impl FnMut(usize) -> BoxFuture<'static, usize> + Send + use<> {
        let rt = rt.clone();
        move |id| nap(&rt, id, id as u64 % 3).boxed()
    }
    let streams: [Make; 5] = [
        |rt| stream::iter(0..6).map_concurrent(limit(2), of(rt)).boxed(),
        |rt| stream::iter(0..6).map_concurrent_ordered(limit(2), limit(4), of(rt)).expect("a window").boxed(),
        |rt| stream::iter(0..6).map_concurrent(limit(3), of(rt)).map_concurrent(limit(1), of(rt)).boxed(),
        |rt| stream::iter(0..6).then(of(rt)).spawned(rt, limit(2)).boxed(),
        |rt| stream::iter(0..6).map_concurrent(limit(2), of(rt)).spawned(rt, limit(1)).boxed(),
    ];
    for make in streams {
        let scenario = |rt: Sim, subject: Subject| async move {
            let mut stream = make(&rt);
            let mut outputs = Vec::new();
            loop {
                match subject.run(stream.next()).await {
                    Some(Some(output)) => outputs.push(output),
                    Some(None) => return outputs,
                    None => {}
                }
            }
        };
        let all = |_, mut outputs: Vec<usize>| async move {
            outputs.sort_unstable();
            assert_eq!(outputs, [0, 1, 2, 3, 4, 5]);
        };
        for sweep in sweeps() {
            sweep.clone().cancel(scenario, all)?;
            assert!(sweep.panic(scenario, all)?.polls > 2);
        }
    }
    Ok(())
}

#[test]
fn s09_a_cut_loop_has_dropped_all_that_was_in_flight() -> Result<(), Failure> {
    type Run = fn(Sim, Tracker) -> BoxFuture<'static, ()>;
    fn work(rt: &Sim, tracker: &Tracker) -> impl FnMut(usize) -> BoxFuture<'static, Held> + Send + use<> {
        let (rt, tracker) = (rt.clone(), tracker.clone());
        move |id| {
            let (held, nap) = (tracker.track(id), nap(&rt, id, 1 + id as u64 % 3));
            async move {
                nap.await;
                held
            }
            .boxed()
        }
    }
    fn body(rt: &Sim) -> impl FnMut(Held) -> BoxFuture<'static, ()> + Send + use<> {
        let rt = rt.clone();
        move |held| {
            let nap = rt.sleep(ms(1 + *held as u64 % 2));
            async move {
                nap.await;
                drop(held);
            }
            .boxed()
        }
    }
    type Held = backstay::testing::Tracked<usize>;
    let runs: [Run; 5] = [
        |rt, t| stream::iter(0..5).map_concurrent(limit(2), work(&rt, &t)).for_each(body(&rt)).boxed(),
        |rt, t| {
            let ordered = stream::iter(0..5).map_concurrent_ordered(limit(2), limit(3), work(&rt, &t));
            ordered.expect("a window").for_each(body(&rt)).boxed()
        },
        |rt, t| {
            let mut body = body(&rt);
            let mut work = work(&rt, &t);
            let results = stream::iter(0..5).map_concurrent(limit(2), move |id| work(id).map(Ok::<_, ()>));
            results
                .try_for_each(move |held| body(held).map(Ok))
                .map(|result| result.expect("no error"))
                .boxed()
        },
        |rt, t| {
            let mapped = stream::iter(0..5).map_concurrent(limit(2), work(&rt, &t));
            mapped.each_concurrent(limit(2), body(&rt)).boxed()
        },
        |rt, t| {
            let mapped = stream::iter(0..5).map_concurrent(limit(2), work(&rt, &t));
            mapped.spawned(&rt, limit(1)).each_concurrent(limit(2), body(&rt)).boxed()
        },
    ];
    for (number, run) in runs.into_iter().enumerate() {
        let check = |_, tracker: Tracker| async move { tracker.assert_none_alive() };
        let here = |rt: Sim, subject: Subject| async move {
            let tracker = Tracker::new();
            subject.run(run(rt, tracker.clone())).await;
            // A task ends a little later.
            assert!(tracker.alive() == 0 || number == 4);
            tracker
        };
        let in_a_task = |rt: Sim, subject: Subject| async move {
            let tracker = Tracker::new();
            subject.spawn(&rt, run(rt.clone(), tracker.clone())).await;
            tracker
        };
        for sweep in sweeps() {
            assert!(sweep.clone().cancel(here, check)?.polls > 2);
            sweep.clone().abort(in_a_task, check)?;
            sweep.panic(here, check)?;
        }
    }
    Ok(())
}

#[test]
fn s09_a_stop_that_is_cut_leaves_no_task() -> Result<(), Failure> {
    let scenario = |rt: Sim, subject: Subject| async move {
        let tracker = Tracker::new();
        let (own, items) = (rt.clone(), tracker.clone());
        let source = stream::iter(0..).then(move |id: usize| {
            let (held, nap) = (items.track(id), own.sleep(ms(1)));
            async move {
                nap.await;
                held
            }
        });
        let mut spawned = Box::pin(source).spawned(&rt, limit(2));
        drop(spawned.next().await);
        drop(subject.run(spawned.stop()).await);
        tracker
    };
    let check = |_, tracker: Tracker| async move { tracker.assert_none_alive() };
    for sweep in sweeps() {
        sweep.clone().cancel(scenario, check)?;
        sweep.panic(scenario, check)?;
    }
    Ok(())
}
