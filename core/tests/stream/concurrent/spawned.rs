//! Sources with a task of their own.

use super::{everywhere, limit, nap, time_of};
use crate::kit::ms;
use backstay::smol::SmolOwner;
use backstay::testing::{Failure, Sim, Tracker};
use backstay_core::stream::FlowExt;
use backstay_core::sync::Semaphore;
use backstay_core::task::{Root, TaskScope, scope};
use backstay_core::{BlockOn, Config, JoinError, Runtime};
use futures::stream::{self, FusedStream};
use futures::{FutureExt, Stream, StreamExt, poll};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[test]
fn the_source_goes_on_until_so_many_items_wait() -> Result<(), Failure> {
    everywhere(async |rt| {
        let made = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&made);
        let source = stream::iter(0..10).inspect(move |_| {
            counted.fetch_add(1, SeqCst);
        });
        let mut items = source.spawned(rt, limit(3));
        assert_eq!(items.size_hint(), (10, Some(10)));
        rt.sleep(ms(5)).await;
        assert_eq!(made.load(SeqCst), 0, "nothing is spawned before the first poll");
        assert_eq!(items.next().await, Some(0));
        rt.sleep(ms(5)).await;
        assert_eq!((made.load(SeqCst), items.waiting()), (4, 3));
        assert_eq!(items.size_hint(), (3, None));
        assert_eq!(items.by_ref().take(4).collect::<Vec<_>>().await, [1, 2, 3, 4]);
        assert_eq!(items.by_ref().collect::<Vec<_>>().await, [5, 6, 7, 8, 9]);
        assert!(items.is_terminated() && items.next().await.is_none() && items.failure().is_none());
        assert_eq!(items.size_hint(), (0, Some(0)));
    })
}

#[test]
fn s01_a_loop_over_it_may_wait_for_what_is_held_in_flight() -> Result<(), Failure> {
    everywhere(async |rt| {
        let permits = Arc::new(Semaphore::new(limit(2)));
        let own = (rt.clone(), Arc::clone(&permits));
        let work = move |id: usize| {
            let (rt, permits) = own.clone();
            async move {
                let _permit = permits.acquire().await.expect("it is open");
                rt.sleep(ms(5)).await;
                id
            }
        };
        let mut items = stream::iter(0..6).map_concurrent(limit(4), work).spawned(rt, limit(1));
        let mut count = 0;
        while items.next().await.is_some() {
            let _permit = permits.acquire().await.expect("it is open");
            rt.sleep(ms(5)).await;
            count += 1;
        }
        assert_eq!(count, 6);
    })
}

#[test]
fn s01_a_full_buffer_delays_nothing_in_flight() -> Result<(), Failure> {
    everywhere(async |rt| {
        let (own, start) = (rt.clone(), rt.now());
        let ended = Arc::new(AtomicUsize::new(0));
        let stamp = Arc::clone(&ended);
        let work = move |(id, time)| {
            let (own, stamp) = (own.clone(), Arc::clone(&stamp));
            async move {
                own.sleep(ms(time)).await;
                stamp.store((own.now() - start).as_millis() as usize, SeqCst);
                id
            }
        };
        let source = stream::iter([(0, 0), (1, 0), (2, 20)]);
        let mut items = source.map_concurrent(limit(3), work).spawned(rt, limit(1));
        assert_eq!(items.next().await, Some(0));
        rt.sleep(ms(200)).await;
        assert_eq!(ended.load(SeqCst), 20);
        assert_eq!(items.collect::<Vec<_>>().await, [1, 2]);
    })
}

#[test]
fn reader_and_source_take_their_time_together() -> Result<(), Failure> {
    let time = time_of(async |rt| {
        let own = rt.clone();
        let source = stream::iter(0..10).then(move |id| nap(&own, id, 10));
        let mut items = Box::pin(source.spawned(rt, limit(1)));
        while items.next().await.is_some() {
            rt.sleep(ms(10)).await;
        }
    });
    assert_eq!(time?, ms(10 + 10 * 10));
    Ok(())
}

#[test]
fn a_panic_goes_on_in_the_reader_after_the_items_before_it() -> Result<(), Failure> {
    everywhere(async |rt| {
        let panics = |id| if id == 2 { resume_unwind(Box::new("a source")) } else { id };
        let mut items = stream::iter(0..5).map(panics).spawned(rt, limit(4));
        assert_eq!(items.next().await, Some(0));
        rt.sleep(ms(1)).await;
        assert_eq!(items.next().await, Some(1));
        let panic = AssertUnwindSafe(items.next()).catch_unwind().await.unwrap_err();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "a source");
        assert_eq!(items.next().await, None);
        // And where it is stopped by then.
        let mut items = stream::iter(0..5).map(panics).spawned(rt, limit(4));
        assert_eq!(items.next().await, Some(0));
        rt.sleep(ms(1)).await;
        assert!(AssertUnwindSafe(items.stop()).catch_unwind().await.is_err());
    })
}

#[test]
fn s10_what_waits_comes_back_from_a_stop() -> Result<(), Failure> {
    everywhere(async |rt| {
        let tracker = Tracker::new();
        let own = tracker.clone();
        let source = stream::iter(0..).map(move |id: usize| own.track(id));
        let mut items = source.spawned(rt, limit(3));
        drop(items.next().await);
        rt.sleep(ms(1)).await;
        let rest = items.stop().await;
        assert!(rest.iter().map(|item| **item).eq(1..4));
        drop(rest);
        tracker.assert_none_alive();
        assert_eq!(stream::iter(0..3).spawned(rt, limit(3)).stop().await, []);
    })
}

#[test]
fn s09_a_dropped_stream_leaves_no_task() -> Result<(), Failure> {
    everywhere(async |rt| {
        for polls in 0..4 {
            let tracker = Tracker::new();
            let (own, held) = (rt.clone(), tracker.track(()));
            let source = stream::iter(0..).then(move |id| {
                let _ = &held;
                nap(&own, id, 10)
            });
            let root = Root::new(rt);
            let mut items = Box::pin(source.spawned(&root, limit(2)));
            for _ in 0..polls {
                assert!(poll!(items.next()).is_pending());
                rt.sleep(ms(1)).await;
            }
            drop(items);
            rt.sleep(ms(1)).await;
            tracker.assert_none_alive();
            assert_eq!(root.orphaned(), u64::from(polls > 0));
        }
    })
}

#[test]
fn a_scope_waits_for_what_a_dropped_stream_has_left() -> Result<(), Failure> {
    everywhere(async |rt| {
        let tracker = Tracker::new();
        let (own, seen) = (rt.clone(), tracker.clone());
        scope(rt, async |s: TaskScope<Sim, ()>| {
            let held = tracker.track(());
            let source = stream::iter(0..).then(move |id| {
                let _ = &held;
                nap(&own, id, 10)
            });
            let mut items = Box::pin(source.spawned(&s, limit(2)));
            assert_eq!(items.next().await, Some(0));
            Ok(())
        })
        .await
        .expect("no error");
        seen.assert_none_alive();
    })
}

#[test]
fn the_end_of_the_runtime_is_told_from_that_of_the_source() {
    let owner = SmolOwner::new(Config::new()).expect("a runtime");
    let rt = owner.runtime().clone();
    let source = stream::iter(0..3).chain(stream::pending());
    let mut items = source.spawned(&rt, limit(8));
    assert_eq!(owner.block_on(items.next()), Some(0));
    while owner.block_on(async { items.waiting() }) < 2 {
        owner.block_on(rt.sleep(ms(1)));
    }
    drop(owner);
    let rest: Vec<_> = futures::executor::block_on(items.by_ref().collect());
    assert_eq!(rest, [1, 2]);
    assert!(matches!(items.failure(), Some(JoinError::Shutdown)));
    assert_eq!(futures::executor::block_on(items.next()), None);
}

#[test]
fn it_is_send_and_sync() {
    fn shown<T: Send + Sync + Unpin + std::fmt::Debug>(value: &T) -> String {
        format!("{value:?}")
    }
    let owner = SmolOwner::new(Config::new()).expect("a runtime");
    let items = stream::iter(0..3).spawned(owner.runtime(), limit(8));
    assert_eq!(shown(&items), "Spawned { state: \"new\", waiting: 0 }");
}
